"""Threads whose failure is not lost: a thread that dies in silence turns what it watched into a false pass."""

from __future__ import annotations

import importlib
import subprocess
import threading
from collections.abc import Callable


class Background(threading.Thread):
    """A thread of ours. `finish` waits for its end and raises what it raised.

    on_failure: called in the thread at once with what it raised.
    """

    def __init__(self, work: Callable[[], object], *, name: str, on_failure: Callable[[BaseException], object] | None = None):
        super().__init__(name=name, daemon=True)
        self.failure: BaseException | None = None
        self._work = work
        self._on_failure = on_failure

    def run(self) -> None:
        try:
            self._work()
        except BaseException as exc:
            self.failure = exc
            if self._on_failure is not None:
                self._on_failure(exc)

    def finish(self, timeout_s: float | None = None) -> None:
        """Return once the thread ended, or the seconds are over. Raises what it raised."""
        if self.ident is not None:
            self.join(timeout_s)
        if self.failure is not None:
            raise self.failure


def import_meanwhile(module: str) -> Background:
    """Return the thread that imports a module; whoever imports it next waits for that, and is told what went wrong."""
    thread = Background(lambda: importlib.import_module(module), name=f"import-{module}")
    thread.start()
    return thread


def watch_exit(process: subprocess.Popen[str] | subprocess.Popen[bytes], report: Callable[[int], object]) -> Background:
    """Return the thread that reports a process's exit code the moment it ends, whoever ended it."""
    watch = Background(lambda: report(process.wait()), name=f"watch-{process.pid}")
    watch.start()
    return watch


def describe_exit(code: int) -> str:
    """Return how a process ended: with an exit code, or by a signal."""
    return f"its process was ended by signal {-code}" if code < 0 else f"its process ended with exit code {code}"
