"""What the summary's notebook knows of the paper trail: documents as they would be written now, and what they link to."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from lib.core.results import Outcome
from lib.display.markdown import plain
from lib.evidence.history import open_history
from lib.evidence.log import EvidenceLine, read_evidence
from lib.evidence.past_runs import list_runs, list_tasks
from lib.notebook.session import TaskSession
from lib.reporters.documents import runbook
from lib.reporters.documents.attached import find_attached
from lib.reporters.documents.draft import draft_documents, files_to_come
from lib.reporters.documents.real_words import find_real_words, words_rows
from lib.reporters.launch_list import item_table, judge_items
from lib.reporters.report import report_run
from lib.run.endings import RunOutcome
from lib.tasks.health.task import MAIL_SERVER_ACCEPTS_US, NOTIFICATION_DELIVERED
from lib.tasks.index import all_tasks, every_check
from lib.tasks.readiness_summary.figures import MOST_RUNS, PastRun
from lib.tasks.readiness_summary.task import NOTIFY_DRY_RUN_RECORDED

RUNBOOK = runbook.FILE
OWN, SENT = NOTIFY_DRY_RUN_RECORDED.id, NOTIFICATION_DELIVERED.id


def item_rows(task: TaskSession) -> list[dict[str, Any]]:
    """Return one row an item of the launch list."""
    return item_table(judge_items(task.run.launch_list, task.run_lines()))


def real_words(task: TaskSession) -> list[dict[str, str]]:
    """Return one row a command that does not exist as it is asked for: what was run in its place."""
    return words_rows(find_real_words(task.run_folder, task.run_lines()))


def mail_problem(lines: Sequence[EvidenceLine]) -> str:
    """Return the check that found that no mail can be sent, '' when it can."""
    check = MAIL_SERVER_ACCEPTS_US.id
    return "" if any(line.check == check and line.result is Outcome.PASS for line in lines) else check


def past_runs(task: TaskSession) -> list[PastRun]:
    """Return what the last finished runs of this project and environment came to, the newest first; none before the first."""
    history = open_history(task.run.rendered, task.run.history_url)
    kept = list_runs(history, project=task.run.project, environment=task.run.environment)
    finished = [run for run in kept if run.finished][:MOST_RUNS]
    gates: dict[str, Counter[str]] = {run.run_id: Counter() for run in finished}
    for one in list_tasks(history, list(gates)):
        gates[one.run_id].update(one.results)
    return [
        {"run_id": run.run_id, "started_at": run.started_at, "verdict": run.verdict, "results": gates[run.run_id]}
        for run in finished
    ]


def find_drafts(task: TaskSession) -> dict[str, Any]:
    """Return what `readiness_summary.look_at_documents` looks at: the drafts, what they must contain, and where they link to."""
    folder = task.run_folder.resolve()  # of the run that is summed up: in the lab it is another than the lab's own
    run, tasks = task.run.model_copy(update={"run_folder": folder, "run_id": folder.name}), task.run_tasks()
    lines = task.run_lines()
    is_partial = len(tasks) < len(all_tasks()) - 1
    # In Markdown the documents have each title as it is, markup escaped.
    titles = {**{one.name: one.title for one in tasks}, **{name: plain(check.title) for name, check in every_check().items()}}
    now = datetime.now(UTC)
    outcome = RunOutcome(started_at=now, ended_at=now, finished=True, partial=is_partial, rehearsed_for=())
    report = report_run(run, (*tasks, task.task), lines, outcome)
    drafts = draft_documents(report)
    return {
        "drafts": drafts,
        "folder": run.run_folder,
        "to_come": files_to_come(run, (*tasks, task.task), drafts),
        "expected": task.expected_checks(),
        "titles": titles,
        "attached": {one.path: one.sha256 for one in find_attached(lines)},
        "bad": [line.check for line in report.standing_out],
        "run_id": run.run_folder.name,
    }


def find_dry_runs(task: TaskSession) -> list[dict[str, Any]]:
    """Return the environment's recorded dry runs of the notification: those on their own, and that of a run summed up."""
    folders = sorted((task.run.runs_of(task.run.environment) / "dry_runs").glob("*Z-*"))
    found = [line for folder in folders for line in read_evidence(folder) if line.check == SENT]
    found += [line for line in task.run_lines() if line.check == OWN]
    return [
        {"run_id": line.run_id, "started_at": line.started_at, "result": line.result.value, "provenance": line.provenance.value}
        for line in found
    ]
