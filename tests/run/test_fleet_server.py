"""Attempts forked from a worker's warm server: as good as those that are started, and as much apart from each other."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import psutil
import pytest

from lib.core.paths import ROOT
from lib.evidence.log import read_evidence
from lib.evidence.manifest import verify_run
from lib.run import attempt_server, fleet_worker
from lib.run.attempt_server import AttemptServer, AttemptServerError
from lib.run.fleet_worker import do_attempt

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="attempts are forked on Linux alone")

NEVER: Callable[[], bool] = lambda: False  # noqa: E731


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[AttemptServer]:
    """The worker's warm server, one of this test's own; attempts put their folders below tmp_path."""
    own = AttemptServer()
    monkeypatch.setattr(fleet_worker, "WARM", own)
    monkeypatch.setenv("TMPDIR", str(temporary(tmp_path)))
    yield own
    own.close()


def temporary(tmp_path: Path) -> Path:
    folder = tmp_path / "t"
    folder.mkdir(mode=0o755, exist_ok=True)
    return folder


@pytest.fixture
def pack(tmp_path: Path) -> Path:
    return Path(shutil.copytree(ROOT / "pack", tmp_path / "project"))


def job(pack: Path, results: Path, *, only: str = "credentials", fleet: str = "one", **variables: str) -> dict[str, Any]:
    member = {"project": "project", "pack": str(pack), "environment": "local", "only": [only]}
    return {
        "member": {**member, "variables": variables, "optional": []},
        "fleet": fleet,
        "results": results.as_uri(),
        "strict": False,
    }


def run_folder(results: Path) -> Path:
    [found] = results.glob("*/local/2*")
    return found


def family(pid: int) -> list[psutil.Process]:
    """Return the living processes that a process started, however deep."""
    found = []
    with suppress(psutil.Error):
        for one in psutil.Process(pid).children(recursive=True):
            with suppress(psutil.Error):
                found += [one] if one.status() != psutil.STATUS_ZOMBIE else []
    return found


def goes_on(process: psutil.Process) -> bool:
    """Return whether a process still does anything; whoever adopted it may not have asked how it ended."""
    with suppress(psutil.Error):
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    return False


def has_database(pid: int) -> bool:
    with suppress(psutil.Error):
        return any(one.name() == "postgres" for one in family(pid))
    return False


def wait_until(holds: Callable[[], bool], message: str) -> None:
    until = time.monotonic() + 120
    while not holds():
        assert time.monotonic() < until, message
        time.sleep(0.05)


def test_a_forked_run_finds_and_keeps_what_a_started_one_does(
    server: AttemptServer, pack: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    forked = do_attempt(job(pack, tmp_path / "forked"), NEVER)
    assert forked["committed"]["verdict"] == "PARTIAL"
    monkeypatch.setattr(attempt_server, "SERVER", "raise SystemExit(1)")
    server.close()
    started = do_attempt(job(pack, tmp_path / "started"), NEVER)
    assert started["committed"]["verdict"] == "PARTIAL"
    folders = [run_folder(tmp_path / name) for name in ("forked", "started")]
    lines = [[(one.check, one.result, one.provenance, one.observed) for one in read_evidence(one)] for one in folders]
    assert lines[0] == lines[1]
    files = [{path.relative_to(folder) for path in folder.rglob("*") if path.is_file()} for folder in folders]
    assert files[0] == files[1]
    assert [verify_run(folder).problems for folder in folders] == [(), ()]
    assert list(temporary(tmp_path).glob("launch-fleet-*/*/")) == []


def test_what_one_attempt_is_given_no_other_has(
    server: AttemptServer, pack: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = job(pack, tmp_path / "results", STAGING_DATABASE_URL="NAMED_BY_THIS_MEMBER")
    for fleet, value in (("one", ""), ("two", "canary-value"), ("three", "")):
        monkeypatch.setenv("NAMED_BY_THIS_MEMBER", value)
        answer = do_attempt({**asked, "fleet": fleet}, NEVER)
        assert ("NAMED_BY_THIS_MEMBER has no value at the worker" in answer.get("problem", "")) == (not value)
        assert "canary-value" not in json.dumps(answer)
    assert server._process is not None
    given = Path(f"/proc/{server._process.pid}/environ").read_bytes()
    assert b"canary-value" not in given and b"NAMED_BY" not in given


def test_an_attempt_that_is_cancelled_ends_its_run_and_leaves_nothing(server: AttemptServer, pack: Path, tmp_path: Path) -> None:
    seen: list[psutil.Process] = []

    def is_cancelled() -> bool:
        if server._process is not None and has_database(server._process.pid):
            seen.extend(family(server._process.pid))
        return bool(seen)

    answer = do_attempt(job(pack, tmp_path / "results", only="migrations"), is_cancelled)
    assert answer == {"problem": "it was stopped"}
    assert [one for one in seen if goes_on(one)] == []
    assert list(temporary(tmp_path).glob("launch-fleet-*/*/")) == []
    assert not list((tmp_path / "results").glob("*/local/2*"))


def test_a_killed_worker_takes_its_server_attempt_and_run_along(pack: Path, tmp_path: Path) -> None:
    place = temporary(tmp_path)
    code = (
        "import json, sys; from lib.run.fleet_worker import do_attempt, WARM\n"
        "do_attempt(json.loads(sys.argv[1]), lambda: print(WARM._process.pid, flush=True) or False)"
    )
    words = [sys.executable, "-c", code, json.dumps(job(pack, tmp_path / "results", only="migrations"))]
    worker = subprocess.Popen(words, cwd=ROOT, env={**os.environ, "TMPDIR": str(place)}, stdout=subprocess.PIPE, text=True)
    assert worker.stdout is not None
    server = int(worker.stdout.readline())
    wait_until(lambda: has_database(server), "no run began")
    all_of_it = family(worker.pid)
    worker.send_signal(signal.SIGKILL)
    worker.wait()
    worker.stdout.close()
    wait_until(lambda: not any(map(goes_on, all_of_it)), "something of a killed worker goes on")
    assert list(place.glob("launch-fleet-*/*/")) == []


def test_a_server_that_is_killed_takes_no_attempt_along_and_another_takes_its_place(
    server: AttemptServer, pack: Path, tmp_path: Path
) -> None:
    killed: list[int] = []

    def kill() -> bool:
        if not killed and server._process is not None:
            killed.append(server._process.pid)
            server._process.kill()
        return False

    first = do_attempt(job(pack, tmp_path / "results"), kill)
    second = do_attempt(job(pack, tmp_path / "results", fleet="two"), NEVER)
    assert [one["committed"]["verdict"] for one in (first, second)] == ["PARTIAL", "PARTIAL"]
    assert server._process is not None and server._process.pid != killed[0]


def test_a_server_that_does_not_start_is_told(server: AttemptServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(attempt_server, "SERVER", "raise SystemExit(1)")
    with pytest.raises(AttemptServerError):
        server.fork({})
