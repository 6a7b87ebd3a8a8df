"""Digests of a large database: several pieces of its tables are read at once, all under one snapshot.

The server reads and adds up; a piece answers with one row a table, so that memory does not grow with the rows.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, as_completed
from contextlib import ExitStack
from queue import SimpleQueue
from typing import Any

import psycopg
from psycopg.rows import DictRow

from lib.clients.postgres.digests import (
    TableDigest,
    add_rows,
    add_up_partitions,
    export_snapshot,
    open_reading,
    plan_statements,
    read_tables,
)
from lib.core.under_way import under_way
from lib.transport.database import Database, as_database_error


def digest_piecewise(
    database: Database,
    reading: psycopg.Connection[DictRow],
    schemas: Sequence[str],
    *,
    jobs: int,
    timeout_s: float,
) -> list[TableDigest]:
    """Return the same as `digest_tables`, read by up to `jobs` connections at once, and say meanwhile how far it is.

    reading: from `open_reading` on the database, one of these connections; the others see what it sees and are closed again.
    timeout_s: the longest one piece may take.
    """
    found = read_tables(reading, schemas)
    tables, statements = plan_statements(found)
    with ExitStack() as opened:
        free: SimpleQueue[psycopg.Connection[DictRow]] = SimpleQueue()
        free.put(reading)
        workers = min(jobs, len(statements))
        snapshot = export_snapshot(reading) if workers > 1 else None
        for _ in range(workers - 1):
            free.put(opened.enter_context(open_reading(database, snapshot=snapshot, timeout_s=timeout_s)))

        def ask(statement: str) -> list[DictRow]:
            connection = free.get()
            try:
                return connection.execute(statement).fetchall()
            finally:
                free.put(connection)

        pool = opened.enter_context(ThreadPoolExecutor(max(1, workers), thread_name_prefix="digest"))
        opened.callback(pool.shutdown, cancel_futures=True)  # first: what waits is not begun once a piece has failed
        with as_database_error(database), under_way("reading rows", sum(size for _, size in statements)) as done:
            sizes = {pool.submit(ask, statement): size for statement, size in statements}
            for one in as_completed(sizes):
                if one.exception() is not None:
                    raise first_failure(sizes)
                for row in one.result():
                    add_rows(tables, row)
                done(sizes[one])
    return add_up_partitions(found, tables)


def first_failure(asked: Iterable[Future[Any]]) -> BaseException:
    """Return why the first of some questions failed that have: the next one on its connection fails for it alone."""
    ended = (one.exception() for one in asked if one.done() and not one.cancelled())
    return next(why for why in ended if why is not None)
