"""Migration files of a pack: which the CLI would apply, which it would skip, and what each holds."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

from lib.clients.postgres.statements import Statement, has_ending, split_statements
from lib.core.errors import TargetError
from lib.core.pack_files import list_files, read_text_file

VALID_NAME = re.compile(r"^([0-9]+)_(.*)\.sql$")
"""Names of files that the CLI applies; it skips others with one line on stderr. Source: supabase/cli, pkg/migration/file.go."""

ROLLBACKS = Path("supabase/rollbacks")


@dataclass(frozen=True)
class MigrationFile:
    """One file in supabase/migrations that the CLI would apply.

    enders: names of the project's procedures that end transactions, so that a call of one commits what is before it.
    """

    path: Path
    text: str
    enders: frozenset[str] = frozenset()

    @property
    def name(self) -> str:
        return self.path.name

    @property
    def version(self) -> str:
        return self.name.partition("_")[0]

    @cached_property
    def statements(self) -> list[Statement]:
        """Its statements, in order."""
        return split_statements(self.text)

    @property
    def concurrent(self) -> list[Statement]:
        """Its CONCURRENTLY statements, which can't be rolled back with the rest of the file."""
        return [one for one in self.statements if one.is_concurrent]

    @property
    def transaction_control(self) -> list[Statement]:
        """Its statements that open or close a transaction."""
        return [one for one in self.statements if one.is_transaction_control]

    @property
    def never_held(self) -> list[Statement]:
        """Its statements that no transaction can hold, or that commit in the middle of one."""
        return [one for one in self.statements if one.is_never_held or one.called in self.enders]

    @property
    def is_atomic(self) -> bool:
        """Whether the CLI applies all of the file or nothing of it."""
        alone = len(self.statements) == 1 and not has_ending(self.text) and self.statements[0].called not in self.enders
        return not self.transaction_control and (alone or not (self.concurrent or self.never_held))

    @property
    def narrows(self) -> bool:
        """Whether it lets fewer rows be side by side in a table that it does not create itself: a unique key, or an exclusion."""
        return any(one.is_narrowing and not self.creates(one.about) for one in self.statements)

    def creates(self, table: str) -> bool:
        """Return whether one of its statements creates a table. table: its name without its schema, as it is stored."""
        return any(one.words[:1] == ("create",) and "table" in one.words[1:4] and one.about == table for one in self.statements)

    @property
    def fits_one_transaction(self) -> bool:
        """Whether all statements can run inside one transaction."""
        return not self.transaction_control and not self.concurrent


@dataclass(frozen=True, kw_only=True)
class MigrationSet:
    """The contents of a pack's supabase/migrations.

    files: those the CLI would apply, in the order it applies them.
    unfit: names of files it would skip, which its JSON does not mention.
    rollbacks: by the name of the migration that each undoes.
    """

    files: tuple[MigrationFile, ...]
    unfit: tuple[str, ...]
    rollbacks: dict[str, MigrationFile]

    @property
    def duplicates(self) -> dict[str, list[str]]:
        """Versions that more than one file carries, with the files' names."""
        named: dict[str, list[str]] = defaultdict(list)
        for file in self.files:
            named[file.version].append(file.name)
        return {version: names for version, names in named.items() if len(names) > 1}

    def pending(self, applied: Iterable[str]) -> list[MigrationFile]:
        """Return the files whose version is not among those applied, in order."""
        known = set(applied)
        return [file for file in self.files if file.version not in known]


def find_migrations(pack: Path) -> MigrationSet:
    """Return what the pack's supabase/migrations holds, which may be nothing.

    Raises TargetError when there is no such folder, or a file can't be read as text.
    """
    folder = pack / "supabase" / "migrations"
    if not folder.exists() and not folder.is_symlink():
        raise TargetError(
            f"There is no folder supabase/migrations in {pack.name}.", fix="Set PACK to the folder that holds supabase/."
        )
    entries = [path for path in list_files(folder, root=pack, pattern="*.[sS][qQ][lL]") if not path.name.startswith(".")]
    valid = [path for path in entries if VALID_NAME.match(path.name)]
    rollbacks = list_files(pack / ROLLBACKS, root=pack, pattern="*.sql")
    files = read_files(valid, root=pack)
    enders = frozenset(one.ending_procedure for file in files for one in file.statements) - {""}
    return MigrationSet(
        files=tuple(replace(file, enders=enders) for file in files) if enders else tuple(files),
        unfit=tuple(path.name for path in entries if path not in valid),
        rollbacks={file.name: file for file in read_files(rollbacks, root=pack)},
    )


def check_migrations(pack: Path) -> None:
    """Raise TargetError for what is called like a migration and can't be read as one; no folder of them is fine."""
    folder = pack / "supabase" / "migrations"
    if folder.exists() or folder.is_symlink():
        find_migrations(pack)


def read_files(paths: Sequence[Path], *, root: Path) -> list[MigrationFile]:
    """Return the files with their text. Raises TargetError naming one that is not a file of the project, or not UTF-8."""
    return [MigrationFile(path, read_text_file(path, root=root)) for path in paths]
