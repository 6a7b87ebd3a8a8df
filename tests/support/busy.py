"""A machine with more to do than it can, for as long as a test likes."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from lib.transport import control

needs_runnable = pytest.mark.skipif(not Path("/proc/loadavg").exists(), reason="only Linux tells how many tasks want a processor")


@contextmanager
def busy_machine(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Keep one processor more busy than there are, three at least, and let the control see it."""
    monkeypatch.setattr(control, "RUNNABLE", Path("/proc/loadavg"))
    count = max(3, (os.cpu_count() or 1) + 1)
    busy = [subprocess.Popen([sys.executable, "-S", "-c", "while True: pass"]) for _ in range(count)]
    try:
        yield
    finally:
        for one in busy:
            one.kill()
            one.wait()
