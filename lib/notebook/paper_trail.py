"""What the summary's notebook knows of the paper trail: documents as they would be written now, and what they lead to."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from lib.core.errors import WorkbookError
from lib.core.results import Outcome
from lib.display.markdown import plain
from lib.evidence.log import EvidenceLine, read_evidence
from lib.notebook.session import TaskSession
from lib.reporters.documents import runbook
from lib.reporters.documents.draft import draft_documents, files_to_come
from lib.reporters.launch_list import item_table, judge_items, load_launch_list
from lib.reporters.summary import standing_out
from lib.tasks.index import TASKS, every_check

RUNBOOK = runbook.FILE
OWN, SENT = "readiness_summary.notify_dry_run_recorded", "health.notification_delivered"


def item_rows(lines: Sequence[EvidenceLine]) -> list[dict[str, Any]]:
    """Return one row an item of the launch list."""
    return item_table(judge_items(load_launch_list(), lines))


def has_passed(lines: Sequence[EvidenceLine], check: str) -> bool:
    """Return whether a check has passed in this run."""
    return any(line.check == check and line.result is Outcome.PASS for line in lines)


def find_drafts(task: TaskSession) -> dict[str, Any]:
    """Return what `readiness_summary.look_at_documents` looks at: the drafts, and what they must tell and lead to."""
    run, tasks = task.run.model_copy(update={"run_folder": task.run_folder.resolve()}), task.run_tasks()
    lines = task.run_lines()
    is_partial = len(tasks) < len(TASKS) - 1
    # In Markdown the documents say each title's words as they are, markup escaped.
    titles = {**{one.name: one.title for one in tasks}, **{name: plain(check.title) for name, check in every_check().items()}}
    drafts = draft_documents(run, (*tasks, task.task), lines, partial=is_partial, ended_at=datetime.now(UTC))
    return {
        "drafts": drafts,
        "folder": run.run_folder,
        "to_come": files_to_come(run, (*tasks, task.task), drafts),
        "expected": task.expected_checks(),
        "titles": titles,
        "bad": [line.check for line in standing_out(lines)],
        "run_id": run.run_folder.name,
    }


def find_dry_runs(task: TaskSession) -> list[dict[str, Any]]:
    """Return the environment's recorded dry runs of the notification: those on their own, and that of a run summed up."""
    folders = sorted((task.run.rendered / task.run.environment / "dry_runs").glob("*Z-*"))
    found = []
    for folder in folders:
        try:
            found += [line for line in read_evidence(folder) if line.check == SENT]
        except WorkbookError:
            continue  # changed by hand: it proves nothing
    found += [line for line in task.run_lines() if line.check == OWN]
    return [
        {"run_id": line.run_id, "started_at": line.started_at, "result": line.result.value, "provenance": line.provenance.value}
        for line in found
    ]
