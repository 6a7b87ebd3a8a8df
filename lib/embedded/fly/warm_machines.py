"""Machines that are forked from an interpreter which has imported what most apps import. Linux only; elsewhere there are none."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
from collections import deque
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import BinaryIO

from lib.core.run_mark import run_mark
from lib.embedded.fly.machine_server import LONGEST_MESSAGE

SERVER = Path(__file__).with_name("machine_server.py")
OWN_VARIABLES = {"PATH": "/usr/local/bin:/usr/bin:/bin", "LANG": "C.UTF-8"}
"""What every machine has besides its own settings; nothing of the person's environment who runs us."""
READ_AT_START = ("PYTHON", "LC_", "LD_", "MALLOC_", "GLIBC_", "OPENSSL_", "PSYCOPG", "HOME", "LANGUAGE", "TZ")
"""How variables begin that an interpreter, or what is imported already, reads once: a machine with one is started by itself."""


class WarmMachine:
    """A machine that was forked: what is asked of an `asyncio.subprocess.Process`."""

    def __init__(self, pid: int, control: socket.socket) -> None:
        self.pid = pid
        self.control = control
        self.ended: asyncio.Future[int] = asyncio.get_running_loop().create_future()

    @property
    def returncode(self) -> int | None:
        """How it ended: its exit code, the negative number of the signal that ended it, or None while it runs."""
        return self.ended.result() if self.ended.done() else None

    async def wait(self) -> int:
        """Return how it ended, once it has."""
        return await asyncio.shield(self.ended)

    def send_signal(self, number: int) -> None:
        """Send a signal, unless it has ended."""
        with contextlib.suppress(OSError):  # nobody is there: it was ended with its server
            self.control.send(f"signal {self.pid} {int(number)}".encode())

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)


class WarmMachines:
    """Asks for machines to be forked; the server of them is started with the first one."""

    def __init__(self) -> None:
        self.control: socket.socket | None = None
        self.server: subprocess.Popen[bytes] | None = None
        self.is_gone = sys.platform != "linux"
        self.asked: deque[asyncio.Future[WarmMachine | None]] = deque()
        self.running: dict[int, WarmMachine] = {}

    async def start(
        self, command: Sequence[str], *, cwd: Path, variables: Mapping[str, str], log: BinaryIO
    ) -> WarmMachine | None:
        """Return a machine that runs `python -m <module>`, or None for one that must be started by itself."""
        if self.is_gone or not is_fit(command, variables):
            return None
        control = self.control or self.start_server()
        with os.fdopen(os.memfd_create("machine"), "w", encoding="utf-8") as file:
            json.dump({"cwd": str(cwd), "module": command[2], "arguments": command[3:], "variables": {**variables}}, file)
            file.flush()
            answer: asyncio.Future[WarmMachine | None] = asyncio.get_running_loop().create_future()
            try:
                socket.send_fds(control, [b"start"], [log.fileno(), file.fileno()])
            except OSError:
                return None
        self.asked.append(answer)
        try:
            return await asyncio.shield(answer)
        except asyncio.CancelledError:
            answer.add_done_callback(kill_unwanted)
            raise

    def start_server(self) -> socket.socket:
        """Start the server, which ends with this process, and return where it is asked."""
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            self.server = subprocess.Popen(
                [sys.executable, str(SERVER), str(theirs.fileno()), str(os.getpid())],
                cwd="/", env={**OWN_VARIABLES, **run_mark()}, pass_fds=[theirs.fileno()],
                stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, start_new_session=True,
            )  # fmt: skip
        ours.setblocking(False)
        self.control = ours
        asyncio.get_running_loop().add_reader(ours, self.take, ours)
        return ours

    def take(self, control: socket.socket) -> None:
        """Take one message of the server, or its end."""
        try:
            what, *words = control.recv(LONGEST_MESSAGE).decode().split() or ("gone",)
        except BlockingIOError:
            return
        except OSError:
            what, words = "gone", []
        if what == "gone":
            self.give_up(control)
        elif what == "ended":
            pid, code = map(int, words)
            self.running.pop(pid).ended.set_result(code)
        else:
            machine = WarmMachine(int(words[0]), control) if words else None
            if machine is not None:
                self.running[machine.pid] = machine
            self.asked.popleft().set_result(machine)

    def give_up(self, control: socket.socket) -> None:
        """Have every machine ended with the server, and none asked of it any more."""
        self.is_gone = True
        asyncio.get_running_loop().remove_reader(control)
        control.close()
        if self.server is not None:
            self.server.wait()  # it closes its end by ending alone
        for machine in self.running.values():
            machine.ended.set_result(-signal.SIGKILL)
        for answer in self.asked:
            answer.set_result(None)
        self.running.clear()
        self.asked.clear()


def kill_unwanted(answer: asyncio.Future[WarmMachine | None]) -> None:
    """End a machine that nobody waited for any more when it was there."""
    machine = answer.result()
    if machine is not None:
        machine.kill()


def is_fit(command: Sequence[str], variables: Mapping[str, str]) -> bool:
    """Return whether a forked interpreter does what one would that is started with this command and these variables."""
    is_module = len(command) > 2 and command[0] == sys.executable and command[1] == "-m"
    return (
        is_module
        and variables.get("LANG") == OWN_VARIABLES["LANG"]
        and not any(name.startswith(READ_AT_START) or "=" in name or "\0" in name + value for name, value in variables.items())
    )
