"""From a run's evidence and executed notebooks to what people open: pages, notes, seal, `latest`, history.

Every file is written whole; `latest` moves last, so that whoever follows it never meets half a run.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import nbformat
from nbformat import NotebookNode

from lib.core.errors import CommandError
from lib.core.files import point_at, write_whole
from lib.core.paths import ROOT
from lib.core.redact import redact_all
from lib.core.verdict import Verdict
from lib.evidence.history import HistoryEntry, last_run, open_history, remember_run
from lib.evidence.log import read_evidence
from lib.evidence.manifest import load_signer, seal_run, signing_key_path
from lib.reporters.documents.draft import write_documents
from lib.reporters.launch_list import load_launch_list
from lib.reporters.pages import write_pages
from lib.reporters.promotion import promote
from lib.reporters.report import RunReport, report_run
from lib.reporters.terminal import format_verdict
from lib.run.graph import RunOutcome, TaskRun
from lib.run.params import history_url
from lib.run.run_file import RunFile
from lib.transport.process import run_command


@dataclass(frozen=True, kw_only=True)
class Published:
    """A published run: its verdict, the exit code, and the words for the terminal."""

    verdict: Verdict
    exit_code: int
    words: str


def publish(
    run: RunFile, task_runs: Sequence[TaskRun], outcome: RunOutcome, *, strict: bool = False, stopped_with: int | None = None
) -> Published:
    """Write everything a finished or stopped run leaves to be read, and return its verdict.

    strict: everything but a GO is refused. stopped_with: the exit code of a run that was stopped.
    """
    history = open_history(run.rendered, history_url())
    lines, commit = read_evidence(run.run_folder), read_commit(run.pack)
    signer = load_signer(signing_key_path(ROOT))
    report = report_run(
        run,
        [task_run.task for task_run in task_runs],
        lines,
        outcome,
        launch_list=load_launch_list(),
        past=last_run(history, run.project, run.environment),
        commit=commit,
        promotion=promote(
            run.promotes_from,
            lines,
            runs=run.runs_of(run.promotes_from.environment) if run.promotes_from else run.run_folder,
            commit=commit,
            now=outcome.ended_at,
            key=signer.public_key,
        ),
    )
    exit_code = report.verdict.code(strict=strict) if stopped_with is None else stopped_with
    notebooks = {one.task.name: keep_notebook(run, one) for one in task_runs}
    write_documents(report)
    write_pages(report, notebooks)
    seal_run(run.run_folder, about_run(report), signer)
    remember_run(history, history_entry(report))
    if outcome.finished and not outcome.partial:
        point_at(run.run_folder.parent / "latest", run.run_id)
    return Published(verdict=report.verdict, exit_code=exit_code, words=format_verdict(report, exit_code=exit_code))


def keep_notebook(run: RunFile, task_run: TaskRun) -> NotebookNode | None:
    """Put the executed notebook into the run's folder, credentials redacted, and return it."""
    if task_run.notebook is None:
        return None
    try:
        raw = json.loads(task_run.notebook.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None  # cut off while papermill wrote it; the evidence has what was found
    text = json.dumps(redact_all(raw), indent=1, ensure_ascii=False) + "\n"
    write_whole(run.run_folder / f"{task_run.task.name}.ipynb", text)
    return nbformat.reads(text, as_version=4)


def about_run(report: RunReport) -> dict[str, Any]:
    """Return what the signed statement says of the run."""
    run, outcome = report.run, report.outcome
    return {
        "run_id": run.run_id,
        "project": run.project,
        "environment": run.environment,
        "verdict": report.verdict.word,
        "rehearsal": run.rehearsal,
        "partial": outcome.partial,
        "finished": outcome.finished,
        "pack": run.pack.name,
        "pack_commit": report.commit,
        "started_at": outcome.started_at.isoformat(),
        "ended_at": outcome.ended_at.isoformat(),
    }


def history_entry(report: RunReport) -> HistoryEntry:
    """Return the run as history keeps it."""
    return HistoryEntry(
        run_id=report.run.run_id,
        project=report.run.project,
        environment=report.run.environment,
        verdict=report.verdict.word,
        partial=report.outcome.partial,
        finished=report.outcome.finished,
        commit_id=report.commit,
        started_at=report.outcome.started_at,
        duration_s=report.outcome.duration_s,
        lines=report.lines,
    )


def read_commit(pack: Path) -> str | None:
    """Return the commit the pack stands at, with `+` when it has changes since; None outside version control."""
    asked: list[str | Path] = ["git", "-C", pack, "describe", "--always", "--abbrev=12", "--dirty=+", "--exclude=*"]
    try:
        done = run_command(asked, timeout_s=10)
    except CommandError:
        return None
    return done.stdout.strip() or None if done.exit_code == 0 else None
