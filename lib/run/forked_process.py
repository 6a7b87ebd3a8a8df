"""A process that was forked and not started: what is asked of a `subprocess.Popen`, for one that is none."""

from __future__ import annotations

import os
import signal
import subprocess
import threading
import time

POLL_S = 0.01


class ForkedProcess:
    """A child that was forked, or adopted: what jupyter_client and we ask of a `subprocess.Popen`."""

    stdin = stdout = stderr = None

    def __init__(self, pid: int) -> None:
        self.pid = pid
        self.returncode: int | None = None
        self.lock = threading.Lock()

    def poll(self) -> int | None:
        """Return how it ended: its exit code, the negative number of the signal that ended it, or None while it runs."""
        return self.reap(os.WNOHANG)

    def wait(self, timeout: float | None = None) -> int | None:
        """Return how it ended, once it has. Raises subprocess.TimeoutExpired when it has not within `timeout` seconds."""
        if timeout is None:
            return self.reap(0)
        until = time.monotonic() + timeout
        while self.poll() is None:
            if time.monotonic() > until:
                raise subprocess.TimeoutExpired(str(self.pid), timeout)
            time.sleep(POLL_S)
        return self.returncode

    def reap(self, how: int) -> int | None:
        with self.lock:
            if self.returncode is None:
                try:
                    pid, status = os.waitpid(self.pid, how)
                except ChildProcessError:
                    self.returncode = 0  # somebody else was told how it ended
                else:
                    self.returncode = os.waitstatus_to_exitcode(status) if pid else None
            return self.returncode

    def send_signal(self, number: int) -> None:
        """Send a signal, unless it has ended: its number may be another process's by now."""
        if self.poll() is None:
            os.kill(self.pid, number)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)

    def terminate(self) -> None:
        self.send_signal(signal.SIGTERM)
