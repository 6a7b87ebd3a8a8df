"""Rows that a project's own seed lacks, for trials: `seed.rehearsal_rows` of params names the file.

They are never applied to a live target. The trial of row level security adds them inside its own transaction, which is rolled
back; a rehearsal of migrations adds them to a scratch database. A project without any seed leaves an embedded database empty:
that one is filled with them once, after the migrations.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from functools import partial
from pathlib import Path

import psycopg
from psycopg.rows import DictRow

from lib.clients.postgres.bounded import Limit
from lib.clients.postgres.client_commands import require_sql
from lib.clients.postgres.statements import split_statements
from lib.clients.postgres.twin import Twin
from lib.clients.supabase.seed_files import SeedFile, load_file, read_seed_file, run_each
from lib.core.errors import TargetError
from lib.transport.database import Database

STATE = "select pg_catalog.pg_current_xact_id()::text as id, current_user::text as name"

LOADED = "rehearsal_rows_are_loaded"
"""File in a run's private folder: the rows are in the embedded database, so that no trial adds them again."""

FIX_CONTROL = "Leave it out: the file is run inside a transaction that is rolled back."


def read_rows(pack: Path, path: str) -> SeedFile | None:
    """Return the file of rows, by its path from the project's root; None where no path is given.

    Raises TargetError for a file that can't be read, is not all SQL, or has a word that opens or ends a transaction.
    """
    if not path:
        return None
    if Path(path).is_absolute() or ".." in Path(path).parts:
        raise TargetError(f"seed.rehearsal_rows is {path}, which is not a file below the project.", fix="Name one below it.")
    return check_rows(read_seed_file(path, pack / path, root=pack))


def rows_of_text(text: str, *, path: str) -> SeedFile:
    """Return rows that are not in a file yet. Raises TargetError as `read_rows` does."""
    return check_rows(SeedFile(path=path, sha256=hashlib.sha256(text.encode()).hexdigest(), text=text))


def check_rows(file: SeedFile) -> SeedFile:
    """Return the file. Raises TargetError unless all of it is SQL that leaves the transaction alone."""
    require_sql(file.path, file.text)
    for one in split_statements(file.text):
        if one.is_transaction_control or one.is_never_held or one.words[:2] == ("prepare", "transaction"):
            word = one.words[0].upper()
            raise TargetError(f"{file.path}: line {one.line} has {word}, so nothing of it was run.", fix=FIX_CONTROL)
    return file


def rows_to_add(
    pack: Path, path: str, database: Database, *, timeout_s: float, work: Path | None = None
) -> Callable[[psycopg.Connection[DictRow]], None] | None:
    """Return what adds the rows inside a transaction of this scratch or embedded database; None without such a file.

    work: the run's private folder, which says whether they are there already; None: they are not.
    Raises TargetError as `read_rows` does.
    """
    if work is not None and (work / LOADED).exists():
        return None
    file = read_rows(pack, path)
    return partial(add_rows, file=file, database=database, timeout_s=timeout_s) if file else None


def add_rows(connection: psycopg.Connection[DictRow], *, file: SeedFile, database: Database, timeout_s: float) -> None:
    """Add the rows in the open transaction, which stays open and the same.

    Raises DatabaseError naming the line that the server refused, TargetError when it takes too long, or when the file
    left the transaction or the role.
    """
    before = connection.execute(STATE).fetchone()
    run_each(connection, file, split_statements(file.text), limit=Limit.after(database, timeout_s))
    if connection.execute(STATE).fetchone() != before:
        raise TargetError(f"{file.path} left its transaction or its role, so nothing was tried.", fix=FIX_CONTROL)


def fill_embedded(database: Database, pack: Path, path: str, *, work: Path, timeout_s: float) -> None:
    """Put the rows into an embedded database for good, and say so in the run's private folder.

    Raises TargetError as `read_rows` and `add_rows` do; then none of them is there.
    """
    add = rows_to_add(pack, path, database, timeout_s=timeout_s)
    if add is None:
        return
    with database.connect() as connection, connection.transaction():
        add(connection)
    (work / LOADED).touch()


def load_rows(twin: Twin, pack: Path, path: str, *, timeout_s: float) -> str:
    """Load the rows into a twin after the seed; return what went wrong, or ''. timeout_s: the longest it may take."""
    try:
        file = read_rows(pack, path)
        if file is not None:
            load_file(twin, file, timeout_s=timeout_s)
    except TargetError as exc:
        return exc.message.rstrip(".")
    return ""
