"""The database connections of the app: a few, kept open, replaced when they break."""

from __future__ import annotations

import queue
from collections.abc import Iterable, Sequence
from typing import Any

import psycopg
from psycopg.rows import dict_row

MOST_IDLE = 4
"""Connections kept open between requests; more are opened when more requests come at once."""
CONNECT_TIMEOUT_S = 3
STATEMENT_TIMEOUT_MS = 3000
"""A tile that takes longer is an error to its viewer anyway."""

TOO_NEW = (psycopg.errors.UndefinedTable, psycopg.errors.UndefinedColumn, psycopg.errors.UndefinedFunction)
"""What a query meets that was written for a newer schema than the database has."""


class Pool:
    """Connections to the idea pool; every request borrows one."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.idle: queue.LifoQueue[psycopg.Connection[dict[str, Any]]] = queue.LifoQueue(MOST_IDLE)

    def warm_up(self, tiles: Iterable[Sequence[str]]) -> None:
        """Ask for each tile once, so that the first user waits for no connection; a database that is away is met later."""
        try:
            for queries in tiles:
                self.rows(queries)
        except psycopg.Error:
            return

    def rows(self, queries: Sequence[str]) -> list[dict[str, Any]]:
        """Return the rows of the first query that this database's schema knows.

        Raises psycopg.Error when the database does not answer, or knows none of them.
        """
        for place, query in enumerate(queries):
            try:
                return self.ask(query)
            except TOO_NEW:
                if place == len(queries) - 1:
                    raise
        return []

    def ask(self, query: str) -> list[dict[str, Any]]:
        """Return the rows of one query; a connection that broke while idle is replaced once."""
        connection = self.borrow()
        try:
            found = connection.execute(query).fetchall()
        except psycopg.OperationalError:
            connection.close()
            connection = self.open()
            found = connection.execute(query).fetchall()
        finally:
            self.give_back(connection)
        return found

    def borrow(self) -> psycopg.Connection[dict[str, Any]]:
        try:
            return self.idle.get_nowait()
        except queue.Empty:
            return self.open()

    def give_back(self, connection: psycopg.Connection[dict[str, Any]]) -> None:
        try:
            if not connection.closed:
                self.idle.put_nowait(connection)
        except queue.Full:
            connection.close()

    def open(self) -> psycopg.Connection[dict[str, Any]]:
        return psycopg.connect(
            self.url,
            autocommit=True,
            row_factory=dict_row,
            connect_timeout=CONNECT_TIMEOUT_S,
            application_name="idea-board",
            options=f"-c statement_timeout={STATEMENT_TIMEOUT_MS} -c default_transaction_read_only=on",
        )
