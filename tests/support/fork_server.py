"""A process that has imported what commands of the workbook import, and forks each of them when `forked_commands` asks.

    main([<number of the socket>])

It is started before any command is known, and only forks: a command has its own variables, folder, output and signals, as
an attempt has that a fleet's warm server forks (`lib.run.fleet_server`). It waits for each command's end, since its worker
makes one test at a time. It ends when the worker's end of the socket is closed.
"""

from __future__ import annotations

import ctypes
import io
import json
import os
import signal
import socket
import sys
import traceback
from collections.abc import Mapping, Sequence
from types import ModuleType
from typing import Any

from lib.core.environment import clean
from lib.core.paths import ROOT
from lib.core.run_mark import VARIABLE
from lib.run import warm_kernels
from lib.run.fleet_server import COMMAND_LINE, EVERY_RUN
from lib.run.warm_kernels import WaitingServer, modules_of
from lib.run.warm_server import (
    EVERY_KERNEL,
    KILL_WITH_PARENT,
    LONGEST_REQUEST,
    begin_anew,
    check_fork,
    end_as_python_does,
    preload,
    show_command,
    show_mark,
)
from lib.tasks.index import TASKS

OTHERS = ("lib.cli.confirm", "lib.cli.guardrails", "lib.cli.init", "lib.cli.look", "lib.cli.resume", "lib.cli.sync_credentials")
"""What else the commands import that tests ask for most."""
WITH_KERNELS = frozenset({"health", "look", "resume", "run"})
"""Commands that execute notebooks: each has a warm server of kernels, forked while it has one thread."""


def main(argv: Sequence[str]) -> None:
    """Import the modules, then fork a command for each request until the other end is closed."""
    control = socket.socket(fileno=int(argv[0]))
    by_imports = preload([*EVERY_RUN, *OTHERS, *EVERY_KERNEL, *modules_of(task.path for task in TASKS)])
    while True:
        data, files, _, _ = socket.recv_fds(control, LONGEST_REQUEST, 2)
        if not data:
            return
        check_fork()
        pid = os.fork()
        if pid == 0:
            control.close()
            be_child(json.loads(data), files, by_imports)
        for number in files:
            os.close(number)
        control.send(json.dumps({"pid": pid}).encode())
        _, status = os.waitpid(pid, 0)
        control.send(json.dumps({"code": os.waitstatus_to_exitcode(status)}).encode())


def be_child(asked: Mapping[str, Any], files: Sequence[int], by_imports: Mapping[str, str]) -> None:
    """Be the command that was asked for, to its end. files: its standard output and error."""
    code = 1
    try:
        for number, file in zip((1, 2), files, strict=True):
            os.dup2(file, number)
            os.close(file)
        sys.stdout = stream(1, "surrogateescape")
        sys.stderr = stream(2, "backslashreplace")
        code = be_command(asked["words"], clean(asked["env"]), by_imports)
    except BaseException:
        traceback.print_exc(file=sys.__stderr__)
    finally:
        os._exit(code)  # nothing of the server's own end may happen here


def stream(number: int, errors: str) -> io.TextIOWrapper:
    """Return a standard stream as Python opens it: the server's own has noted that its output is /dev/null."""
    raw = io.FileIO(number, "w", closefd=False)
    return io.TextIOWrapper(io.BufferedWriter(raw), "utf-8", errors, line_buffering=number == 2)


def be_command(words: list[str], env: Mapping[str, str], by_imports: Mapping[str, str]) -> int:
    """Become `python -m lib` with these words, and return its exit code."""
    os.setsid()
    if words[0] in WITH_KERNELS:
        warm_kernels.waiting.append(WaitingServer(by_imports))
    begin_anew(env, ROOT)
    problem = show_mark(env.get(VARIABLE, ""))
    assert not problem, problem
    show_command([sys.executable, "-m", "lib", *words])
    sys.argv = [str(ROOT / "lib" / "__main__.py"), *words]
    sys.modules["__main__"] = ModuleType("__main__")
    ctypes.CDLL(None, use_errno=True).prctl(KILL_WITH_PARENT, signal.SIGTERM, 0, 0, 0)
    try:
        return int(sys.modules[COMMAND_LINE].main(words))
    except SystemExit as exc:
        return exc.code if isinstance(exc.code, int) else int(exc.code is not None)
    finally:
        end_as_python_does(None)
