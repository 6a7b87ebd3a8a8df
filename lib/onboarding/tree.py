"""What files a project has, found in one bounded walk: other people's packages, build products and links are not gone into."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path, PurePosixPath

from lib.core.pack_files import show_path
from lib.core.paths import ROOT
from lib.core.wording import format_count

DEEPEST = 6
"""Folders within folders; what a project's configuration lies in is rarely deeper than three."""
MOST_ENTRIES = 40_000
"""Entries looked at; a large monorepo without its packages has some thousands."""
NOT_THEIRS = frozenset(
    (
        *("node_modules", "bower_components", "vendor", "third_party", "venv", "__pycache__", "site-packages", "Pods"),
        *("dist", "build", "out", "target", "coverage", "tmp", "public", "static", "assets", "launch"),
    )
)
"""Folders that hold what others wrote, or what tools made."""
HIDDEN_BUT_THEIRS = frozenset((".github", ".fly", ".config"))


@dataclass(frozen=True, kw_only=True)
class Tree:
    """The names of a project's files, from its root, the nearest first. problems: what could not be walked."""

    root: Path
    names: tuple[str, ...]
    problems: tuple[str, ...] = ()

    def called(self, *patterns: str) -> list[str]:
        """Return the files whose own name is like one of the patterns, the nearest to the root first."""
        return self.where(lambda name: any(fnmatchcase(PurePosixPath(name).name, one) for one in patterns))

    def below(self, folder: str, *patterns: str) -> list[str]:
        """Return the files anywhere below a folder, those alone that are called like one of the patterns."""
        return [name for name in self.called(*patterns) if name.startswith(f"{folder}/")]

    def where(self, holds: Callable[[str], bool]) -> list[str]:
        return [name for name in self.names if holds(name)]


def walk_project(root: Path) -> Tree:
    """Return the names of a project's files, regular or not; no link to a folder is followed."""
    names: list[str] = []
    problems: list[str] = []
    waiting, count = [(root, 0)], 0
    while waiting:
        here, depth = waiting.pop(0)
        entries = scan(here, root, problems)
        count += len(entries)
        if count > MOST_ENTRIES:
            problems.append(
                f"The project holds more than {format_count(MOST_ENTRIES, 'file')}; the deeper ones were not looked at."
            )
            break
        for entry in entries:
            if not is_printable(entry.name):
                continue
            if entry.is_dir(follow_symlinks=False):
                if depth < DEEPEST and is_theirs(entry):
                    waiting.append((Path(entry.path), depth + 1))
            else:
                names.append(Path(entry.path).relative_to(root).as_posix())
    return Tree(root=root, names=tuple(names), problems=tuple(problems))


def scan(here: Path, root: Path, problems: list[str]) -> Sequence[os.DirEntry[str]]:
    """Return what is in a folder, by name; adds a sentence to problems where it can't be read."""
    try:
        with os.scandir(here) as entries:
            return sorted(entries, key=lambda one: one.name)
    except OSError as exc:
        problems.append(f"{show_path(here, root)} could not be read: {(exc.strerror or 'unknown').lower()}.")
        return []


def is_printable(name: str) -> bool:
    """Return whether a name can be shown; what can't is judged by the tasks that read such a file."""
    return name.isprintable()


def is_theirs(entry: os.DirEntry[str]) -> bool:
    """Return whether a folder may hold what the project itself says."""
    if entry.name in NOT_THEIRS or (entry.name.startswith(".") and entry.name not in HIDDEN_BUT_THEIRS):
        return False
    return Path(entry.path) != ROOT
