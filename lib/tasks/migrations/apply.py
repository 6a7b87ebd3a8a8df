"""Applying one migration file to a twin, statement by statement, as the Supabase CLI's push would.

The CLI sends a file in one pipeline without a `begin`: all of it is one implicit transaction, in which
`savepoint` fails, and `lock table` as the first statement (before 18 as any). This module does the same, but
reads the answer to each statement before it sends the next one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import psycopg
from psycopg.pq import ConnStatus, ExecStatus
from psycopg.pq.abc import PGconn

from lib.clients.postgres.bounded import Limit, StatementTimeout, is_platform, next_result, run_statement
from lib.clients.postgres.client_commands import find_client_command
from lib.clients.postgres.platform_statements import spell_statement
from lib.clients.postgres.statements import Statement
from lib.clients.postgres.twin import Twin
from lib.clients.supabase.migration_files import MigrationFile
from lib.core.errors import TargetError
from lib.core.redact import redact


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
    def display_name(self) -> str:
        """The failure as one clause: file, line, statement, SQLSTATE, the server's sentence."""
        return (
            f"{self.file}, line {self.line} (statement {self.index}: {self.statement}): "
            f"{self.said} (SQLSTATE {self.sqlstate or 'unknown'})"
        )


class NothingWatched:
    """A follower of a file being applied that records nothing."""

    def before(self, statement: Statement) -> None:
        """Called right before each statement."""

    def after(self, statement: Statement) -> None:
        """Called right after each statement that succeeded, inside the file's transaction."""


def apply_file(
    twin: Twin, file: MigrationFile, *, watch: Callable[[psycopg.Connection[Any]], NothingWatched] | None = None
) -> ApplyFailure | None:
    """Apply one file in one implicit transaction, or statement by statement when it can't be held in one.

    watch: given the connection, returns the follower. Each file gets a fresh connection, because the CLI
    resets its own. Returns where the file failed, or None; what a failing transaction did is undone.
    """
    if refusal := refuse_file(file):
        return refusal
    with twin.connect_as_launcher() as connection:
        follower = watch(connection) if watch else NothingWatched()
        statements = file.statements
        at = statements[0] if statements else Statement(index=0, text="", line=1, words=())
        way = implicit_transaction if file.fits_one_transaction else one_by_one
        try:
            with way(connection, twin) as execute:
                for at in statements:
                    follower.before(at)
                    execute(at.text)
                    follower.after(at)
        except psycopg.Error as exc:
            return read_failure(file, at, exc)
        except StatementTimeout as exc:
            raise too_slow(file, at, exc) from exc
    return None


def refuse_file(file: MigrationFile) -> ApplyFailure | None:
    """Return why nothing of a file is run: something in it is not SQL; None when all of it is."""
    found = find_client_command(file.text)
    if found is None:
        return None
    before = [one for one in file.statements if one.line <= found.line]
    return ApplyFailure(
        file=file.name,
        index=before[-1].index if before else 0,
        statement=found.name,
        line=found.line,
        sqlstate=psycopg.errors.SyntaxError.sqlstate,
        said=f"{found.account}, so nothing of the file was run",
    )


def too_slow(file: MigrationFile, statement: Statement, exc: StatementTimeout) -> TargetError:
    """Return the error for a statement of a file that did not end in time."""
    where = f"{file.name}, line {statement.line} (statement {statement.index}: {redact(statement.summary)})"
    return TargetError(f"{where}: {exc.message}", fix=exc.fix)


@contextmanager
def one_by_one(connection: psycopg.Connection[Any], twin: Twin) -> Iterator[Callable[[str], None]]:
    """Yield what executes a statement by itself, committed at once."""

    def execute(statement: str) -> None:
        run_statement(connection, statement, limit=Limit.after(twin.launcher, twin.timeout_s))

    yield execute


@contextmanager
def implicit_transaction(connection: psycopg.Connection[Any], twin: Twin) -> Iterator[Callable[[str], None]]:
    """Yield what executes a statement in one pipeline; it is committed at the end, and undone by any error."""
    pgconn = connection.pgconn
    spell = spell_statement if is_platform(pgconn) else str
    pgconn.enter_pipeline_mode()

    def execute(statement: str) -> None:
        pgconn.send_query_params(spell(statement).encode(), None)
        pgconn.send_flush_request()
        read_pipeline(pgconn, Limit.after(twin.launcher, twin.timeout_s), until_sync=False)

    def end() -> None:
        # What ends the transaction: a commit, or after an error the end of what is skipped.
        pgconn.pipeline_sync()
        read_pipeline(pgconn, Limit.after(twin.launcher, twin.timeout_s), until_sync=True)

    try:
        try:
            yield execute
        except StatementTimeout:
            raise  # its session is gone
        except BaseException:
            end()
            raise
        else:
            end()
    finally:
        if pgconn.status == ConnStatus.OK:
            pgconn.exit_pipeline_mode()


def read_pipeline(pgconn: PGconn, limit: Limit, *, until_sync: bool) -> None:
    """Read a pipeline's results: those of one statement, or all until its sync. Raises what the server refused."""
    error: psycopg.Error | None = None
    empty = 0
    # A statement's results end with an empty one; an error before the sync may leave one or two of them.
    while empty < (2 if until_sync else 1):
        result = next_result(pgconn, limit)
        if result is None:
            empty += 1
        elif result.status == ExecStatus.PIPELINE_SYNC:
            break
        elif result.status == ExecStatus.FATAL_ERROR:
            error = psycopg.errors.error_from_result(result)
    if error:
        raise error


def read_failure(file: MigrationFile, statement: Statement, exc: psycopg.Error) -> ApplyFailure:
    """Return what the server said of a statement, with the line of the file it points at."""
    position = exc.diag.statement_position
    offset = statement.text.count("\n", 0, int(position) - 1) if position else 0
    said = exc.diag.message_primary or str(exc).partition("\n")[0]
    return ApplyFailure(
        file=file.name,
        index=statement.index,
        statement=redact(statement.summary),
        line=statement.line + offset,
        sqlstate=exc.sqlstate,
        said=redact(said),
    )
