"""A database's large objects, as plain data: two databases with the same ones give equal mappings."""

from __future__ import annotations

from typing import Any

import psycopg

from lib.transport.database import read_query


def read_large_objects(connection: psycopg.Connection[Any]) -> dict[str, str]:
    """Return each large object by name, with its owner, its rights, its length in bytes and a digest of them.

    connection: in a transaction, whose search path finds Postgres's own functions. Rows as mappings.
    """
    return {row["name"]: row["definition"] for row in connection.execute(read_query(__package__, "dumps/large_objects"))}
