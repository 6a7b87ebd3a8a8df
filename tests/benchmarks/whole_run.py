"""The whole embedded run, against others' ways to execute and render the same notebooks; and where our time went."""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from lib.core.errors import WorkbookError
from lib.core.paths import ROOT
from lib.evidence.log import read_evidence
from lib.reporters.summary import summarize_task
from lib.tasks.index import TASKS
from tests.benchmarks.rounds import Benchmark, Cost, Variant

PEERS = {
    "pool": ("pool of two papermills", "<= 0.50", ()),
    "loop": ("shell loop of papermill and nbconvert", "", ()),
    "nbconvert": ("nbconvert --execute", "", ()),
    "dask": ("papermill on dask, two workers", "", ("dask", "distributed")),
    "ploomber": ("ploomber, two processes", "", ("ploomber",)),
}
"""Peer -> its name, the goal for the ratio to it, and the packages that it needs, which are not installed with the workbook."""


@contextmanager
def open_benchmark(places: list[dict[str, float]]) -> Iterator[list[Benchmark]]:
    """Yield the whole run. places: takes where the time of each of our runs went."""
    skipped = {
        name: f"{', '.join(missing)} is not installed"
        for name, _, needs in PEERS.values()
        if (missing := [one for one in needs if find_spec(one) is None])
    }
    peers = {key: value for key, value in PEERS.items() if value[0] not in skipped}
    yield [
        Benchmark(
            name="run",
            title="Whole embedded run of ten notebooks",
            what="The peers execute the same notebooks on their own defaults, each with a stack of its own, and render them. "
            "They keep no evidence, sign nothing, and give no verdict.",
            variants=[
                Variant(name="ours", once=lambda: run_ours(places)),
                *(Variant(name=name, once=lambda key=key: run_peer(key)) for key, (name, _, _) in peers.items()),
            ],
            pairs=[("ours", name, goal) for name, goal, _ in peers.values()],
            skipped=skipped,
        )
    ]


def run_ours(places: list[dict[str, float]]) -> Cost:
    """Run everything embedded into a folder of its own."""
    with tempfile.TemporaryDirectory() as folder:
        cost = run_measured([sys.executable, "-m", "lib", "run", "local", "--rendered", folder])
        places.append(read_places(next(Path(folder).glob("*/local/latest")), cost.wall_s))
    return cost


def run_peer(key: str) -> Cost:
    """Execute and render the notebooks in a peer's way, into a folder of its own."""
    with tempfile.TemporaryDirectory() as folder:
        return run_measured([sys.executable, "-m", "tests.benchmarks.peers", key, str(ROOT / "notebooks"), folder])


def run_measured(argv: Sequence[str]) -> Cost:
    """Run a program to its end and return what it and all that it started took. Raises WorkbookError when it fails."""
    script = Path(__file__).with_name("measured.py")
    done = subprocess.run([sys.executable, script, *argv], cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode:
        said = done.stderr.strip()[-2000:]
        raise WorkbookError(f"A program to be measured ended with exit code {done.returncode}: {' '.join(argv[1:4])}. {said}")
    told = json.loads(done.stdout)
    return Cost(wall_s=told["wall_s"], cpu_s=told["cpu_s"])


def read_places(run_folder: Path, wall_s: float) -> dict[str, float]:
    """Return the seconds of a run's stages, tasks and looks, as its evidence tells them."""
    lines = read_evidence(run_folder)
    tasks = [summarize_task(task, lines) for task in TASKS]
    first = min(one.started_at.timestamp() for one in tasks if one.started_at)
    last = max(one.ended_at.timestamp() for one in tasks if one.ended_at)
    found = {"before the first look and after the last": wall_s - (last - first), "from the first look to the last": last - first}
    found |= {f"task {one.task.name}": one.duration_s or 0.0 for one in tasks}
    # The checks of one look began at the same instant, and each line has the seconds of the whole look.
    looks = {(line.task, line.started_at): line for line in reversed(lines)}
    for line in looks.values():
        name = f"look at {line.check}"
        found[name] = found.get(name, 0.0) + (line.duration_s or 0.0)
    return found


def add_up_places(places: Sequence[dict[str, float]]) -> list[dict[str, Any]]:
    """Return the median seconds of each place over the runs, the largest of a kind first."""
    names = dict.fromkeys(name for one in places for name in one)
    rows = [{"where": name, "median s": round(statistics.median(one.get(name, 0.0) for one in places), 2)} for name in names]
    order = {"task": 1, "look": 2}
    return sorted(rows, key=lambda row: (order.get(row["where"].split()[0], 0), -row["median s"]))
