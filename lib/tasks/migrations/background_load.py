"""A reader and a writer that use a database's tables while something else changes them."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial

import psycopg

from lib.core.background import Background
from lib.core.errors import DatabaseError
from lib.transport.database import KeptSession

PAUSE_S = 0.002
"""Seconds between two statements: short, and the server's two cores stay free for what is measured."""

READY_TIMEOUT_S = 30
"""Seconds for both workers to have run their first statement; a few milliseconds are usual."""


@dataclass(frozen=True, kw_only=True)
class WorkTable:
    """A table with rows: how SQL spells it, its oid, and a column that may be set to itself."""

    name: str
    oid: int
    column: str


@dataclass(kw_only=True)
class Worker:
    """One of the two, working in its own thread.

    current: the statement now running, as (its number, the table); read by others while it runs. started: when it began,
    by `time.monotonic`.
    durations_ms: how long each marked statement took, by its number.
    """

    sort: str
    connection: psycopg.Connection
    tables: Sequence[WorkTable]
    current: tuple[int, WorkTable] | None = None
    started: float = 0.0
    marked: set[int] = field(default_factory=set)
    durations_ms: dict[int, float] = field(default_factory=dict)
    statements: int = 0
    refused: dict[str, int] = field(default_factory=dict)
    ready: threading.Event = field(default_factory=threading.Event)

    @property
    def pid(self) -> int:
        return self.connection.info.backend_pid

    def run(self, stop: threading.Event) -> None:
        """Use one table after the other until `stop` is set; count what the server refused."""
        try:
            self.work(stop)
        finally:
            self.ready.set()  # nobody may wait for a worker that broke

    def work(self, stop: threading.Event) -> None:
        while not stop.is_set():
            table = self.tables[self.statements % len(self.tables)]
            number = self.statements
            started = time.perf_counter()
            self.started, self.current = time.monotonic(), (number, table)
            try:
                self.connection.execute(work_sql(self.sort, table))
            except psycopg.Error as exc:
                key = f"{table.name}: {exc.sqlstate or type(exc).__name__}"
                self.refused[key] = self.refused.get(key, 0) + 1
                if self.connection.broken:
                    break
            if number in self.marked:
                self.durations_ms[number] = (time.perf_counter() - started) * 1000
            self.current = None
            self.statements += 1
            self.ready.set()
            stop.wait(PAUSE_S)


def work_sql(sort: str, table: WorkTable) -> str:
    """Return the reader's or the writer's statement for one table: one row, in its own transaction."""
    if sort == "reader":
        return f"select * from {table.name} limit 1"
    row = f"select ctid from {table.name} limit 1"
    return f"update {table.name} set {table.column} = {table.column} where ctid = ({row})"


SORTS = ("reader", "writer")

FRESH = "reset all; set session_replication_role = replica"
"""Triggers may do anything, and one that always fires may have left a setting behind: only waits for a lock are measured."""


@contextmanager
def background_work(sessions: Sequence[KeptSession], tables: Sequence[WorkTable]) -> Iterator[list[Worker]]:
    """Yield a reader and a writer working on these tables, each past its first statement; none without tables.

    sessions: one for each, idle when this begins and when it ends.
    """
    if not tables:
        yield []
        return
    stop = threading.Event()
    workers = [Worker(sort=sort, connection=one.open(), tables=tables) for sort, one in zip(SORTS, sessions, strict=True)]
    threads = [Background(partial(worker.run, stop), name=worker.sort) for worker in workers]
    try:
        for worker, thread in zip(workers, threads, strict=True):
            worker.connection.execute(FRESH)
            thread.start()
        for worker in workers:
            if not worker.ready.wait(READY_TIMEOUT_S):
                raise DatabaseError(
                    f"The {worker.sort} that works beside the migration did not get through one statement in "
                    f"{READY_TIMEOUT_S} s.",
                    fix=f"Check who holds a lock on {', '.join(table.name for table in tables)}.",
                )
        yield workers
    finally:
        stop.set()
        for thread in threads:
            thread.finish()
