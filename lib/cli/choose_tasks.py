"""Which tasks a run has, of those that were asked for, and what is said of them first."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from difflib import get_close_matches

from lib.core.errors import ParamsError
from lib.core.visible import plain_line, say
from lib.core.wording import rehearsal_opening
from lib.run.graph import selected_tasks
from lib.run.params import Params
from lib.tasks.base import Task
from lib.tasks.index import SUMMARY, all_tasks, in_order


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


def print_opening(params: Params, tasks: Collection[Task]) -> None:
    """Say in the first lines what is about to happen and on what."""
    named = ", ".join(task.name for task in in_order(tasks))
    say(f"Launch readiness of {plain_line(params.pack.name)} for {params.environment}: {named}")
    if params.rehearsal:
        say(rehearsal_opening(params.environment, params.rehearsed_for))
