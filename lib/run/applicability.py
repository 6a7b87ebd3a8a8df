"""What does not apply to a project: the tasks, targets and checks that it names, each with its reason, and what follows."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from difflib import get_close_matches

from lib.core.results import PROJECT, RUN, Check
from lib.run.targets import PARTS
from lib.tasks.base import Task
from lib.tasks.index import SUMMARY, all_tasks


def with_consequences(declared: Mapping[str, str], tasks: Iterable[Task] | None = None) -> dict[str, str]:
    """Return what is declared, and each task of which nothing is left, with the reason of its first check."""
    follows = {}
    for task in all_tasks() if tasks is None else tasks:
        reasons = [task.why_not(check, declared) for check in task.checks]
        if task.name not in declared and reasons and all(reasons):
            follows[task.name] = reasons[0]
    return {**declared, **follows}


def may_be_left_out(check: Check) -> bool:
    """Return whether a project may say that a check has nothing to look at: it speaks of files that it may not have."""
    return check.subject == PROJECT or check.optional or (check.task == SUMMARY.name and bool(check.about))


def name_problems(declared: Mapping[str, str], where: Mapping[str, str], tasks: Iterable[Task] | None = None) -> Iterator[str]:
    """Yield one line for each name that is neither a task, nor a target, nor a check of the project's own files.

    where: name -> the file and line that names it.
    """
    tasks = all_tasks() if tasks is None else tuple(tasks)
    checks = {check.id: check for task in tasks for check in task.checks}
    known = {*(task.name for task in tasks), *PARTS}
    for name in declared:
        if name == SUMMARY.name:
            yield f"{where[name]}: {name} sums up all the others, so it always applies. Fix: Remove that line."
        elif name in checks and checks[name].subject == RUN and not may_be_left_out(checks[name]):
            yield f"{where[name]}: {name} speaks of the run itself, so it always applies. Fix: Remove that line."
        elif name in checks and not may_be_left_out(checks[name]):
            yield (
                f"{where[name]}: {name} looks at {checks[name].subject}, so it applies wherever that does. "
                f"Fix: Say that {checks[name].task} does not apply, or waive its result for a while in launch/waivers.yaml."
            )
        elif name not in known and name not in checks:
            near = get_close_matches(name, {*known, *checks}, n=1)
            hint = f"did you mean {near[0]}?" if near else f"tasks and targets: {', '.join(sorted(known))}."
            yield f"{where[name]}: there is no task, target or check {name}; {hint}"
