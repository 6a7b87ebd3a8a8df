"""What must be known of tables before a valid row can be made for them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import psycopg
from psycopg.rows import DictRow

from lib.transport.database import read_query

USERS = "auth.users"


@dataclass(frozen=True, kw_only=True)
class MadeColumn:
    """One column. type: as SQL spells it; base_type: below a domain. labels: of an enum. longest: characters, 0 for any."""

    name: str
    type: str
    base_type: str
    category: str
    element: str | None
    labels: Sequence[str]
    longest: int
    is_required: bool
    default: str | None
    is_generated: bool
    identity: str
    is_primary: bool
    is_unique: bool
    domain_check: str | None
    partition: str | None

    @property
    def is_numbered(self) -> bool:
        """Whether the server would count it up by itself."""
        return bool(self.identity) or "nextval(" in (self.default or "")


@dataclass(frozen=True, kw_only=True)
class Reference:
    """One foreign key: columns -> keys of the parent."""

    parent: str
    columns: tuple[str, ...]
    keys: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class CheckRule:
    """One check constraint: a condition over columns."""

    name: str
    condition: str
    columns: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class MadeTable:
    """One table: its name as SQL spells it, its columns by name, its foreign keys and its checks."""

    name: str
    columns: Mapping[str, MadeColumn]
    references: tuple[Reference, ...] = ()
    checks: Mapping[str, CheckRule] = field(default_factory=dict)
    user_tables: frozenset[str] = frozenset({USERS})

    @property
    def parents(self) -> tuple[Reference, ...]:
        """Its foreign keys to other tables of the project, but those whose key is a user."""
        return tuple(one for one in self.references if one.parent not in (*self.user_tables, self.name))

    @property
    def profiles(self) -> tuple[str, ...]:
        """The tables of the project with a row a user that it refers to."""
        return tuple(one.parent for one in self.references if one.parent in self.user_tables - {USERS, self.name})

    @property
    def key(self) -> frozenset[str]:
        """The columns of its primary key."""
        return frozenset(name for name, column in self.columns.items() if column.is_primary)

    @property
    def own_users(self) -> tuple[str, ...]:
        """Its columns that refer to a user."""
        return tuple(one.columns[0] for one in self.references if one.parent in self.user_tables and len(one.columns) == 1)


def read_row_catalogue(connection: psycopg.Connection[DictRow], schemas: Sequence[str]) -> dict[str, MadeTable]:
    """Return every table of the schemas that rows may be made for, and auth.users, by name."""
    bound: dict[str, Any] = {"schemas": list(schemas)}
    columns: dict[str, dict[str, MadeColumn]] = {}
    for row in connection.execute(read_query(__package__, "made_columns"), bound):
        given = {key: value for key, value in row.items() if key != "display_name"}
        columns.setdefault(row["display_name"], {})[row["name"]] = MadeColumn(**{**given, "labels": row["labels"] or ()})
    references: dict[str, list[Reference]] = {}
    for row in connection.execute(read_query(__package__, "made_references"), bound):
        one = Reference(parent=row["parent"], columns=tuple(row["columns"]), keys=tuple(row["keys"]))
        references.setdefault(row["display_name"], []).append(one)
    checks: dict[str, dict[str, CheckRule]] = {}
    for row in connection.execute(read_query(__package__, "made_checks"), bound):
        rule = CheckRule(name=row["name"], condition=row["condition"], columns=tuple(row["columns"]))
        checks.setdefault(row["display_name"], {})[rule.name] = rule
    tables = {
        name: MadeTable(name=name, columns=found, references=tuple(references.get(name, ())), checks=checks.get(name, {}))
        for name, found in columns.items()
    }
    users = find_user_tables(tables)
    return {name: replace(table, user_tables=users) for name, table in tables.items()}


def find_user_tables(tables: Mapping[str, MadeTable]) -> frozenset[str]:
    """Return the tables whose key is a user's id: auth.users, and those with a row a user, such as profiles."""
    found = {USERS}
    while True:
        more = {
            name
            for name, table in tables.items()
            if any(one.parent in found and table.key == {*one.columns} and len(one.columns) == 1 for one in table.references)
        }
        if more <= found:
            return frozenset(found)
        found |= more
