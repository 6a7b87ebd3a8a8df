"""The launch tasks: one name, one notebook, one module of checks each, and what each needs.

The graph is this list. A task needs *checks* of earlier tasks, not their whole notebooks: a lock held
too long is no reason not to look at the policies.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from types import MappingProxyType

from lib.core.results import Check
from lib.core.section import Section
from lib.tasks.alerts import task as alerts
from lib.tasks.backup_restore import task as backup_restore
from lib.tasks.base import Task
from lib.tasks.credentials import task as credentials
from lib.tasks.deploy_rehearsal import task as deploy_rehearsal
from lib.tasks.guardrails import task as guardrails
from lib.tasks.health import task as health
from lib.tasks.migrations import task as migrations
from lib.tasks.readiness_summary import task as readiness_summary
from lib.tasks.rls import task as rls
from lib.tasks.seed import task as seed


def needing(task: Task, *checks: Check) -> Task:
    """Return the task with the checks of earlier tasks that must have passed before it can be looked at."""
    return replace(task, needs=tuple(check.id for check in checks))


WORKING: tuple[Task, ...] = (
    migrations.TASK,
    needing(seed.TASK, migrations.NOTHING_LEFT_TO_PUSH),
    needing(rls.TASK, migrations.NOTHING_LEFT_TO_PUSH),
    health.TASK,
    needing(backup_restore.TASK, migrations.NOTHING_LEFT_TO_PUSH),
    credentials.TASK,
    needing(deploy_rehearsal.TASK, migrations.NOTHING_LEFT_TO_PUSH),
    alerts.TASK,
    guardrails.TASK,
)
SUMMARY = replace(readiness_summary.TASK, waits_for=tuple(task.name for task in WORKING))
"""Sums up all the others, so it waits for each of them."""
TASKS = (*WORKING, SUMMARY)
"""The workbook's own; a project may add some: `all_tasks`."""
SECTIONS: dict[str, type[Section]] = {task.name: task.settings for task in TASKS if task.settings is not None}
"""Task name -> the model of its section."""


UNNUMBERED = 98
"""Where a task goes whose notebook has no number: after those that have one, before the summary."""

_projects: list[Task] = []
"""The tasks that the project adds which this process works on; see `use_own_tasks`."""


_checks: list[Mapping[str, Check]] = []
"""Every check by id, once it was asked for: a page asks for each of its rows."""


def use_own_tasks(tasks: Iterable[Task]) -> None:
    """Let a project's own tasks be among all tasks of this process, in the place of another project's."""
    _projects[:] = tasks
    _checks.clear()


@contextmanager
def using_own_tasks(tasks: Iterable[Task]) -> Iterator[None]:
    """Let another project's own tasks be among all tasks for a while."""
    before = tuple(_projects)
    use_own_tasks(tasks)
    try:
        yield
    finally:
        use_own_tasks(before)


def in_order(tasks: Iterable[Task]) -> tuple[Task, ...]:
    """Return tasks in the order of their notebooks' numbers, as a person goes through them; the summary's is the last."""

    def place(task: Task) -> tuple[bool, int, str]:
        number = task.notebook.partition("_")[0]
        return task.name == SUMMARY.name, int(number) if number.isdecimal() else UNNUMBERED, task.notebook

    return tuple(sorted(tasks, key=place))


def is_whole(tasks: Iterable[Task]) -> bool:
    """Return whether these are all the tasks there are."""
    return {task.name for task in tasks} == {task.name for task in all_tasks()}


def all_tasks() -> tuple[Task, ...]:
    """Return every task: the workbook's, the project's own, and the summary, which waits for each of them."""
    working = (*WORKING, *_projects)
    return (*working, replace(SUMMARY, waits_for=tuple(task.name for task in working)))


def task_named(name: str) -> Task:
    """Return the task of this name. Raises KeyError when there is none."""
    return {task.name: task for task in all_tasks()}[name]


def every_check() -> Mapping[str, Check]:
    """Return every check there is, by id."""
    known = next(iter(_checks), None)
    if known is None:
        known = MappingProxyType({check.id: check for task in all_tasks() for check in (*task.checks, task.completed)})
        _checks[:] = [known]
    return known
