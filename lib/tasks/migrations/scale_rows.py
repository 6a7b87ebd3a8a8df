"""Rows for a twin's tables: the seed's, and any number of copies that keep keys unique and references valid.

A reference database (all migrations, then the seed) is the source. Its catalog says which columns must
change from copy to copy: one of each unique set, and every column that refers to one of those, alike.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Self

import psycopg

from lib.clients.postgres.launch_role import WORKER
from lib.clients.postgres.twin import Twin
from lib.tasks.migrations.background_load import FRESH
from lib.tasks.migrations.row_shifts import Catalog, Column, plan_shifts
from lib.transport.database import Database, KeptSession, as_database_error, quote_name, read_query

IS_SEED = '"is of the seed"'
"""A column beside the copied ones; no table of a pack has this name."""


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
    """Copies the reference's rows into a twin's tables, each once, as the tables are created; its sessions end with a `with`."""

    reference: Reference
    twin: Twin
    scale: int
    filled: dict[str, Filled] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._into = KeptSession(self.twin.worker)
        self._source = KeptSession(self.reference.database)
        self._counter = KeptSession(self.twin.database)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        for session in (self._into, self._source, self._counter):
            session.close()

    def top_up(self) -> None:
        """Fill every table that now exists and was not filled before."""
        with as_database_error(self.twin.database):
            connection = self._into.open()
            missing = [table for table in self.reference.tables if table not in self.filled]
            columns = read_columns(connection, find_present(connection, missing)) if missing else []
            if not columns:
                return
            present = writable_columns(columns)
            connection.execute(FRESH)
            for table in [table for table in missing if table in present]:
                common = [column for column in self.reference.tables[table] if column in present[table]]
                self.filled[table] = self._fill(connection, self._source.open(), table, common)
                move_sequences(connection, columns, table)

    def empty(self) -> None:
        """Delete every row of the tables filled so far; the next top-up fills them again."""
        with as_database_error(self.twin.database):
            connection = self._into.open()
            present = writable_columns(read_columns(connection))
            tables = [table for table in self.filled if table in present]
            if tables:
                # The worker may empty tables of any owner.
                self._counter.open().execute(f"grant truncate on {', '.join(present)} to {quote_name(WORKER)}")
                connection.execute(FRESH)
                connection.execute(f"truncate {', '.join(tables)} cascade")
        self.filled.clear()

    def _fill(
        self, connection: psycopg.Connection[Any], source: psycopg.Connection[Any], table: str, columns: Sequence[str]
    ) -> Filled:
        """Fill one table at the scale; when copies don't fit, with the seed's rows only."""
        problem = ""
        for scale in dict.fromkeys((self.scale, 1)):
            try:
                with connection.transaction(), source.transaction():
                    rows = copy_rows(source, connection, table, columns, self.reference, scale)
                # What a table's indexes call runs as the table's owner, whoever has it counted.
                self._counter.open().execute(f"analyze {table}")
                return Filled(table=table, rows=rows, problem=problem)
            except psycopg.Error as exc:
                problem = f"{scale} times the seed's rows did not fit: {exc.diag.message_primary or type(exc).__name__}"
        return Filled(table=table, rows=0, problem=problem)


def read_catalog(database: Database) -> Catalog:
    """Return the catalog rows of one database. Raises DatabaseError."""
    with database.connect() as connection:
        return Catalog(
            columns=read_columns(connection),
            uniques=connection.execute(read_query(__package__, "uniques")).fetchall(),
            references=connection.execute(read_query(__package__, "references")).fetchall(),
        )


def read_columns(connection: psycopg.Connection[Any], tables: Sequence[str] | None = None) -> list[dict[str, Any]]:
    """Return a row for each column that rows can be put into. tables: the only ones asked about, as SQL spells them."""
    if tables is not None and not tables:
        return []
    return connection.execute(read_query(__package__, "columns"), {"named": tables}).fetchall()


def find_present(connection: psycopg.Connection[Any], tables: Sequence[str]) -> list[str]:
    """Return which of these tables are there, in order."""
    asked = "select name from unnest(%s::text[]) with ordinality as x (name, at) where to_regclass(name) is not null order by at"
    return [row["name"] for row in connection.execute(asked, [list(tables)])]


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
