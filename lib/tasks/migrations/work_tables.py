"""The tables that a migration finds: their names, a column to write to, and how many rows they hold."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

import psycopg

from lib.transport.database import read_query


def read_tables(connection: psycopg.Connection[Any], *, known: Collection[int] = ()) -> dict[int, dict[str, Any]]:
    """Return every table and materialized view by oid: name, estimated_rows, is_uncounted, column.

    known: oids of tables that are left out.
    """
    return {row["oid"]: row for row in connection.execute(read_query(__package__, "tables"), {"known": list(known)})}


def count_rows(connection: psycopg.Connection[Any], tables: Mapping[int, Mapping[str, Any]]) -> dict[int, int]:
    """Return the rows of each table: the server's estimate, counted where it has none and there may be some."""
    rows = {oid: int(row["estimated_rows"]) for oid, row in tables.items()}
    unknown = [oid for oid, row in tables.items() if row["is_uncounted"]]
    asked = " union all ".join(f"select {oid}::bigint as oid, count(*) as rows from {tables[oid]['name']}" for oid in unknown)
    if asked:
        rows.update({row["oid"]: row["rows"] for row in connection.execute(asked)})
    return rows
