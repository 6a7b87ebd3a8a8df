"""Rows for a twin's tables: the seed's, and any number of copies that keep keys unique and references valid.

A reference database (all migrations, then the seed) is the source. Its catalog says which columns must
change from copy to copy: one of each unique set, and every column that refers to one of those, alike.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import psycopg

from lib.clients.postgres.launch_role import WORKER
from lib.clients.postgres.twin import Twin
from lib.transport.database import Database, quote_name, read_query

Column = tuple[str, str]
"""(table as SQL spells it, column's bare name)"""

SHIFTS: tuple[tuple[frozenset[str], str], ...] = (
    (frozenset({"uuid"}), "md5({value}::text || ':' || n)::uuid"),
    (frozenset({"int8", "int4", "numeric", "int2"}), "{value} + n * {step}"),
    # A prefix of a letter and a number leaves addresses and slugs in their shape.
    (frozenset({"text", "varchar", "citext"}), "'c' || n || {value}"),
    (frozenset({"date"}), "{value} + n * 3650"),
    (frozenset({"timestamptz", "timestamp"}), "{value} + n * interval '3650 days'"),
)
"""How a value of these types becomes that of copy n, preferred types first; step is one more than the largest."""

IS_SEED = '"is of the seed"'
"""A column beside the copied ones; no table of a pack has this name."""


@dataclass(frozen=True, kw_only=True)
class Catalog:
    """The catalog rows that decide how rows are copied, from sql/."""

    columns: Sequence[Mapping[str, Any]]
    uniques: Sequence[Mapping[str, Any]]
    references: Sequence[Mapping[str, Any]]


@dataclass(frozen=True, kw_only=True)
class Reference:
    """The database that rows come from.

    marker: the transaction id when seeding began; older rows were made by migrations themselves.
    tables: names of tables that the seed left with rows, with their writable columns in order.
    shifts: how copy n's value of a column differs, an SQL expression over n; other columns are as they are.
    """

    database: Database
    marker: str
    tables: Mapping[str, Sequence[str]]
    shifts: Mapping[Column, str]


@dataclass(frozen=True, kw_only=True)
class Filled:
    """How many rows were put into one table; problem is '' when all were."""

    table: str
    rows: int
    problem: str = ""


@dataclass(kw_only=True)
class RowScaler:
    """Copies the reference's rows into a twin's tables, each once, as the tables are created."""

    reference: Reference
    twin: Twin
    scale: int
    filled: dict[str, Filled] = field(default_factory=dict)

    def top_up(self) -> None:
        """Fill every table that now exists and was not filled before."""
        with self.twin.worker.connect(autocommit=True) as connection:
            columns = read_columns(connection)
            present = writable_columns(columns)
            new = [table for table in self.reference.tables if table in present and table not in self.filled]
            if not new:
                return
            connection.execute("set session_replication_role = replica")
            with self.reference.database.connect() as source:
                for table in new:
                    common = [column for column in self.reference.tables[table] if column in present[table]]
                    self.filled[table] = self._fill(connection, source, table, common)
                    move_sequences(connection, columns, table)

    def empty(self) -> None:
        """Delete every row of the tables filled so far; the next top-up fills them again."""
        with self.twin.worker.connect(autocommit=True) as connection:
            present = writable_columns(read_columns(connection))
            tables = [table for table in self.filled if table in present]
            if tables:
                self._let_truncate(present)
                connection.execute("set session_replication_role = replica")
                connection.execute(f"truncate {', '.join(tables)} cascade")
        self.filled.clear()

    def _let_truncate(self, tables: Iterable[str]) -> None:
        """Let the worker empty tables of any owner."""
        with self.twin.database.connect() as connection:
            connection.execute(f"grant truncate on {', '.join(tables)} to {quote_name(WORKER)}")

    def _fill(
        self, connection: psycopg.Connection[Any], source: psycopg.Connection[Any], table: str, columns: Sequence[str]
    ) -> Filled:
        """Fill one table at the scale; when copies don't fit, with the seed's rows only."""
        problem = ""
        for scale in dict.fromkeys((self.scale, 1)):
            try:
                with connection.transaction(), source.transaction():
                    rows = copy_rows(source, connection, table, columns, self.reference, scale)
                analyze(self.twin, table)
                return Filled(table=table, rows=rows, problem=problem)
            except psycopg.Error as exc:
                problem = f"{scale} times the seed's rows did not fit: {exc.diag.message_primary or type(exc).__name__}"
        return Filled(table=table, rows=0, problem=problem)


def analyze(twin: Twin, table: str) -> None:
    """Have the server count a table. What its indexes call runs as the table's owner, whoever asks."""
    with twin.database.connect() as connection:
        connection.execute(f"analyze {table}")


def read_catalog(database: Database) -> Catalog:
    """Return the catalog rows of one database. Raises DatabaseError."""
    with database.connect() as connection:
        return Catalog(
            columns=read_columns(connection),
            uniques=connection.execute(read_query(__package__, "uniques")).fetchall(),
            references=connection.execute(read_query(__package__, "references")).fetchall(),
        )


def read_columns(connection: psycopg.Connection[Any]) -> list[dict[str, Any]]:
    """Return a row for each column that rows can be put into."""
    return connection.execute(read_query(__package__, "columns")).fetchall()


def mark_seeding(database: Database) -> str:
    """Return the transaction id that separates rows of migrations from the seed's later rows."""
    return str(database.value("select pg_current_xact_id()::xid::text"))


def read_reference(database: Database, marker: str) -> Reference:
    """Return which tables of a seeded database have rows, and how their copies are made."""
    catalog = read_catalog(database)
    columns = writable_columns(catalog.columns)
    asked = " union all ".join(
        f"select {number} as number where exists (select from {table})" for number, table in enumerate(columns)
    )
    numbers = {row["number"] for row in database.rows(asked)} if asked else set()
    return Reference(
        database=database,
        marker=marker,
        tables={table: names for number, (table, names) in enumerate(columns.items()) if number in numbers},
        shifts=fix_steps(database, plan_shifts(catalog)),
    )


def fix_steps(database: Database, shifts: Mapping[Column, tuple[str, Column]]) -> dict[Column, str]:
    """Return the planned shifts as expressions, the step of each root taken from this database."""
    roots = sorted({root for shift, root in shifts.values() if "{step}" in shift})
    asked = ", ".join(
        f"(select coalesce(max({quote_name(name)}), 0) + 1 from {table})::bigint as step_{number}"
        for number, (table, name) in enumerate(roots)
    )
    found = database.rows(f"select {asked}")[0] if asked else {}
    steps = {root: found[f"step_{number}"] for number, root in enumerate(roots)}
    return {
        column: shift.format(value=f"t.{quote_name(column[1])}", step=steps.get(root, ""))
        for column, (shift, root) in shifts.items()
    }


def writable_columns(columns: Iterable[Mapping[str, Any]]) -> dict[str, list[str]]:
    """Return the columns of each table that a row may give a value for."""
    tables: dict[str, list[str]] = {}
    for row in columns:
        names = tables.setdefault(row["table"], [])
        if not row["generated"]:
            names.append(row["column"])
    return tables


def plan_shifts(catalog: Catalog) -> dict[Column, tuple[str, Column]]:
    """Return how copy n differs in each column that must: one of SHIFTS, and the column it goes by.

    Every unique set gets at least one such column; columns linked by foreign keys change alike.
    """
    types = {(row["table"], row["column"]): row["type"] for row in catalog.columns if not row["generated"]}
    roots = find_roots(catalog.references)
    chosen: dict[Column, str] = {}
    refers = {(row["table"], row["column"]) for row in catalog.references}
    uniques = [[(row["table"], column) for column in row["columns"]] for row in catalog.uniques]
    # Keys of their own first, so that sets made of references find them chosen.
    for unique in sorted(uniques, key=lambda columns: sum(column in refers for column in columns)):
        if any(roots.get(column, column) in chosen for column in unique):
            continue
        best = min(unique, key=lambda column: rank_type(types.get(column)))
        if rank_type(types.get(best)) < len(SHIFTS):
            root = roots.get(best, best)
            chosen[root] = SHIFTS[rank_type(types.get(best))][1]
    return {
        column: (chosen[roots.get(column, column)], roots.get(column, column))
        for column in types
        if roots.get(column, column) in chosen
    }


def find_roots(references: Iterable[Mapping[str, Any]]) -> dict[Column, Column]:
    """Return for each referring column the one at the end of its chain of references."""
    parents: dict[Column, Column] = {}
    for row in references:
        child, parent = (row["table"], row["column"]), (row["parent_table"], row["parent_column"])
        first, second = follow(parents, child), follow(parents, parent)
        if first != second:
            parents[first] = second
    return {column: follow(parents, column) for column in parents}


def follow(parents: Mapping[Column, Column], column: Column) -> Column:
    """Return the last column of the chain that starts here."""
    while column in parents:
        column = parents[column]
    return column


def rank_type(type_name: str | None) -> int:
    """Return how suitable a type is for shifting: 0 is best, len(SHIFTS) is not at all."""
    return next((rank for rank, (names, _) in enumerate(SHIFTS) if type_name in names), len(SHIFTS))


def copy_rows(
    source: psycopg.Connection[Any],
    twin: psycopg.Connection[Any],
    table: str,
    columns: Sequence[str],
    reference: Reference,
    scale: int,
) -> int:
    """Put the seed's rows and scale - 1 copies into one table; return how many went in.

    Rows that are there already, because a migration makes them too, are left as they are.
    """
    names = ", ".join(quote_name(column) for column in columns)
    is_seed = f"age(t.xmin) <= age('{reference.marker}'::xid) as {IS_SEED}"
    twin.execute(f"create temp table arriving as select {names}, true as {IS_SEED} from {table} with no data")
    with source.cursor() as out, twin.cursor() as into:
        with (
            out.copy(f"copy (select {names}, {is_seed} from {table} t) to stdout") as reading,
            into.copy("copy arriving from stdin") as writing,
        ):
            for block in reading:
                writing.write(block)
        into.execute(insert_sql(table, columns, reference, scale))
        count = into.rowcount
    twin.execute("drop table arriving")
    return count


def insert_sql(table: str, columns: Sequence[str], reference: Reference, scale: int) -> str:
    """Return the insert, from the rows that arrived, of the seed's rows and scale - 1 copies of all rows."""
    plain = ", ".join(f"t.{quote_name(column)}" for column in columns)
    rows = f"select {plain} from arriving t where t.{IS_SEED}"
    if scale > 1:
        shifted = ", ".join(reference.shifts.get((table, column), f"t.{quote_name(column)}") for column in columns)
        rows += f" union all select {shifted} from arriving t cross join generate_series(1, {scale - 1}) n"
    names = ", ".join(quote_name(column) for column in columns)
    return f"insert into {table} ({names}) overriding system value {rows} on conflict do nothing"


def move_sequences(connection: psycopg.Connection[Any], columns: Iterable[Mapping[str, Any]], table: str) -> None:
    """Move the table's sequences past its rows, as inserting them one by one would have."""
    for row in columns:
        if row["table"] == table and row["sequence"]:
            column = quote_name(row["column"])
            connection.execute(f"select setval(%s, greatest((select max({column}) from {table}), 1))", [row["sequence"]])
