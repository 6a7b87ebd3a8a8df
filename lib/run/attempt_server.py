"""A worker's end of its warm server: starts it once, and has each attempt forked from it. Standard library alone.

Whatever goes wrong with it is an AttemptServerError, and the attempt is then started by itself.
"""

from __future__ import annotations

import json
import os
import select
import signal
import socket
import subprocess
import sys
import threading
from contextlib import suppress

from lib.core.environment import KERNELS_INHERIT, OURS, inherited
from lib.core.paths import ROOT
from lib.core.run_mark import VARIABLE
from lib.run.warm_server import FOR_IMPORTS, ROOM_FOR_MARK

SERVER = "import sys; del sys.path[0]; from lib.run.fleet_server import main; main(sys.argv[1:])"
"""The first place to look for modules is the folder where the worker stands, which may hold anything."""
ANSWERS_WITHIN_S = 60
"""Seconds that a server gets to fork, its imports before the first attempt included; they take about 3."""


class AttemptServerError(Exception):
    """No attempt could be forked: the message says why."""


class ForkedAttempt:
    """An attempt that the server is the parent of: what is asked of a `subprocess.Popen` with its input and output."""

    def __init__(self, pid: int, stdin: int, stdout: int) -> None:
        self.pid = pid
        self.stdin, self.stdout = os.fdopen(stdin, "wb", buffering=0), os.fdopen(stdout, "rb")
        try:
            self._handle: int | None = os.pidfd_open(pid)
        except ProcessLookupError:
            self._handle = None  # it has ended

    def poll(self) -> int | None:
        """Return 0 once it has ended, however it did; None while it runs."""
        return 0 if self._has_ended(0) else None

    def wait(self, timeout: float | None = None) -> int:
        """Return once it has ended. Raises subprocess.TimeoutExpired when it has not within `timeout` seconds."""
        if not self._has_ended(timeout):
            raise subprocess.TimeoutExpired(str(self.pid), timeout or 0)
        return 0

    def kill(self) -> None:
        """End it at once."""
        if self._handle is not None:
            with suppress(ProcessLookupError):
                signal.pidfd_send_signal(self._handle, signal.SIGKILL)

    def _has_ended(self, timeout_s: float | None) -> bool:
        """Wait until it has ended, `timeout_s` seconds at most, and return whether it has."""
        if self._handle is not None:
            polled = select.poll()
            polled.register(self._handle, select.POLLIN)
            if not polled.poll(None if timeout_s is None else timeout_s * 1000):
                return False
            os.close(self._handle)
            self._handle = None
        return True


class AttemptServer:
    """A worker's warm server. Threads may use it at once."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[bytes] | None = None
        self._control: socket.socket | None = None
        self._lock = threading.Lock()

    def fork(self, env: dict[str, str]) -> ForkedAttempt:
        """Return an attempt's process, which waits for its job. Raises AttemptServerError."""
        if sys.platform != "linux":
            raise AttemptServerError("a fork of a process with frameworks loaded is unsafe here")
        told, tell = os.pipe()
        hear, say = os.pipe()
        try:
            with self._lock:
                pid = self._ask(env, told, say)
        except (OSError, ValueError, AttemptServerError) as exc:
            os.close(tell)
            os.close(hear)
            raise AttemptServerError(str(exc)) from exc
        finally:
            os.close(told)
            os.close(say)
        return ForkedAttempt(pid, tell, hear)

    def close(self) -> None:
        """Let go of the server, if there is one; its attempts go on."""
        if self._control is not None:
            self._control.close()
        if self._process is not None:
            self._process.kill()
            self._process.wait()
        self._process = self._control = None

    def _ask(self, env: dict[str, str], told: int, say: int) -> int:
        """Return the process id of an attempt with these ends of its input and output."""
        if self._process is None or self._process.poll() is not None or self._control is None:
            self.close()
            self._process, self._control = start_server()
        socket.send_fds(self._control, [json.dumps({"env": env}).encode()], [told, say])
        try:
            answer = json.loads(self._control.recv(1000) or b"{}")
        except TimeoutError:
            self.close()  # its answer, when it comes, must not be taken for another's
            raise
        if "pid" not in answer:
            raise AttemptServerError(answer.get("refused", "the warm server ended"))
        return int(answer["pid"])


def start_server() -> tuple[subprocess.Popen[bytes], socket.socket]:
    """Start a warm server with a kernel's variables, no credential among them; return it and what it is asked by."""
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    ours.settimeout(ANSWERS_WITHIN_S)
    with theirs:
        process = subprocess.Popen(
            [sys.executable, "-c", SERVER, str(theirs.fileno())],
            cwd=ROOT,
            env={**inherited(KERNELS_INHERIT), **OURS, **FOR_IMPORTS, VARIABLE: " " * ROOM_FOR_MARK},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            pass_fds=[theirs.fileno()],
            start_new_session=True,
        )
    return process, ours


WARM = AttemptServer()
"""The one of this worker, started with its first attempt."""
