"""What a project's supabase folder says: config.toml, migrations, rollbacks, seed, tests."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from lib.clients.postgres.statements import split_statements
from lib.clients.supabase.migration_files import ROLLBACKS, VALID_NAME
from lib.clients.supabase.project_config import CONFIG, read_config, read_section
from lib.clients.supabase.seed_files import DEFAULT_PATTERNS, match_files, read_patterns
from lib.core.errors import TargetError
from lib.core.pack_files import is_folder, list_files, read_text_file
from lib.onboarding.tree import Tree

FOLDER = "supabase"


@dataclass(frozen=True, kw_only=True)
class SupabaseFiles:
    """The supabase folder. schemas: of `[api]`. major: `[db] major_version`, None when not said.

    migrations, rollbacks, tests: how many files. seeds: the files that the seed is. seed_off: seeding is switched off.
    exposes_new_tables: `[api] auto_expose_new_tables`, None when not said.
    """

    schemas: tuple[str, ...] = ("public",)
    major: int | None = None
    migrations: int = 0
    rollbacks: int = 0
    tests: int = 0
    seeds: tuple[str, ...] = ()
    seed_off: bool = False
    exposes_new_tables: bool | None = None


def read_supabase(tree: Tree, problems: list[str]) -> SupabaseFiles | None:
    """Return what the supabase folder says, None without one; adds a sentence for each thing that can't be read."""
    root = tree.root
    if not is_folder(root / FOLDER):
        if os.path.lexists(root / FOLDER):
            problems.append(f"{FOLDER} is not a folder.")
        return None
    try:
        config = read_config(root)
        api, database, seed = (read_section(config, *names) for names in (("api",), ("db",), ("db", "seed")))
    except TargetError as exc:
        problems.append(exc.message)
        api, database, seed = {}, {}, {}
    major = database.get("major_version")
    exposes = api.get("auto_expose_new_tables")
    off = seed.get("enabled", True) is not True
    return SupabaseFiles(
        schemas=read_schemas(api, problems),
        major=major if isinstance(major, int) and not isinstance(major, bool) else None,
        migrations=sum(bool(VALID_NAME.match(name)) for name in names_in(tree, "supabase/migrations", problems)),
        rollbacks=len(names_in(tree, ROLLBACKS.as_posix(), problems)),
        tests=len(tree.below("supabase/tests", "*.sql", "*.pg")),
        seeds=() if off else find_seeds(tree, problems),
        seed_off=off,
        exposes_new_tables=exposes if isinstance(exposes, bool) else None,
    )


def read_schemas(api: Mapping[str, Any], problems: list[str]) -> tuple[str, ...]:
    """Return the schemas of `[api]`; those that the CLI exposes where nothing is said."""
    said = api.get("schemas", ["public"])
    if not isinstance(said, list) or not all(isinstance(one, str) for one in said):
        problems.append(f"{CONFIG}: [api] schemas is not a list of names.")
        return ("public",)
    return tuple(dict.fromkeys(said)) or ("public",)


def names_in(tree: Tree, folder: str, problems: list[str]) -> list[str]:
    """Return the names of a folder's .sql files."""
    try:
        return [path.name for path in list_files(tree.root / folder, root=tree.root, pattern="*.sql")]
    except TargetError as exc:
        problems.append(exc.message)
        return []


def find_seeds(tree: Tree, problems: list[str]) -> tuple[str, ...]:
    """Return the files that the seed's patterns name, but those without a statement; one that can't be read is said, and one."""
    try:
        patterns = read_patterns(tree.root)
    except TargetError as exc:
        problems.append(exc.message)
        patterns = [*DEFAULT_PATTERNS]
    found: list[str] = []
    for pattern in patterns:
        try:
            paths = match_files(tree.root / FOLDER, pattern.removeprefix("./"), root=tree.root)
        except TargetError as exc:
            problems.append(exc.message)
            continue
        found += [path.relative_to(tree.root).as_posix() for path in paths if may_fill(path, tree, problems)]
    return tuple(dict.fromkeys(found))


def may_fill(path: Path, tree: Tree, problems: list[str]) -> bool:
    """Return whether a seed file holds a statement, or may: one that can't be read is no reason to say that there is none."""
    try:
        return bool(split_statements(read_text_file(path, root=tree.root)))
    except TargetError as exc:
        problems.append(exc.message)
        return True


def find_elsewhere(tree: Tree) -> tuple[str, ...]:
    """Return the folders below the project that hold a supabase folder of their own."""
    configs = tree.where(lambda name: name.endswith("/supabase/config.toml"))
    return tuple(PurePosixPath(name).parent.parent.as_posix() for name in configs)
