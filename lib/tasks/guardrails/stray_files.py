"""Stray Markdown, moved to the archive folder: planned first, nothing deleted, nothing overwritten.

What git knows is moved with `git mv`, so that its history goes along; anything else is renamed.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from lib.clients.git import find_root, list_files
from lib.clients.git_command import git
from lib.core.errors import CommandError
from lib.tasks.guardrails.judge import find_strays
from lib.tasks.guardrails.policy import Policy


@dataclass(frozen=True, kw_only=True)
class Move:
    """One stray file and where it belongs, both from the project's root. problem: why it stays; '' when it doesn't."""

    source: str
    target: str
    problem: str = ""


def plan_moves(root: Path, policy: Policy) -> list[Move]:
    """Return where each stray Markdown file of a project would go: the archive, below its own folder's name."""
    archive = policy.markdown.archive.rstrip("/")
    moves = [Move(source=path, target=f"{archive}/{path}") for path in find_strays(list_files(root), policy)]
    return [replace(one, problem=find_problem(root, archive, one.target)) for one in moves]


def find_problem(root: Path, archive: str, target: str) -> str:
    """Return why nothing can be moved to a place, '' when it can."""
    if not Path(os.path.realpath(root / archive)).is_relative_to(os.path.realpath(root)):
        return f"{archive} leads out of the project"
    place = root / target
    if os.path.lexists(place):
        return f"{target} is there already, and is not overwritten"
    in_the_way = next((one for one in place.parents if one.is_relative_to(root) and one.exists()), root)
    return "" if in_the_way.is_dir() else f"{in_the_way.relative_to(root)} is a file"


def carry_out(root: Path, moves: Sequence[Move]) -> Iterator[Move]:
    """Move each file that can be, one after the other, and yield it; its problem then says why it stayed."""
    tracked = set(git(root, "ls-files", "-z", "--", ".").split("\0")) if find_root(root) is not None else set()
    for one in moves:
        # Looked at again: an earlier move may have taken the place.
        problem = one.problem or find_problem(root, one.target.removesuffix(f"/{one.source}"), one.target)
        yield replace(one, problem=problem or move_file(root, one, is_tracked=one.source in tracked))


def move_file(root: Path, move: Move, *, is_tracked: bool) -> str:
    """Move one file and return '', or why it stayed."""
    try:
        (root / move.target).parent.mkdir(parents=True, exist_ok=True)
        if is_tracked:
            git(root, "mv", "--", move.source, move.target)
        else:
            (root / move.source).rename(root / move.target)
    except (OSError, CommandError) as exc:
        return (exc.message if isinstance(exc, CommandError) else str(exc)).rstrip(".")
    return ""
