"""The history of a database's migrations, as the Supabase CLI keeps it in supabase_migrations."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from lib.clients.postgres.platform_statements import as_written
from lib.clients.postgres.statements import canonical_statements
from lib.clients.supabase.migration_files import MigrationFile
from lib.transport.database import Database, read_query


@dataclass(frozen=True, kw_only=True)
class AppliedMigration:
    """One row of the history; statements is None when the row has none recorded."""

    version: str
    name: str | None
    statements: tuple[str, ...] | None


def read_history(database: Database) -> list[AppliedMigration]:
    """Return the migrations applied to this database, in order; none when nothing was ever pushed.

    Raises DatabaseError, also when the history may not be read.
    """
    if not database.value("select to_regclass('supabase_migrations.schema_migrations') is not null"):
        return []
    return [
        AppliedMigration(
            version=row["version"],
            name=row["name"],
            statements=None if row["statements"] is None else tuple(map(as_written, row["statements"])),
        )
        for row in database.rows(read_query(__package__, "history"))
    ]


@dataclass(frozen=True, kw_only=True)
class Listed:
    """A version, and on which sides it is: in the pack, and in the target's history."""

    version: str
    local: bool
    remote: bool


def list_versions(files: Sequence[MigrationFile], applied: Iterable[str]) -> list[Listed]:
    """Return every version of the pack's files and of a history, in order. applied: the versions of the history."""
    local, remote = {file.version for file in files}, set(applied)
    return [Listed(version=one, local=one in local, remote=one in remote) for one in sorted(local | remote)]


def find_edited(files: Sequence[MigrationFile], history: Sequence[AppliedMigration]) -> list[str]:
    """Return names of files that differ from what was applied under their version.

    The CLI keeps no checksum, so it never detects this. Spacing, comments and the case of words don't count;
    a version that two files share, or whose statements were not recorded, can't be compared.
    """
    versions = Counter(file.version for file in files)
    recorded = {one.version: one.statements for one in history}
    edited = []
    for file in files:
        statements = recorded.get(file.version)
        if statements is None or versions[file.version] > 1:
            continue
        if canonical_statements(";\n".join(statements)) != canonical_statements(file.text):
            edited.append(file.name)
    return edited


def find_uncompared(files: Sequence[MigrationFile], history: Sequence[AppliedMigration]) -> tuple[list[str], list[str]]:
    """Return names of applied files that can't be compared: without recorded statements, and of a version that two share."""
    versions = Counter(file.version for file in files)
    recorded = {one.version: one.statements for one in history}
    applied = [file for file in files if file.version in recorded]
    shared = [file.name for file in applied if versions[file.version] > 1]
    return [file.name for file in applied if recorded[file.version] is None and file.name not in shared], shared
