"""From a run's evidence and executed notebooks to what people open: pages, notes, seal, `latest`, history.

Every file is written whole; `latest` moves last, so that whoever follows it never meets half a run.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import nbformat
from nbformat import NotebookNode

from lib.core.errors import CommandError
from lib.core.files import point_at, write_whole
from lib.core.paths import ROOT
from lib.core.redact import redact_all
from lib.core.results import Outcome
from lib.core.verdict import Verdict
from lib.core.wording import verdict_sentence
from lib.evidence.history import HistoryEntry, last_run, open_history, remember_run
from lib.evidence.log import FILE, EvidenceLine, read_evidence
from lib.evidence.manifest import load_signer, seal_run, signing_key_path
from lib.reporters.documents.draft import write_documents
from lib.reporters.documents.note import FEEDBACK, SUMMARY_FILE
from lib.reporters.documents.qa_links import FILE as QA_FILE
from lib.reporters.html.model import Change, CheckRow, FileLink, PageHeader, RunSummary, TaskRow
from lib.reporters.html.render import render_index, render_task_page
from lib.reporters.launch_list import load_launch_list
from lib.reporters.promotion import promote
from lib.reporters.report import RunReport, count_gates, report_run
from lib.reporters.summary import TaskSummary, verdict_of
from lib.reporters.terminal import format_verdict
from lib.run.graph import RunOutcome, TaskRun
from lib.run.params import history_url
from lib.run.run_file import RunFile
from lib.tasks.base import Task
from lib.tasks.index import SUMMARY, every_check
from lib.transport.process import run_command

INDEX = "index.html"


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


def write_pages(report: RunReport, notebooks: Mapping[str, NotebookNode | None]) -> None:
    """Write a page a task and the front page; without a notebook a page still shows every result."""
    folder = report.run.run_folder
    for one in report.tasks:
        if one.task != SUMMARY:
            page = render_task_page(notebooks[one.task.name], task_header(report, one))
            write_whole(folder / f"{one.task.name}.html", page)
    write_whole(folder / INDEX, render_index(notebooks.get(SUMMARY.name), summarize_run(report)))


def task_header(report: RunReport, summary: TaskSummary) -> PageHeader:
    """Return what the head of one task's page says."""
    own = report.lines_of(summary.task)
    gates = [check.id for check in summary.task.checks if check.gate]
    verdict = verdict_of(own, gates=gates, proved=report.proved)
    untried = sum(line.gate and line.judged.is_untried and line.check not in report.proved for line in own)
    started_at = summary.started_at or report.outcome.started_at
    return replace(
        run_header(report),
        title=summary.task.title,
        task=summary.task.name,
        verdict=verdict,
        sentence=verdict_sentence(verdict, count_gates(own, report.proved), untried=untried),
        gates=count_gates(own, report.proved),
        started_at=started_at.isoformat(),
        duration_s=summary.duration_s,
        notebook=notebook_of(report, summary.task),
        checks=tuple(check_row(line) for line in own),
    )


def run_header(report: RunReport) -> PageHeader:
    """Return what the head of the front page says."""
    run, outcome = report.run, report.outcome
    return PageHeader(
        environment=run.environment,
        run_id=run.run_id,
        title="Launch readiness",
        task=SUMMARY.name,
        verdict=report.verdict,
        sentence=report.sentence,
        gates=report.gates,
        started_at=outcome.started_at.isoformat(),
        duration_s=outcome.duration_s,
        pack=run.pack.name,
        commit=report.commit,
        rehearsed=run.rehearsal,
        partial=outcome.partial,
        finished=outcome.finished,
        notebook=notebook_of(report, SUMMARY),
        checks=tuple(check_row(line) for line in report.lines),
    )


def notebook_of(report: RunReport, task: Task) -> str | None:
    """Return the name of a task's executed notebook in the run's folder, if it is there."""
    name = f"{task.name}.ipynb"
    return name if (report.run.run_folder / name).exists() else None


def check_row(line: EvidenceLine) -> CheckRow:
    """Return one line of evidence as a row of a page."""
    titles = every_check()
    return CheckRow(
        check=line.check,
        title=titles[line.check].title if line.check in titles else line.check,
        task=line.task,
        outcome=line.result,
        gate=line.gate,
        provenance=line.provenance,
        subject=line.subject,
        skipped_because=line.skipped_because,
        see=line.see,
        observed=line.observed,
        expected=line.expected,
        unit=line.unit,
        detail=line.detail,
        fix=line.fix,
        command=line.command,
        exit_code=line.exit_code,
        started_at=line.started_at.isoformat(),
        duration_s=line.duration_s,
        artifacts=tuple(FileLink(path=one.path, sha256=one.sha256) for one in line.artifacts),
    )


def summarize_run(report: RunReport) -> RunSummary:
    """Return everything the summary page says."""
    return RunSummary(
        header=run_header(report),
        launch_list=report.items,
        tally=report.tally,
        untried=frozenset(line.check for line in report.untried),
        tasks=tuple(task_row(one) for one in report.tasks if one.task != SUMMARY),
        changes=None if report.changes is None else tuple(change_row(row) for row in report.changes),
        previous=report.previous,
        files=list_links(report.run.run_folder),
    )


def task_row(one: TaskSummary) -> TaskRow:
    """Return one task as a row of the summary page."""
    return TaskRow(
        task=one.task.name,
        title=one.task.title,
        state=one.state,
        counts=one.counts,
        duration_s=one.duration_s,
        provenance=one.provenance,
        page=f"{one.task.name}.html",
    )


def change_row(row: Mapping[str, Any]) -> Change:
    """Return one changed result as the page takes it."""
    titles = every_check()
    words = {outcome.value: outcome for outcome in Outcome}
    title = titles[row["check"]].title if row["check"] in titles else row["check"]
    return Change(check=row["check"], title=title, before=words.get(row["before"]), now=words.get(row["now"]))


def list_links(run_folder: Path) -> tuple[FileLink, ...]:
    """Return every file to open beside the pages: the note, the evidence, then the artifacts."""
    entries = sorted((run_folder / "docs" / FEEDBACK).glob("*.md"))
    first = [run_folder / SUMMARY_FILE, *entries, run_folder / QA_FILE, run_folder / FILE]
    artifacts = sorted(path for path in (run_folder / "artifacts").rglob("*") if path.is_file())
    abouts = {
        SUMMARY_FILE: "the execution summary, ready to paste",
        **{path.relative_to(run_folder).as_posix(): "the feedback entry" for path in entries},
        QA_FILE: "links to the vendors' newest health evidence, for QA",
        FILE: "one result a line",
    }
    return tuple(
        FileLink(path=name, about=abouts.get(name, ""), size_bytes=path.stat().st_size)
        for path in (*first, *artifacts)
        if path.exists() and (name := path.relative_to(run_folder).as_posix())
    )


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
