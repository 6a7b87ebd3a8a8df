"""The fleet's warm server: a process that has imported what runs and kernels import, and forks attempts for its worker.

    main([<number of the socket>])

Linux only. It is started before any project is known and never reads one: each attempt, each run and each run's own warm
server is a fork of a process that holds modules and nothing else. It has one thread, as `lib.run.warm_server` has, and ends when
the worker's end of the socket is closed, so also when the worker is killed.
"""

from __future__ import annotations

import ctypes
import json
import os
import signal
import socket
import subprocess
import sys
import traceback
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from lib.core.paths import ROOT
from lib.core.run_mark import VARIABLE
from lib.run import fleet_attempt, warm_kernels
from lib.run.forked_process import ForkedProcess
from lib.run.warm_kernels import WaitingServer, modules_of
from lib.run.warm_server import (
    EVERY_KERNEL,
    KILL_WITH_PARENT,
    LONGEST_REQUEST,
    UnsafeFork,
    begin_anew,
    check_fork,
    end_as_python_does,
    preload,
    show_command,
    show_mark,
)
from lib.tasks.index import TASKS

COMMAND_LINE = "lib.__main__"
EVERY_RUN = (COMMAND_LINE, "lib.cli.run", "lib.reporters.publish")
"""What `python -m lib run` imports, by name: these rooms are above this one."""


def main(argv: Sequence[str]) -> None:
    """Import the modules, then fork an attempt for each request until the other end is closed."""
    control = socket.socket(fileno=int(argv[0]))
    by_imports = preload([*EVERY_RUN, *EVERY_KERNEL, *modules_of(task.path for task in TASKS)])
    while True:
        data, files, _, _ = socket.recv_fds(control, LONGEST_REQUEST, 2)
        reap()
        if not data:
            return
        fork_attempt(json.loads(data), files, control, by_imports)
        for number in files:
            os.close(number)


def reap() -> None:
    """Take note of every attempt that has ended."""
    with suppress(ChildProcessError):
        while os.waitpid(-1, os.WNOHANG)[0]:
            continue


def fork_attempt(asked: Mapping[str, Any], files: Sequence[int], control: socket.socket, by_imports: Mapping[str, str]) -> None:
    """Fork one attempt and tell the worker which process it is. files: its input and its output."""
    try:
        check_fork()
    except UnsafeFork as exc:
        control.send(json.dumps({"refused": str(exc)}).encode())
        return
    pid = os.fork()
    if pid:
        control.send(json.dumps({"pid": pid}).encode())
        return
    code = 1
    try:
        control.close()
        code = be_attempt(asked, files, by_imports)
    except BaseException:
        traceback.print_exc(file=sys.__stderr__)
    finally:
        os._exit(code)  # nothing of the server's own end may happen here


def be_attempt(asked: Mapping[str, Any], files: Sequence[int], by_imports: Mapping[str, str]) -> int:
    """Become the attempt that was asked for, and return its exit code."""
    os.setsid()
    for number, file in enumerate(files):
        os.dup2(file, number)
        os.close(file)
    begin_anew(asked["env"], ROOT)
    show_command([sys.executable, "-m", "lib.run.fleet_attempt"])
    return fleet_attempt.main(WaitingRun(by_imports).start)


class WaitingRun:
    """A process that becomes this attempt's run once it is told how: forked while the attempt has one thread and no job."""

    def __init__(self, by_imports: Mapping[str, str]) -> None:
        told, self._tell = os.pipe()
        pid = os.fork()
        if pid == 0:
            os.close(self._tell)
            os._exit(self.wait_and_be(told, by_imports))
        os.close(told)
        self.process = ForkedProcess(pid)

    def start(self, words: Sequence[str], env: Mapping[str, str], log: Path) -> subprocess.Popen[bytes] | ForkedProcess:
        """Let it be `python -m lib` with these words, and return it. log: a file that is not there yet, for what it says."""
        asked = {"words": list(words), "env": dict(env), "log": str(log)}
        with suppress(BrokenPipeError), os.fdopen(self._tell, "wb") as pipe:  # one that is gone is seen by who waits for it
            pipe.write(json.dumps(asked).encode())
        return self.process

    def wait_and_be(self, told: int, by_imports: Mapping[str, str]) -> int:
        """Wait for `start`, be the run, and return its exit code; 0 where nobody started it."""
        try:
            nowhere = os.open(os.devnull, os.O_RDWR)
            for number in (0, 1, 2):  # the worker reads this attempt's output until nobody holds it
                os.dup2(nowhere, number)
            warm_kernels.waiting.append(WaitingServer(by_imports))
            with os.fdopen(told, "rb") as pipe:
                data = pipe.read()
            return be_run(json.loads(data)) if data else 0
        except BaseException:
            traceback.print_exc(file=sys.__stderr__)
            return 1


def be_run(asked: Mapping[str, Any]) -> int:
    """Be the run that was asked for, until it has ended, and return its exit code."""
    said = os.open(asked["log"], os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    for number in (1, 2):
        os.dup2(said, number)
    os.close(said)
    os.setsid()
    begin_anew(asked["env"], ROOT)
    problem = show_mark(asked["env"].get(VARIABLE, ""))
    if problem:
        raise UnsafeFork(problem)
    show_command([sys.executable, "-m", "lib", *asked["words"]])
    ctypes.CDLL(None, use_errno=True).prctl(KILL_WITH_PARENT, signal.SIGTERM, 0, 0, 0)
    try:
        return int(sys.modules[COMMAND_LINE].main(asked["words"]))
    except SystemExit as exc:
        return exc.code if isinstance(exc.code, int) else int(exc.code is not None)
    finally:
        end_as_python_does(None)
