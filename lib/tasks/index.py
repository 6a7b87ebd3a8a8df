"""The launch tasks: one name, one notebook, one module of checks each, and what each needs.

The graph is this list. A task needs *checks* of earlier tasks, not their whole notebooks: a lock held
too long is no reason not to look at the policies.
"""

from __future__ import annotations

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

TASKS: tuple[Task, ...] = (
    migrations.TASK,
    seed.TASK,
    rls.TASK,
    health.TASK,
    backup_restore.TASK,
    credentials.TASK,
    deploy_rehearsal.TASK,
    alerts.TASK,
    guardrails.TASK,
    readiness_summary.TASK,
)

SUMMARY = TASKS[-1]
SECTIONS: dict[str, type[Section]] = {
    "migrations": migrations.Migrations,
    "rls": rls.Rls,
    "seed": seed.Seed,
    "health": health.Health,
    "credentials": credentials.Credentials,
    "backup_restore": backup_restore.BackupRestore,
    "deploy_rehearsal": deploy_rehearsal.DeployRehearsal,
    "alerts": alerts.Alerts,
    "guardrails": guardrails.Guardrails,
}
"""Task name -> the model of its section."""


def task_named(name: str) -> Task:
    """Return the task of this name. Raises KeyError when there is none."""
    return {task.name: task for task in TASKS}[name]


def every_check() -> dict[str, Check]:
    """Return every check there is, by id."""
    return {check.id: check for task in TASKS for check in (*task.checks, task.completed)}
