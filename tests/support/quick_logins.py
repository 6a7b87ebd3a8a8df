"""Logins of the servers that tests share, hashed once: 4,096 rounds would cost each of ten thousand connections 3 ms."""

from __future__ import annotations

from lib.clients.postgres.launch_role import SAYS_ROUNDS_FROM
from lib.embedded.postgres.server import SUPERUSER, EmbeddedPostgres
from lib.transport.database import quote_name


def hash_once(server: EmbeddedPostgres) -> EmbeddedPostgres:
    """Hash the password of each of a server's roles once, and return the server."""
    with server.database(role=SUPERUSER).connect(autocommit=True) as connection:
        if connection.info.server_version >= SAYS_ROUNDS_FROM:
            connection.execute("set scram_iterations = 1")
            for role, password in server.passwords.items():
                verifier = connection.pgconn.encrypt_password(password.encode(), role.encode(), b"scram-sha-256").decode()
                connection.execute(f"alter role {quote_name(role)} password '{verifier}'")
    return server
