"""How far a dump or a restore has come, while another program makes it: the server counts the rows of each COPY under way."""

from __future__ import annotations

import contextvars
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field

from lib.clients.postgres.digests import PIECE_BYTES, TableDigest
from lib.core.errors import DatabaseError
from lib.core.under_way import under_way
from lib.transport.database import Database, read_query

LOOK_EVERY_S = 0.5
"""Seconds between two questions to the server; one takes it a millisecond."""


@dataclass(kw_only=True)
class CopyProgress:
    """What was copied of each table so far. tables: label -> rows and bytes of the tables to copy."""

    tables: Mapping[str, tuple[int, int]]
    shares: dict[str, float] = field(default_factory=dict)

    def take(self, under_way: Mapping[str, int]) -> float:
        """Return how many bytes more are copied, by the rows of each COPY that is under way now.

        A table whose COPY was under way and is not any more is done.
        """
        before = self.copied
        for label in self.shares.keys() - under_way.keys():
            self.shares[label] = 1.0
        for label in self.tables.keys() & under_way.keys():
            share = min(1.0, under_way[label] / self.tables[label][0])
            self.shares[label] = max(share, self.shares.get(label, 0.0))
        return self.copied - before

    @property
    def copied(self) -> float:
        return sum(share * self.tables[label][1] for label, share in self.shares.items())


@contextmanager
def telling_copies(database: Database, what: str, tables: Sequence[TableDigest]) -> Iterator[None]:
    """Say of the rows that another program copies out of a database, or into it, how far that is, while this lasts.

    what: a few words, such as `dumping rows`. database: as the role that the program logs in as, whose sessions it may watch.
    tables: all that are copied. Of less than one piece nothing is said, and nothing is asked: it takes no second.
    """
    progress = CopyProgress(tables={one.label: (one.rows, one.size_bytes) for one in tables if one.kind == "r" and one.rows})
    total = sum(size for _, size in progress.tables.values())
    if total < PIECE_BYTES:
        yield
        return
    ended = threading.Event()
    context = contextvars.copy_context()  # who listens is known by it
    watcher = threading.Thread(target=context.run, args=(watch, database, what, total, progress, ended), daemon=True)
    watcher.start()
    try:
        yield
    finally:
        ended.set()
        watcher.join()


def watch(database: Database, what: str, total: int, progress: CopyProgress, ended: threading.Event) -> None:
    """Ask how far the copies are until it is over; where the server can't be asked, nothing is said."""
    query = read_query(__package__, "copies")
    with suppress(DatabaseError), under_way(what, total) as done, database.connect(autocommit=True) as connection:
        while not ended.wait(LOOK_EVERY_S):
            done(progress.take({row["label"]: row["rows"] for row in connection.execute(query)}))
