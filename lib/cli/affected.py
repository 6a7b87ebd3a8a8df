"""`python -m lib affected`: the tasks that a branch's changes can touch, as `--only` takes them; nothing for all of them."""

from __future__ import annotations

import sys
from pathlib import Path

from lib.clients.git import find_base, find_root
from lib.clients.git_command import PLAIN_DIFF, git
from lib.core.errors import TargetError, WorkbookError
from lib.core.paths import ROOT
from lib.core.visible import plain_line, say
from lib.core.wording import join_words
from lib.run.affected import Affected, find_affected
from lib.run.params import load_params
from lib.tasks.index import all_tasks


def affected(environment: str, *, base: str, pack: str | None) -> int:
    """Print the names, separated by commas; an empty line when everything must run. Why is said beside it. Returns 0.

    base: the branch to compare with. Whatever keeps the changes from being known makes it everything.
    """
    params = load_params(environment, pack=pack, is_bare=True)
    try:
        found, base = compare(params.pack, base)
    except (WorkbookError, OSError) as exc:
        found = Affected(tasks=None, why=str(exc).partition(" Fix: ")[0].rstrip("."))
    if found.tasks is None:
        say(f"Everything runs: {plain_line(found.why)}.", to=sys.stderr)
    else:
        say(f"Compared with {plain_line(base)}, the changes can touch {join_words(found.tasks)} alone.", to=sys.stderr)
    say(",".join(found.tasks or ()))
    return 0


def compare(pack: Path, base: str) -> tuple[Affected, str]:
    """Return what a project's branch can touch, and the base by git's name. Raises TargetError when it can't be known."""
    root = find_root(pack)
    if root is None:
        raise TargetError(f"{pack.name} is not under version control")
    known = find_base(root, base)
    fork = git(root, "merge-base", known, "HEAD").strip()
    changed = git(root, "diff", *PLAIN_DIFF, "--name-only", "--no-renames", "-z", fork).split("\0")
    unknown = git(root, "ls-files", "--others", "--exclude-standard", "-z").split("\0")
    folder = pack.resolve().relative_to(root).as_posix()
    prefix = "" if folder == "." else f"{folder}/"
    names = [name for name in (*changed, *unknown) if name]
    return find_affected(names, all_tasks(), prefix=prefix, is_workbook=root == ROOT), known
