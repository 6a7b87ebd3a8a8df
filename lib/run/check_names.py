"""Ids of checks in files of settings: one line for each that is none."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from difflib import get_close_matches

from lib.tasks.index import every_check


def unknown_checks(where: str, names: Iterable[str]) -> Iterator[str]:
    """Yield one line for each name that is no check's id. where: the file, or the key in it, as the user knows it."""
    known = every_check()
    for name in names:
        if name not in known:
            near = get_close_matches(name, known, n=1)
            yield f"{where}: there is no check {name}; {f'did you mean {near[0]}?' if near else 'see docs/checks.md.'}"
