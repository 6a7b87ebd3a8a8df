"""Files recorded one after the other: what is asked of the servers does not grow with the tables that are there."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from functools import wraps
from pathlib import Path
from typing import Any

import psycopg
import pytest

from lib.clients.postgres.fidelity import Fidelity
from lib.clients.postgres.twin import Twin, clone_twin
from lib.clients.supabase.migration_files import MigrationFile, MigrationSet
from lib.core.errors import TargetError
from lib.core.results import Outcome
from lib.embedded.postgres.server import EmbeddedPostgres
from lib.tasks.migrations import rehearsal, scaled_pass
from lib.tasks.migrations.apply import apply_file
from lib.tasks.migrations.judge_rehearsal import judge_rollbacks
from lib.tasks.migrations.lock_recorder import open_sessions, record_locks
from lib.tasks.migrations.rehearsal import Rehearsal, apply_in_turn
from lib.tasks.migrations.scale_rows import RowScaler, mark_seeding, read_reference
from lib.tasks.migrations.scaled_pass import Period, ScaledPass, apply_at_scales, record_in_turn
from lib.tasks.migrations.timing import TimeLimits
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
    read = rehearsal.read_schema_kept
    monkeypatch.setattr(rehearsal, "read_schema_kept", lambda *given: reads.append(1) or read(*given))
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


def run_scales(twin: Twin, files: Sequence[MigrationFile], scales: Sequence[int]) -> list[ScaledPass]:
    with clone_twin(twin) as source:
        for one in files:
            assert apply_file(source, one) is None
        marker = mark_seeding(source.database)
        with source.database.connect() as connection:
            connection.execute("insert into public.t0 (id, body) select n, 'x' from generate_series(1, 3) n")
        reference = read_reference(source.worker, marker)
        limits = TimeLimits(exclusive_ms=60_000, blocked_ms=60_000)
        return apply_at_scales(twin, files, reference, scales, limits, Period.of(120), rollbacks={})


def test_scales_beside_each_other_never_meet_while_a_file_is_recorded(twin: Twin, monkeypatch: pytest.MonkeyPatch) -> None:
    steps: set[str] = set()
    met: list[set[str]] = []

    def seen(name: str, step: Callable[..., Any]) -> Callable[..., Any]:
        @wraps(step)
        def follow(*given: Any, **named: Any) -> Any:
            mark = f"{name} {threading.get_ident()}"
            steps.add(mark)
            met.append(set(steps))
            try:
                return step(*given, **named)
            finally:
                met.append(set(steps))
                steps.discard(mark)

        return follow

    monkeypatch.setattr(scaled_pass, "record_locks", seen("record", scaled_pass.record_locks))
    monkeypatch.setattr(RowScaler, "top_up", seen("fill", RowScaler.top_up))
    monkeypatch.setattr(scaled_pass, "clone_twin", seen("clone", clone_twin))
    files = [file(0, TABLE.format(name="t0")), *(file(number, f"alter table public.t0 add c{number} int;") for number in (1, 2))]
    found = run_scales(twin, files, [1, 5, 20])
    assert [(one.scale, one.timed_out, len(one.recordings)) for one in found] == [(1, False, 3), (5, False, 3), (20, False, 3)]
    assert [sum(fill.rows for fill in one.fills) for one in found] == [3, 15, 60]
    assert not any(recording.failure for one in found for recording in one.recordings)
    assert all(len(some) == 1 for some in met if any(mark.startswith("record") for mark in some))
    assert len({mark for some in met for mark in some if mark.startswith("record")}) == 2  # two threads took turns


def test_files_that_change_what_a_server_has_once_are_applied_one_scale_after_the_other(
    twin: Twin, monkeypatch: pytest.MonkeyPatch
) -> None:
    order: list[int] = []
    record = scaled_pass.record_locks

    def follow(sessions: Any, one: MigrationFile, *, scale: int) -> Any:
        order.append(scale)
        return record(sessions, one, scale=scale)

    monkeypatch.setattr(scaled_pass, "record_locks", follow)
    files = [
        file(0, TABLE.format(name="t0")),
        file(1, "do $$ begin create role launch_test_role; end $$;"),
        file(2, "drop role launch_test_role;"),
    ]
    found = run_scales(twin, files, [1, 5])
    assert order == [1, 1, 1, 5, 5, 5]
    assert not any(recording.failure for one in found for recording in one.recordings)


def test_a_pass_that_breaks_ends_the_one_beside_it(twin: Twin, monkeypatch: pytest.MonkeyPatch) -> None:
    record = scaled_pass.record_locks

    def break_small(sessions: Any, one: MigrationFile, *, scale: int) -> Any:
        if scale == 1:
            raise TargetError("It did not end in time.")
        return record(sessions, one, scale=scale)

    monkeypatch.setattr(scaled_pass, "record_locks", break_small)
    before = twin.database.rows("select datname from pg_database order by 1")
    with pytest.raises(TargetError, match="It did not end in time"):
        run_scales(twin, [file(0, TABLE.format(name="t0"))], [1, 5])
    assert twin.database.rows("select datname from pg_database order by 1") == before
