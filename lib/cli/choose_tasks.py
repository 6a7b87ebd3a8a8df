"""Which tasks a run has, of those that were asked for."""

from __future__ import annotations

from collections.abc import Sequence
from difflib import get_close_matches

from lib.core.errors import ParamsError
from lib.run.graph import selected_tasks
from lib.tasks.base import Task
from lib.tasks.index import SUMMARY, all_tasks


def choose_tasks(only: Sequence[str]) -> tuple[Task, ...]:
    """Return the selected tasks, the summary always among them.

    Raises ParamsError for an unknown task, and for the summary alone: nothing would be judged.
    """
    known = [task.name for task in all_tasks()]
    problems = []
    for name in only:
        if name not in known:
            near = get_close_matches(name, known, n=1)
            hint = f"did you mean {near[0]}?" if near else f"tasks: {', '.join(known)}."
            problems.append(f"ONLY={name}: there is no such task; {hint}")
    if not problems and set(only) == {SUMMARY.name}:
        problems.append(f"ONLY={SUMMARY.name}: it sums up other tasks, so alone it judges nothing. Fix: Name one beside it.")
    if problems:
        raise ParamsError(problems)
    return selected_tasks(all_tasks(), only)
