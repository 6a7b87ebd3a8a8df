"""Kill a run at random moments: its runner, a kernel, its database or a stand-in, also while it is being published."""

from __future__ import annotations

import json
import os
import random
import shutil
import signal
import subprocess
import tempfile
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

import psutil

from lib.core.errors import WorkbookError
from lib.core.paths import ROOT
from lib.embedded.state_folders import state_base
from lib.embedded.strays import find_strays
from lib.evidence.log import read_evidence
from lib.evidence.manifest import MANIFEST, verify_run
from tests.resilience.measured import Measured

KILLS = 200
LANES = 2
"""Runs at a time; each lane has folders of its own."""
RUNS = ("alerts", "health", "rls", "alerts,health", "migrations,seed", "")
"""What the killed runs are asked for; '' is everything."""
WEIGHTS = (6, 6, 3, 3, 2, 1)
LONGEST_S = {"": 60, "migrations,seed": 25, "rls": 14}
USUAL_S = 10
"""Seconds within which a kill falls, by what is asked for; some runs end before it."""
VICTIMS = ("runner", "runner", "kernel", "warm server", "database", "stand-in", "publishing")
WORDS = {
    "kernel": "ipykernel_launcher",
    "warm server": "lib.run.warm_server",
    "database": "postgres",
    "stand-in": "lib.embedded.fly.service",
}
"""Victim -> what its command line holds."""
GONE_WITHIN_S = 5
"""Seconds that the next start has to end what a killed run left."""
PATIENCE_S = 240


@dataclass(kw_only=True)
class Killed:
    """One run that was killed. found: what its evidence held just after. exit_code: of its runner."""

    number: int
    asked: str
    victim: str
    after_s: float
    run: str = ""
    folder: Path | None = None
    found: frozenset[str] = frozenset()
    exit_code: int | None = None
    hit: bool = False

    def __str__(self) -> str:
        what = f"{self.victim} of ONLY={self.asked or 'all'} after {self.after_s:.2f} s"
        return f"kill {self.number} ({what}, run {self.run or '?'})"


@dataclass(kw_only=True)
class Lane:
    """One rendered/ of its own, in which runs follow each other: each start takes over what the kill before left."""

    rendered: Path
    chance: random.Random
    killed: list[Killed] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)

    def go_on(self, numbers: list[int]) -> None:
        """Kill one run after another, and judge each by what the next start makes of it."""
        for number in numbers:
            self.kill_one(number)
        end = self.start("alerts")
        self.judge_previous(end)
        end.wait(timeout=PATIENCE_S)

    def start(self, asked: str) -> subprocess.Popen[str]:
        """Start a run as a person does."""
        argv = [str(ROOT / ".venv/bin/python"), "-m", "lib", "run", "local", "--only", asked, "--rendered", str(self.rendered)]
        log = (self.rendered.parent / f"{self.rendered.name}.log").open("a")
        with log:
            return subprocess.Popen(argv, cwd=ROOT, stdout=log, stderr=log, text=True, start_new_session=True)

    def kill_one(self, number: int) -> None:
        """Start a run, see what became of the one before, and kill this one at its moment."""
        asked = self.chance.choices(RUNS, WEIGHTS)[0]
        victim = self.chance.choice(VICTIMS)
        one = Killed(number=number, asked=asked, victim=victim, after_s=self.chance.uniform(0, LONGEST_S.get(asked, USUAL_S)))
        process = self.start(asked)
        self.judge_previous(process)
        one.folder = self.wait_for_folder(process)
        one.run = one.folder.name if one.folder else ""
        self.wait_for_moment(one, process)
        one.hit = strike(one, process)
        if victim in ("runner", "publishing") and one.hit:
            process.wait(timeout=PATIENCE_S)
        else:
            one.exit_code = wait_or_end(process, self.problems, one)
        if one.folder is not None:
            one.found = lines_of(one.folder)
        self.killed.append(one)

    def wait_for_folder(self, process: subprocess.Popen[str]) -> Path | None:
        """Return the folder of the run that was just started; None when it ended without one."""
        known = {one.run for one in self.killed}
        until = time.monotonic() + PATIENCE_S
        while process.poll() is None and time.monotonic() < until:
            for path in self.rendered.glob("*/local/2*"):
                if path.name not in known:
                    return path
            time.sleep(0.02)
        return None

    def wait_for_moment(self, one: Killed, process: subprocess.Popen[str]) -> None:
        """Wait until the run is to be killed: after its time, or when its last notebook is there."""
        until = time.monotonic() + (PATIENCE_S if one.victim == "publishing" else one.after_s)
        while process.poll() is None and time.monotonic() < until:
            if one.victim == "publishing" and one.folder and (one.folder / "readiness_summary.ipynb").exists():
                time.sleep(self.chance.uniform(0, 1.2))
                return
            time.sleep(0.01)

    def judge_previous(self, process: subprocess.Popen[str]) -> None:
        """Judge the run that was killed before, once the next start has begun its own work."""
        if not self.killed:
            return
        one = self.killed[-1]
        mark = time.monotonic() + PATIENCE_S
        while process.poll() is None and time.monotonic() < mark and self.wait_for_started(one) is None:
            time.sleep(0.02)
        until = time.monotonic() + GONE_WITHIN_S
        while one.run and (left := left_of(one.run)) and time.monotonic() < until:
            time.sleep(0.05)
        if one.run and left:
            self.problems.append(f"{one}: {len(left)} processes were left: {', '.join(left)}")
        self.problems += [f"{one}: {problem}" for problem in judge(one)]

    def wait_for_started(self, one: Killed) -> Path | None:
        """Return the folder of the run after a killed one, once there is one."""
        known = {other.run for other in self.killed}
        return next((path for path in self.rendered.glob("*/local/2*") if path.name not in known), None)


def strike(one: Killed, process: subprocess.Popen[str]) -> bool:
    """Kill the victim; return whether there was one."""
    if process.poll() is not None:
        return False
    if one.victim in ("runner", "publishing"):
        process.kill()
        return True
    words = WORDS[one.victim]
    family = [child for child in children_of(process.pid) if words in command_of(child)]
    if not family:
        return False
    family[0].kill()
    return True


def children_of(pid: int) -> list[psutil.Process]:
    """Return all descendants of a process."""
    try:
        return psutil.Process(pid).children(recursive=True)
    except psutil.Error:
        return []


def command_of(process: psutil.Process) -> str:
    """Return a process's command line."""
    try:
        return " ".join(process.cmdline())
    except psutil.Error:
        return ""


def wait_or_end(process: subprocess.Popen[str], problems: list[str], one: Killed) -> int | None:
    """Return the exit code of a run that must come to an end by itself."""
    try:
        return process.wait(timeout=PATIENCE_S)
    except subprocess.TimeoutExpired:
        problems.append(f"{one}: it did not end within {PATIENCE_S} s")
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        return None


def left_of(run: str) -> list[str]:
    """Return the command lines of what still lives of a run."""
    state = state_base(ROOT)
    return [command_of(one)[:80] for one in find_strays(run, places=[state / run, state / f"{run}-fly"])]


def lines_of(folder: Path) -> frozenset[str]:
    """Return a run's results as they are on disk: check and result."""
    return frozenset(f"{line.check}={line.result.value}" for line in read_evidence(folder))


def judge(one: Killed) -> list[str]:
    """Return what is wrong with a killed run after the next start: lost results, a green that was not earned, no page."""
    if one.folder is None or not one.folder.exists():
        return [f"{len(one.found)} results are gone with the folder"] if one.found else []
    problems = []
    if lost := one.found - lines_of(one.folder):
        problems.append(f"lost {len(lost)} results, such as {sorted(lost)[0]}")
    if not one.found:
        return problems
    if not (one.folder / "index.html").exists():
        return [*problems, "no page says what was found"]
    about = json.loads((one.folder / MANIFEST).read_bytes()) if (one.folder / MANIFEST).exists() else {}
    try:
        problems += [f"its seal does not hold: {said}" for said in verify_run(one.folder).problems]
    except WorkbookError as exc:
        problems.append(exc.message)
    latest = one.folder.parent / "latest"
    if not about.get("finished"):
        if about.get("verdict") in ("GO", "REHEARSED", "PARTIAL"):
            problems.append(f"unfinished, yet {about['verdict']}")
        if "UNFINISHED" not in (one.folder / "index.html").read_text():
            problems.append("its page does not say that it is unfinished")
        if latest.is_symlink() and latest.readlink().name == one.run:
            problems.append("`latest` leads to it although it is unfinished")
    elif one.victim in WORDS and one.hit and one.exit_code == 0:
        broken = [line for line in read_evidence(one.folder) if line.gate and line.result.value == "error"]
        problems += ["exit code 0 with gates that could not be determined"] if broken else []
    return problems


def measure(*, share: float, seed: int) -> Measured:
    """Kill runs, and judge what the next start makes of each."""
    kills = max(LANES, round(KILLS * share))
    place = Path(tempfile.mkdtemp(prefix="launch-kills-"))
    lanes = [Lane(rendered=place / f"lane-{n}", chance=random.Random(f"{seed}/{n}")) for n in range(min(LANES, kills))]
    for lane in lanes:
        lane.rendered.mkdir()
    with ThreadPoolExecutor(len(lanes)) as pool:
        list(pool.map(lambda n: lanes[n].go_on(list(range(n, kills, len(lanes)))), range(len(lanes))))
    killed = [one for lane in lanes for one in lane.killed]
    problems = [problem for lane in lanes for problem in lane.problems]
    hit = Counter(one.victim for one in killed if one.hit)
    if not problems:
        shutil.rmtree(place)
    return Measured(
        title="Kills at random moments",
        what="Runs of one task, of several and of all are started one after the other, and a process of each is killed with "
        "signal 9 at a random moment. What was found must be there afterwards, nothing unfinished may be green, each run gets "
        f"a page that says UNFINISHED, and {GONE_WITHIN_S} s after the next start none of its processes may live.",
        tried=len(killed),
        problems=tuple(problems),
        figures={
            **{f"killed: {name}": number for name, number in sorted(hit.items())},
            "ended before their moment": sum(not one.hit for one in killed),
            "results found before the kill": sum(len(one.found) for one in killed),
            "runs with results when killed": sum(bool(one.found) for one in killed),
        },
    )
