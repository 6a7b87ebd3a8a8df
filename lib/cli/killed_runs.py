"""Runs that were killed: what is left of them is ended and removed, and what they found is published as unfinished."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from lib.cli.publishing import publish_ended
from lib.core.errors import WorkbookError
from lib.core.files import point_at
from lib.core.paths import ROOT
from lib.core.visible import plain_line, say
from lib.evidence.history import HistoryEntry, open_history, remember_run
from lib.evidence.log import FILE as EVIDENCE
from lib.evidence.log import read_evidence
from lib.evidence.manifest import ENVELOPE, MANIFEST
from lib.run.endings import RunOutcome, TaskRun, keep_errors, keep_notebook
from lib.run.params import history_url
from lib.run.record import RunRecord, find_abandoned, read_record, remove_record
from lib.run.run_file import RunFile, read_run_file
from lib.run.stack import RUN_FILE, clean_up_leftovers
from lib.tasks.index import all_tasks, is_whole, using_own_tasks

KILLED = "Not determined: the run was killed before it."


def take_over_killed_runs(rendered: Path) -> None:
    """End what killed runs left running, say what they had found, publish it, and remove the rest."""
    published: list[str] = []

    def before_removal(state: Path) -> None:
        """Publish a killed run while its private folder is there: its credentials are known, its notebooks at hand."""
        run = open_private(state)
        record = read_record(run.run_folder) if run is not None else None
        if run is not None and record is not None and record.is_abandoned:
            published.extend(publish_killed(record, run))

    cleaned = clean_up_leftovers(before=before_removal)
    for record in find_abandoned(rendered):
        published.extend(publish_killed(record, record.run))
    for line in published:
        say(line)
    if cleaned:
        say(f"Cleaned up what {cleaned} killed run(s) left behind.")


def open_private(state: Path) -> RunFile | None:
    """Return a killed run's own run file, its credentials known to redaction from here on; None when it never had one."""
    try:
        return read_run_file(state / "work" / RUN_FILE)
    except WorkbookError:
        return None


def publish_killed(record: RunRecord, run: RunFile) -> Iterator[str]:
    """Publish what a killed run found, and yield what to say of it. run: with its private folder, where that is still there."""
    folder = run.run_folder
    try:
        if (folder / ENVELOPE).exists():  # it is written last: without it the seal is half made
            about = json.loads((folder / MANIFEST).read_bytes())
            yield from finish_sealed(run, about)
        elif (folder / EVIDENCE).exists() or run.spare.exists():
            with using_own_tasks(one.task for one in run.own_tasks):
                yield from publish_found(record, run)
    except (OSError, ValueError, KeyError, TypeError, WorkbookError) as exc:
        say(f"Run {run.run_id} was killed, and what it found can't be published: {plain_line(str(exc))}", to=sys.stderr)


def publish_found(record: RunRecord, run: RunFile) -> Iterator[str]:
    """Publish a run that was killed before its seal: every check without a result is an error, and the run unfinished."""
    tasks = [task for task in all_tasks() if task.name in run.tasks]
    unkept = []
    for task in tasks:
        executed = run.work / f"{task.name}.ipynb"
        was_complete = (run.run_folder / executed.name).exists()
        if not was_complete and executed.exists():
            keep_notebook(run.run_folder, task, executed)
        unkept += keep_errors(run, task, KILLED, fix=f"make resume RUN={run.run_id}", whole=not was_complete)
    outcome = RunOutcome(
        started_at=record.started_at,
        ended_at=last_change(run.run_folder),
        finished=False,
        partial=not is_whole(tasks),
        rehearsed_for=record.rehearsed_for,
        resumed_at=record.resumed_at,
    )
    published = publish_ended(run, [TaskRun(task=task) for task in tasks], outcome, unkept=unkept)
    page = run.run_folder / "index.html"
    place = page.relative_to(ROOT) if page.is_relative_to(ROOT) else page
    yield f"Run {run.run_id} was killed. What it had found, UNFINISHED: {place}. To finish it: make resume RUN={run.run_id}"
    yield from published.problems


def finish_sealed(run: RunFile, about: dict[str, Any]) -> Iterator[str]:
    """Finish a run that was killed between its seal and the moment it was known as finished."""
    if not about.get("finished"):
        return  # it was stopped, and published so; `make resume` can finish it
    started_at, ended_at = (datetime.fromisoformat(about[name]) for name in ("started_at", "ended_at"))
    entry = HistoryEntry(
        run_id=run.run_id,
        project=run.project,
        environment=run.environment,
        verdict=about["verdict"],
        partial=about["partial"],
        finished=True,
        commit_id=about["pack_commit"],
        started_at=started_at,
        duration_s=(ended_at - started_at).total_seconds(),
        lines=read_evidence(run.run_folder),
    )
    remember_run(open_history(run.rendered, history_url()), entry)
    latest = run.run_folder.parent / "latest"
    if not about["partial"] and not (latest.is_symlink() and latest.readlink().name > run.run_id):
        point_at(latest, run.run_id)
    remove_record(run.run_folder)
    yield f"Run {run.run_id} was killed after it was sealed: it is whole, {about['verdict']}."


def last_change(folder: Path) -> datetime:
    """Return when a killed run last wrote down something that it found."""
    path = folder / EVIDENCE
    return datetime.fromtimestamp(path.stat().st_mtime if path.exists() else folder.stat().st_mtime, tz=UTC)
