"""Constraints verified against the rows themselves, and e-mail domains found in them.

A constraint that exists proves little: a NOT VALID one was never checked against older rows, and rows inserted
under `session_replication_role = replica` were checked against none. One catalogue query and one count a kind.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import psycopg
from psycopg.rows import DictRow

from lib.transport.database import Database, quote_name, read_query

EMAIL = r"""[^[:space:]@<>"'',;:()\[\]{}|/\\]+@((?:[[:alnum:]_-]+\.)*[[:alnum:]_-]+)"""
"""A pattern of an e-mail-like text that captures its domain, for use in an SQL literal. Wider than any standard, on purpose."""


@dataclass(frozen=True, kw_only=True)
class Verified:
    """One constraint: how many rows it applies to, and how many of them break it."""

    table: str
    constraint: str
    rows: int
    violations: int
    validated: bool


def verify_foreign_keys(database: Database, schemas: Sequence[str], *, timeout_s: float) -> list[Verified]:
    """Return each foreign key with the rows whose parent is missing."""
    return verify(database, "foreign_keys", schemas, count_orphans, timeout_s=timeout_s)


def verify_checks(database: Database, schemas: Sequence[str], *, timeout_s: float) -> list[Verified]:
    """Return each check constraint with the rows its condition is false for."""
    return verify(database, "checks", schemas, count_false, timeout_s=timeout_s)


def verify_not_nulls(database: Database, schemas: Sequence[str], *, timeout_s: float) -> list[Verified]:
    """Return each column that may not be null, with the rows in which it is."""
    return verify(database, "not_nulls", schemas, count_nulls, timeout_s=timeout_s)


def verify_sequences(database: Database, schemas: Sequence[str], *, timeout_s: float) -> list[Verified]:
    """Return each unique column that a sequence fills, with the rows whose value the sequence has still to give."""
    return verify(database, "sequences", schemas, count_ahead, timeout_s=timeout_s)


def count_ahead(row: DictRow) -> str:
    """Return the counts for one sequence: a row at its next value or beyond collides with a row to come."""
    column, comes = quote_name(row["column_name"]), ">=" if row["step"] > 0 else "<="
    coming = f"case when s.is_called then s.last_value + {int(row['step'])} else s.last_value end"
    return (
        f"count(*) as rows, count(*) filter (where t.{column} {comes} {coming}) as violations "
        f"from {quote_name(row['schema'], row['name'])} t, {quote_name(row['sequence_schema'], row['sequence_name'])} s"
    )


def verify(
    database: Database, question: str, schemas: Sequence[str], count: Callable[[DictRow], str], *, timeout_s: float
) -> list[Verified]:
    """Return every constraint of one kind, verified in two round trips inside a read-only transaction."""
    with database.connect() as connection:
        connection.read_only = True
        # An empty path makes the server qualify every name in a condition; the planner must not believe
        # constraints that are being verified; a filtered count would be wrong.
        set_locally(connection, search_path="", constraint_exclusion="off", row_security="off")
        set_locally(connection, statement_timeout=str(round(timeout_s * 1000)))
        found = connection.execute(read_query(__package__, question), {"schemas": list(schemas)}).fetchall()
        if not found:
            return []
        union = "\nunion all\n".join(f"(select {place} as place, {count(row)})" for place, row in enumerate(found))
        counted = {row["place"]: row for row in connection.execute(union)}
    return [
        Verified(
            table=f"{row['schema']}.{row['name']}",
            constraint=row["constraint_name"],
            rows=counted[place]["rows"],
            violations=counted[place]["violations"],
            validated=row.get("validated", True),
        )
        for place, row in enumerate(found)
    ]


def set_locally(connection: psycopg.Connection[DictRow], **settings: str) -> None:
    """Set these settings until the end of the transaction."""
    calls = ", ".join("set_config(%s, %s, true)" for _ in settings)
    connection.execute(f"select {calls}", [word for pair in settings.items() for word in pair])


def count_orphans(key: DictRow) -> str:
    """Return columns and source of the query that counts rows without their parent.

    A row with a null in a key refers to nothing, unless the key says MATCH FULL: then all or none are null.
    """
    columns = [f"c.{quote_name(column)}" for column in key["columns"]]
    joined = " and ".join(
        f"p.{quote_name(parent)} {operator} {column}"
        for parent, operator, column in zip(key["parent_columns"], key["operators"], columns, strict=True)
    )
    nulls = f"num_nulls({', '.join(columns)})"
    parent = quote_name(key["parent_schema"], key["parent_name"])
    orphaned = f"({nulls} = 0 and not exists (select from {parent} as p where {joined}))"
    if key["match_type"] == "f":
        orphaned = f"({orphaned} or {nulls} between 1 and {len(columns) - 1})"
    return (
        f"count(*) filter (where {nulls} < {len(columns)}) as rows, count(*) filter (where {orphaned}) as violations "
        f"from {quote_name(key['schema'], key['name'])} as c"
    )


def count_false(check: DictRow) -> str:
    """Return columns and source of the query that counts rows a condition is false for."""
    # No alias: a condition may name the whole row by the table's own name.
    return (
        f"count(*) as rows, count(*) filter (where ({check['condition']}) is false) as violations "
        f"from {quote_name(check['schema'], check['name'])}"
    )


def count_nulls(column: DictRow) -> str:
    """Return columns and source of the query that counts nulls; the planner answers IS NULL without looking."""
    return (
        f"count(*) as rows, coalesce(sum(num_nulls(c.{quote_name(column['constraint_name'])})), 0)::bigint as violations "
        f"from {quote_name(column['schema'], column['name'])} as c"
    )


@dataclass(frozen=True, kw_only=True)
class EmailDomain:
    """How often one domain occurs in e-mail addresses of one column; the addresses stay in the server."""

    table: str
    column: str
    domain: str
    addresses: int


@dataclass(frozen=True, kw_only=True)
class EmailSearch:
    """What was found, and how many columns and rows were searched."""

    columns: int
    rows: int
    found: tuple[EmailDomain, ...]


def find_email_domains(database: Database, schemas: Sequence[str], *, timeout_s: float) -> EmailSearch:
    """Return the domain of every e-mail-like text in the schemas' tables, by column; two round trips."""
    with database.connect() as connection:
        connection.read_only = True
        set_locally(connection, row_security="off", statement_timeout=str(round(timeout_s * 1000)))
        tables = connection.execute(read_query(__package__, "text_columns"), {"schemas": list(schemas)}).fetchall()
        if not tables:
            return EmailSearch(columns=0, rows=0, found=())
        union = "\nunion all\n".join(search_table(table, place) for place, table in enumerate(tables))
        answer: list[dict[str, Any]] = list(connection.execute(union))
    named = {place: f"{table['schema']}.{table['name']}" for place, table in enumerate(tables)}
    return EmailSearch(
        columns=sum(len(table["columns"]) for table in tables),
        rows=sum(row["times"] for row in answer if row["column"] is None),
        found=tuple(
            EmailDomain(table=named[row["place"]], column=row["column"], domain=row["domain"], addresses=row["times"])
            for row in answer
            if row["column"] is not None
        ),
    )


def search_table(table: DictRow, place: int) -> str:
    """Return the query for one table: a row for each column and domain, and one with its number of rows."""
    source = quote_name(table["schema"], table["name"])
    texts = ", ".join(f"({number}, t.{quote_name(column)}::text)" for number, column in enumerate(table["columns"]))
    names = "array[" + ", ".join(quote_text(column) for column in table["columns"]) + "]::text[]"
    return (
        f"(select {place} as place, ({names})[v.number + 1] as column, lower(m.parts[1]) as domain, count(*) as times "
        f"from only {source} as t cross join lateral (values {texts}) as v (number, words) "
        f"cross join lateral regexp_matches(v.words, '{EMAIL}', 'g') as m (parts) "
        "where strpos(v.words, '@') > 0 group by 1, 2, 3)"
        f"\nunion all\n(select {place}, null, null, count(*) from only {source})"
    )


def quote_text(text: str) -> str:
    """Return a text as an SQL literal."""
    return "'" + text.replace("'", "''") + "'"
