"""A database's schema as plain data: every object by name, with its definition, without an OID.

Two servers with the same objects give equal mappings, so a twin, a target and a restored copy can be
compared object by object. The server writes the definitions, so compare only servers of one major version.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import psycopg

from lib.transport.database import Database, as_database_error, read_query

QUESTIONS = (
    "schemas",
    "extensions",
    "types",
    "tables",
    "columns",
    "column_order",
    "constraints",
    "indexes",
    "row_security",
    "policies",
    "views",
    "functions",
    "triggers",
    "rules",
    "sequences",
    "statistics",
    "rarer",
    "owners",
    "grants",
    "comments",
    "publications",
    "event_triggers",
    "default_privileges",
)
"""The files of sql/schema: each gives kind, name, definition."""

ORDER_KIND = "column_order"
"""The kind that gives the order of columns; dropping a column and adding it again changes only this kind."""

Schema = Mapping[str, str]
"""`<kind> <name>` -> definition, names qualified and quoted as SQL spells them."""


@dataclass(frozen=True, kw_only=True)
class Difference:
    """One object that differs between two schemas; None on the side where it is missing."""

    object: str
    first: str | None
    second: str | None

    @property
    def change(self) -> str:
        """Return how the second schema differs: missing, extra or changed."""
        if self.second is None:
            return "missing"
        return "extra" if self.first is None else "changed"


def read_schema(database: Database, schemas: Sequence[str]) -> dict[str, str]:
    """Return every object of these schemas, and the database's extensions, publications and event triggers.

    One question in one round trip. Objects that belong to an extension are left out: the extension
    with its version stands for them. Raises DatabaseError.
    """
    with as_database_error(database), database.open() as connection:
        return read_schema_on(connection, schemas)


def read_schema_on(connection: psycopg.Connection[Any], schemas: Sequence[str]) -> dict[str, str]:
    """Return the same as `read_schema`, as one open transaction sees it; its search path is emptied."""
    cursor = connection.cursor(row_factory=psycopg.rows.tuple_row)
    # An empty path makes the server qualify every name.
    cursor.execute("select pg_catalog.set_config('search_path', '', true)")
    union = "\nunion all\n".join(f"(\n{read_query(__package__, f'schema/{question}')})" for question in QUESTIONS)
    cursor.execute(union, {"schemas": list(schemas)})
    return {f"{kind} {name}": definition or "" for kind, name, definition in sorted(cursor.fetchall())}


def leave_out_order(schema: Schema) -> dict[str, str]:
    """Return the schema without the order of its columns."""
    return {key: text for key, text in schema.items() if kind_of(key) != ORDER_KIND}


def compare_schemas(first: Schema, second: Schema, *, ordered: bool = True) -> list[Difference]:
    """Return what is extra, missing or changed in the second schema, by object.

    ordered: whether the order of a table's columns counts; a rollback that adds a dropped column
    again can't restore its old position.
    """
    if not ordered:
        first, second = leave_out_order(first), leave_out_order(second)
    return [
        Difference(object=key, first=first.get(key), second=second.get(key))
        for key in sorted(first.keys() | second.keys())
        if first.get(key) != second.get(key)
    ]


def fingerprint(schema: Schema, *, ordered: bool = True) -> str:
    """Return one sha256 for the whole schema, in hex: equal exactly when `compare_schemas` is empty."""
    text = json.dumps(dict(schema if ordered else leave_out_order(schema)), sort_keys=True, ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()


def kind_of(key: str) -> str:
    """Return the kind of object of a key."""
    return key.partition(" ")[0]


def name_differences(differences: Iterable[Difference], *, limit: int = 5) -> str:
    """Return the differences as one line of text, the first `limit` by name."""
    named = [f"{one.object} ({one.change})" for one in differences]
    more = f" and {len(named) - limit} more" if len(named) > limit else ""
    return ", ".join(named[:limit]) + more
