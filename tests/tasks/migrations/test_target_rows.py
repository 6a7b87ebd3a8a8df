"""Rows of the target that break what a pending file demands are found by reading; where files change rows, nothing is said."""

from __future__ import annotations

from pathlib import Path

import pytest

from lib.clients.postgres.schema import read_schema
from lib.clients.supabase.migration_files import MigrationFile
from lib.tasks.migrations.target_rows import find_breaking_rows
from lib.transport.database import Database

BEFORE = """
create table public.parents (id int primary key);
create table public.notes (id int primary key, word text, parent int, size int);
insert into public.parents values (1);
insert into public.notes values (1, 'same', 1, 5), (2, 'same', 7, -5), (3, null, null, 1);
"""


def run(database: Database, script: str) -> None:
    with database.connect() as connection:
        connection.execute(script)


def find(database: Database, demand: str, *, text: str = "") -> list[str]:
    """Return what is said of the rows, where a file makes one more demand on them. They are gone while it is made."""
    run(database, BEFORE)
    before = read_schema(database, ["public"])
    run(database, f"create temporary table kept as select * from public.notes; truncate public.notes; {demand}")
    after = read_schema(database, ["public"])
    run(database, "drop table public.notes, public.parents")
    run(database, BEFORE)
    file = MigrationFile(Path("1_more.sql"), text or demand)
    return [one.display_name for one in find_breaking_rows(database, [file], before, after, timeout_s=10)]


BROKEN = {
    "unique": "alter table public.notes add constraint c unique (word)",
    "unique index": "create unique index i on public.notes (word)",
    "check": "alter table public.notes add constraint c check (size > 0)",
    "foreign key": "alter table public.notes add constraint c foreign key (parent) references public.parents (id)",
    "not null": "alter table public.notes alter column word set not null",
}
KEPT = {
    "unique": "alter table public.notes add constraint c unique (size)",
    "NULL is nobody's double": "alter table public.notes add constraint c unique (parent)",
    "check": "alter table public.notes add constraint c check (size > -9)",
    "never validated": "alter table public.notes add constraint c check (size > 0) not valid",
    "a foreign key never validated": (
        "alter table public.notes add constraint c foreign key (parent) references public.parents (id) not valid"
    ),
    "not null": "alter table public.notes alter column size set not null",
    "a new table": "create table public.fresh (id int primary key, word text unique)",
    "a new column": "alter table public.notes add column more int not null default 1",
}


@pytest.mark.parametrize("demand", BROKEN.values(), ids=BROKEN)
def test_rows_that_break_it_are_found(hosted_database: Database, demand: str) -> None:
    said = find(hosted_database, demand)
    assert len(said) == 1 and "the target's own rows break it: 1 in public.notes" in said[0] and "1_more.sql, line 1" in said[0]


@pytest.mark.parametrize("demand", KEPT.values(), ids=KEPT)
def test_rows_that_keep_it_are_no_finding(hosted_database: Database, demand: str) -> None:
    assert find(hosted_database, demand) == []


def test_a_file_that_changes_rows_may_mend_them(hosted_database: Database) -> None:
    demand = BROKEN["check"]
    assert find(hosted_database, demand, text=f"update public.notes set size = 1 where size < 0; {demand}") == []
