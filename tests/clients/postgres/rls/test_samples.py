"""Rows are counted by the scopes they are in, for each identity, with a real row of each."""

from __future__ import annotations

from lib.clients.postgres.rls.catalogue import read_tables, resolve_tables
from lib.clients.postgres.rls.samples import count_in, read_regions
from lib.transport.database import Database
from tests.support.rls_samples import ANA, NOTES, apply, section


def test_regions_are_counted_by_identity_with_an_example(hosted_database: Database) -> None:
    apply(hosted_database, NOTES)
    rls = section()
    tables = resolve_tables(rls.matrix, read_tables(hosted_database, rls.schemas, rls.matrix))
    found = read_regions(hosted_database, rls, tables)
    ana, anon = found["public.notes", "ana"], found["public.notes", "anon"]
    assert {one.letters: one.rows for one in ana} == {"t": 3, "f": 6}
    assert next(one for one in ana if one.letters == "t").example["owner"] == ANA
    assert {one.letters: one.rows for one in anon} == {"f": 9}  # nobody's rows are those of who has no id
    assert [count_in(ana, name, ["own"]) for name in ("allow", "own", "deny")] == [9, 3, 0]


def test_an_empty_table_has_no_region_and_a_partitioned_one_has_each_row_once(hosted_database: Database) -> None:
    apply(
        hosted_database,
        "create table public.notes (id bigint primary key, owner uuid) partition by range (id)",
        "create table public.notes_1 partition of public.notes for values from (0) to (10)",
        "create table public.notes_2 partition of public.notes for values from (10) to (20)",
        "alter table public.notes enable row level security",
    )
    rls = section()
    tables = resolve_tables(rls.matrix, read_tables(hosted_database, rls.schemas, rls.matrix))
    assert list(read_regions(hosted_database, rls, tables)["public.notes", "ana"]) == []
    apply(hosted_database, f"insert into public.notes select n, '{ANA}'::uuid from generate_series(0, 19) as n")
    (region,) = read_regions(hosted_database, rls, tables)["public.notes", "ana"]
    assert (region.letters, region.rows, region.example["owner"]) == ("t", 20, ANA)
