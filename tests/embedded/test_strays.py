"""What a run started is found wherever it went, and nothing else is touched."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import psutil
import pytest

from lib.core.run_mark import VARIABLE, has_mark, mark_with, marked, run_mark
from lib.embedded.strays import end_adopted, end_strays, find_strays
from lib.transport.process import run_command

UNTIL_S = 20
SLEEPER = "import time; print('up', flush=True); time.sleep(600)"


def start(environment: dict[str, str], cwd: Path | None = None) -> subprocess.Popen[str]:
    process = subprocess.Popen(
        [sys.executable, "-c", SLEEPER], env=environment, cwd=cwd, stdout=subprocess.PIPE, text=True, start_new_session=True
    )
    assert process.stdout is not None
    with process.stdout as said:
        assert said.readline() == "up\n"
    return process


def test_a_process_of_the_run_is_ended_and_its_neighbours_are_not(tmp_path: Path) -> None:
    own = start({VARIABLE: "outer 20261126T000000Z-aaaa"})
    other = start({VARIABLE: "20261126T000000Z-aaab"})
    unmarked_there = start({}, cwd=tmp_path)
    unmarked = start({})
    try:
        assert end_strays("20261126T000000Z-aaaa", places=[tmp_path], spared=[other.pid]) == 2
        assert own.wait(UNTIL_S) == unmarked_there.wait(UNTIL_S) == -signal.SIGKILL
        assert other.poll() is None and unmarked.poll() is None
        assert find_strays("20261126T000000Z-aaaa", places=[tmp_path]) == []
    finally:
        for process in (own, other, unmarked_there, unmarked):
            process.kill()
            process.wait()


def test_a_place_is_a_folder_and_not_the_beginning_of_a_name(tmp_path: Path) -> None:
    (tmp_path / "run-fly").mkdir()
    (tmp_path / "run").mkdir()
    beside = start({}, cwd=tmp_path / "run-fly")
    try:
        assert find_strays("none", places=[tmp_path / "run"]) == []
    finally:
        beside.kill()
        beside.wait()


def test_a_mark_within_a_mark_belongs_to_both() -> None:
    outer = {VARIABLE: "one"}
    inner = mark_with("one/rls", outer)
    assert has_mark(inner, "one") and has_mark(inner, "one/rls") and not has_mark(inner, "one/seed")
    assert not has_mark({}, "one") and not has_mark({VARIABLE: "ones"}, "one")


def test_marking_ends_with_its_with(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(VARIABLE, raising=False)
    with marked("outer"), marked("inner"):
        assert run_mark() == {VARIABLE: "outer inner"}
        said = run_command(["sh", "-c", f"echo ${VARIABLE}"], timeout_s=UNTIL_S).stdout
        assert said == "outer inner\n"
    assert run_mark() == {}


def test_what_a_command_leaves_in_its_group_is_ended_with_it(tmp_path: Path) -> None:
    run_command(["sh", "-c", f"sleep 600 >/dev/null 2>&1 & echo $! > {tmp_path}/pid"], timeout_s=UNTIL_S)
    pid = int((tmp_path / "pid").read_text())
    until = time.monotonic() + UNTIL_S
    while psutil.pid_exists(pid) and psutil.Process(pid).status() != psutil.STATUS_ZOMBIE and time.monotonic() < until:
        time.sleep(0.01)
    assert not psutil.pid_exists(pid) or psutil.Process(pid).status() == psutil.STATUS_ZOMBIE


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux lets a process adopt orphans")
def test_a_daemon_without_mark_or_place_is_ended_by_who_adopted_it(tmp_path: Path) -> None:
    """It left its session, its variables and its parent: only its ancestor knows it."""
    script = f"""
        import os, subprocess, sys, time
        from lib.embedded.strays import adopt_orphans, end_adopted
        adopt_orphans()
        subprocess.run(["sh", "-c", "cd / && env -i setsid sleep 600 & echo $! > {tmp_path}/pid"], check=True)
        time.sleep(0.3)
        print(end_adopted())
    """
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(script)],
        capture_output=True,
        text=True,
        timeout=60,
        env={**os.environ},
        check=True,
    )
    assert int(done.stdout) >= 1
    pid = int((tmp_path / "pid").read_text())
    assert not psutil.pid_exists(pid) or psutil.Process(pid).status() == psutil.STATUS_ZOMBIE


def test_known_children_are_left_alone() -> None:
    known = start({})
    try:
        end_adopted([one.pid for one in psutil.Process().children()])
        assert known.poll() is None
    finally:
        known.kill()
        known.wait()
