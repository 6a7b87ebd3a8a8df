"""Runs a project's statements one at a time, each in a message of its own, none of them beyond a limit.

One message is one statement to the server, however this project's splitter and the server's parser may differ. A
statement that does not answer in time loses its session: a cancel alone can be caught by the statement itself.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from select import select
from typing import Any

import psycopg
from psycopg.pq import ExecStatus
from psycopg.pq.abc import PGconn, PGresult

from lib.clients.postgres.platform_statements import IS_PLATFORM, spell_statement
from lib.core.errors import DatabaseError, TargetError
from lib.transport.database import Database

KEPT_BYTES = 4 * 1024 * 1024
"""Bytes of text that are kept of one statement's answer: a thousand times what a test file prints."""


class StatementTimeout(TargetError):
    """A statement did not answer in time, and its session was ended."""


@dataclass(frozen=True, kw_only=True)
class Limit:
    """Until when a session's statements may run.

    database: whom to ask to end the session. timeout_s: what was allowed, for the message. until: by `time.monotonic`.
    """

    database: Database
    timeout_s: float
    until: float

    @staticmethod
    def after(database: Database, timeout_s: float) -> Limit:
        """Return the limit that ends so many seconds from now."""
        return Limit(database=database, timeout_s=timeout_s, until=time.monotonic() + timeout_s)


def run_statement(connection: psycopg.Connection[Any], statement: str, *, limit: Limit) -> list[str]:
    """Run one statement and return the text of each of its rows that has one column, up to KEPT_BYTES of them.

    Raises psycopg.Error for what the server refuses, StatementTimeout when it does not answer in time.
    """
    pgconn = connection.pgconn
    pgconn.send_query_params(spell_for(pgconn, statement).encode(), None)
    pgconn.set_single_row_mode()
    texts: list[str] = []
    kept, error = 0, None
    for result in read_results(pgconn, limit):
        if result.status == ExecStatus.FATAL_ERROR:
            error = error or psycopg.errors.error_from_result(result)
        elif result.nfields == 1 and kept < KEPT_BYTES:
            values = [result.get_value(row, 0) for row in range(result.ntuples)]
            texts += [value[:KEPT_BYTES].decode("utf-8", "replace") for value in values if value is not None]
            kept += sum(map(len, filter(None, values)))
    if error:
        raise error
    return texts


def spell_for(pgconn: PGconn, statement: str) -> str:
    """Return a statement as the server takes it: the embedded platform lacks the library that hosted has."""
    spelled = spell_statement(statement)
    return spelled if spelled != statement and is_platform(pgconn) else statement


def is_platform(pgconn: PGconn) -> bool:
    """Return whether a session's server is the embedded platform."""
    asked = pgconn.exec_(IS_PLATFORM.encode())
    return bool(asked.ntuples) and asked.get_value(0, 0) == b"t"


def read_results(pgconn: PGconn, limit: Limit) -> Iterator[PGresult]:
    """Yield the results of a statement that was sent, until there are no more; data for a client is refused or dropped."""
    while (result := next_result(pgconn, limit)) is not None:
        if result.status == ExecStatus.COPY_IN:
            pgconn.put_copy_end(b"there is no client that could send data")
        elif result.status == ExecStatus.COPY_OUT:
            drop_data(pgconn, limit)
        yield result


def next_result(pgconn: PGconn, limit: Limit) -> PGresult | None:
    """Return the next result, None at the end of a statement's. Raises StatementTimeout when none comes in time."""
    while pgconn.flush():
        wait_for(pgconn, limit, writing=True)
    while pgconn.is_busy():
        wait_for(pgconn, limit)
        pgconn.consume_input()
    return pgconn.get_result()


def drop_data(pgconn: PGconn, limit: Limit) -> None:
    """Read to its end what a copy sends to its client, and keep nothing of it."""
    while (size := pgconn.get_copy_data(1)[0]) >= 0:
        if size == 0:
            wait_for(pgconn, limit)
            pgconn.consume_input()


def wait_for(pgconn: PGconn, limit: Limit, *, writing: bool = False) -> None:
    """Wait until the server has something to say, or takes more. Raises StatementTimeout when the time is over."""
    sockets = [pgconn.socket]
    left = limit.until - time.monotonic()
    readable, writable, _ = select(sockets, sockets if writing else [], [], max(left, 0))
    if left <= 0 or not (readable or writable):
        end_session(pgconn, limit.database)
        raise StatementTimeout(
            f"It did not end within {limit.timeout_s:g} s, so its session was ended.",
            fix="Remove what waits in it, or allow it more time in params.",
        )


def end_session(pgconn: PGconn, database: Database) -> None:
    """End a session from outside, as its own role may; a server that is gone has ended it already."""
    pid = pgconn.backend_pid
    pgconn.finish()
    try:
        database.value("select pg_catalog.pg_terminate_backend(:pid)", pid=pid)
    except DatabaseError:
        return
