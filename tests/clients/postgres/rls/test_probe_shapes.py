"""Whatever a table looks like, the probe tells who can do what to it."""

from __future__ import annotations

import pytest

from lib.clients.postgres.rls.catalogue import read_tables, resolve_tables
from lib.clients.postgres.rls.probe import observe_matrix
from lib.core.results import Outcome
from lib.transport.database import Database, quote_name
from tests.support.rls_samples import ANA, BEN, CAT, VERBS, apply, roles, section

OWNERS = f"unnest(array['{ANA}', '{BEN}', '{CAT}']::uuid[]) as owner"

NUMBERED = f"(select owner, (row_number() over ())::int as n from {OWNERS}) as o"

VIRTUAL = "generated columns that are not stored"
"""New in PostgreSQL 18."""

SHAPES = {
    "no primary key": f"""
        create table public.t (owner uuid, n int);
        insert into public.t select owner, n from {OWNERS}, generate_series(1, 2) as n""",
    "equal rows without a key": f"""
        create table public.t (owner uuid, n int);
        insert into public.t select owner, 1 from {OWNERS}, generate_series(1, 2)""",
    "composite key": f"""
        create table public.t (owner uuid, n int, primary key (owner, n));
        insert into public.t select owner, n from {OWNERS}, generate_series(1, 2) as n""",
    "identity always": f"""
        create table public.t (id int generated always as identity primary key, owner uuid);
        insert into public.t (owner) select owner from {OWNERS}""",
    "generated columns": f"""
        create table public.t (owner uuid, n int,
          twice int generated always as (n * 2) stored, thrice int generated always as (n * 3) stored);
        insert into public.t select owner, n from {OWNERS}, generate_series(1, 2) as n""",
    VIRTUAL: f"""
        create table public.t (owner uuid, n int,
          twice int generated always as (n * 2) stored, thrice int generated always as (n * 3));
        insert into public.t select owner, n from {OWNERS}, generate_series(1, 2) as n""",
    "enum, domain, array, jsonb, range, composite": f"""
        create type public.mood as enum ('good', 'bad');
        create domain public.small as int check (value < 10);
        create type public.pair as (a int, b text);
        create table public.t (owner uuid, m public.mood not null, s public.small not null, tags text[] not null,
          body jsonb not null, span int4range not null, p public.pair not null, raw bytea not null, at timestamptz not null);
        insert into public.t select owner, 'good', 3, array['a"b', '{{c,}}'], '{{"k": [1, null]}}', '[1,5)',
          row(1, 'x''(,")'::text)::public.pair, '\\x00ff', now() from {OWNERS}""",
    "unique text": f"""
        create table public.t (owner uuid, slug text not null unique, email text not null);
        create unique index on public.t (lower(email));
        insert into public.t select owner, 's' || owner, 'E' || owner from {OWNERS}""",
    "exclusion": f"""
        create table public.t (owner uuid, span int4range not null, exclude using gist (span with &&));
        insert into public.t select owner, int4range(n * 10, n * 10 + 5) from {NUMBERED}""",
    "key to itself": f"""
        create table public.t (id int primary key, owner uuid, parent int references public.t);
        insert into public.t select n, owner, nullif(n - 1, 0) from {NUMBERED}""",
    "key to itself, restricting": f"""
        create table public.t (id int primary key, owner uuid, parent int references public.t on delete restrict);
        insert into public.t select n, owner, nullif(n - 1, 0) from {NUMBERED}""",
    "partitioned": f"""
        create table public.t (owner uuid, n int, primary key (owner, n)) partition by list (n);
        create table public.t1 partition of public.t for values in (1);
        create table public.t2 partition of public.t default;
        insert into public.t select owner, n from {OWNERS}, generate_series(1, 3) as n;
        alter table public.t1 enable row level security;
        alter table public.t2 enable row level security""",
    "a column named as the table": f"""
        create table public.t (t text, owner uuid, region text, place text, kept int, hit int, rows int);
        insert into public.t select 'x' || owner, owner, 'r', 'p', 1, 2, 3 from {OWNERS}""",
    "forced for its owner": f"""
        create table public.t (owner uuid, n int);
        insert into public.t select owner, 1 from {OWNERS};
        alter table public.t force row level security""",
    "an unused rule of another role": f"""
        create table public.t (owner uuid, n int);
        insert into public.t select owner, 1 from {OWNERS};
        create policy pool on public.t for all to authenticator using (true)""",
}

POLICIES = """
alter table {table} enable row level security;
grant select, insert, update, delete on {table} to authenticated, service_role;
create policy own_read on {table} for select to authenticated using ({owner} = (select auth.uid()));
create policy own_add on {table} for insert to authenticated with check ({owner} = (select auth.uid()));
create policy own_change on {table} for update to authenticated using ({owner} = (select auth.uid()));
create policy own_drop on {table} for delete to authenticated using ({owner} = (select auth.uid()));
"""


@pytest.fixture
def database(request: pytest.FixtureRequest, shape: str) -> Database:
    """Return a fresh hosted database of a version that knows the shape."""
    return request.getfixturevalue("hosted_database_18" if shape == VIRTUAL else "hosted_database")


@pytest.mark.parametrize("shape", SHAPES)
def test_own_rows_are_recognised_whatever_the_table_looks_like(database: Database, shape: str) -> None:
    apply(database, SHAPES[shape], POLICIES.format(table="public.t", owner="owner"))
    cells = observe_matrix(database, section(scopes={"public.t": {"own": "owner = :uid"}}, matrix={"public.t": roles()}))
    assert [(cell.role, cell.verb, cell.detail) for cell in cells if cell.outcome is not Outcome.PASS] == []
    assert len(cells) == 12


@pytest.mark.parametrize("shape", SHAPES)
def test_a_hole_is_found_whatever_the_table_looks_like(database: Database, shape: str) -> None:
    apply(database, SHAPES[shape], POLICIES.format(table="public.t", owner="owner"))
    for verb in VERBS:
        clause = "with check (true)" if verb == "insert" else "using (true)"
        apply(database, f"create policy hole on public.t for {verb} to authenticated {clause}")
        cells = observe_matrix(database, section(scopes={"public.t": {"own": "owner = :uid"}}, matrix={"public.t": roles()}))
        assert {cell.verb: cell.observed for cell in cells if cell.outcome is not Outcome.PASS} == {verb: "allow"}
        apply(database, "drop policy hole on public.t")


HOSTILE = [
    ("public", 'Has "quotes"', "owner"),
    ("public", "dots.in.it", "Owner"),
    ("public", "select", "user"),
    ("public", "Größe 🐘", "bésitzer"),
    ("public", "back\\slash", "o'ner"),
    ("public", "per%cent", "own%(er)s"),
    ("public", "colon:uid", "a:b"),
    ("Odd.Schema", "t", 'ow"ner'),
]


@pytest.mark.parametrize(("schema", "name", "owner"), HOSTILE)
def test_names_that_need_quoting_are_quoted(hosted_database: Database, schema: str, name: str, owner: str) -> None:
    table, column = quote_name(schema, name), quote_name(owner)
    apply(
        hosted_database,
        f"create schema if not exists {quote_name(schema)}",
        f"grant usage on schema {quote_name(schema)} to anon, authenticated, service_role",
        f"create table {table} (id int generated always as identity primary key, {column} uuid)",
        f"insert into {table} ({column}) select owner from {OWNERS}",
        POLICIES.format(table=table, owner=column),
    )
    for spelled in (f"{schema}.{name}", resolve_shown(hosted_database, schema)):
        rls = section(schemas=[schema], scopes={spelled: {"own": f"{column} = :uid"}}, matrix={spelled: roles()})
        cells = observe_matrix(hosted_database, rls)
        assert [(cell.role, cell.verb, cell.detail) for cell in cells if cell.outcome is not Outcome.PASS] == []
        assert len(cells) == 12


def resolve_shown(database: Database, schema: str) -> str:
    return read_tables(database, [schema])[0].display_name


def test_a_plain_name_that_could_mean_two_tables_means_none(hosted_database: Database) -> None:
    apply(hosted_database, 'create schema "a.b"', "create schema a", 'create table "a.b".c ()', 'create table a."b.c" ()')
    tables = read_tables(hosted_database, ["a", "a.b"])
    assert resolve_tables(["a.b.c", '"a.b".c'], tables).keys() == {'"a.b".c'}


def test_a_partition_is_a_door_of_its_own(hosted_database: Database) -> None:
    apply(hosted_database, SHAPES["partitioned"], POLICIES.format(table="public.t", owner="owner"))
    needed = {table.display_name: table.needs_row for table in read_tables(hosted_database, ["public"])}
    assert needed == {"public.t": True, "public.t1": False, "public.t2": False}
    apply(hosted_database, "alter table public.t1 disable row level security")
    needed = {table.display_name: table.needs_row for table in read_tables(hosted_database, ["public"])}
    assert needed["public.t1"]
