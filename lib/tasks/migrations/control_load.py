"""The control of a migration's locks and waits: the same kind of statement at the same moment, on a table nobody touches."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial

import psycopg

from lib.core.background import Background
from lib.core.busyness import Control, ControlRecord, Round
from lib.transport.database import KeptSession

PAUSE_S = 0.01
"""Seconds between two of the control's statements: it is there to be held up, not to add work."""

TABLE = "create temporary table if not exists untouched as select 1 as number"
STATEMENTS = (
    "select * from pg_temp.untouched limit 1",
    "update pg_temp.untouched set number = number where ctid = (select ctid from pg_temp.untouched limit 1)",
    "do $$ begin lock table pg_temp.untouched in access exclusive mode; end $$",
)
"""What the reader, the writer and a migration's lock do, on a table that nobody else touches."""


@dataclass(kw_only=True)
class ControlWorker:
    """The same statements on a table of its own, in another database: whatever holds them up is not the migration."""

    connection: psycopg.Connection
    rounds: list[Round] = field(default_factory=list)
    began: float = 0.0

    def run(self, stop: threading.Event) -> None:
        number = 0
        while not stop.is_set():
            self.began = time.monotonic()
            self.connection.execute(STATEMENTS[number % len(STATEMENTS)])
            ended = time.monotonic()
            self.rounds.append(Round(begin_s=self.began, end_s=ended, late_s=ended - self.began, lost=0.0))
            number += 1
            stop.wait(PAUSE_S)

    def record(self) -> ControlRecord:
        """Return how long each statement took, the one that has not ended yet among them."""
        now = time.monotonic()
        is_open = bool(self.began) and (not self.rounds or self.rounds[-1].begin_s < self.began)
        still = [Round(begin_s=self.began, end_s=now, late_s=now - self.began, lost=0.0)] if is_open else []
        return ControlRecord([*self.rounds, *still])


@contextmanager
def untouched_work(session: KeptSession) -> Iterator[ControlWorker]:
    """Yield the control, at work in a session of the server's own database, idle otherwise. Raises what ended it."""
    stop = threading.Event()
    connection = session.open()
    connection.execute(TABLE)
    worker = ControlWorker(connection=connection)
    thread = Background(partial(worker.run, stop), name="control-statement")
    thread.start()
    try:
        yield worker
    finally:
        stop.set()
        thread.finish()


@dataclass(frozen=True, kw_only=True)
class Controls:
    """Both controls of one file: sleeps and work of this machine, and statements on an untouched table."""

    clock: ControlRecord
    statement: ControlRecord

    def within(self, begin_s: float, end_s: float) -> Control:
        """Return what the two met in a stretch of time: the later of them, and the share of time lost."""
        clock, statement = self.clock.within(begin_s, end_s), self.statement.within(begin_s, end_s)
        return Control(late_s=max(clock.late_s, statement.late_s), lost=clock.lost)
