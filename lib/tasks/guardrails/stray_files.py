"""Stray Markdown, moved to the archive folder: planned first, all or none, nothing deleted, nothing overwritten.

What git knows is moved with `git mv`, so that its history goes along; anything else is renamed. Links in what moves, and
links of other documents to it, are rewritten to lead where they led.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from difflib import unified_diff
from pathlib import Path

from lib.clients.git import find_root, list_files, read_policy
from lib.clients.git_command import git
from lib.core.all_or_none import make_folders, write_together
from lib.core.errors import CommandError, TargetError
from lib.core.pack_files import read_file
from lib.core.wording import name_some
from lib.display.moved_links import follow_moves
from lib.tasks.guardrails.judge import MARKDOWN, find_strays
from lib.tasks.guardrails.policy import FILE, MOST_PATTERNS, Policy


@dataclass(frozen=True, kw_only=True)
class Move:
    """One stray file and where it belongs, both from the project's root. problem: why it stays; '' when it doesn't."""

    source: str
    target: str
    problem: str = ""


@dataclass(frozen=True, kw_only=True)
class Relinked:
    """One document whose links lead to or from what moves. path: where it is once all has moved."""

    path: str
    before: str
    after: str

    @property
    def diff(self) -> str:
        """What changes, as a unified diff."""
        words = (self.before.splitlines(), self.after.splitlines(), f"a/{self.path}", f"b/{self.path}")
        return "\n".join(unified_diff(*words, n=0, lineterm=""))


def plan_moves(root: Path, policy: Policy) -> list[Move]:
    """Return where each stray Markdown file of a project would go: the archive, below its own folder's name."""
    archive = policy.markdown.archive.rstrip("/")
    strays = find_strays(list_files(root), policy, read_listed(root, policy))
    moves = [Move(source=path, target=f"{archive}/{path}") for path in strays]
    return [replace(one, problem=find_problem(root, archive, one.target)) for one in moves]


def read_listed(root: Path, policy: Policy, *, base: str = "") -> list[str]:
    """Return the patterns of the list that the policy names: one a line, `#` begins a remark, a bullet and backticks are dropped.

    base: the commit whose list counts, as it does of the policy; '' for the list as it lies there.
    Raises TargetError when there is no such file, or it can't be read.
    """
    name = policy.markdown.strays_list
    if not name:
        return []
    text = read_policy(root, base, name) if base else read_file(root / name, root=root).decode("utf-8-sig", "replace")
    if not text:
        raise TargetError(f"{FILE} names {name} as the list of stray files, and there is none.", fix=f"Write {name}.")
    lines = [line.partition("#")[0].strip().removeprefix("- ").removeprefix("* ").strip("` ") for line in text.splitlines()]
    patterns = [line for line in lines if line]
    if len(patterns) > MOST_PATTERNS:
        raise TargetError(f"{name} has more than {MOST_PATTERNS} lines.", fix="Name folders with `**` instead.")
    return patterns


def find_problem(root: Path, archive: str, target: str) -> str:
    """Return why nothing can be moved to a place, '' when it can."""
    if not Path(os.path.realpath(root / archive)).is_relative_to(os.path.realpath(root)):
        return f"{archive} leads out of the project"
    place = root / target
    if os.path.lexists(place):
        return f"{target} is there already, and is not overwritten"
    in_the_way = next((one for one in place.parents if one.is_relative_to(root) and one.exists()), root)
    return "" if in_the_way.is_dir() else f"{in_the_way.relative_to(root)} is a file"


def plan_links(root: Path, moves: Sequence[Move]) -> list[Relinked]:
    """Return each Markdown document whose links have to be rewritten; one that is not UTF-8 text is left as it is."""
    moved = {one.source: one.target for one in moves}
    found = []
    for path in list_files(root) if moved else ():
        if not MARKDOWN.search(path):
            continue
        try:
            text = read_file(root / path, root=root).decode("utf-8")
        except (TargetError, UnicodeDecodeError):
            continue
        after = follow_moves(text, root=root, old=path, new=moved.get(path, path), moved=moved)
        if after != text:
            found.append(Relinked(path=moved.get(path, path), before=text, after=after))
    return found


def carry_out(root: Path, moves: Sequence[Move], links: Sequence[Relinked]) -> None:
    """Move every file and rewrite every link; when one can't be, all is as it was. Raises TargetError saying which."""
    stay = [f"{one.source}: {one.problem}" for one in moves if one.problem]
    if stay:
        raise TargetError(f"Nothing was moved. {name_some(stay)}.", fix="Move or rename it by hand, then run again.")
    tracked = set(git(root, "ls-files", "-z", "--", ".").split("\0")) if find_root(root) is not None else set()
    with ExitStack() as undo:
        where = ""
        try:
            for one in moves:
                where = one.source
                make_folders((root / one.target).parent, undo)
                move_file(root, one.source, one.target, is_tracked=one.source in tracked)
                undo.callback(move_file, root, one.target, one.source, is_tracked=one.source in tracked)
            where = "a document's links"
            write_together({root / one.path: one.after.encode() for one in links})
        except (OSError, CommandError) as exc:
            said = (exc.message if isinstance(exc, CommandError) else exc.strerror or str(exc)).rstrip(".")
            named = Path(exc.filename).name if isinstance(exc, OSError) and exc.filename else where
            raise TargetError(
                f"{named} could not be changed: {said}. Nothing was moved.", fix="Correct that, run again."
            ) from exc
        undo.pop_all()


def move_file(root: Path, source: str, target: str, *, is_tracked: bool) -> None:
    """Move one file, with its history where git knows it. Raises OSError or CommandError when it can't be."""
    if is_tracked:
        git(root, "mv", "--", source, target)
    else:
        (root / source).rename(root / target)
