"""A database where `postgres` asked for every extension of hosted, and what came of it."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from typing import Any

import psycopg
import pytest

from lib.core.errors import DatabaseError
from lib.embedded.postgres.extensions_at_hand import every_extension
from lib.embedded.postgres.server import EmbeddedPostgres
from lib.embedded.postgres.stand_ins import STAND_INS
from lib.transport.database import Database


@dataclass(frozen=True)
class Tried:
    """A server, a database where every extension was asked for, and what came of each: its schema, or the SQLSTATE."""

    server: EmbeddedPostgres
    database: Database
    came: dict[str, str]

    def value(self, query: str, **parameters: Any) -> Any:
        return self.database.value(query, **parameters)

    def do(self, query: str, *, role: str = "postgres") -> Any:
        """Return the first value of a query that is committed."""
        with self.database.connect() as connection:
            connection.execute("select set_config('role', %s, true)", (role,))
            answer = connection.execute(query)  # type: ignore[arg-type]
            row = answer.fetchone() if answer.description else None
        return None if row is None else next(iter(row.values()))

    def refuse(self, query: str, *, role: str = "postgres") -> DatabaseError:
        """Return the error that a query ends in."""
        with pytest.raises(DatabaseError) as refused:
            self.do(query, role=role)
        return refused.value


def try_all(server: EmbeddedPostgres) -> Tried:
    """Return a new database of the server after `postgres` asked for every extension."""
    database = server.create_hosted_database(f"test_{secrets.token_hex(6)}")
    came = {}
    with database.connect(autocommit=True) as connection:
        for name in every_extension():
            fixed = STAND_INS[name].schema if name in STAND_INS else None
            place = "" if fixed else "with schema extensions"
            try:
                connection.execute(f'create extension if not exists "{name}" {place} cascade')  # type: ignore[arg-type]
            except psycopg.Error as exc:
                came[name] = str(exc.sqlstate)
            else:
                row = connection.execute(
                    "select extnamespace::regnamespace::text as schema from pg_extension where extname = %s", (name,)
                ).fetchone()
                assert row is not None
                came[name] = row["schema"]
    return Tried(server, database, came)
