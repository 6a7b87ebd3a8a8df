"""What the catalogue says about the tables that an RLS probe tries: columns, keys, grants, policies."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import psycopg
from psycopg.rows import DictRow

from lib.transport.database import Database, quote_name, read_query

PLATFORM_SCHEMAS = ("auth", "realtime", "storage")
"""Schemas of the platform with tables that a project may put policies on."""


GRANTED_VERBS = ("select", "insert", "update", "delete", "truncate")
ASIDE = ("references", "trigger", "maintain")


@dataclass(frozen=True, kw_only=True)
class Column:
    """One column of a probed table.

    written: an insert may give it a value. updatable: an update may too.
    free: in no unique key, foreign key, check or policy, so that any present value suits any row.
    narrow: of a type with few values: an enum or a boolean. nullable: a row may have no value there.
    holds_id: of type uuid, and a policy of the table reads it.
    """

    name: str
    written: bool
    updatable: bool
    primary: bool
    free: bool
    narrow: bool = False
    nullable: bool = True
    holds_id: bool = False


@dataclass(frozen=True, kw_only=True)
class ProbedTable:
    """One table of an exposed schema; `display_name` is its name as SQL spells it, quoted where needed.

    triggers: the verbs for which one of the pack's own triggers fires.
    has_parts: whether its rows may lie in other tables, so that a ctid alone names none.
    is_plain: whether a write does to it what it says and no more while foreign keys are off: it has no rule, trigger or part,
        and no policy of it calls what could write.
    """

    schema: str
    name: str
    display_name: str
    rls_enabled: bool
    is_partition: bool
    policies: int
    columns: tuple[Column, ...]
    triggers: frozenset[str]
    has_parts: bool = True
    is_plain: bool = False

    @cached_property
    def sql(self) -> str:
        """Its name, always quoted."""
        return quote_name(self.schema, self.name)

    @property
    def is_platform(self) -> bool:
        """Whether it is the platform's own, which made it and granted it."""
        return self.schema in PLATFORM_SCHEMAS

    @property
    def needs_row(self) -> bool:
        """Whether the matrix must declare it.

        A partition without its own policy is only reached through its parent.
        """
        return not (self.is_partition and self.rls_enabled and self.policies == 0)


@dataclass(frozen=True, kw_only=True)
class Access:
    """The rights of one role on one table.

    held_by_policies: whether row level security applies to the role there.
    permitted_verbs: the verbs for which some permissive policy applies to it.
    aside: rights beside these verbs that no policy restricts: references, trigger, maintain. by_everybody: granted to PUBLIC.
    columns: column -> whether it may be selected, inserted, updated.
    closed_sequences: sequences its serial columns draw from that the role may not use.
    """

    role: str
    table: str
    uses_schema: bool
    reads_all: bool
    granted: frozenset[str]
    columns: Mapping[str, tuple[bool, bool, bool]]
    held_by_policies: bool
    permitted_verbs: frozenset[str]
    closed_sequences: tuple[str, ...]
    aside: frozenset[str] = frozenset()
    by_everybody: frozenset[str] = frozenset()

    @property
    def past_policies(self) -> frozenset[str]:
        """The rights that no policy restricts: TRUNCATE always, the others where they were granted by name.

        By default the platform grants all of these together on a new table, so together they say nothing.
        """
        held = (self.granted & {"truncate"}) | self.aside
        return held - self.aside if held >= {"truncate", "references", "trigger"} else held

    def may(self, verb: str) -> bool:
        """Whether the grants alone let the role try the verb on any column."""
        return self.uses_schema and verb in self.granted


def read_tables(database: Database, schemas: Sequence[str], also: Iterable[str] = ()) -> list[ProbedTable]:
    """Return every table of the schemas but those of extensions, and those of the platform that have a policy, by name.

    also: names of tables of the platform that are wanted without one, such as those that the matrix declares.
    """
    with database.connect() as connection:
        return tables_of(ask_tables(connection, schemas, also).fetchall())


def ask_tables(
    connection: psycopg.Connection[DictRow], schemas: Sequence[str], also: Iterable[str] = ()
) -> psycopg.Cursor[DictRow]:
    """Return the cursor whose rows are for `tables_of`."""
    return connection.execute(read_query(__package__, "probed_tables"), {"schemas": list(schemas), "also": list(also)})


def tables_of(rows: Iterable[DictRow]) -> list[ProbedTable]:
    """Return the rows of probed_tables.sql as tables."""
    return [
        ProbedTable(
            schema=row["schema"],
            name=row["name"],
            display_name=row["display_name"],
            rls_enabled=row["rls_enabled"],
            is_partition=row["is_partition"],
            policies=row["policies"],
            columns=tuple(Column(**column) for column in row["columns"] or ()),
            triggers=frozenset(row["triggers"]),
            has_parts=row["has_parts"],
            is_plain=row["is_plain"],
        )
        for row in rows
    ]


def read_access(
    database: Database, schemas: Sequence[str], roles: Iterable[str], also: Iterable[str] = ()
) -> dict[tuple[str, str], Access]:
    """Return the rights of each role that exists, by role and the table's display name; of the tables that read_tables reads."""
    with database.connect() as connection:
        return access_by_table(ask_access(connection, schemas, roles, also).fetchall())


def ask_access(
    connection: psycopg.Connection[DictRow], schemas: Sequence[str], roles: Iterable[str], also: Iterable[str] = ()
) -> psycopg.Cursor[DictRow]:
    """Return the cursor whose rows are for `access_by_table`."""
    bound = {"schemas": list(schemas), "also": list(also), "roles": sorted(set(roles))}
    return connection.execute(read_query(__package__, "access"), bound)


def access_by_table(rows: Iterable[DictRow]) -> dict[tuple[str, str], Access]:
    """Return the rows of access.sql by role and the table's display name."""
    return {(row["role"], row["display_name"]): access_of(row) for row in rows}


def access_of(row: Mapping[str, object]) -> Access:
    """Return one row of access.sql as an Access."""
    columns: Mapping[str, Sequence[bool]] = row["columns"]  # type: ignore[assignment]
    return Access(
        role=str(row["role"]),
        table=str(row["display_name"]),
        uses_schema=bool(row["uses_schema"]),
        reads_all=bool(row["reads_all"]),
        granted=frozenset(verb for verb in GRANTED_VERBS if row[verb]),
        columns={name: (rights[0], rights[1], rights[2]) for name, rights in columns.items()},
        held_by_policies=bool(row["held_by_policies"]),
        permitted_verbs=frozenset(row["permitted_verbs"]),  # type: ignore[call-overload]
        closed_sequences=tuple(row["closed_sequences"]),  # type: ignore[arg-type]
        aside=frozenset(right for right in ASIDE if row[right]),
        by_everybody=frozenset(row["by_everybody"]),  # type: ignore[call-overload]
    )


def resolve_tables(names: Iterable[str], tables: Sequence[ProbedTable]) -> dict[str, ProbedTable]:
    """Return the declared names that name a table, with that table: as SQL spells it, or as plain `schema.table`."""
    spelled = {table.display_name: table for table in tables}
    plain: dict[str, list[ProbedTable]] = {}
    for table in tables:
        plain.setdefault(f"{table.schema}.{table.name}", []).append(table)
    found = {}
    for name in names:
        candidates = [spelled[name]] if name in spelled else plain.get(name, [])
        if len(candidates) == 1:
            found[name] = candidates[0]
    return found
