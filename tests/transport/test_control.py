"""The control runs beside what is looked at, and what holds this process up shows in it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from lib.core.busyness import QUIET, Standing, weigh_timeout
from lib.transport import control
from lib.transport.control import ControlClock, share_lost

HELD_S = 0.5


def test_what_stops_this_process_shows_as_lateness() -> None:
    """A stopped process is a machine without time for it, as long as the test likes."""
    code = (
        "import sys, time\nfrom lib.transport.control import ControlClock\n"
        "with ControlClock() as clock:\n"
        "    while not clock.rounds: time.sleep(0.001)\n"
        "    began = time.monotonic(); print('ready', flush=True); sys.stdin.readline()\n"
        "    print(clock.since(began).late_s, flush=True)\n"
    )
    with subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdin is not None and process.stdout is not None
        process.stdout.readline()
        os.kill(process.pid, signal.SIGSTOP)
        time.sleep(HELD_S)
        os.kill(process.pid, signal.SIGCONT)
        process.stdin.write("\n")
        process.stdin.flush()
        assert float(process.stdout.readline()) >= HELD_S / 2


def test_a_round_that_has_not_ended_counts() -> None:
    with ControlClock() as clock:
        while not clock.rounds:
            time.sleep(0.001)
    ended = clock.rounds[-1].end_s
    while clock.since(ended).late_s < 0.05:  # its thread is gone, so this round never ends
        pass


def test_nothing_was_met_before_it_began() -> None:
    with ControlClock() as clock:
        while not clock.rounds:
            time.sleep(0.001)
        assert clock.record().within(0, 1e-9) == QUIET


@pytest.mark.parametrize(
    ("text", "share"), [("0.1 0.1 0.1 9/99 1", 0.75), ("0.1 0.1 0.1 3/99 1", 0.0), ("0 0 0 1/99 1", 0.0), ("", 0.0)]
)
def test_more_that_want_a_processor_than_there_are_lose_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str, share: float
) -> None:
    (tmp_path / "loadavg").write_text(text)
    monkeypatch.setattr(control, "RUNNABLE", tmp_path / "loadavg")
    monkeypatch.setattr(os, "cpu_count", lambda: 2)
    assert share_lost() == share
    monkeypatch.setattr(control, "RUNNABLE", tmp_path / "nowhere")
    assert share_lost() == 0.0


@pytest.mark.skipif(not control.RUNNABLE.exists(), reason="only Linux tells how many tasks want a processor")
def test_a_machine_with_far_more_work_than_processors_explains_a_time_out() -> None:
    wanted = 2 * (os.cpu_count() or 1) + 2
    busy = [subprocess.Popen([sys.executable, "-S", "-c", "while True: pass"]) for _ in range(wanted)]
    try:
        with ControlClock() as clock:
            while len(clock.rounds) < 50:
                time.sleep(0.01)
            seen = clock.since(clock.rounds[25].begin_s)
        assert weigh_timeout(5, seen) is Standing.UNCLEAR, seen
    finally:
        for one in busy:
            one.kill()
            one.wait()
