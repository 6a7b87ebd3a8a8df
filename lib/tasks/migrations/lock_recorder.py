"""What each migration did while it was applied: time, every table lock, and who had to wait for it.

A second connection reads the server's locks every few milliseconds and once after each statement, while the
file's transaction still holds what the statement took, so that no short lock is missed.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from typing import Any

import psycopg

from lib.clients.postgres.statements import Statement
from lib.clients.postgres.twin import Twin
from lib.clients.supabase.migration_files import MigrationFile
from lib.core.background import Background
from lib.tasks.migrations.apply import NothingWatched, apply_file
from lib.tasks.migrations.background_load import Worker, WorkTable, background_work
from lib.tasks.migrations.control_load import Controls, untouched_work
from lib.tasks.migrations.patience import read_patience
from lib.tasks.migrations.recordings import Lock, Recording, Wait
from lib.tasks.migrations.work_tables import count_rows, read_tables
from lib.transport.control import ControlClock
from lib.transport.database import KeptSession, as_database_error, read_query

SAMPLE_EVERY_S = 0.004
"""Seconds between two samples of the locks; one sample takes a fraction of a millisecond."""

BLOCKS = {
    "reader": {"AccessExclusiveLock"},
    "writer": {"ShareLock", "ShareRowExclusiveLock", "ExclusiveLock", "AccessExclusiveLock"},
}
"""Table locks that a plain SELECT or UPDATE must wait for.

Source: https://www.postgresql.org/docs/current/explicit-locking.html#LOCKING-TABLES
"""


@dataclass(kw_only=True)
class OpenLock:
    """A lock being followed: times by the recorder's clock, in seconds; began, ended: the same by `time.monotonic`."""

    oid: int
    mode: str
    statement: Statement
    since: float
    began: float
    until: float | None = None
    ended: float | None = None


@dataclass(kw_only=True)
class SeenWait:
    """A background statement seen waiting for the migration."""

    worker: Worker
    number: int
    table: WorkTable
    statement: Statement
    at: float
    began: float


class Recorder(NothingWatched):
    """Follows one file being applied: records its locks and who waits, on a clock that stops while it samples."""

    def __init__(self, watched: psycopg.Connection[Any], observer: psycopg.Connection[Any], workers: list[Worker]) -> None:
        self.pid = watched.info.backend_pid
        self.observer = observer
        self.workers = workers
        self.locks: list[OpenLock] = []
        self.waits: dict[tuple[str, int], SeenWait] = {}
        self.statement: Statement | None = None
        self.paused_s = 0.0
        self.last_sample = time.perf_counter()
        self.last_seen = time.monotonic()
        self.turn = threading.Lock()

    def clock(self) -> float:
        """Return seconds, without those that the migration was paused for sampling."""
        return time.perf_counter() - self.paused_s

    def before(self, statement: Statement) -> None:
        self.statement = statement
        self.last_sample, self.last_seen = self.clock(), time.monotonic()

    def after(self, statement: Statement) -> None:
        started = time.perf_counter()
        with self.turn:
            self._sample(self.clock())
            self.paused_s += time.perf_counter() - started

    def sample(self) -> None:
        """Take one sample, from the sampling thread."""
        with self.turn:
            if self.statement is not None:
                self._sample(self.clock())

    def finish(self) -> None:
        """Close what is still open: the file's transaction has ended by now."""
        with self.turn:
            self._release(set(), self.clock())
            self.statement = None

    def _sample(self, now: float) -> None:
        query = read_query(__package__, "locks")
        seen = self.observer.execute(query, {"watched": self.pid, "others": [worker.pid for worker in self.workers]}).fetchall()
        held = {(row["oid"], row["mode"]) for row in seen if row["pid"] == self.pid}
        assert self.statement is not None
        self._release(held, now)
        known = {(lock.oid, lock.mode) for lock in self.locks if lock.until is None}
        for oid, mode in sorted(held - known):
            # It was not there in the last sample, so it can't have been held longer than since then.
            self.locks.append(
                OpenLock(oid=oid, mode=mode, statement=self.statement, since=self.last_sample, began=self.last_seen)
            )
        for row in seen:
            if row["pid"] != self.pid and self.pid in (row["blockers"] or ()):
                self._note_wait(row["pid"], now)
        self.last_sample, self.last_seen = now, time.monotonic()

    def _release(self, held: set[tuple[int, str]], now: float) -> None:
        for lock in self.locks:
            if lock.until is None and (lock.oid, lock.mode) not in held:
                lock.until, lock.ended = now, time.monotonic()

    def _note_wait(self, pid: int, now: float) -> None:
        worker = next(worker for worker in self.workers if worker.pid == pid)
        current = worker.current
        if current is not None and self.statement is not None:
            number, table = current
            worker.marked.add(number)
            seen = SeenWait(worker=worker, number=number, table=table, statement=self.statement, at=now, began=worker.started)
            self.waits.setdefault((worker.sort, number), seen)


@dataclass(frozen=True, kw_only=True)
class RecordingSessions:
    """What is beside the files while they are applied, one after the other: who observes, who works, and the control."""

    twin: Twin
    observer: KeptSession
    workers: tuple[KeptSession, KeptSession]
    control: KeptSession


@contextmanager
def open_sessions(twin: Twin) -> Iterator[RecordingSessions]:
    """Yield the sessions that record files applied to a twin; they end with the `with`."""
    with ExitStack() as stack:
        observer, reader, writer, control = (
            stack.enter_context(KeptSession(one))
            for one in (twin.database, twin.worker, twin.worker, twin.database.named("postgres"))
        )
        yield RecordingSessions(twin=twin, observer=observer, workers=(reader, writer), control=control)


def record_locks(sessions: RecordingSessions, file: MigrationFile, *, scale: int) -> Recording:
    """Apply one file to the twin and record its locks, while a reader and a writer use every table with rows."""
    recorders: list[Recorder] = []
    twin, observer = sessions.twin, sessions.observer.open()
    with as_database_error(twin.database):
        tables = read_tables(observer)
        rows = count_rows(observer, tables)
        busy = [
            WorkTable(name=row["name"], oid=oid, column=row["column"])
            for oid, row in tables.items()
            if rows[oid] and row["column"]
        ]
        with (
            background_work(sessions.workers, busy) as workers,
            untouched_work(sessions.control) as untouched,
            ControlClock() as clock,
        ):
            began = time.monotonic()

            def follow(connection: psycopg.Connection[Any]) -> Recorder:
                recorders.append(Recorder(connection, observer, workers))
                return recorders[0]

            with sampling(recorders):
                started = time.perf_counter()
                failure = apply_file(twin, file, watch=follow)
                recorder = recorders[0]
                elapsed = time.perf_counter() - started - recorder.paused_s
                recorder.finish()
            controls, ended = Controls(clock=clock.record(), statement=untouched.record()), time.monotonic()
        made = read_tables(observer, known=tables)
    locks = [
        replace(
            read_lock(lock, {**tables, **made}, rows, made, controls),
            patience_s=read_patience(file.statements, lock.statement.index, twin.settings.get("lock_timeout", "0")),
        )
        for lock in recorder.locks
        if lock.oid in {**tables, **made}
    ]
    return Recording(
        migration=file.name,
        scale=scale,
        time_ms=elapsed * 1000,
        failure=failure,
        locks=tuple(locks),
        waits=tuple(read_wait(seen, recorder.locks, controls) for seen in recorder.waits.values()),
        tables_with_rows=len(busy),
        background=sum(worker.statements for worker in workers),
        refused={f"{worker.sort} on {key}": count for worker in workers for key, count in worker.refused.items()},
        control=controls.within(began, ended),
    )


@contextmanager
def sampling(recorders: list[Recorder]) -> Iterator[None]:
    """Sample the locks every few milliseconds while inside, from its own thread."""
    stop = threading.Event()

    def run() -> None:
        while not stop.wait(SAMPLE_EVERY_S):
            for recorder in recorders:
                recorder.sample()

    thread = Background(run, name="lock-sampler")
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.finish()


def read_lock(
    lock: OpenLock,
    tables: Mapping[int, Mapping[str, Any]],
    rows: Mapping[int, int],
    made: Mapping[int, Any],
    controls: Controls,
) -> Lock:
    """Return a followed lock as it is reported."""
    return Lock(
        table=tables[lock.oid]["name"],
        mode=lock.mode.removesuffix("Lock"),
        index=lock.statement.index,
        line=lock.statement.line,
        held_ms=((lock.until or lock.since) - lock.since) * 1000,
        rows=rows.get(lock.oid, 0),
        is_new=lock.oid in made,
        control=controls.within(lock.began, lock.ended or lock.began),
    )


def read_wait(seen: SeenWait, locks: list[OpenLock], controls: Controls) -> Wait:
    """Return a wait with the statement whose lock caused it: the first that blocks such a worker.

    A wait for a row instead of the table is attributed to the first statement that wrote to the table.
    """
    here = [lock for lock in locks if lock.oid == seen.table.oid and lock.since <= seen.at]
    blocking = [lock for lock in here if lock.mode in BLOCKS[seen.worker.sort]]
    writing = [lock for lock in here if lock.mode == "RowExclusiveLock"]
    cause = next(iter(blocking or writing), None)
    statement = cause.statement if cause else seen.statement
    waited_ms = seen.worker.durations_ms.get(seen.number, 0.0)
    return Wait(
        worker=seen.worker.sort,
        table=seen.table.name,
        waited_ms=waited_ms,
        index=statement.index,
        line=statement.line,
        control=controls.within(seen.began, seen.began + waited_ms / 1000),
    )
