"""The project's own pgTAP tests: each file sent to the server statement by statement, in a transaction that is rolled back.

No program that reads commands of its own ever sees a file. What is not SQL, or would end the transaction, is named
before anything of the file runs.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
from psycopg.pq import TransactionStatus

from lib.clients.postgres.advisory_lock import TRY_TRIAL_LOCK, wait_for_trials
from lib.clients.postgres.bounded import Limit, StatementTimeout, run_statement
from lib.clients.postgres.client_commands import find_client_command
from lib.clients.postgres.statements import Statement, split_statements
from lib.clients.postgres.transactions import find_escape, leave_out_own
from lib.core.errors import TargetError
from lib.core.pack_files import list_files, read_text_file
from lib.core.redact import redact
from lib.tasks.rls.tap_output import TapFile, TapRun, read_run
from lib.transport.database import Database, quote_name, read_query

FOLDER = Path("supabase", "tests")
PATTERNS = ("*.sql", "*.pg")
"""What `supabase test db` runs. Source: https://supabase.com/docs/reference/cli/supabase-test-db"""

FILE_TIMEOUT_S = 120.0
"""Seconds one file may take in total; hundreds of policy tests need about one."""

LOCK_TIMEOUT_MS = 2000
"""Milliseconds a statement waits for a lock: a test has the place to itself."""

COUNTED = "select pg_catalog.pg_sequence_last_value(pg_catalog.to_regclass('pg_temp.__tresults___numb_seq'))::text"
"""pgTAP's own number of the newest test; null before the first. Source: pgtap--1.3.5.sql, `add_result`."""
FAILED = "select value::text from pg_temp.__tcache__ where label = 'failed'"
"""How many tests pgTAP itself found failing, those still to do left out. Source: the same."""
UNCOUNTED_WORDS = frozenset({"runtests", "check_test"})
"""Functions of pgTAP that start its counting again, or remove it."""


def find_test_files(pack: Path) -> list[Path]:
    """Return the pack's pgTAP files by path. Raises TargetError when their folder can't be read."""
    return list_files(pack / FOLDER, root=pack, pattern=PATTERNS, recursive=True)


def run_test_files(
    database: Database, pack: Path, *, statement_timeout_s: float, file_timeout_s: float = FILE_TIMEOUT_S
) -> Iterator[TapFile]:
    """Run each file against the database and yield its outcome.

    database: as a role that is no superuser. statement_timeout_s: longest one statement of a file may take, in seconds.
    Raises TargetError when no test could be run at all: a file can't be read, the server has no pgTAP, or does not answer.
    """
    texts = {path.relative_to(pack).as_posix(): read_text_file(path, root=pack) for path in find_test_files(pack)}
    opening = [f"set local statement_timeout = {round(statement_timeout_s * 1000)}", *open_pgtap(database)]
    for name, text in texts.items():
        yield refuse_file(name, text) or read_run(name, run_test_file(database, name, text, opening, timeout_s=file_timeout_s))


def refuse_file(name: str, text: str) -> TapFile | None:
    """Return why nothing of a file is run, None when all of it may be."""
    if command := find_client_command(text):
        return TapFile(path=name, problem=f"{command.account}, so it was not run", fix=(command.fix,))
    if escape := find_escape(split_statements(text)):
        return TapFile(path=name, problem=f"{escape}, so it was not run")
    return None


def open_pgtap(database: Database) -> list[str]:
    """Return the SQL that makes pgTAP usable inside a transaction. Raises TargetError when it can't be."""
    found = database.rows(read_query(__package__, "pgtap_extension"))[0]
    schema = found["installed_in"] or ("extensions" if found["has_extensions"] else "public")
    if found["installed_in"] is None and not found["is_available"]:
        raise TargetError(
            f"The server of {database.display_name} has no pgTAP, so no policy test can run.",
            fix="Install the extension pgtap on the server, or enable it in the project's dashboard.",
        )
    create = [] if found["installed_in"] else [f"create extension pgtap with schema {quote_name(schema)}"]
    beyond = "" if schema in ("public", "extensions") else f", {quote_name(schema)}"
    path = f'set local search_path = "$user", public, extensions{beyond}'
    return [f"set local lock_timeout = {LOCK_TIMEOUT_MS}", *create, path]


def run_test_file(database: Database, name: str, text: str, opening: list[str], *, timeout_s: float) -> TapRun:
    """Run one file in its own transaction and roll it back, once no trial of the database's roles is under way."""
    run = TapRun()
    with database.connect(autocommit=True) as connection:
        connection.add_notice_handler(lambda diagnostic: run.note(diagnostic.message_primary or ""))
        wait_for_trials(lambda: begin_alone(connection))
        started = time.monotonic()
        limit = Limit.after(database, timeout_s)
        try:
            for step in opening:
                run_statement(connection, step, limit=limit)
            own = transaction_of(connection, limit)
            for statement in leave_out_own(split_statements(text)):
                run_step(connection, statement, name, run, limit)
                if run.error:
                    break
            else:
                run.has_left = transaction_of(connection, limit) != own
                read_failed(connection, run, limit)
        except StatementTimeout as exc:
            run.error, run.fix = exc.message.removeprefix("It ").rstrip("."), exc.fix
        finally:
            if not connection.closed:
                connection.rollback()
    run.duration_s = time.monotonic() - started
    return run


def begin_alone(connection: psycopg.Connection[Any]) -> bool:
    """Begin the transaction anew, and return whether no trial of the database is under way beside it."""
    connection.rollback()
    connection.execute("begin")
    row = connection.execute(TRY_TRIAL_LOCK).fetchone()
    return row is not None and row["taken"] == "true"


def run_step(connection: psycopg.Connection[Any], statement: Statement, name: str, run: TapRun, limit: Limit) -> None:
    """Run one statement of a file, and note what it printed and how many tests pgTAP counted meanwhile."""
    try:
        run.print(run_statement(connection, statement.text, limit=limit))
        run.count(read_number(connection, COUNTED, limit), is_known=UNCOUNTED_WORDS.isdisjoint(statement.words))
    except psycopg.Error as exc:
        run.error = format_error(name, statement, exc)


def read_number(connection: psycopg.Connection[Any], query: str, limit: Limit) -> int:
    """Return the number that a query answers, 0 for none."""
    return int(next(iter(run_statement(connection, query, limit=limit)), 0))


def read_failed(connection: psycopg.Connection[Any], run: TapRun, limit: Limit) -> None:
    """Note how many tests pgTAP found failing, unless it has not counted, or not all."""
    if not run.last or run.counted is None:
        return
    try:
        run.failed = read_number(connection, FAILED, limit)
    except (psycopg.Error, ValueError):
        run.error = "pgTAP's own table of results is not there any more"


def transaction_of(connection: psycopg.Connection[Any], limit: Limit) -> str:
    """Return which transaction a session is in, '' for none."""
    if connection.info.transaction_status is not TransactionStatus.INTRANS:
        return ""
    return "".join(run_statement(connection, "select pg_catalog.pg_current_xact_id()::text", limit=limit))


def format_error(name: str, statement: Statement, exc: psycopg.Error) -> str:
    """Return what the server said of a statement, with the line it points at."""
    position = exc.diag.statement_position
    offset = statement.text.count("\n", 0, int(position) - 1) if position else 0
    said = exc.diag.message_primary or str(exc).partition("\n")[0] or "the session ended"
    return redact(f"{name}:{statement.line + offset}: {said}")
