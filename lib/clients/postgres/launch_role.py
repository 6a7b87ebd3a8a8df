"""Who a project's SQL runs as on the scratch server: roles that log in themselves, none of them a superuser.

A superuser's session that has become another role is one `reset session authorization` away from running programs on
this machine. So a session for a project's SQL, or for anything that may fire a project's triggers or call its functions,
logs in as the role it is to be. Passwords follow from the scratch server's own, so every notebook of a run knows them
and nothing keeps them.
"""

from __future__ import annotations

import hmac
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import parse_qsl, quote, urlencode, urlsplit, urlunsplit

import psycopg
from psycopg.rows import DictRow

from lib.core.errors import DatabaseError
from lib.transport.database import Database, quote_name, read_query

LOCK_KEY = 7_261_935
"""The advisory lock under which a scratch server's roles are changed: several notebooks make twins at once."""

OWNER = "postgres"
"""The role of a hosted project's owner, which stands for a launch by a superuser."""

WORKER = "launch_readiness_worker"
"""Who fills and uses a twin's tables: may read and write every row and do all that the launch may, but is no superuser."""

RESTORER = "launch_readiness_restorer"
"""Who restores definitions: may act as every role that is no superuser, and is none itself."""

FILE_ROLES = ("pg_execute_server_program", "pg_read_server_files", "pg_write_server_files")
"""Members of these reach this machine's files and programs. A scratch server never has one.
Source: https://www.postgresql.org/docs/current/predefined-roles.html"""

OWN_PATH = "-csearch_path=pg_catalog"
"""A superuser's session looks up what it calls in Postgres's own schema alone: a project may have functions of any name."""


USUAL_ROUNDS = 4096
"""How often PostgreSQL hashes a password by itself, and the fewest that pgjdbc takes.
Source: com.ongres.scram, ServerFirstMessage.ITERATION_MIN_VALUE."""
SAYS_ROUNDS_FROM = 160000
"""Version of PostgreSQL that has the setting `scram_iterations`."""


def launch_password(superuser_password: str, role: str) -> str:
    """Return the password of one of these roles on a scratch server, 64 hexadecimal digits."""
    return hmac.digest(superuser_password.encode(), f"launch role {role}".encode(), "sha256").hex()


def log_in_as(database: Database, role: str) -> Database:
    """Return a scratch database as one of these roles. database: as the scratch server's superuser."""
    parts = urlsplit(database.url)
    password = launch_password(database.password or "", role)
    netloc = f"{quote(role, safe='')}:{password}@{parts.netloc.rpartition('@')[2]}"
    options = [pair for pair in parse_qsl(parts.query) if pair[0] != "options"]
    return Database(urlunsplit(parts._replace(netloc=netloc, query=urlencode(options))))


def with_own_path(database: Database) -> Database:
    """Return the database with sessions that call Postgres's own functions only, unless a name says otherwise."""
    parts = urlsplit(database.url)
    options = {**dict(parse_qsl(parts.query)), "options": OWN_PATH}
    return Database(urlunsplit(parts._replace(query=urlencode(options, quote_via=quote))))


def let_log_in(scratch: Database, role: str) -> None:
    """Make sure that the role and the worker can log in on the scratch server; changes nothing when they can.

    Raises DatabaseError for a role that is a superuser here.
    """
    if role != WORKER and can_log_in(scratch, role) and can_log_in(scratch, WORKER):
        return
    with lock_roles(scratch) as connection:
        found = connection.execute("select rolsuper from pg_catalog.pg_roles where rolname = %s", [role]).fetchone()
        if found is not None and found["rolsuper"]:
            raise DatabaseError(f"The role {role} is a superuser of the scratch server, so nothing of a project runs as it.")
        make_worker(connection)
        set_password(connection, scratch, WORKER)
        set_password(connection, scratch, role)
        if role != WORKER:
            connection.execute(f"grant {quote_name(role)} to {quote_name(WORKER)}")


@contextmanager
def lock_roles(scratch: Database) -> Iterator[psycopg.Connection[DictRow]]:
    """Yield a connection that alone changes the scratch server's roles until the `with` ends."""
    with scratch.connect(autocommit=True) as connection:
        connection.execute("select pg_advisory_lock(%s)", [LOCK_KEY])
        yield connection


def can_log_in(scratch: Database, role: str) -> bool:
    """Return whether the role can log in with its password."""
    try:
        log_in_as(scratch, role).open().close()
    except DatabaseError:
        return False
    return True


def set_password(connection: psycopg.Connection[DictRow], scratch: Database, role: str) -> None:
    """Let a role log in with its password, hashed here so that no log of the server sees it.

    A role of ours has it hashed once, where the server lets us say how often: no more is needed for 32 random bytes, and each
    connection costs 3 ms less. The owner's is used by a project's programs, too, whose drivers may refuse fewer rounds.
    """
    password = launch_password(scratch.password or "", role)
    if connection.info.server_version >= SAYS_ROUNDS_FROM:
        connection.execute(f"set scram_iterations = {USUAL_ROUNDS if role == OWNER else 1}")
    verifier = connection.pgconn.encrypt_password(password.encode(), role.encode(), b"scram-sha-256").decode()
    connection.execute(f"alter role {quote_name(role)} login password '{verifier}'")


def make_worker(connection: psycopg.Connection[DictRow]) -> None:
    """Make the worker, unless it is there."""
    name = quote_name(WORKER)
    if connection.execute("select 1 as found from pg_catalog.pg_roles where rolname = %s", [WORKER]).fetchone() is None:
        connection.execute(f"create role {name} nologin bypassrls")
    connection.execute(f"grant pg_read_all_data, pg_write_all_data to {name}")
    connection.execute(f"grant set on parameter session_replication_role to {name}")


def let_restore(scratch: Database) -> None:
    """Make sure that the restorer can log in, and may act as every role of the server but those that reach this machine."""
    with lock_roles(scratch) as connection:
        name = quote_name(RESTORER)
        if connection.execute("select 1 as found from pg_catalog.pg_roles where rolname = %s", [RESTORER]).fetchone() is None:
            connection.execute(f"create role {name} nologin bypassrls")
        for row in connection.execute(read_query(__package__, "restorer/lacking_roles"), {"restorer": RESTORER}).fetchall():
            connection.execute(f"grant {quote_name(row['name'])} to {name}")
        connection.execute(f"grant set on parameter session_replication_role to {name}")
        if not can_log_in(scratch, RESTORER):
            set_password(connection, scratch, RESTORER)


def read_superusers(scratch: Database) -> frozenset[str]:
    """Return the roles of a server that are superusers."""
    rows = scratch.rows("select rolname as name from pg_catalog.pg_roles where rolsuper order by rolname")
    return frozenset(row["name"] for row in rows)
