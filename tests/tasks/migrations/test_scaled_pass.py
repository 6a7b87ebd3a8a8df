"""Files recorded one after the other: what is asked of the servers does not grow with the tables that are there."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest

from lib.clients.postgres.fidelity import Fidelity
from lib.clients.postgres.twin import Twin
from lib.clients.supabase.migration_files import MigrationFile, MigrationSet
from lib.core.results import Outcome
from lib.embedded.postgres.server import EmbeddedPostgres
from lib.tasks.migrations import rehearsal
from lib.tasks.migrations.judge_rehearsal import judge_rollbacks
from lib.tasks.migrations.lock_recorder import open_sessions, record_locks
from lib.tasks.migrations.rehearsal import Rehearsal, apply_in_turn
from lib.tasks.migrations.scale_rows import RowScaler, mark_seeding, read_reference
from lib.tasks.migrations.scaled_pass import Period, record_in_turn
from lib.tasks.migrations.work_tables import count_rows, read_tables
from lib.transport.database import Database

TABLE = "create table public.{name} (id bigint primary key, body text);"


@pytest.fixture
def twin(postgres_server: EmbeddedPostgres, hosted_database: Database) -> Twin:
    database = postgres_server.database(hosted_database.name, role="supabase_admin")
    return Twin(database=database, role="postgres", search_path='"$user", public, extensions')


@pytest.fixture
def opened(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """Yield the names of the users that sessions were opened for, in order."""
    seen: list[str] = []
    connect = psycopg.connect

    def count(url: str, **options: Any) -> psycopg.Connection[Any]:
        seen.append(url.partition("//")[2].partition(":")[0])
        return connect(url, **options)

    monkeypatch.setattr(psycopg, "connect", count)
    yield seen


def file(number: int, text: str) -> MigrationFile:
    return MigrationFile(Path(f"{number:03d}_a.sql"), text)


def make_tables(twin: Twin, count: int, *, rows: int = 3) -> None:
    with twin.database.connect() as connection:
        for number in range(count):
            connection.execute(TABLE.format(name=f"t{number}"))
            connection.execute(f"insert into public.t{number} select n, 'x' from generate_series(1, {rows}) n")


def scaler_of(twin: Twin) -> RowScaler:
    return RowScaler(reference=read_reference(twin.worker, mark_seeding(twin.database)), twin=twin, scale=1)


@pytest.mark.parametrize("tables", [2, 12])
def test_a_further_file_opens_one_session_however_many_tables_there_are(twin: Twin, opened: list[str], tables: int) -> None:
    make_tables(twin, tables)
    with scaler_of(twin) as scaler:
        record_in_turn(twin, [file(1, "select 1;")], scaler, Period.of(60))
        opened.clear()
        record_in_turn(twin, [file(1, "select 1;")], scaler, Period.of(60))
        first = len(opened)
        opened.clear()
        record_in_turn(twin, [file(number, "select 1;") for number in range(5)], scaler, Period.of(60))
        assert len(opened) == first + 4
        assert opened.count("postgres") == 5  # the launch: a file begins with what a new session has


def test_nothing_is_read_of_the_schema_where_nothing_is_compared(twin: Twin, monkeypatch: pytest.MonkeyPatch) -> None:
    reads: list[int] = []
    read = rehearsal.read_schema
    monkeypatch.setattr(rehearsal, "read_schema", lambda *given: reads.append(1) or read(*given))
    files = [file(number, TABLE.format(name=f"t{number}")) for number in range(6)]
    none = apply_in_turn(twin, files, MigrationSet(files=tuple(files), unfit=(), rollbacks={}), ["public"])
    assert (len(reads), len(none.applied)) == (2, 6)
    assert {key for key in none.after.keys() - none.before.keys() if key.startswith("table ")} == {
        f"table public.t{number}" for number in range(6)
    }


def test_a_rollback_is_compared_with_what_was_there_before_its_own_file(twin: Twin) -> None:
    """Files without a rollback in between change the schema too."""
    files = [file(number, TABLE.format(name=f"t{number}")) for number in range(4)]
    rollbacks = {files[2].name: file(2, "drop table public.t2;"), files[3].name: file(3, "drop table public.t3, public.t1;")}
    tried = apply_in_turn(twin, files, MigrationSet(files=tuple(files), unfit=(), rollbacks=rollbacks), ["public"]).rollbacks
    assert [one.found for one in tried] == [False, False, True, True]
    assert (tried[2].differences, tried[2].failure) == ((), None)
    assert "table public.t1" in {one.object for one in tried[3].differences}


def test_a_table_is_counted_only_where_it_can_hold_a_row(twin: Twin) -> None:
    make_tables(twin, 1)
    with twin.database.connect() as connection:
        connection.execute("create table public.parted (id int) partition by range (id)")
        connection.execute("create table public.part partition of public.parted for values from (0) to (10)")
        connection.execute("insert into public.parted values (1), (2)")
        connection.execute("create table public.bare (id int); create materialized view public.seen as select 1 as one")
    with twin.database.connect() as connection:
        tables = read_tables(connection)
        rows = {row["name"]: count_rows(connection, tables)[oid] for oid, row in tables.items()}
        uncounted = {row["name"] for row in tables.values() if row["is_uncounted"]}
        assert {name: rows[f"public.{name}"] for name in ("t0", "parted", "part", "bare", "seen")} == {
            "t0": 3, "parted": 2, "part": 2, "bare": 0, "seen": 1,
        }  # fmt: skip
        assert "public.bare" not in uncounted
        exact = {name: connection.execute(f"select count(*) as n from {name}").fetchone()["n"] for name in rows}
        assert rows == exact
        assert read_tables(connection, known=tables) == {}


def test_sessions_that_are_kept_begin_each_file_as_new_ones(twin: Twin) -> None:
    """A trigger that always fires may change a session, and an administrator may end one."""
    make_tables(twin, 1)
    trap = """create function public.trap() returns trigger language plpgsql as
        $$ begin perform set_config('search_path', 'nowhere', false); return new; end $$;
        create trigger trap before update on public.t0 for each row execute function public.trap();
        alter table public.t0 enable always trigger trap; select pg_sleep(0.1);"""
    end = "select 1;"
    with open_sessions(twin) as sessions:
        record_locks(sessions, file(1, trap), scale=1)
        ended = [one.open().info.backend_pid for one in (*sessions.workers, sessions.control)]
        with twin.database.connect() as connection:
            for pid in ended:
                connection.execute("select pg_terminate_backend(%s, 5000)", [pid])
        for one in (*sessions.workers, sessions.control):
            with pytest.raises(psycopg.Error):
                one.open().execute("select 1")
        again = record_locks(sessions, file(2, end), scale=1)
        assert again.failure is None and again.background >= 2 and not again.refused
        assert not {one.open().info.backend_pid for one in (*sessions.workers, sessions.control)} & set(ended)


def test_files_whose_time_is_over_are_left_and_named(twin: Twin) -> None:
    make_tables(twin, 1)
    with scaler_of(twin) as scaler:
        recorded = record_in_turn(twin, [file(1, "select 1;"), file(2, "select 1;")], scaler, Period.of(-1))
    assert recorded == []


def test_rollbacks_whose_time_is_over_are_an_error_that_names_them(twin: Twin, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rehearsal, "ROLL_BACK_S", -1.0)
    files = [file(number, TABLE.format(name=f"t{number}")) for number in range(3)]
    rollbacks = {one.name: file(number, f"drop table public.t{number};") for number, one in enumerate(files)}
    first = apply_in_turn(twin, files, MigrationSet(files=tuple(files), unfit=(), rollbacks=rollbacks), ["public"])
    assert (len(first.applied), first.failure) == (3, None)
    seen = Rehearsal(
        files=first.applied, from_nothing=False, missing=(), target_before={}, target_has_rows=False, first=first,
        seed_problem="", scaled=(), twin=Fidelity(target_version="17.6", twin_version="17.6", compared={}, divergences=()),
    )  # fmt: skip
    (result,) = judge_rollbacks(seen, since="").results
    assert (result.outcome, result.observed, result.expected) == (Outcome.ERROR, 0, 3)
    assert "the time for it was over: 000_a.sql, 001_a.sql and 002_a.sql." in result.detail
