"""The launch tasks: one name, one notebook, one module of checks each, and what each needs.

The graph is this list. A task needs *checks* of earlier tasks, not their whole notebooks: a lock held
too long is no reason not to look at the policies.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from lib.checks import (
    alerts,
    backup_restore,
    credentials,
    deploy_rehearsal,
    guardrails,
    health,
    migrations,
    readiness_summary,
    rls,
    seed,
)
from lib.core.paths import ROOT
from lib.core.results import Check


@dataclass(frozen=True, kw_only=True)
class Task:
    """One launch task.

    targets: the outside systems it looks at, by their names in params.
    needs: ids of checks that must have passed before it can be looked at.
    waits_for: tasks that must have ended, however they ended.
    stands_on: tasks whose work must be done on an embedded target, whatever they find: done for it when left out.
    stop_grace_s: seconds a stopped notebook gets to say what it leaves half done.
    """

    name: str
    title: str
    notebook: str
    checks: tuple[Check, ...]
    targets: tuple[str, ...] = ("database",)
    needs: tuple[str, ...] = ()
    waits_for: tuple[str, ...] = ()
    stands_on: tuple[str, ...] = ()
    stop_grace_s: float = 0

    @property
    def path(self) -> Path:
        return ROOT / "notebooks" / self.notebook

    @property
    def completed(self) -> Check:
        """The check that the notebook ran to its end; it has a row only when it did not."""
        return Check(id=f"{self.name}.notebook_ran_to_its_end", title="The notebook ran to its end")


TASKS: tuple[Task, ...] = (
    Task(
        name="migrations",
        title="Migrations",
        notebook="01_migrations.ipynb",
        checks=migrations.CHECKS,
    ),
    Task(
        name="seed",
        title="Seed fixtures",
        notebook="03_seed.ipynb",
        checks=seed.CHECKS,
        needs=("migrations.nothing_left_to_push",),
    ),
    Task(
        name="rls",
        title="Row level security",
        notebook="02_rls.ipynb",
        checks=rls.CHECKS,
        needs=("migrations.nothing_left_to_push",),
        waits_for=("seed",),
    ),
    Task(
        name="health",
        title="Vendor health",
        notebook="04_health.ipynb",
        checks=health.CHECKS,
        targets=("chatwoot", "publer", "mail"),
    ),
    Task(
        name="backup_restore",
        title="Backup and restore",
        notebook="08_backup_restore.ipynb",
        checks=backup_restore.CHECKS,
        needs=("migrations.nothing_left_to_push",),
        waits_for=("seed",),
    ),
    Task(
        name="credentials",
        title="Credentials",
        notebook="05_credentials.ipynb",
        checks=credentials.CHECKS,
        targets=("vault", "fly", "github"),
    ),
    Task(
        name="deploy_rehearsal",
        title="Deploy rehearsal",
        notebook="06_deploy_rehearsal.ipynb",
        checks=deploy_rehearsal.CHECKS,
        targets=("database", "fly"),
        needs=("migrations.nothing_left_to_push",),
        waits_for=("seed",),
        stop_grace_s=20,
    ),
    Task(
        name="alerts",
        title="Alerts",
        notebook="07_alerts.ipynb",
        checks=alerts.CHECKS,
        targets=("database", "fly", "mail"),
        waits_for=("migrations",),
        stands_on=("migrations",),
    ),
    Task(
        name="guardrails",
        title="Guardrails",
        notebook="09_guardrails.ipynb",
        checks=guardrails.CHECKS,
        targets=(),
    ),
    Task(
        name="readiness_summary",
        title="Readiness summary",
        notebook="99_readiness_summary.ipynb",
        checks=readiness_summary.CHECKS,
        targets=(),
        waits_for=(
            "migrations",
            "seed",
            "rls",
            "health",
            "backup_restore",
            "credentials",
            "deploy_rehearsal",
            "alerts",
            "guardrails",
        ),
    ),
)

SUMMARY = TASKS[-1]


def task_named(name: str) -> Task:
    """Return the task of this name. Raises KeyError when there is none."""
    return {task.name: task for task in TASKS}[name]


def every_check() -> dict[str, Check]:
    """Return every check there is, by id."""
    return {check.id: check for task in TASKS for check in (*task.checks, task.completed)}
