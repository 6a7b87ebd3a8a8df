"""No query of the catalogue reads a table once for each row of another: what it reads grows as the tables do, and no faster."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import psycopg
from psycopg.rows import DictRow

from lib.core.errors import DatabaseError
from lib.core.paths import ROOT
from lib.transport.database import Database

FEW, MANY = 40, 240
MOST_TIMES_AS_MUCH = 8
"""Of rows read with six times the tables: six, and something for sorts and for plans that change with the size."""

SMALL = 100_000
"""Rows that any query may read: a small catalogue is read again and again where that is quicker than an index. One that reads
what depends on what once for each column reads millions here."""

BINDS = {
    "schemas": "array['public']::text[]",
    "also": "array[]::text[]",
    "exposed": "array['public']::text[]",
    "managed": "array['auth', 'storage']::text[]",
    "names": "array['pgcrypto']::text[]",
    "platform": "array['auth', 'storage']::text[]",
    "roles": "array['anon', 'authenticated']::text[]",
    "most": "10",
}

ASKED_OTHERWISE = {
    # They make functions, read a project's rows, or need the platform's records; none of them goes through the catalogue.
    "lib/clients/postgres/rls/sql/install_attempts.sql",
    "lib/clients/postgres/rls/sql/install_calls.sql",
}

TABLE = """
create table public.t{n} (
  id bigint generated always as identity primary key, number serial unique, code text default 'x' check (length(code) < 9),
  before bigint references public.t{before} (id), owner uuid
);
alter table public.t{n} enable row level security;
create policy s on public.t{n} for select to authenticated using (owner = auth.uid());
create policy i on public.t{n} for insert to authenticated with check (owner = auth.uid());
create view public.v{n} with (security_invoker) as select * from public.t{n};
create index on public.t{n} (before);
create function public.f{n}() returns trigger language plpgsql as 'begin return new; end';
create trigger r before update on public.t{n} for each row execute function public.f{n}();
grant all on public.t{n}, public.v{n} to anon, authenticated;
"""


@cache
def queries() -> dict[str, str]:
    """Return each query of the product that asks the server about itself, with its binds in place."""
    found = {}
    for path in sorted((ROOT / "lib").glob("**/*.sql")):
        name = path.relative_to(ROOT).as_posix()
        text = re.sub(r"^\s*--.*$", "", path.read_text(), flags=re.MULTILINE)
        if "embedded" in path.parts or name in ASKED_OTHERWISE or "pg_catalog.pg_" not in text:
            continue
        is_psycopg = "%(" in text
        bound = re.findall(r"%\((\w+)\)s" if is_psycopg else r"(?<![:\w]):([a-z_]+)", text)
        if set(bound) <= BINDS.keys():
            found[name] = fill(text, is_psycopg=is_psycopg)
    return found


def fill(text: str, *, is_psycopg: bool) -> str:
    """Return a query with its binds in place, spelled for psycopg or for SQLAlchemy."""
    if is_psycopg:
        return re.sub(r"%\((\w+)\)s", lambda bind: BINDS[bind[1]], text).replace("%%", "%")
    return re.sub(r"(?<![:\w]):([a-z_]+)", lambda bind: BINDS[bind[1]], text).replace("\\:", ":")


def make_tables(database: Database, first: int, end: int) -> None:
    with database.connect(autocommit=True) as connection:
        for number in range(first, end):
            connection.execute(TABLE.format(n=number, before=max(number - 1, 0)))


def read_rows(connection: psycopg.Connection[DictRow], query: str) -> float:
    """Return how many rows the parts of a query's plan read, those that they left out included."""
    [row] = connection.execute(f"explain (analyze, timing off, format json) {query}".encode()).fetchall()
    plan = row["QUERY PLAN"]
    return sum(map(rows_of, walk((json.loads(plan) if isinstance(plan, str) else plan)[0]["Plan"])))


def walk(node: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield a part of a query's plan, and all below it."""
    yield node
    for below in node.get("Plans", []):
        yield from walk(below)


def rows_of(node: dict[str, Any]) -> float:
    """Return how many rows one part of a plan read, in all its loops."""
    left_out = sum(node.get(f"Rows Removed by {what}", 0) for what in ("Filter", "Join Filter", "Index Recheck"))
    return float((node["Actual Rows"] + left_out) * node["Actual Loops"])


def read_by_each(database: Database) -> dict[str, float]:
    """Return how many rows each query reads in this database."""
    found = {}
    for name, query in queries().items():
        try:
            with database.connect(autocommit=True) as connection:
                found[name] = read_rows(connection, query)
        except DatabaseError as refused:
            # A database that no migration was pushed to has no history; nothing else may be refused.
            assert refused.sqlstate == "42P01" and Path(name).stem in ("history", "seed_files"), (name, str(refused))
    return found


def test_what_a_query_of_the_catalogue_reads_grows_no_faster_than_the_tables_do(hosted_database: Database) -> None:
    make_tables(hosted_database, 0, FEW)
    few = read_by_each(hosted_database)
    make_tables(hosted_database, FEW, MANY)
    many = read_by_each(hosted_database)
    assert len(many) >= 60
    grown = {name: (few[name], rows) for name, rows in many.items() if rows > max(SMALL, MOST_TIMES_AS_MUCH * few[name])}
    assert grown == {}


def test_a_query_that_reads_a_table_for_each_row_of_another_is_found(hosted_database: Database) -> None:
    query = (
        "select count(*) from pg_catalog.pg_class c join pg_catalog.pg_depend d"
        " on (d.refobjid = c.oid and d.deptype = 'i') or (d.objid = c.reltype and d.deptype = 'n')"
        " or d.refobjid::bigint = c.relowner::bigint"
        " where c.relnamespace = 'public'::regnamespace and c.relkind = 'r'"
    )
    seen = []
    for first, end in ((0, FEW), (FEW, MANY)):
        make_tables(hosted_database, first, end)
        with hosted_database.connect() as connection:
            seen.append(read_rows(connection, query))
    assert seen[1] > max(SMALL, MOST_TIMES_AS_MUCH * seen[0])
