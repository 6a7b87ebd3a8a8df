"""One machine as a local process: started from its image, watched, restarted when it crashes, stopped."""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import signal
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

from lib.core.run_mark import run_mark
from lib.embedded.fly.records import Machine
from lib.embedded.postgres.cluster import HOST, free_port

RESTART_DELAY_S = 0.3
"""Seconds before a crashed machine is started again; the platform's own delay is of this order."""
MOST_RESTARTS = 10
NO_COMMAND = 127
"""Exit code of a machine whose image holds nothing to run, as a shell's for a command not found."""
PR_SET_PDEATHSIG = 1
"""Linux: the signal a process gets when the one that started it ends, so that no machine outlives us."""

LIBC = ctypes.CDLL(None) if sys.platform == "linux" else None


def end_with_parent() -> None:
    """Make this new process end when the platform does, however that ends."""
    if LIBC is not None:
        LIBC.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


class RunningMachine:
    """The process of one machine, and the tasks that watch it."""

    def __init__(
        self, machine: Machine, *, check_every_s: float, boot_s: float, on_break: Callable[[BaseException], None]
    ) -> None:
        """on_break: called with what one of the machine's own tasks raised."""
        self.machine = machine
        self.on_break = on_break
        self.check_every_s = check_every_s
        self.boot_s = boot_s
        self.process: asyncio.subprocess.Process | None = None
        self.watching: asyncio.Task[None] | None = None
        self.checking: list[asyncio.Task[None]] = []
        self.stopping = False

    async def start(self, image: Path, variables: Mapping[str, str], log: Path) -> None:
        """Start the machine, which then is restarted whenever it crashes; returns before it is healthy."""
        self.stopping = False
        self.machine.checks = {
            name: {"status": "critical", "output": "the check has not run yet", "updated_at": self.machine.updated_at}
            for name in self.machine.config["checks"]
        }
        self.machine.happened("launch", "starting", source="user")
        self.watching = asyncio.create_task(self.keep_running(image, variables, log))
        self.checking = [asyncio.create_task(self.keep_checking(name)) for name in self.machine.checks]
        for task in (self.watching, *self.checking):
            task.add_done_callback(self.report_failure)

    def report_failure(self, task: asyncio.Task[None]) -> None:
        """Pass on what a task raised: nobody waits for it, so it would be lost."""
        if not task.cancelled() and (raised := task.exception()) is not None:
            self.on_break(raised)

    async def keep_running(self, image: Path, variables: Mapping[str, str], log: Path) -> None:
        """Run the image's command until the machine is stopped, or has crashed too often."""
        for restart in range(MOST_RESTARTS + 1):
            await asyncio.sleep(self.boot_s if restart == 0 else RESTART_DELAY_S)
            exit_code = await self.run_once(image, variables, log)
            restarting = not self.stopping and exit_code != 0 and restart < MOST_RESTARTS
            event = {
                "requested_stop": self.stopping,
                "restarting": restarting,
                "exit_code": exit_code,
                "guest_exit_code": exit_code,
            }
            self.machine.happened("exit", "stopped", exit_event=event, restart_count=restart)
            if not restarting:
                return

    async def run_once(self, image: Path, variables: Mapping[str, str], log: Path) -> int:
        """Run the image's command once, to its end, and return its exit code."""
        self.machine.port = free_port()
        commands = [path.parent.name for path in sorted(image.glob("*/__main__.py"))]
        with log.open("ab") as file:
            if not commands:
                file.write(b"the image has no command: no folder of it has a __main__.py\n")
                return NO_COMMAND
            self.process = await asyncio.create_subprocess_exec(
                sys.executable, "-m", commands[0],
                cwd=image, env={**variables, **run_mark(), "PORT": str(self.machine.port), "HOST": HOST},
                stdin=asyncio.subprocess.DEVNULL, stdout=file, stderr=file,
                start_new_session=True, preexec_fn=end_with_parent,
            )  # fmt: skip
        if self.stopping:
            self.process.kill()
        self.machine.happened("start", "started")
        return await self.process.wait()

    async def stop(self) -> None:
        """Ask the process to end, as fly.toml says, and end it by force when it takes too long."""
        self.stopping = True
        for task in self.checking:
            task.cancel()
        settings = self.machine.config["stop_config"]
        if self.process is not None and self.process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                self.process.send_signal(signal.Signals[settings["signal"]])
            try:
                await asyncio.wait_for(self.process.wait(), settings["timeout"])
            except TimeoutError:
                with contextlib.suppress(ProcessLookupError):
                    self.process.kill()
        if self.watching is not None:
            if self.process is None or self.machine.state == "starting":
                self.watching.cancel()
            await asyncio.wait([self.watching])
        self.machine.state = "stopped"

    async def keep_checking(self, name: str) -> None:
        """Look at one health check again and again."""
        settings = self.machine.config["checks"][name]
        while True:
            if self.machine.state == "started":
                status, output = await ask(self.machine.port, settings["path"], settings["timeout_s"])
                self.machine.checks[name] = {"status": status, "output": output, "updated_at": self.machine.updated_at}
            else:
                self.machine.checks[name] = {
                    **self.machine.checks[name],
                    "status": "critical",
                    "output": "the machine is not running",
                }
            await asyncio.sleep(min(settings["interval_s"], self.check_every_s))


async def ask(port: int, path: str, timeout_s: float) -> tuple[str, str]:
    """Return the status of one HTTP check and what it saw."""
    try:
        async with asyncio.timeout(timeout_s):
            reader, writer = await asyncio.open_connection(HOST, port)
            writer.write(f"GET {path} HTTP/1.1\r\nHost: {HOST}\r\nConnection: close\r\n\r\n".encode())
            answer = await reader.read(2000)
            writer.close()
    except OSError:
        return "critical", "connect: connection refused"
    except TimeoutError:
        return "critical", "timed out"
    first, _, rest = answer.decode(errors="replace").partition("\r\n")
    status = first.split()[1] if len(first.split()) > 1 else "none"
    return "passing" if status == "200" else "critical", f"HTTP GET {path}: {status} Output: {rest.rpartition(chr(10))[2][:300]}"
