"""The control of whatever is timed here: short sleeps and a fixed piece of work, while others are looked at.

How late they come shows how busy this machine is at that moment; `lib.core.busyness` says what follows from it.
"""

from __future__ import annotations

import hashlib
import os
import threading
import time
from pathlib import Path
from types import TracebackType
from typing import Self

from lib.core.background import Background
from lib.core.busyness import Control, ControlRecord, Round

PAUSE_S = 0.02
"""Seconds of one sleep: short beside every limit, and the control takes 3 % of one processor."""
BLOCK = bytes(1 << 20)
"""What is hashed: half a millisecond of work, done outside Python's own lock."""
RUNNABLE = Path("/proc/loadavg")
"""Linux: the fourth word is how many tasks run or want to, of all; work that goes on for long is slowed by those."""


class ControlClock:
    """A control that runs from `with` until its end. Times are those of `time.monotonic`."""

    def __init__(self) -> None:
        self.rounds: list[Round] = []
        self._began = time.monotonic()
        self._quickest_s = min(hash_block() for _ in range(3))
        self._ended = threading.Event()
        self._thread = Background(self._run, name="control")

    def __enter__(self) -> Self:
        self._began = time.monotonic()
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._ended.set()
        self._thread.finish()

    def record(self) -> ControlRecord:
        """Return the rounds so far, the one that has not ended yet among them."""
        now, began, rounds = time.monotonic(), self._began, list(self.rounds)
        late_s = max(0.0, now - began - PAUSE_S - self._quickest_s)
        lost = rounds[-1].lost if rounds else 0.0
        return ControlRecord([*rounds, Round(begin_s=began, end_s=max(now, began), late_s=late_s, lost=lost)])

    def since(self, begin_s: float) -> Control:
        """Return what the control met from a moment until now."""
        return self.record().within(begin_s, time.monotonic())

    def _run(self) -> None:
        while not self._ended.is_set():
            began = time.monotonic()
            self._ended.wait(PAUSE_S)
            slept_s = min(PAUSE_S, time.monotonic() - began) if self._ended.is_set() else PAUSE_S
            worked_s = hash_block()
            self._quickest_s = min(self._quickest_s, worked_s)
            lost = share_lost()
            ended = time.monotonic()
            self.rounds.append(
                Round(begin_s=began, end_s=ended, late_s=max(0.0, ended - began - slept_s - self._quickest_s), lost=lost)
            )
            self._began = ended


def hash_block() -> float:
    """Do the fixed piece of work, and return the seconds it took."""
    started = time.monotonic()
    hashlib.sha256(BLOCK).digest()
    return time.monotonic() - started


def share_lost() -> float:
    """Return the share of time that work loses now, because more want a processor than there are; 0 where it cannot be read."""
    try:
        running = int(RUNNABLE.read_text().split()[3].partition("/")[0]) - 1  # this thread runs as well
    except (OSError, ValueError, IndexError):
        return 0.0
    return max(0.0, 1 - (os.cpu_count() or 1) / running) if running > 0 else 0.0
