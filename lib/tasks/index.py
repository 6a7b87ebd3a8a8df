"""The launch tasks: one name, one notebook, one module of checks each, and what each needs.

The graph is this list. A task needs *checks* of earlier tasks, not their whole notebooks: a lock held
too long is no reason not to look at the policies.
"""

from __future__ import annotations

from dataclasses import replace

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
SECTIONS: dict[str, type[Section]] = {task.name: task.settings for task in TASKS if task.settings is not None}
"""Task name -> the model of its section."""


def task_named(name: str) -> Task:
    """Return the task of this name. Raises KeyError when there is none."""
    return {task.name: task for task in TASKS}[name]


def every_check() -> dict[str, Check]:
    """Return every check there is, by id."""
    return {check.id: check for task in TASKS for check in (*task.checks, task.completed)}
