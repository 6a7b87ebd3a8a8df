"""A database as it was one release ago: the pack's migrations up to one of them, and the seed."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

from lib.clients.postgres.bounded import Limit, run_statement
from lib.clients.postgres.statements import split_statements
from lib.core.errors import TargetError
from lib.core.pack_files import list_files, read_text_file
from lib.embedded.postgres.server import EmbeddedPostgres
from lib.transport.database import Database

NAME = "previous_schema"


def make_previous_schema(server: EmbeddedPostgres, pack: Path, *, newest: str, timeout_s: float) -> Database | None:
    """Return a new database on the server with the migrations up to `newest`, seeded where the seed fits.

    timeout_s: the longest that one file may take.
    None when the pack has no migration of that version, or one can't be read or does not apply.
    """
    try:
        files = [path for path in list_files(pack / "supabase/migrations", root=pack, pattern="*.sql") if is_older(path, newest)]
        texts = [read_text_file(path, root=pack) for path in files]
    except TargetError:
        return None  # the migrations task reports what is wrong with a file
    if newest not in map(version_of, files):
        return None
    database = server.create_hosted_database(NAME)
    try:
        for text in texts:
            apply_text(database, text, timeout_s=timeout_s)
    except TargetError:
        server.drop_database(NAME)  # and what is wrong with a migration
        return None
    # A seed may use columns that only the newest migrations add; the smoke calls then report an empty database.
    with suppress(TargetError):
        apply_text(database, read_text_file(pack / "supabase/seed.sql", root=pack), timeout_s=timeout_s)
    return database


def version_of(path: Path) -> str:
    """Return the version of a migration."""
    return path.name.partition("_")[0]


def is_older(path: Path, newest: str) -> bool:
    """Return whether a migration is of this version or an earlier one."""
    return version_of(path) <= newest


def apply_text(database: Database, text: str, *, timeout_s: float) -> None:
    """Run a whole file in one transaction. Raises DatabaseError, or StatementTimeout when it takes too long."""
    limit = Limit.after(database, timeout_s)
    statements = split_statements(text)
    alone = any(one.is_transaction_control or one.is_concurrent for one in statements)
    with database.connect(autocommit=True) as connection:
        for step in [*([] if alone else ["begin"]), *(one.text for one in statements), *([] if alone else ["commit"])]:
            run_statement(connection, step, limit=limit)
