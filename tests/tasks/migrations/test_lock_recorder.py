"""What a migration locks and whom it keeps waiting, seen on a real server."""

from __future__ import annotations

from pathlib import Path

import pytest

from lib.clients.postgres.twin import Twin
from lib.clients.supabase.migration_files import MigrationFile
from lib.embedded.postgres.server import EmbeddedPostgres
from lib.tasks.migrations.lock_recorder import open_sessions, record_locks
from lib.tasks.migrations.recordings import Recording
from lib.transport.database import Database

ROWS = "create table public.notes as select n as id, 'x' as body from generate_series(1, 100) n"


@pytest.fixture
def twin(postgres_server: EmbeddedPostgres, hosted_database: Database) -> Twin:
    with hosted_database.connect() as connection:
        connection.execute(ROWS)
    database = postgres_server.database(hosted_database.name, role="supabase_admin")
    return Twin(database=database, role="postgres", search_path='"$user", public, extensions')


def record(twin: Twin, text: str) -> Recording:
    with open_sessions(twin) as sessions:
        return record_locks(sessions, MigrationFile(Path("20250101_a.sql"), text), scale=1)


LOCK = "do $$ begin lock table public.notes in access exclusive mode; end $$;"


def locks(recording: Recording, table: str) -> set[str]:
    return {lock.mode for lock in recording.locks if lock.table == table}


def test_a_lock_too_short_to_be_sampled_is_seen(twin: Twin) -> None:
    recording = record(twin, "alter table public.notes add column more int;")
    (lock,) = [lock for lock in recording.locks if lock.mode == "AccessExclusive"]
    assert (lock.table, lock.rows, lock.is_new, lock.index, lock.line) == ("public.notes", 100, False, 0, 1)


def test_a_lock_is_held_until_the_file_commits(twin: Twin) -> None:
    recording = record(twin, "select 1;\nalter table public.notes add column more int;\nselect pg_sleep(0.2);")
    (lock,) = [lock for lock in recording.locks if lock.mode == "AccessExclusive"]
    assert lock.held_ms >= 200
    assert (lock.index, lock.line) == (1, 2)
    assert recording.time_ms >= 200


def test_a_lock_taken_last_was_not_held_for_what_came_before(twin: Twin) -> None:
    recording = record(twin, "select pg_sleep(0.3); alter table public.notes add column more int;")
    (lock,) = [lock for lock in recording.locks if lock.mode == "AccessExclusive"]
    assert lock.held_ms <= recording.time_ms - 300


def test_a_table_of_the_files_own_is_marked_as_new(twin: Twin) -> None:
    recording = record(twin, "create table public.fresh (id int); alter table public.fresh add column more int;")
    assert {lock.is_new for lock in recording.locks if lock.table == "public.fresh"} == {True}
    assert locks(recording, "public.notes") == set()


def test_a_reader_kept_out_names_the_statement(twin: Twin) -> None:
    recording = record(twin, f"select 1;\n{LOCK}\nselect pg_sleep(0.3);")
    by_worker = {wait.worker: wait for wait in recording.waits}
    assert set(by_worker) == {"reader", "writer"}
    assert {(wait.table, wait.index, wait.line) for wait in recording.waits} == {("public.notes", 1, 2)}
    assert by_worker["reader"].waited_ms > 100


def test_a_lock_that_lets_readers_pass_only_stops_the_writer(twin: Twin) -> None:
    recording = record(twin, "create index on public.notes (id); select pg_sleep(0.3);")
    assert {wait.worker for wait in recording.waits} == {"writer"}
    assert recording.background >= 2


def test_a_row_that_is_written_stops_who_writes_it_too(twin: Twin) -> None:
    recording = record(twin, "select 1;\nupdate public.notes set body = 'y';\nselect pg_sleep(0.3);")
    assert {(wait.worker, wait.index) for wait in recording.waits} == {("writer", 1)}


def test_nobody_waits_for_a_file_that_only_reads(twin: Twin) -> None:
    recording = record(twin, "select count(*) from public.notes; select pg_sleep(0.1);")
    assert recording.waits == ()
    assert recording.tables_with_rows == 1


def test_without_rows_nobody_is_at_work(twin: Twin) -> None:
    with twin.database.connect() as connection:
        connection.execute("truncate public.notes")
    recording = record(twin, "alter table public.notes add column more int")
    assert (recording.tables_with_rows, recording.background) == (0, 0)
    assert {lock.rows for lock in recording.locks} == {0}


def test_a_failing_file_says_where_and_is_undone(twin: Twin) -> None:
    recording = record(twin, "alter table public.notes add column more int;\n\nselect 1,\n  nonsense;")
    assert recording.failure is not None
    assert (recording.failure.index, recording.failure.line, recording.failure.sqlstate) == (1, 4, "42703")
    assert not twin.database.value(
        "select count(*) from information_schema.columns where table_name = 'notes' and column_name = 'more'"
    )


def test_a_file_runs_as_the_launch_and_not_as_the_superuser(twin: Twin) -> None:
    recording = record(twin, "alter role anon superuser")
    assert recording.failure is not None and recording.failure.sqlstate == "42501"


def test_concurrent_work_is_done_outside_a_transaction(twin: Twin) -> None:
    recording = record(twin, "create index concurrently notes_id on public.notes (id)")
    assert recording.failure is None
    assert recording.waits == ()


def test_a_worker_that_loses_its_table_is_counted(twin: Twin) -> None:
    recording = record(twin, "alter table public.notes rename to letters; commit; select pg_sleep(0.1)")
    assert any(key.startswith("reader on public.notes: 42P01") for key in recording.refused)
