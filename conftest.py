"""For every test and notebook: kernels find `lib`, and the summary's notebook finds a finished run."""

from __future__ import annotations

import fcntl
import hashlib
import os
import re
import signal
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Generator
from pathlib import Path
from typing import Any

import pytest

from lib.cli.install import close_sample_vault
from lib.core.results import Check, Result

ROOT = Path(__file__).resolve().parent
LONGEST_FIRST = ROOT / "tests" / "longest_first.txt"
"""The test files that take longest, one a line."""

close_sample_vault()  # as `make setup` does: tests may run in a checkout where it never did
os.environ["SIGNING_KEY"] = str(ROOT / ".run" / "tests-signing-key.pem")  # nobody's own key signs what tests make
os.environ["PYTHONPATH"] = str(ROOT)  # nbval starts kernels in the notebooks' own folder


def in_memory() -> Path:
    """Return where temporary files lie in memory, else where they usually do: on a disk a database takes ten times as long."""
    there = Path("/dev/shm")
    if not there.is_dir() or not os.access(there, os.W_OK | os.X_OK):
        return Path(tempfile.gettempdir())
    room = os.statvfs(there)
    is_fit = not room.f_flag & os.ST_NOEXEC and room.f_bavail * room.f_frsize >= 4 * 2**30
    return there if is_fit else Path(tempfile.gettempdir())


def own_temporary_folder() -> str:
    """Return this process's own temporary folder: what one worker kills and leaves behind, another's run would clean up."""
    mark = hashlib.sha256(f"{os.geteuid()} {ROOT}".encode()).hexdigest()[:6]
    folder = in_memory() / f"t{mark}-{os.environ.get('PYTEST_XDIST_WORKER', 'one')}"  # short: a socket's path is
    folder.mkdir(mode=0o755, exist_ok=True)  # the database server runs as another user, who must get through
    return str(folder)


if os.environ.get("TESTS_TMPDIR") != os.environ.get("PYTEST_XDIST_WORKER", "one"):
    os.environ["TESTS_TMPDIR"] = os.environ.get("PYTEST_XDIST_WORKER", "one")
    os.environ["TMPDIR"] = own_temporary_folder()
    tempfile.tempdir = None


# Started in the background or with nohup, tests inherit ignored signals, and what they start could not be interrupted.
for number, usual in ((signal.SIGINT, signal.default_int_handler), (signal.SIGHUP, signal.SIG_DFL)):
    if signal.getsignal(number) is signal.SIG_IGN:
        signal.signal(number, usual)


class TooBusyToTell(Exception):
    """A test failed in which the workbook said that this machine was too busy to tell: it is made again, three times at most."""


TOO_BUSY = re.compile("machine (was too busy|is less busy)")
"""How the workbook says so, in what it found or in its advice."""
said_busy: list[str] = []
"""The checks of the test that is being made of which the workbook said so."""


def note_busy(check: Check, reason: str, errored: Any = Check.errored, **facts: Any) -> Result:
    """Make the result as the workbook does, and remember where its advice is to run again on a quieter machine."""
    result: Result = errored(check, reason, **facts)
    if TOO_BUSY.search(" ".join((reason, *result.fix))):
        said_busy.append(f"{check.id}: {reason}")
    return result


Check.errored = note_busy  # type: ignore[method-assign]


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Generator[None, Any, Any]:
    """Tell a failure that the workbook itself put down to a busy machine from every other: only such a test is made again."""
    said_busy.clear()
    try:
        return (yield)
    except (Exception, pytest.fail.Exception) as exc:
        if said_busy or TOO_BUSY.search(str(exc)):
            raise TooBusyToTell(said_busy[-1] if said_busy else "as shown above") from exc
        raise


def is_whole_run(folder: Path) -> bool:
    """Return whether the folder holds a run that has a result for every check there is now."""
    from lib.evidence.log import read_evidence
    from lib.tasks.index import TASKS

    if not folder.exists():
        return False
    found = {line.check for line in read_evidence(folder)}
    return all(check.id in found for task in TASKS for check in task.checks)


def make_first_run() -> None:
    """Make one local run when there is no whole one that the summary's notebook could sum up."""
    from lib.run.project import find_project

    folder = ROOT / ".run"
    folder.mkdir(exist_ok=True)
    with (folder / "first-run.lock").open("w") as lock:  # held shared by who compares what lies in rendered/
        fcntl.flock(lock, fcntl.LOCK_EX)
        rendered = ROOT / "rendered"
        if not is_whole_run(rendered / find_project(rendered, ROOT / "pack") / "local" / "latest"):
            subprocess.run([sys.executable, "-m", "lib", "run", "local"], cwd=ROOT, check=False, stdout=subprocess.DEVNULL)


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_protocol(item: pytest.Item, nextitem: pytest.Item | None) -> Generator[None, Any, Any]:
    """Make the first run when the summary's notebook is about to be executed: until then nobody waits for it.

    Outermost, so that the time limit of a test does not count it.
    """
    if item.path.name == "99_readiness_summary.ipynb":
        make_first_run()
    return (yield)


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Put the files that take longest first where several workers share them: started last, one would keep all others waiting."""
    if not hasattr(config, "workerinput") or not LONGEST_FIRST.exists():  # tests try this file alone, in a folder of theirs
        return
    ranks = {ROOT / line: rank for rank, line in enumerate(LONGEST_FIRST.read_text().splitlines())}
    items.sort(key=lambda item: ranks.get(item.path, len(ranks)))


def pytest_xdist_auto_num_workers() -> int:
    """Return how many workers `-n auto` starts: three on two cores, since many tests wait for what they have started."""
    cores = os.cpu_count() or 1
    return cores + cores // 2


def reason_of(report: pytest.TestReport) -> str:
    """Return why a test was skipped, as it was said."""
    said = report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
    return " ".join(said.removeprefix("Skipped: ").split()) or "no reason was given"


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say how many tests were skipped, and for which reasons: what was not tried is no part of a green."""
    skipped = [one for one in terminalreporter.stats.get("skipped", []) if isinstance(one, pytest.TestReport)]
    collected = [one for one in terminalreporter.stats.get("skipped", []) if isinstance(one, pytest.CollectReport)]
    reasons = Counter(map(reason_of, [*skipped, *collected]))
    if reasons:
        total = sum(reasons.values())
        terminalreporter.section(f"{total} {'test' if total == 1 else 'tests'} skipped", sep="-")
    for reason, number in sorted(reasons.items(), key=lambda one: (-one[1], one[0])):
        terminalreporter.write_line(f"{number:>5}  {reason}")
