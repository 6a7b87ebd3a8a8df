"""A twin is like its target, runs as the launch does, and is gone afterwards."""

from __future__ import annotations

from pathlib import Path

import pytest

from lib.clients.postgres.schema import compare_schemas, read_schema
from lib.clients.postgres.twin import clone_twin, make_twin, run_postgres
from lib.core.errors import CommandError, DatabaseError
from lib.embedded.postgres.server import EmbeddedPostgres
from lib.transport.database import Database

TARGET = """
create schema private;
revoke usage on schema public from anon;
create extension citext with schema public;
create table public.notes (id uuid primary key, owner uuid references auth.users (id), word public.citext);
alter table public.notes enable row level security;
create policy notes_own on public.notes for select to authenticated using (owner = auth.uid());
create function private.greet() returns trigger language plpgsql as 'begin return new; end';
create trigger on_user after insert on auth.users for each row execute function private.greet();
alter publication supabase_realtime add table public.notes;
insert into auth.users (id) values (gen_random_uuid());
insert into public.notes select gen_random_uuid(), id, 'a' from auth.users;
"""
SCHEMAS = ["public", "private"]


@pytest.fixture
def scratch(postgres_server: EmbeddedPostgres) -> Database:
    return postgres_server.database("postgres", role="supabase_admin")


@pytest.fixture
def target(hosted_database: Database) -> Database:
    with hosted_database.connect() as connection:
        connection.execute(TARGET)
    return hosted_database


@pytest.fixture
def place(postgres_server: EmbeddedPostgres, scratch: Database, target: Database, tmp_path: Path) -> dict:
    return {
        "target": target,
        "scratch": scratch,
        "schemas": SCHEMAS,
        "postgres_bin": postgres_server.bin_dir,
        "work": tmp_path,
        "timeout_s": 60,
    }


def twins(scratch: Database) -> list[str]:
    return [row["datname"] for row in scratch.rows("select datname from pg_database where datname like 'twin%'")]


def test_a_twin_has_every_object_of_its_target_and_no_row(place: dict, target: Database) -> None:
    with make_twin(**place) as twin:
        assert compare_schemas(read_schema(target, [*SCHEMAS, "auth"]), read_schema(twin.database, [*SCHEMAS, "auth"])) == []
        assert twin.missing == ()
        assert twin.database.value("select count(*) from public.notes") == 0


def test_a_twin_is_dropped_whatever_happens(place: dict, scratch: Database) -> None:
    with pytest.raises(ZeroDivisionError), make_twin(**place) as twin, clone_twin(twin):
        assert len(twins(scratch)) == 2
        raise ZeroDivisionError
    assert twins(scratch) == []


def test_a_clone_changes_nothing_in_the_first(place: dict) -> None:
    with make_twin(**place) as twin, clone_twin(twin) as clone:
        with clone.connect_as_launcher() as connection:
            connection.execute("drop table public.notes")
        assert twin.database.value("select to_regclass('public.notes') is not null")


def test_a_twin_lets_the_launch_do_no_more_than_the_target_does(place: dict) -> None:
    with make_twin(**place) as twin:
        with twin.connect_as_launcher() as connection:
            assert connection.execute("select current_user::text as who").fetchone() == {"who": "postgres"}
        with pytest.raises(DatabaseError), twin.connect_as_launcher() as connection:
            connection.execute("alter system set work_mem = '1MB'")


def test_an_empty_twin_is_a_fresh_project(place: dict) -> None:
    with make_twin(**place, empty=True) as twin:
        assert twin.database.value("select to_regclass('public.notes') is null")
        assert twin.database.value("select to_regclass('auth.users') is not null")


def test_what_the_twin_could_not_have_is_named(place: dict, target: Database) -> None:
    with target.connect() as connection:
        connection.execute("create schema other; create type other.mood as enum ('a')")
        connection.execute("create table public.moody (m other.mood)")
    with make_twin(**place) as twin:
        assert any('schema "other" does not exist' in line for line in twin.missing)
        assert twin.database.value("select to_regclass('public.notes') is not null")


def test_a_target_that_can_not_be_dumped_is_an_error(place: dict, scratch: Database) -> None:
    with pytest.raises(CommandError, match="pg_dump could not read"):
        run_postgres(place["postgres_bin"] / "pg_dump", scratch.named("not_there"), ["-f", place["work"] / "x"], 30)


def test_a_twin_has_the_queues_and_the_names_of_secrets_but_no_message_and_no_secret(place: dict, target: Database) -> None:
    with target.connect() as connection:
        connection.execute("create extension pgmq; create extension pg_cron")
        connection.execute(
            "select pgmq.create('jobs'); select pgmq.send('jobs', '{\"a\": 1}'); select pgmq.create_unlogged('fast')"
        )
        connection.execute("select vault.create_secret('hidden-value', 'hook_key')")
        connection.execute("select cron.schedule('nightly', '0 3 * * *', 'select 1')")
    with make_twin(**place) as twin:
        assert twin.missing == ()
        launcher = twin.launcher
        assert [row["name"] for row in launcher.rows("select queue_name as name from pgmq.meta order by 1")] == ["fast", "jobs"]
        assert launcher.value("select count(*) from pgmq.q_jobs") == 0
        assert launcher.value("select pgmq.send('jobs', '{}')") == 1  # as the launch may on the target
        assert launcher.rows("select name, decrypted_secret as value from vault.decrypted_secrets") == [
            {"name": "hook_key", "value": "hook_key"}
        ]
        assert launcher.value("select count(*) from cron.job") == 0
