"""Where a project says what findings name without a file: its database's objects in migrations, its settings in launch/."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path

from lib.core.errors import TargetError
from lib.core.pack_files import read_text_file
from lib.core.plain_yaml import PlainYamlError, find_lines, load_yaml

MIGRATIONS = "supabase/migrations/"
SETTINGS = "launch/project.yaml"
MADE = re.compile(
    r"^[ \t]*create[ \t\n]+(?:or[ \t\n]+replace[ \t\n]+)?(?:(?:unlogged|recursive|materialized|foreign)[ \t\n]+)*"
    r"(?:table|view|function|procedure|type)[ \t\n]+(?:if[ \t\n]+not[ \t\n]+exists[ \t\n]+)?"
    r'(?:("[^"\n]+"|\w+)\.)?("[^"\n]+"|\w+)',
    re.IGNORECASE | re.MULTILINE,
)
"""The head of a statement that makes an object; what follows is of no account."""
DEEPEST_SETTING = 3
"""Levels of the settings file whose keys are known by name, such as `rls.matrix.public.votes`."""

Spot = tuple[str, int]
"""A file of the project, and a line of it from 1."""


def find_objects(pack: Path, names: Collection[str]) -> Mapping[str, Spot]:
    """Return name -> where the project says what it is: `public.votes` in its last migration, `rls.matrix` among its settings.

    names: the project's files. What can't be read has no objects.
    """
    found: dict[str, Spot] = {}
    for file in sorted(name for name in names if name.startswith(MIGRATIONS) and name.endswith(".sql")):
        found.update((name, (file, line)) for name, line in made_in(read(pack, file)))
    if SETTINGS in names:
        found = {**{name: (SETTINGS, line) for name, line in set_in(read(pack, SETTINGS))}, **found}
    return found


def read(pack: Path, name: str) -> str:
    """Return a file of the project as text; '' when it can't be read."""
    try:
        return read_text_file(pack / name, root=pack)
    except (TargetError, OSError):
        return ""


def made_in(text: str) -> Iterator[tuple[str, int]]:
    """Yield each object that a migration makes, by its schema and name, and the line."""
    for found in MADE.finditer(text):
        schema, name = (found[1] or "public"), found[2]
        yield f"{schema}.{name}".replace('"', ""), text.count("\n", 0, found.start(2)) + 1


def set_in(text: str) -> Iterator[tuple[str, int]]:
    """Yield each setting by its keys joined with dots, and its line; none of a text that is no settings file."""
    try:
        load_yaml(text)
        lines = find_lines(text)
    except PlainYamlError:
        return
    yield from ((".".join(place), line) for place, line in lines.items() if 1 < len(place) <= DEEPEST_SETTING)
