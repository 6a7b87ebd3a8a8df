"""The pack's seed files: which exist, what the CLI recorded about them, and what applying them again changes.

The CLI runs a seed file once. When the file changes later, it only records the new hash and reports success.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import lru_cache
from pathlib import Path
from typing import Any

import psycopg
from psycopg.pq import TransactionStatus
from psycopg.rows import DictRow

from lib.clients.postgres.bounded import Limit, StatementTimeout, run_statement
from lib.clients.postgres.client_commands import ClientCommand, find_client_command, require_sql
from lib.clients.postgres.digests import TableDigest, digest_tables, pin_settings
from lib.clients.postgres.statements import Statement, split_statements
from lib.clients.postgres.transactions import find_escape, leave_out_own
from lib.clients.postgres.twin import Twin
from lib.clients.supabase.project_config import read_config, read_section
from lib.core.errors import DatabaseError, TargetError
from lib.core.pack_files import decode_text, list_files, read_file
from lib.core.redact import redact
from lib.transport.database import Database, read_query

LEAVE_TRANSACTIONS = "Leave transactions to the Supabase CLI, which applies the file as one."

DEFAULT_PATTERNS = ("./seed.sql",)
"""The default when config.toml names no files (supabase CLI 2 and 3)."""


@dataclass(frozen=True, kw_only=True)
class SeedFile:
    """One seed file; `path` is as the CLI records it, from the pack's root."""

    path: str
    sha256: str
    text: str


def find_seed_files(pack: Path) -> list[SeedFile]:
    """Return the pack's seed files in the order the CLI runs them.

    Raises TargetError when seeding is switched off, a pattern matches no file, or the config can't be read:
    the CLI continues without an error in these cases.
    """
    supabase = pack / "supabase"
    found: dict[str, Path] = {}
    for pattern in read_patterns(pack):
        paths = match_files(supabase, pattern.removeprefix("./"), root=pack)
        if not paths:
            raise TargetError(
                f"No seed file matches '{pattern}' in {pack.name}/supabase, which the CLI ignores without an error.",
                fix="Add the file, or correct sql_paths under [db.seed] in supabase/config.toml.",
            )
        found.update({f"supabase/{path.relative_to(supabase).as_posix()}": path for path in paths})
    return [read_seed_file(name, path, root=pack) for name, path in found.items()]


def match_files(folder: Path, pattern: str, *, root: Path) -> list[Path]:
    """Return what a pattern below a folder of the project names, by name. Raises TargetError as `list_files` does."""
    literal, _, name = pattern.rpartition("/")
    if not {"*", "?", "["} & set(literal):
        return list_files(folder / literal, root=root, pattern=name)
    every = list_files(folder, root=root, recursive=True)
    return [path for path in every if is_match(path.relative_to(folder).parts, tuple(pattern.split("/")))]


@lru_cache(maxsize=100_000)
def is_match(parts: tuple[str, ...], wanted: tuple[str, ...]) -> bool:
    """Return whether a path is what a pattern names, part by part; `**` is any number of folders."""
    if not wanted or not parts:
        return not parts and not set(wanted) - {"**"}
    if wanted[0] == "**":
        return is_match(parts, wanted[1:]) or is_match(parts[1:], wanted)
    return fnmatchcase(parts[0], wanted[0]) and is_match(parts[1:], wanted[1:])


def check_seed(pack: Path) -> None:
    """Raise TargetError for a seed file that can't be read as SQL; no file at all is fine."""
    config = read_config(pack)
    if read_section(config, "db", "seed").get("enabled", True) is True:
        patterns, supabase = read_patterns(pack), pack / "supabase"
        for path in [path for one in patterns for path in match_files(supabase, one.removeprefix("./"), root=pack)]:
            name = path.relative_to(pack).as_posix()
            require_sql(name, read_seed_file(name, path, root=pack).text)


def find_client_commands(files: Sequence[SeedFile]) -> list[tuple[str, ClientCommand]]:
    """Return, by path, the first place of each seed file that is not SQL."""
    found = ((file.path, find_client_command(file.text)) for file in files)
    return [(path, command) for path, command in found if command is not None]


def load_seed(twin: Twin, pack: Path, *, timeout_s: float) -> str:
    """Load the pack's seed files into a twin, each as one transaction; return what went wrong, or ''.

    timeout_s: the longest one file may take.
    """
    try:
        files = find_seed_files(pack)
        for file in files:
            require_sql(file.path, file.text)
        for file in files:
            load_file(twin, file, timeout_s=timeout_s)
    except TargetError as exc:
        return exc.message.rstrip(".")
    return ""


def load_fixtures(twin: Twin, pack: Path, *, timeout_s: float, may_lack: bool) -> str:
    """Load the pack's seed files as `load_seed` does. may_lack: a project that names rows of its own needs no seed file."""
    return "" if may_lack and lacks_seed(pack) else load_seed(twin, pack, timeout_s=timeout_s)


def lacks_seed(pack: Path) -> bool:
    """Return whether the project has no seed at all: config.toml names none, and the default file is missing or blank."""
    seed = read_section(read_config(pack), "db", "seed")
    if seed.get("enabled", True) is not True:
        return True
    if seed.get("sql_paths", list(DEFAULT_PATTERNS)) != list(DEFAULT_PATTERNS):
        return seed.get("sql_paths") == []
    path = pack / "supabase" / "seed.sql"
    return not path.exists() and not path.is_symlink()


def load_file(twin: Twin, file: SeedFile, *, timeout_s: float) -> None:
    """Run one seed file as the launch, in one transaction unless it has its own. Raises TargetError naming its line."""
    statements = split_statements(file.text)
    is_whole = find_escape(statements, may_keep=True) is None
    chosen = leave_out_own(statements) if is_whole else statements
    limit = Limit.after(twin.launcher, timeout_s)
    with twin.connect_as_launcher() as connection:
        if is_whole:
            connection.execute("begin")
        run_each(connection, file, chosen, limit=limit)
        connection.commit()


def run_each(connection: psycopg.Connection[Any], file: SeedFile, statements: Sequence[Statement], *, limit: Limit) -> None:
    """Run statements of a seed file in turn. Raises DatabaseError with the line of the one that the server refused."""
    for one in statements:
        try:
            run_statement(connection, one.text, limit=limit)
        except psycopg.Error as exc:
            said = redact(exc.diag.message_primary or str(exc).partition("\n")[0])
            raise DatabaseError(
                f"{file.path}, line {one.line}: {said} (SQLSTATE {exc.sqlstate or 'unknown'}).", sqlstate=exc.sqlstate
            ) from exc
        except StatementTimeout as exc:
            raise TargetError(f"{file.path}, line {one.line}: {exc.message}", fix=exc.fix) from exc


def read_patterns(pack: Path) -> list[str]:
    """Return the patterns of [db.seed], relative to supabase/. Raises TargetError."""
    seed = read_section(read_config(pack), "db", "seed")
    if seed.get("enabled", True) is not True:
        raise TargetError("Seeding is switched off in supabase/config.toml.", fix="Set enabled = true under [db.seed].")
    said = seed.get("sql_paths", list(DEFAULT_PATTERNS))
    patterns = [str(pattern) for pattern in said] if isinstance(said, list) else []
    if not patterns or any(Path(pattern).is_absolute() or ".." in Path(pattern).parts for pattern in patterns):
        raise TargetError(
            "sql_paths under [db.seed] must name files below supabase/.", fix="Correct sql_paths in supabase/config.toml."
        )
    return patterns


def read_seed_file(name: str, path: Path, *, root: Path) -> SeedFile:
    """Return one file with its hash as the CLI computes it. Raises TargetError for what is no file, or no text."""
    content = read_file(path, root=root)
    return SeedFile(path=name, sha256=hashlib.sha256(content).hexdigest(), text=decode_text(content, name))


def read_recorded(database: Database) -> dict[str, str]:
    """Return path -> sha256 of each seed file recorded as applied; empty when none is."""
    if not database.value("select to_regclass('supabase_migrations.seed_files') is not null"):
        return {}
    return {row["path"]: row["hash"] for row in database.rows(read_query(__package__, "seed_files"))}


@dataclass(frozen=True, kw_only=True)
class Reapplied:
    """The tables before, after the seed's statements ran once more, and after they ran a third time.

    again: None when running once more changed nothing. undone: whether all of it was rolled back.
    """

    before: tuple[TableDigest, ...]
    once: tuple[TableDigest, ...]
    again: tuple[TableDigest, ...] | None
    undone: bool


def reapply(database: Database, files: Sequence[SeedFile], schemas: Sequence[str], *, timeout_s: float) -> Reapplied:
    """Really run the files' statements again, in one transaction that is rolled back, and see what they change.

    Raises DatabaseError when a statement fails, or a constraint that is checked late, and TargetError for a file that is
    not run again at all: it would leave the transaction, or not all of it is SQL.
    """
    for file in files:
        require_sql(file.path, file.text)
    if escapes := find_escapes(files):
        raise TargetError(f"{'; '.join(escapes)}. No file was run again.", fix=LEAVE_TRANSACTIONS)
    with database.connect() as connection:
        before = digest_now(connection, schemas, timeout_s=timeout_s)
        limit = Limit.after(database, timeout_s)
        undone = run_files(connection, files, limit=limit)
        once = digest_now(connection, schemas, timeout_s=timeout_s)
        again = None
        if figures_of(once) != figures_of(before):
            undone = run_files(connection, files, limit=limit) and undone
            again = digest_now(connection, schemas, timeout_s=timeout_s)
        connection.rollback()
    return Reapplied(before=before, once=once, again=again, undone=undone)


def find_escapes(files: Sequence[SeedFile]) -> list[str]:
    """Return how files would leave a transaction that is rolled back afterwards, each with its path."""
    found = ((file.path, find_escape(split_statements(file.text), may_keep=True)) for file in files)
    return [f"{path}: {escape}" for path, escape in found if escape]


def run_files(connection: psycopg.Connection[DictRow], files: Sequence[SeedFile], *, limit: Limit) -> bool:
    """Run every file, deferred constraints too; return whether the transaction is still the one it was."""
    marker = "select pg_current_xact_id()::text as id"
    before = connection.execute(marker).fetchone()
    for file in files:
        run_each(connection, file, leave_out_own(split_statements(file.text)), limit=limit)
    if connection.info.transaction_status is TransactionStatus.INTRANS:
        connection.execute("set constraints all immediate")
    return connection.execute(marker).fetchone() == before


def digest_now(connection: psycopg.Connection[DictRow], schemas: Sequence[str], *, timeout_s: float) -> tuple[TableDigest, ...]:
    """Return the tables as the open transaction sees them, its settings left as they were."""
    with connection.transaction(force_rollback=True):
        pin_settings(connection, timeout_s=timeout_s)
        return tuple(digest_tables(connection, schemas))


def figures_of(tables: Sequence[TableDigest]) -> dict[str, tuple[int | None, str]]:
    """Return table -> (rows, digest)."""
    return {table.label: (table.rows, table.digest) for table in tables}
