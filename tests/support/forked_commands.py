"""Commands of the workbook, each forked from a process that has imported what they import, at a third of the CPU of a start.

For tests of what a command finds, prints and keeps. Tests of the start itself, of signals and of imports start it.
`tests/cli/test_run_commands_forked.py` holds that both ways come to the same.
"""

from __future__ import annotations

import atexit
import json
import os
import selectors
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Mapping
from contextlib import suppress

from lib.core.environment import KERNELS_INHERIT, OURS, inherited
from lib.core.paths import ROOT
from lib.core.run_mark import VARIABLE
from lib.run.warm_server import FOR_IMPORTS, ROOM_FOR_MARK

SERVER = "import sys; del sys.path[0]; from tests.support.fork_server import main; main(sys.argv[1:])"
LONGEST_ANSWER = 1000


class CommandServer:
    """The process that this one's commands are forked from."""

    def __init__(self) -> None:
        self.control, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            self.process = subprocess.Popen(
                [sys.executable, "-c", SERVER, str(theirs.fileno())],
                cwd=ROOT,
                env={**inherited(KERNELS_INHERIT), **OURS, **FOR_IMPORTS, VARIABLE: " " * ROOM_FOR_MARK},
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                pass_fds=[theirs.fileno()],
                start_new_session=True,
            )

    def run(self, words: list[str], env: Mapping[str, str], timeout_s: float) -> subprocess.CompletedProcess[str]:
        """Return the finished command. Raises subprocess.TimeoutExpired, as `subprocess.run` does, with the command ended."""
        ours, theirs = zip(os.pipe(), os.pipe(), strict=True)
        socket.send_fds(self.control, [json.dumps({"words": words, "env": dict(env)}).encode()], theirs)
        for number in theirs:
            os.close(number)
        pid = self.hear()["pid"]
        try:
            said = read_all(ours, timeout_s)
        except TimeoutError:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
            raise subprocess.TimeoutExpired(words, timeout_s) from None
        finally:
            code = self.hear()["code"]
        return subprocess.CompletedProcess(words, code, *(one.decode() for one in said))

    def hear(self) -> dict[str, int]:
        """Return the next answer."""
        answer = self.control.recv(LONGEST_ANSWER)
        assert answer, f"the server of commands ended ({self.process.wait()})"
        found: dict[str, int] = json.loads(answer)
        return found

    def close(self) -> None:
        """End the server."""
        self.control.close()
        self.process.wait()


def read_all(streams: tuple[int, ...], timeout_s: float) -> list[bytes]:
    """Return what comes out of these streams until nobody holds their other ends, and close them. Raises TimeoutError."""
    said = {stream: b"" for stream in streams}
    until = time.monotonic() + timeout_s
    with selectors.DefaultSelector() as selector:
        for stream in streams:
            selector.register(stream, selectors.EVENT_READ)
        try:
            while selector.get_map():
                ready = selector.select(max(until - time.monotonic(), 0))
                if not ready:
                    raise TimeoutError
                for key, _ in ready:
                    data = os.read(key.fd, 65536)
                    said[key.fd] += data
                    if not data:
                        selector.unregister(key.fd)
        finally:
            for stream in streams:
                os.close(stream)
    return list(said.values())


servers: list[CommandServer] = []
"""This process's own server, once a command was asked for."""


def run_command(*words: str, env: Mapping[str, str] | None = None, timeout_s: float = 280) -> subprocess.CompletedProcess[str]:
    """Return `python -m lib` with these words, once it has ended: as `subprocess.run` does in ROOT with captured output.

    env: its variables, those of this process when it is not given.
    """
    variables = dict(os.environ if env is None else env)
    if sys.platform != "linux":  # a fork of a process with frameworks loaded is unsafe on macOS
        return start_command(*words, env=variables, timeout_s=timeout_s)
    if not servers:
        servers.append(CommandServer())
        atexit.register(servers[0].close)
    return servers[0].run(list(words), variables, timeout_s)


def start_command(*words: str, env: Mapping[str, str] | None = None, timeout_s: float = 280) -> subprocess.CompletedProcess[str]:
    """Return the same of a command that is started."""
    argv = [sys.executable, "-m", "lib", *words]
    variables = dict(os.environ if env is None else env)
    done = subprocess.run(
        argv, cwd=ROOT, env=variables, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=timeout_s
    )
    return subprocess.CompletedProcess(list(words), done.returncode, done.stdout, done.stderr)
