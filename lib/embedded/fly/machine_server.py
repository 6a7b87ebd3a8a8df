"""Forks the machines that run Python: each begins with what most apps import, so that none imports it again. Linux only.

Started as a file of its own and not as a part of ours: an app must find none of our modules, nor a path to them. Standard library
only. Each message is one datagram:

    to it    `start` with two files: the machine's log, and JSON with cwd, module, arguments and variables
             `signal <pid> <number>`
    from it  `started <pid>` or `refused`, in the order of the requests; `ended <pid> <exit code or -signal>`
"""

from __future__ import annotations

import array
import contextlib
import ctypes
import gc
import importlib
import json
import os
import runpy
import select
import signal
import socket
import sys
from pathlib import Path
from typing import Any

USUAL = ("asyncio", "concurrent.futures", "http.server", "logging.config", "sqlite3", "urllib.request", "psycopg", "psycopg.rows")
"""What apps import at their start, where it is installed."""
KILL_WITH_PARENT = 1
"""PR_SET_PDEATHSIG. Source: include/uapi/linux/prctl.h"""
LONGEST_MESSAGE = 100


def end_with(parent: int) -> None:
    """End this process when its parent ends, also when that has happened already."""
    ctypes.CDLL(None, use_errno=True).prctl(KILL_WITH_PARENT, signal.SIGKILL, 0, 0, 0)
    if os.getppid() != parent:
        os._exit(1)


def hides_a_module(folder: Path) -> bool:
    """Return whether an app brings a module of its own whose name is that of one which is imported already."""
    loaded = {name.partition(".")[0] for name in sys.modules}
    return any(path.name.partition(".")[0] in loaded for path in folder.iterdir())


class MachineServer:
    """The machines that were forked and have not ended. control: where requests come from; its end is ours."""

    def __init__(self, control: socket.socket) -> None:
        self.control = control
        self.running: set[int] = set()
        self.woken, self.waking = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)

    def serve(self) -> dict[str, Any]:
        """Do what is asked until nobody asks any more; return in a machine alone: what it is to run."""
        signal.signal(signal.SIGCHLD, lambda *_: None)
        signal.set_wakeup_fd(self.waking)
        while True:
            ready, _, _ = select.select([self.control.fileno(), self.woken], [], [])
            if self.woken in ready:
                os.read(self.woken, 1000)
                self.tell_ended()
            if self.control.fileno() in ready:
                request = self.take()
                if request is not None:
                    return request

    def take(self) -> dict[str, Any] | None:
        """Do one request; return what to run in a new machine, and None in the server."""
        message, rights, _, _ = self.control.recvmsg(LONGEST_MESSAGE, socket.CMSG_SPACE(2 * array.array("i").itemsize))
        if not message:
            os._exit(0)
        what, *words = message.decode().split()
        if what == "signal":
            pid, number = map(int, words)
            if pid in self.running:  # not waited for yet, so that the number is still its own
                os.kill(pid, number)
            return None
        files = array.array("i", b"".join(data for _, _, data in rights))
        with os.fdopen(files[1], encoding="utf-8") as file:
            file.seek(0)
            request: dict[str, Any] = json.load(file)
        try:
            return self.start(request, files[0])
        finally:
            os.close(files[0])

    def start(self, request: dict[str, Any], log: int) -> dict[str, Any] | None:
        """Fork a machine; return what it is to run in that, and None in the server."""
        server = os.getpid()
        try:
            pid = -1 if hides_a_module(Path(request["cwd"])) else os.fork()
        except OSError:
            pid = -1
        if pid == 0:
            self.become_machine(request, log, server)
            return request
        if pid > 0:
            self.running.add(pid)
        self.control.send(f"started {pid}".encode() if pid > 0 else b"refused")
        return None

    def become_machine(self, request: dict[str, Any], log: int, server: int) -> None:
        """Be what a started interpreter would be: its own session, files, folder and variables, and no handler of ours."""
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        os.setsid()
        end_with(server)
        for number in (1, 2):  # 0 reads nothing already
            os.dup2(log, number)
        for one in (self.control.detach(), self.woken, self.waking):
            os.close(one)
        os.chdir(request["cwd"])
        os.environ.clear()
        os.environ.update(request["variables"])
        sys.path.insert(0, request["cwd"])
        sys.argv[:] = ["-m", *request["arguments"]]

    def tell_ended(self) -> None:
        """Say which machines have ended, and how."""
        for pid in list(self.running):
            ended, status = os.waitpid(pid, os.WNOHANG)
            if ended:
                self.running.discard(pid)
                self.control.send(f"ended {pid} {os.waitstatus_to_exitcode(status)}".encode())


if __name__ == "__main__":
    end_with(int(sys.argv[2]))
    sys.path.pop(0)  # this file's own folder
    for name in USUAL:
        with contextlib.suppress(ImportError):
            importlib.import_module(name)
    gc.collect()
    gc.freeze()
    asked = MachineServer(socket.socket(fileno=int(sys.argv[1]))).serve()
    runpy.run_module(asked["module"], run_name="__main__", alter_sys=True)
