"""A file applied to a twin succeeds, fails and is undone exactly where the CLI's push would be."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from lib.clients.postgres.twin import Twin
from lib.clients.supabase.cli import CliRefusal, open_cli, stage_project
from lib.clients.supabase.migration_files import MigrationFile
from lib.core.errors import TargetError
from lib.embedded.postgres.server import EmbeddedPostgres
from lib.run.stack import find_supabase
from lib.tasks.migrations.apply import ApplyFailure, apply_file
from lib.transport.database import Database

GOOD = {
    "local settings": "set local lock_timeout = '2s'; create table public.v as select current_setting('lock_timeout') as v;",
    "concurrent work alone": "create index concurrently on extensions.kept_here (created_at)",
    "its own transaction": "begin; create table public.v (id int); commit;",
    "nothing but comments": "-- nothing yet\n",
}
BAD = {
    "syntax": "create table public.v (id int); selec 1;",
    "a savepoint": "create table public.v (id int); savepoint here;",
    "a lock as the first statement": "lock table auth.users in share mode;",
    "a lock after another statement": "create table public.v (id int); lock table public.v in share mode;",  # 18 allows it
    "an id by a function of 18": "create table public.v (id uuid default uuidv7());",
    "a column that 18 would compute when read": "create table public.v (n int, twice int generated always as (n * 2));",
    "a promise broken at the end": (
        "create table public.v (id int primary key);"
        "create table public.w (v int references public.v deferrable initially deferred); insert into public.w values (1);"
    ),
    "copy from nowhere": "create table public.v (id int); copy public.v from stdin;",
    "a privilege the launch lacks": "create table public.v (id int); alter role anon superuser;",
}

NEW_IN_18 = ("a lock after another statement", "an id by a function of 18", "a column that 18 would compute when read")
"""Those of BAD that are good on a project of version 18."""


def apply(twin: Twin, text: str) -> ApplyFailure | None:
    return apply_file(twin, MigrationFile(Path("20250101000000_a.sql"), text))


@pytest.fixture
def twin(postgres_server: EmbeddedPostgres, hosted_database: Database) -> Twin:
    with postgres_server.database(hosted_database.name, role="supabase_admin").connect() as connection:
        connection.execute("create table extensions.kept_here (created_at timestamptz)")
        connection.execute("alter table extensions.kept_here owner to postgres")
    database = postgres_server.database(hosted_database.name, role="supabase_admin")
    return Twin(database=database, role="postgres", search_path='"$user", public, extensions')


def push(database: Database, text: str, folder: Path) -> str | None:
    """Push one file with the real CLI; return its error, or None."""
    (folder / "pack/supabase/migrations").mkdir(parents=True)
    (folder / "pack/supabase/migrations/20250101000000_a.sql").write_text(text)
    cli = open_cli(find_supabase(None), stage_project(folder / "pack", folder / "staged"), timeout_s=60)
    try:
        cli.push(database)
    except CliRefusal as exc:
        return exc.said
    return None


def relations(database: Database) -> list[str]:
    return [
        row["name"]
        for row in database.rows("select relname as name from pg_class where relnamespace = 'public'::regnamespace order by 1")
    ]


@pytest.mark.parametrize("name", GOOD)
def test_what_the_cli_applies_the_twin_applies(name: str, twin: Twin, hosted_database: Database, tmp_path: Path) -> None:
    with twin.database.connect(autocommit=True) as connection:
        connection.execute("drop table if exists public.v")
    assert apply(twin, GOOD[name]) is None
    made = relations(twin.database)
    with twin.database.connect(autocommit=True) as connection:
        connection.execute("drop table if exists public.v")
    assert push(hosted_database, GOOD[name], tmp_path) is None
    assert relations(hosted_database) == made


@pytest.mark.parametrize("name", BAD)
def test_what_the_cli_refuses_the_twin_refuses_and_undoes(
    name: str, twin: Twin, hosted_database: Database, tmp_path: Path
) -> None:
    failure = apply(twin, BAD[name])
    assert failure is not None
    assert relations(twin.database) == []
    said = push(hosted_database, BAD[name], tmp_path)
    assert said is not None
    assert failure.sqlstate is None or name == "copy from nowhere" or failure.sqlstate in said
    assert relations(hosted_database) == []


@pytest.mark.parametrize("name", NEW_IN_18)
def test_what_is_new_in_18_is_applied_there_by_both(
    name: str, postgres_18_server: EmbeddedPostgres, hosted_database_18: Database, tmp_path: Path
) -> None:
    database = postgres_18_server.database(hosted_database_18.name, role="supabase_admin")
    assert apply(Twin(database=database, role="postgres", search_path="public"), BAD[name]) is None
    assert "v" in relations(database)
    with database.connect() as connection:
        connection.execute("drop table public.v")
    assert push(hosted_database_18, BAD[name], tmp_path) is None
    assert "v" in relations(database)


def test_settings_of_one_file_do_not_reach_the_next(twin: Twin) -> None:
    assert apply(twin, "set search_path = ''; select 1;") is None
    assert apply(twin, "create table v (id int);") is None
    assert relations(twin.database) == ["v"]


def test_a_failure_points_at_the_line_and_word(twin: Twin) -> None:
    failure = apply(twin, "-- one\nselect 1;\n\nselect\n  nonsense;\n")
    assert failure is not None
    assert failure.display_name == (
        '20250101000000_a.sql, line 5 (statement 1: select nonsense): column "nonsense" does not exist (SQLSTATE 42703)'
    )


@pytest.mark.parametrize("text", ["select 1;\nselect pg_sleep(60);", "commit;\nselect pg_sleep(60);"])
def test_a_statement_that_waits_is_ended_and_named_by_file_and_line(twin: Twin, text: str) -> None:
    with pytest.raises(TargetError) as caught:
        apply(replace(twin, timeout_s=0.3), text)
    assert "20250101000000_a.sql, line 2 (statement 1: select pg_sleep(60)): It did not end within 0.3 s" in caught.value.message
    assert twin.database.value("select count(*) from pg_stat_activity where query like '%pg_sleep(60)' and state = 'active'") == 0


@pytest.mark.parametrize(("text", "name"), [("create table public.v (id int);\n\\! id", "\\!"), ("select 1 \\gexec", "\\gexec")])
def test_a_command_of_psql_is_named_and_nothing_of_the_file_applied(twin: Twin, text: str, name: str) -> None:
    failure = apply(twin, text)
    assert failure is not None
    assert f"has {name}, a command of psql, not SQL, so nothing of the file was run" in failure.display_name
    assert failure.line == text.count("\n") + 1
    assert relations(twin.database) == []
