"""How a task and a run ended, and what is kept of a task however it ended: an error for each check, its executed notebook."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from lib.core.files import write_whole
from lib.core.redact import redact_all
from lib.core.results import Check
from lib.evidence.log import EvidenceLine, line_of
from lib.run.run_file import RunFile
from lib.tasks.base import Task


@dataclass(kw_only=True)
class TaskRun:
    """How one task went: when, how it ended (ready, not_ready, broken, blocked, stopped, kept), and why.

    notebook: where the executed one is, until it is in the run's folder.
    """

    task: Task
    started_at: datetime | None = None
    ended_at: datetime | None = None
    ended: str = "stopped"
    problem: str = ""
    notebook: Path | None = None

    @property
    def took_s(self) -> float | None:
        """Seconds from its notebook's start to its end; None when it was not executed here."""
        if self.started_at is None or self.ended_at is None:
            return None
        return (self.ended_at - self.started_at).total_seconds()


@dataclass(frozen=True, kw_only=True)
class RunOutcome:
    """How a run ended. finished: False when it was stopped or killed; partial: only some of the tasks ran.

    resumed_at: when it was taken up again after it had been cut off, each time. leaks: its files that hold credentials.
    inputs: task -> digest of what its results rest on, of those that ended and whose inputs stayed the same meanwhile: a later
    run may take their results over.
    """

    started_at: datetime
    ended_at: datetime
    finished: bool
    partial: bool
    rehearsed_for: tuple[str, ...]
    resumed_at: tuple[datetime, ...] = ()
    leaks: tuple[str, ...] = ()
    inputs: Mapping[str, str] = field(default_factory=dict)

    @property
    def duration_s(self) -> float:
        return (self.ended_at - self.started_at).total_seconds()


def keep_errors(run: RunFile, task: Task, reason: str, *, fix: str, whole: bool) -> list[EvidenceLine]:
    """Append an `error` for each check of the task that has no line yet, and return the lines that no disk would take.

    whole: also say that the notebook itself did not run to its end.
    """
    unkept = []
    try:
        found = {line.check for line in run.read_log().lines}
    except OSError:
        found = set()
    for check in (*task.checks, *([task.completed] if whole else [])):
        if check.id in found:
            continue
        line = error_line(run, check, reason, fix)
        try:
            run.keep_line(line)
        except OSError:
            unkept.append(line)
    return unkept


def keep_notebook(run_folder: Path, task: Task, executed: Path) -> bool:
    """Put a task's executed notebook into the run's folder, credentials redacted; return whether that could be done.

    One that was cut off while papermill wrote it is left out: the evidence has what it found.
    """
    try:
        raw = json.loads(executed.read_text(encoding="utf-8"))
        text = json.dumps(redact_all(raw), indent=1, ensure_ascii=False) + "\n"
        write_whole(run_folder / f"{task.name}.ipynb", text)
    except (OSError, ValueError):
        return False
    return True


def error_line(run: RunFile, check: Check, reason: str, fix: str) -> EvidenceLine:
    """Return the line of a check whose result could not be determined."""
    return line_of(
        check.errored(reason, fix=fix),
        check,
        run_id=run.run_id,
        project=run.project,
        environment=run.environment,
        provenance=run.provenance_of(check),
        started_at=datetime.now(UTC),
        duration_s=0.0,
    )
