"""Which tasks a set of changed files can touch: what a pull request need not run. Pure.

Only what is known to concern few tasks narrows the choice; any other file can concern all of them. The guardrails look at every
change, and so may a project's own tasks.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable
from dataclasses import dataclass

from lib.run.own_tasks import FOLDER
from lib.tasks.base import Task
from lib.tasks.index import SUMMARY

GUARDRAILS = "guardrails"
NOBODY: frozenset[str] = frozenset()
OF_DATABASE, OF_FLY = "database", "fly"
"""Targets whose tasks are meant, all of them."""
RULES: tuple[tuple[str, frozenset[str]], ...] = (
    (r"supabase/tests/.+", frozenset({"rls"})),  # pgTAP
    (r"supabase/.+", frozenset({OF_DATABASE})),
    (r"(?:prometheus|alertmanager)[^/]*\.ya?ml", frozenset({"alerts"})),
    (r"(?:prometheus|monitoring|alertmanager|observability)/.+", frozenset({"alerts"})),
    (r"fly[^/]*\.toml", frozenset({OF_FLY})),
    (r"vault/.+", frozenset({"credentials", "deploy_rehearsal"})),
    (r"(?:[^/]+/)*[^/]+\.md", frozenset({"alerts"})),  # runbooks
    (r"docs/.+\.(?:png|jpe?g|gif|svg|webp|pdf)", NOBODY),
    (r"\.github/.+", NOBODY),
    (r"(?:LICENSE|CODEOWNERS|\.gitignore|\.gitattributes|\.editorconfig)", NOBODY),
)
"""Path from the project's folder -> the tasks, or the targets whose tasks, it can touch besides the guardrails; first match."""
OWN_TASK = re.compile(rf"{re.escape(FOLDER)}/([^/]+)/.+")
WORKBOOK_ONLY = re.compile(r"(?:tests|docs|\.github|\.ci)/.+|[^/]+\.md|LICENSE|\.gitignore")
"""Files of the workbook's own repository that no run reads."""
NOTEBOOK = re.compile(r"notebooks/([^/]+\.ipynb)")


@dataclass(frozen=True, kw_only=True)
class Affected:
    """What a change can touch. tasks: names in order; None for everything. why: the file that it is everything for."""

    tasks: tuple[str, ...] | None
    why: str = ""


def find_affected(changed: Iterable[str], tasks: Collection[Task], *, prefix: str = "", is_workbook: bool = False) -> Affected:
    """Return which tasks a change can touch; when that is not known, everything.

    changed: paths from the repository's root, both names of a renamed file. tasks: all there are. prefix: the project's folder
    in its repository, '' or `folder/`. is_workbook: whether it is the workbook's own repository, with the project inside.
    """
    known = {task.name for task in tasks}
    touched: set[str] = set()
    paths = sorted(set(changed))
    if not paths:
        return Affected(tasks=None, why="nothing is known to have changed")
    for path in paths:
        found = touched_by(path, tasks, prefix=prefix, is_workbook=is_workbook)
        if found is None or not found <= known:
            return Affected(tasks=None, why=path)
        touched |= found
    chosen = touched | {GUARDRAILS} & known | {task.name for task in tasks if task.is_own}
    if chosen >= known - {SUMMARY.name}:
        return Affected(tasks=None, why="all tasks are touched")
    return Affected(tasks=tuple(task.name for task in tasks if task.name in chosen))


def touched_by(path: str, tasks: Collection[Task], *, prefix: str, is_workbook: bool) -> set[str] | None:
    """Return the tasks that one file can touch besides the guardrails; None when it may be any."""
    if not path.startswith(prefix):
        return of_workbook(path, tasks) if is_workbook else None
    inside = path.removeprefix(prefix)
    if own := OWN_TASK.fullmatch(inside):
        return {own[1]}
    return next((widen(names, tasks) for pattern, names in RULES if re.fullmatch(pattern, inside)), None)


def widen(names: Collection[str], tasks: Collection[Task]) -> set[str]:
    """Return tasks by name, and for each target the tasks that look at it."""
    targets = {OF_DATABASE, OF_FLY} & set(names)
    return {name for name in names if name not in targets} | {task.name for task in tasks if targets & set(task.targets)}


def of_workbook(path: str, tasks: Collection[Task]) -> set[str] | None:
    """Return the tasks that a file of the workbook itself can touch; None when it may be any."""
    if WORKBOOK_ONLY.fullmatch(path):
        return set()
    notebook = NOTEBOOK.fullmatch(path)
    return {task.name for task in tasks if notebook and task.notebook == notebook[1] and not task.is_own} or None
