"""Let every change of a file fail, at each place of a small run: a full disk, an error, a file system turned read-only."""

from __future__ import annotations

import json
import os
import random
import re
import shutil
import subprocess
import sys
import tempfile
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from lib.core.errors import WorkbookError
from lib.core.paths import ROOT
from lib.evidence.log import read_evidence
from lib.evidence.manifest import MANIFEST, verify_run
from tests.resilience.measured import Measured

TITLE = "A storage that fails"
WHAT = (
    "A run of one task is repeated; each time another of the calls by which it changes files fails, in `rendered/` or "
    "in its private folder: from there on the disk is full or may only be read, or the one call gives an error, or a write "
    "takes one byte of many. The last good run must be whole, what was found must be there after the next start, and "
    "nothing may be green that is not sealed and whole."
)
ASKED = "health"
"""The small run: one task and the summary."""
KINDS = ("full", "fails", "short", "read-only")
"""Each call fails once, in one of these ways in turn; another seed begins with another."""
LANES = 2
PATIENCE_S = 200
TOLD = re.compile(r"^. (?:Vendor health|Readiness summary) .*?(\d+) passed$", re.M)
TAKE_OVER = "import sys, pathlib; from lib.cli.killed_runs import take_over_killed_runs as go; go(pathlib.Path(sys.argv[1]))"


@dataclass(frozen=True, kw_only=True)
class Tried:
    """One run on a failing storage: where and how it failed, its exit code, and what is wrong with what it left."""

    at: int
    kind: str
    exit_code: int
    was_hit: bool
    problems: tuple[str, ...]


def measure(*, share: float, seed: int) -> Measured:
    """Fail at each call in turn, and judge what the run leaves."""
    place = Path(tempfile.mkdtemp(prefix="launch-storage-"))
    place.chmod(0o755)
    good = place / "good"
    whole = run_faulty(0, "full", good, place / "counted", asked="")
    if whole.returncode != 0:
        return Measured(title=TITLE, what=WHAT, tried=0, problems=(f"the good run: {(whole.stdout + whole.stderr)[-2000:]}",))
    calls = int((place / "counted").read_text())
    (place / "counted").unlink()
    run_faulty(0, "full", good, place / "counted")
    small = int((place / "counted").read_text())
    cases = [(at, KINDS[(at + seed) % len(KINDS)]) for at in range(1, small + 3)]
    chosen = sorted(random.Random(seed).sample(cases, max(1, round(len(cases) * share))))
    with ThreadPoolExecutor(LANES) as pool:
        tried = list(pool.map(lambda case: try_one(place, good, *case), chosen))
    problems = [f"call {one.at} {one.kind}: {problem}" for one in tried for problem in one.problems]
    if not problems:
        shutil.rmtree(place)
    codes = Counter(one.exit_code for one in tried)
    return Measured(
        title=TITLE,
        what=WHAT,
        tried=len(tried),
        problems=tuple(problems),
        figures={
            "calls that change files in the small run": small,
            "of a whole run": calls,
            "runs in which the fault fell": sum(one.was_hit for one in tried),
            **{f"exit code {code}": number for code, number in sorted(codes.items())},
        },
    )


def run_faulty(at: int, kind: str, home: Path, counter: Path, *, asked: str = ASKED) -> subprocess.CompletedProcess[str]:
    """Run on the failing storage, runs and private folders alike, and return what the run said."""
    rendered, state = home / "rendered", home / "tmp"
    for folder in (home, state, rendered):
        folder.mkdir(exist_ok=True)
        folder.chmod(0o755)  # the server's own user passes through
    words = [str(at), kind, str(home), str(counter), "run", "local", "--only", asked, "--rendered", str(rendered)]
    argv = [sys.executable, "-m", "tests.resilience.faulty_run", *words]
    return subprocess.run(argv, cwd=ROOT, env=on(home), capture_output=True, text=True, timeout=PATIENCE_S)


def on(home: Path) -> dict[str, str]:
    """Return this process's variables, with the temporary folder of a case."""
    return {**os.environ, "TMPDIR": str(home / "tmp")}


def try_one(place: Path, good: Path, at: int, kind: str) -> Tried:
    """Run once beside a copy of the good runs, and judge what is there after the next start."""
    home, counter = place / f"{kind}-{at}", place / f"{kind}-{at}.count"
    shutil.copytree(good, home, symlinks=True)
    rendered = home / "rendered"
    before = {path.name for path in rendered.glob("*/local/2*")}
    latest = (rendered / "pack/local/latest").resolve().name
    done = run_faulty(at, kind, home, counter)
    next_start = [sys.executable, "-c", TAKE_OVER, str(rendered)]
    after = subprocess.run(next_start, cwd=ROOT, env=on(home), capture_output=True, text=True, timeout=PATIENCE_S)
    said = done.stdout + done.stderr + after.stderr
    problems = ["a traceback"] if "Traceback" in said else []
    if done.returncode not in (0, 1, 2):
        problems.append(f"exit code {done.returncode}: {said.strip().splitlines()[-1:]}")
    if (rendered / "pack/local/latest").resolve().name != latest or verify_run(rendered / "pack/local/latest").problems:
        problems.append("the last good run is no longer whole, or `latest` no longer leads to it")
    folders = [path for path in rendered.glob("*/local/2*") if path.name not in before]
    problems += judge(folders[0], done.returncode, said) if folders else [] if done.returncode == 2 else ["no folder"]
    if not problems:
        shutil.rmtree(home)
    was_hit = counter.exists() and int(counter.read_text()) >= at
    return Tried(at=at, kind=kind, exit_code=done.returncode, was_hit=was_hit, problems=tuple(problems))


def judge(folder: Path, exit_code: int, said: str) -> list[str]:
    """Return what is wrong with the folder of a run whose storage failed, after the next start."""
    lines = read_evidence(folder)
    told, kept = sum(int(number) for number in TOLD.findall(said)), sum(line.result.value == "pass" for line in lines)
    problems = [f"{told} passed were told, {kept} are kept"] if kept < told else []
    if lines and not (folder / "index.html").exists():
        problems.append("results without a page")
    about = json.loads((folder / MANIFEST).read_bytes()) if (folder / MANIFEST).exists() else {}
    try:
        problems += [f"its seal does not hold: {one}" for one in verify_run(folder).problems]
    except WorkbookError as exc:
        problems += [exc.message] if lines else []
    if exit_code == 0 and not about.get("finished"):
        problems.append("exit code 0 for a run that is not whole")
    if not about.get("finished") and about.get("verdict") in ("GO", "REHEARSED", "PARTIAL"):
        problems.append(f"unfinished, yet {about['verdict']}")
    return problems
