"""Where the time of a whole embedded run goes: wall seconds a stage and a task, over several runs."""

from __future__ import annotations

import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from lib.core.errors import WorkbookError
from lib.core.paths import ROOT
from lib.core.visible import say
from lib.core.wording import format_duration
from lib.display.tables import make_table
from lib.evidence.log import read_evidence
from lib.reporters.summary import summarize_task
from lib.tasks.index import TASKS

RUNS = 3
"""Runs measured, one after the other; the first is as cold as the others but for the disk's cache."""


def bench() -> int:
    """Run `local` several times in processes of their own and print what took the time."""
    with tempfile.TemporaryDirectory() as folder:
        measured = [measure_run(Path(folder), number) for number in range(RUNS)]
    rows = [summarize_stage(stage, [one[stage] for one in measured]) for stage in measured[0]]
    say(make_table(rows, f"Wall time of a whole embedded run, {RUNS} runs", limit=len(rows)))
    return 0


def measure_run(folder: Path, number: int) -> dict[str, float]:
    """Return wall seconds of one whole run by stage: the whole, before the first look, each task, after the last."""
    started_at, started = time.time(), time.monotonic()
    done = subprocess.run(
        [sys.executable, "-m", "lib", "run", "local", "--rendered", str(folder)], cwd=ROOT, capture_output=True, text=True
    )
    whole = time.monotonic() - started
    say(f"run {number + 1}: {format_duration(whole)}, exit {done.returncode}")
    if done.returncode:
        said = (done.stdout + done.stderr)[-2000:]
        raise WorkbookError(f"A run to be measured ended with exit code {done.returncode}. {said}")
    return {"whole run": whole, **stages(next(folder.glob("*/local/latest")), started_at, started_at + whole)}


def stages(run_folder: Path, began: float, ended: float) -> dict[str, float]:
    """Return the stages of one finished run, in seconds."""
    lines = read_evidence(run_folder)
    summaries = [summarize_task(task, lines) for task in TASKS]
    first = min(one.started_at.timestamp() for one in summaries if one.started_at)
    last = max(one.ended_at.timestamp() for one in summaries if one.ended_at)
    looks = {f"looks of {one.task.name}": one.duration_s or 0.0 for one in summaries}
    return {"start to first look": first - began, **looks, "last look to end": ended - last}


def summarize_stage(stage: str, seconds: Sequence[float]) -> dict[str, Any]:
    """Return one stage's minimum, median and maximum, in seconds."""
    return {
        "stage": stage,
        "min s": round(min(seconds), 2),
        "median s": round(statistics.median(seconds), 2),
        "max s": round(max(seconds), 2),
    }
