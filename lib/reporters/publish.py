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
from lib.core.redact import strike_all
from lib.core.results import Outcome, Verdict
from lib.evidence.history import HistoryEntry, PastRun, changes_since, last_run, open_history, remember_run
from lib.evidence.log import FILE, EvidenceLine, read_evidence
from lib.evidence.manifest import load_signer, seal_run, signing_key_path
from lib.reporters.documents.draft import write_documents
from lib.reporters.documents.note import FEEDBACK, SUMMARY_FILE
from lib.reporters.documents.qa_links import FILE as QA_FILE
from lib.reporters.html.model import Change, CheckRow, FileLink, PageHeader, RunSummary, TaskRow
from lib.reporters.html.render import render_index, render_task_page
from lib.reporters.launch_list import count_items, judge_items, load_launch_list
from lib.reporters.summary import summarize_task, verdict_of
from lib.reporters.terminal import say_verdict
from lib.run.graph import Ending, TaskRun
from lib.run.params import history_url
from lib.run.run_file import RunFile
from lib.tasks.base import Task
from lib.tasks.index import SUMMARY, every_check
from lib.transport.process import run_command

INDEX = "index.html"


@dataclass(frozen=True, kw_only=True)
class Published:
    """A published run: its verdict, and the words for the terminal."""

    verdict: Verdict
    words: str


def publish(run: RunFile, task_runs: Sequence[TaskRun], ending: Ending) -> Published:
    """Write everything a finished or stopped run leaves to be read, and return its verdict."""
    lines = read_evidence(run.run_folder)
    verdict = verdict_of(lines, partial=ending.partial or not ending.finished)
    tasks = tuple(task_run.task for task_run in task_runs)
    history = open_history(run.rendered, history_url())
    past = last_run(history, run.environment)
    notebooks = {one.task.name: keep_notebook(run, one) for one in task_runs}
    write_documents(run, tasks, lines, partial=ending.partial, ended_at=ending.ended_at)
    for task in tasks:
        if task != SUMMARY:
            write_task_page(run, task, notebooks[task.name], lines, ending)
    header = page_header(run, SUMMARY, verdict, lines, ending, title="Launch readiness")
    summary = summarize_run(run, header, tasks, lines, past)
    write_whole(run.run_folder / INDEX, render_index(notebooks.get(SUMMARY.name), summary))
    seal_run(run.run_folder, about_run(run, verdict, ending), load_signer(signing_key_path(ROOT)))
    remember_run(history, history_entry(run, verdict, ending, lines))
    if ending.finished:
        point_at(run.run_folder.parent / "latest", run.run_id)
    return Published(verdict=verdict, words=say_verdict(run, tasks, lines, verdict, ending))


def keep_notebook(run: RunFile, task_run: TaskRun) -> NotebookNode | None:
    """Put the executed notebook into the run's folder, credentials struck out, and return it."""
    if task_run.notebook is None:
        return None
    try:
        raw = json.loads(task_run.notebook.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None  # cut off while papermill wrote it; the evidence has what was found
    text = json.dumps(strike_all(raw), indent=1, ensure_ascii=False) + "\n"
    write_whole(run.run_folder / f"{task_run.task.name}.ipynb", text)
    return nbformat.reads(text, as_version=4)


def write_task_page(
    run: RunFile, task: Task, notebook: NotebookNode | None, lines: Sequence[EvidenceLine], ending: Ending
) -> None:
    """Write one task's page; without a notebook it still shows every result."""
    own = [line for line in lines if line.task == task.name]
    header = page_header(run, task, verdict_of(own, partial=False), own, ending, title=task.title)
    write_whole(run.run_folder / f"{task.name}.html", render_task_page(notebook, header))


def page_header(
    run: RunFile, task: Task, verdict: Verdict, lines: Sequence[EvidenceLine], ending: Ending, *, title: str
) -> PageHeader:
    """Return what the head of a page says."""
    name = f"{task.name}.ipynb"
    summary = summarize_task(task, lines)
    whole = task == SUMMARY
    return PageHeader(
        environment=run.environment,
        run_id=run.run_id,
        title=title,
        task=task.name,
        verdict=verdict,
        started_at=(ending.started_at if whole else summary.started_at or ending.started_at).isoformat(),
        duration_s=ending.duration_s if whole else summary.duration_s,
        pack=run.pack.name,
        commit=read_commit(run.pack),
        rehearsed=run.rehearsal,
        partial=ending.partial,
        finished=ending.finished,
        notebook=name if (run.run_folder / name).exists() else None,
        checks=tuple(check_row(line) for line in lines),
    )


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
        observed=line.observed,
        expected=line.expected,
        unit=line.unit,
        detail=line.detail,
        command=line.command,
        exit_code=line.exit_code,
        started_at=line.started_at.isoformat(),
        duration_s=line.duration_s,
        artifacts=tuple(FileLink(path=one.path, sha256=one.sha256) for one in line.artifacts),
    )


def summarize_run(
    run: RunFile, header: PageHeader, tasks: Sequence[Task], lines: Sequence[EvidenceLine], past: PastRun | None
) -> RunSummary:
    """Return everything the summary page says."""
    items = judge_items(load_launch_list(), lines)
    return RunSummary(
        header=header,
        launch_list=items,
        tally=count_items(items),
        tasks=tuple(task_row(run, task, lines) for task in tasks if task != SUMMARY),
        changes=None if past is None else tuple(change_row(row) for row in changes_since(past, lines)),
        previous=past.run_id if past else None,
        files=list_links(run.run_folder),
    )


def task_row(run: RunFile, task: Task, lines: Sequence[EvidenceLine]) -> TaskRow:
    """Return one task as a row of the summary page."""
    one = summarize_task(task, lines)
    return TaskRow(
        task=task.name,
        title=task.title,
        outcome=one.outcome,
        counts=one.counts,
        duration_s=one.duration_s,
        provenance=one.provenance,
        page=f"{task.name}.html",
    )


def change_row(row: dict[str, Any]) -> Change:
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


def about_run(run: RunFile, verdict: Verdict, ending: Ending) -> dict[str, Any]:
    """Return what the signed statement says of the run."""
    return {
        "run_id": run.run_id,
        "environment": run.environment,
        "verdict": verdict.word,
        "rehearsal": run.rehearsal,
        "partial": ending.partial,
        "finished": ending.finished,
        "pack": run.pack.name,
        "pack_commit": read_commit(run.pack),
        "started_at": ending.started_at.isoformat(),
        "ended_at": ending.ended_at.isoformat(),
    }


def history_entry(run: RunFile, verdict: Verdict, ending: Ending, lines: Sequence[EvidenceLine]) -> HistoryEntry:
    """Return the run as history keeps it."""
    return HistoryEntry(
        run_id=run.run_id,
        environment=run.environment,
        verdict=verdict.word,
        partial=ending.partial,
        finished=ending.finished,
        commit_id=read_commit(run.pack),
        started_at=ending.started_at,
        duration_s=ending.duration_s,
        lines=lines,
    )


def read_commit(pack: Path) -> str | None:
    """Return the commit the pack stands at, with `+` when it has changes since; None outside version control."""
    asked: list[str | Path] = ["git", "-C", pack, "describe", "--always", "--abbrev=12", "--dirty=+", "--exclude=*"]
    try:
        done = run_command(asked, timeout_s=10)
    except CommandError:
        return None
    return done.stdout.strip() or None if done.exit_code == 0 else None
