"""Applying one migration file to a twin, statement by statement, as the Supabase CLI's push would."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import psycopg

from lib.redact import strike
from lib.targets.migration_files import MigrationFile
from lib.targets.statements import Statement
from lib.targets.twin import Twin


@dataclass(frozen=True, kw_only=True)
class ApplyFailure:
    """Where a file stopped: the statement's index from 0 and text, the line of the file, what the server said."""

    file: str
    index: int
    statement: str
    line: int
    sqlstate: str | None
    said: str

    @property
    def shown(self) -> str:
        """The failure as one clause: file, line, statement, SQLSTATE, the server's sentence."""
        return (
            f"{self.file}, line {self.line} (statement {self.index}: {self.statement}): "
            f"{self.said} (SQLSTATE {self.sqlstate or 'unknown'})"
        )


class NothingWatched:
    """Who follows a file being applied, and does nothing about it."""

    def before(self, statement: Statement) -> None:
        """Told right before each statement."""

    def after(self, statement: Statement) -> None:
        """Told right after each statement that went through, inside the file's transaction."""


def apply_file(
    twin: Twin, file: MigrationFile, *, watch: Callable[[psycopg.Connection[Any]], NothingWatched] | None = None
) -> ApplyFailure | None:
    """Apply one file in one transaction, or statement by statement when it can't be held in one.

    watch: given the connection, returns who follows. Each file gets a fresh connection, for the CLI
    resets its own. Returns where the file failed, or None; what a failing transaction did is undone.
    """
    with twin.connect_as_launcher() as connection:
        follower = watch(connection) if watch else NothingWatched()
        statements = file.statements
        at = statements[0] if statements else Statement(index=0, text="", line=1, words=())
        try:
            if file.fits_one_transaction:
                connection.execute("begin")
            for at in statements:
                follower.before(at)
                connection.execute(at.text)
                follower.after(at)
            if file.fits_one_transaction:
                connection.execute("commit")
        except psycopg.Error as exc:
            return read_failure(file, at, exc)
    return None


def read_failure(file: MigrationFile, statement: Statement, exc: psycopg.Error) -> ApplyFailure:
    """Return what the server said of a statement, with the line of the file it points at."""
    position = exc.diag.statement_position
    offset = statement.text.count("\n", 0, int(position) - 1) if position else 0
    said = exc.diag.message_primary or str(exc).partition("\n")[0]
    return ApplyFailure(
        file=file.name,
        index=statement.index,
        statement=strike(statement.summary),
        line=statement.line + offset,
        sqlstate=exc.sqlstate,
        said=strike(said),
    )
