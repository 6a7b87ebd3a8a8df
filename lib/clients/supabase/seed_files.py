"""The pack's seed files: which exist, what the CLI recorded about them, and what applying them again changes.

The CLI runs a seed file once. When the file changes later, it only records the new hash and reports success.
"""

from __future__ import annotations

import hashlib
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import psycopg
from psycopg.pq import TransactionStatus
from psycopg.rows import DictRow

from lib.clients.postgres.digests import TableDigest, digest_tables, pin_settings
from lib.clients.postgres.twin import Twin
from lib.core.errors import TargetError
from lib.core.redact import redact
from lib.transport.database import Database, read_query
from lib.transport.process import run_command

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
    for pattern in read_patterns(supabase / "config.toml"):
        paths = sorted(path for path in supabase.glob(pattern.removeprefix("./")) if path.is_file())
        if not paths:
            raise TargetError(
                f"No seed file matches '{pattern}' in {pack.name}/supabase, which the CLI ignores without an error.",
                fix="Add the file, or correct sql_paths under [db.seed] in supabase/config.toml.",
            )
        found.update({f"supabase/{path.relative_to(supabase).as_posix()}": path for path in paths})
    return [read_seed_file(name, path) for name, path in found.items()]


def load_seed(twin: Twin, pack: Path, *, postgres_bin: Path, timeout_s: float) -> str:
    """Load the pack's seed files into a twin, each as one transaction; return what went wrong, or ''."""
    try:
        files = find_seed_files(pack)
    except TargetError as exc:
        return exc.message.rstrip(".")
    for path in [pack / file.path for file in files]:
        settings = ["-v", "ON_ERROR_STOP=1", "-v", "VERBOSITY=verbose"]
        flags: list[str | Path] = ["-X", "-q", *settings, "-1", "-c", twin.launcher_script, "-f", path]
        run = run_command([postgres_bin / "psql", *flags], env=twin.database.libpq_environment, timeout_s=timeout_s)
        if run.exit_code != 0:
            said = next((line for line in run.stderr.splitlines() if "ERROR" in line), "psql gave no reason")
            return redact(f"{path.name} could not be loaded: {said.partition('ERROR: ')[2].strip() or said}")
    return ""


def read_patterns(config: Path) -> list[str]:
    """Return the patterns of [db.seed], relative to supabase/. Raises TargetError."""
    if not config.exists():
        return list(DEFAULT_PATTERNS)
    try:
        seed = tomllib.loads(config.read_text(encoding="utf-8")).get("db", {}).get("seed", {})
    except (OSError, ValueError) as exc:
        raise TargetError(f"supabase/config.toml can't be read: {exc}.", fix="Correct that line.") from exc
    if seed.get("enabled", True) is not True:
        raise TargetError("Seeding is switched off in supabase/config.toml.", fix="Set enabled = true under [db.seed].")
    patterns = [str(pattern) for pattern in seed.get("sql_paths", DEFAULT_PATTERNS)]
    if not patterns or any(Path(pattern).is_absolute() for pattern in patterns):
        raise TargetError(
            "sql_paths under [db.seed] must name files below supabase/.", fix="Correct sql_paths in supabase/config.toml."
        )
    return patterns


def read_seed_file(name: str, path: Path) -> SeedFile:
    """Return one file with its hash as the CLI computes it."""
    content = path.read_bytes()
    return SeedFile(path=name, sha256=hashlib.sha256(content).hexdigest(), text=content.decode("utf-8", "replace"))


def read_recorded(database: Database) -> dict[str, str]:
    """Return path -> sha256 of each seed file recorded as applied; empty when none is."""
    if not database.value("select to_regclass('supabase_migrations.seed_files') is not null"):
        return {}
    return {row["path"]: row["hash"] for row in database.rows(read_query(__package__, "seed_files"))}


@dataclass(frozen=True, kw_only=True)
class Reapplied:
    """The tables before, after the seed's statements ran once more, and after they ran a third time.

    again: None when running once more changed nothing. undone: whether all of it was rolled back; a file with
    its own COMMIT can't be.
    """

    before: tuple[TableDigest, ...]
    once: tuple[TableDigest, ...]
    again: tuple[TableDigest, ...] | None
    undone: bool


def reapply(database: Database, files: Sequence[SeedFile], schemas: Sequence[str], *, timeout_s: float) -> Reapplied:
    """Really run the files' statements again, in one transaction that is rolled back, and see what they change.

    Raises DatabaseError when a statement fails, or a constraint that is checked late.
    """
    with database.connect() as connection:
        before = digest_now(connection, schemas, timeout_s=timeout_s)
        undone = run_files(connection, files, timeout_s=timeout_s)
        once = digest_now(connection, schemas, timeout_s=timeout_s)
        again = None
        if figures_of(once) != figures_of(before):
            undone = run_files(connection, files, timeout_s=timeout_s) and undone
            again = digest_now(connection, schemas, timeout_s=timeout_s)
        connection.rollback()
    return Reapplied(before=before, once=once, again=again, undone=undone)


def run_files(connection: psycopg.Connection[DictRow], files: Sequence[SeedFile], *, timeout_s: float) -> bool:
    """Run every file, deferred constraints too; return whether the transaction is still the one it was."""
    marker = "select pg_current_xact_id()::text as id"
    before = connection.execute(marker).fetchone()
    connection.execute("select set_config('statement_timeout', %s, true)", [str(round(timeout_s * 1000))])
    for file in files:
        connection.execute(file.text, prepare=False)
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
