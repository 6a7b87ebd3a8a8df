"""What a run keeps of what went wrong in it: what tasks left behind, and what helps whoever fixes a bug of ours."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from pathlib import Path

from lib.core.breakages import read_breakages
from lib.core.files import write_whole
from lib.core.recovery_notes import read_notes
from lib.core.redact import redact
from lib.core.visible import plain_line, say
from lib.run.endings import TaskRun
from lib.run.run_file import RunFile


def keep_notes(run: RunFile) -> None:
    """Say what tasks left behind that a person must bring back, and keep it with the run."""
    for task, note in read_notes(run.work).items():
        say(f"{task} left something behind.\n{note}", to=sys.stderr)
        keep_text(run.run_folder / "artifacts" / task / "left_behind.txt", note + "\n")


def keep_what_broke(run: RunFile, task_runs: Iterable[TaskRun]) -> None:
    """Say which parts of ours broke, and keep with the run what helps whoever fixes them."""
    for broken in read_breakages(run.work):
        kept = f"artifacts/breakages/{broken.name}.txt"
        say(f"{plain_line(broken.sentence)} Fix: Report it with {run.run_folder.name}/{kept}.", to=sys.stderr)
        keep_text(run.run_folder / kept, f"{broken.sentence}\n\n{broken.traceback}")
    for one in task_runs:
        log = run.work / f"{one.task.name}.log"
        if one.ended == "broken" and log.exists() and (said := log.read_text(encoding="utf-8", errors="replace")):
            keep_text(run.run_folder / "artifacts" / one.task.name / "kernel.log", said)


def keep_text(path: Path, text: str) -> None:
    """Keep a text with the run where that can be; what it tells was said already."""
    try:
        write_whole(path, redact(text))
    except OSError as exc:
        say(f"{path.name} could not be kept: {exc.strerror}.", to=sys.stderr)
