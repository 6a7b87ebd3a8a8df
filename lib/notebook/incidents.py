"""What a watching notebook remembers from run to run: who was notified of what, and how fast services were."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from lib.core.incidents import FailedCheck, Plan, plan_message
from lib.core.results import Outcome
from lib.core.wording import outcome_word
from lib.display.tables import Table, make_table
from lib.evidence.history import observed_lately, open_history
from lib.evidence.incident_store import keep_incidents, open_incidents
from lib.notebook.session import TaskSession
from lib.tasks.health.task import Health
from lib.tasks.index import every_check

TREND_RUNS = 30
"""A month of nights."""


def is_live(task: TaskSession) -> bool:
    """Return whether anything this task looks at is the user's own: a rehearsal must not use up a live incident."""
    return any(name in task.run.provenances and name not in task.run.embedded for name in task.task.targets)


def failures_of(task: TaskSession) -> list[FailedCheck]:
    """Return each gate found so far that failed or could not be determined."""
    titles = every_check()
    return [
        FailedCheck(
            check=line.check,
            title=titles[line.check].title,
            subject=titles[line.check].subject,
            word=outcome_word(line.result),
            detail=line.detail,
            fix=line.fix,
        )
        for line in task.lines
        if line.gate and line.result in (Outcome.FAIL, Outcome.ERROR)
    ]


def plan_notification(task: TaskSession) -> Plan:
    """Return what a person must be notified of now, given earlier notifications."""
    history = open_history(task.run.rendered, task.run.history_url)
    past = open_incidents(history, task.run.project, task.run.environment, live=is_live(task))
    return plan_message(
        past,
        failures_of(task),
        run_id=task.run.run_id,
        now=datetime.now(UTC),
        remind_after_h=task.context.narrow(Health).settings.remind_after_h,
    )


def remember_notification(task: TaskSession, plan: Plan, notified: bool | None) -> Table:
    """Store what a person now knows, and return the failures that go on.

    notified: whether the message was taken by any way; None when none was due.
    """
    now = datetime.now(UTC)
    going_on = plan.open_after(notified=bool(notified), now=now)
    over = plan.closed_after(notified=bool(notified))
    history = open_history(task.run.rendered, task.run.history_url)
    keep_incidents(history, task.run.project, task.run.environment, live=is_live(task), going_on=going_on, over=over, now=now)
    rows = [
        {
            "service": one.subject,
            "failing since": one.opened_at.isoformat(timespec="seconds"),
            "found by run": one.run_id,
            "last notified": one.notified_at.isoformat(timespec="seconds") if one.notified_at else None,
            "checks": list(one.failing),
        }
        for one in going_on
    ]
    return make_table(rows, "Failures that go on")


def evidence_address(task: TaskSession) -> str:
    """Return where a person opens this task's page of this run, at the first gate that did not pass."""
    page = task.run.run_folder / f"{task.task.name}.html"
    first = next((f"#{one.check}" for one in failures_of(task)), "")
    return task.context.narrow(Health).settings.evidence_url or f"{page.as_uri()}{first}"


def trend(task: TaskSession, *checks: str) -> list[dict[str, Any]]:
    """Return what the last runs and this one observed for some checks, oldest first.

    Each row: run_id, started_at, check, result, observed. Only runs that looked at something as real.
    """
    history = open_history(task.run.rendered, task.run.history_url)
    rows = []
    for check in checks:
        own = [line for line in task.lines if line.check == check]
        how = task.run.provenance_of(every_check()[check]).value
        rows += observed_lately(
            history, task.run.project, task.run.environment, [check], provenance=how, runs=TREND_RUNS - len(own)
        )
        rows += [
            {
                "run_id": line.run_id,
                "started_at": line.started_at,
                "check": line.check,
                "result": line.result.value,
                "observed": line.observed,
            }
            for line in own
        ]
    return rows
