"""One machine as a local process: started from its image, watched, restarted when it crashes, stopped."""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import re
import signal
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from lib.core.run_mark import run_mark
from lib.embedded.fly.go_values import parse_duration
from lib.embedded.fly.machine_config import checks_of_machine
from lib.embedded.fly.records import Machine
from lib.embedded.fly.warm_machines import WarmMachine, WarmMachines
from lib.embedded.ports import HOST, free_port

RESTART_DELAY_S = 0.3
"""Seconds before a crashed machine is started again; the platform's own delay is of this order."""
MOST_RESTARTS = 10
NO_COMMAND = 127
"""Exit code of a machine whose image holds nothing to run, as a shell's for a command not found."""
KILL_TIMEOUT_S, CHECK_INTERVAL_S, CHECK_TIMEOUT_S = 5.0, 15.0, 10.0
"""What the platform takes where a config says nothing. Source: superfly/docs, reference/configuration."""
SHORTEST_LOOK_S, LONGEST_LOOK_S = 0.05, 60.0
STOP_SIGNALS = {
    name: signal.Signals[name] for name in ("SIGINT", "SIGTERM", "SIGQUIT", "SIGUSR1", "SIGUSR2", "SIGKILL", "SIGSTOP", "SIGHUP")
}
MOST_READ = 4000
"""Bytes of a check's answer that are read: its head, and more of its body than is shown."""
NO_BODY = re.compile(rb"HTTP/\S+ (204|304)\b")
CONTENT_LENGTH = re.compile(rb"(?im)^content-length: *(\d+) *\r?$")
CHUNKED = re.compile(rb"(?im)^transfer-encoding:.*\bchunked *\r?$")
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
        self,
        machine: Machine,
        *,
        warm: WarmMachines,
        check_every_s: float,
        boot_s: float,
        on_break: Callable[[BaseException], None],
    ) -> None:
        """warm: where it is forked, if it can be. on_break: called with what one of the machine's own tasks raised."""
        self.warm = warm
        self.machine = machine
        self.on_break = on_break
        self.check_every_s = check_every_s
        self.boot_s = boot_s
        self.process: asyncio.subprocess.Process | WarmMachine | None = None
        self.watching: asyncio.Task[None] | None = None
        self.checking: list[asyncio.Task[None]] = []
        self.stopping = False
        self.looks: Mapping[str, Mapping[str, Any]] = {}

    async def start(self, image: Path, variables: Mapping[str, str], log: Path) -> None:
        """Start the machine, which then is restarted whenever it crashes; returns before it is healthy."""
        self.stopping = False
        self.looks = checks_of_machine(self.machine.config)
        self.machine.checks = {
            name: {"status": "critical", "output": "the check has not run yet", "updated_at": self.machine.updated_at}
            for name in self.looks
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
        policy = self.machine.config.get("restart", {}).get("policy", "on-failure")
        for restart in range(MOST_RESTARTS + 1):
            await asyncio.sleep(self.boot_s if restart == 0 else RESTART_DELAY_S)
            exit_code = await self.run_once(image, variables, log)
            ends_well = policy == "no" or (policy == "on-failure" and exit_code == 0)
            restarting = not self.stopping and not ends_well and restart < MOST_RESTARTS
            event = {
                "requested_stop": self.stopping,
                "restarting": restarting,
                "exit_code": exit_code,
                "guest_exit_code": exit_code,
            }
            self.machine.happened("exit", "stopped", exit_event=event, restart_count=restart)
            if not restarting:
                return
            # A deploy that comes meanwhile must start it anew, and not take it for one that was left asleep.
            self.machine.state = "starting"

    async def run_once(self, image: Path, variables: Mapping[str, str], log: Path) -> int:
        """Run the image's command once, to its end, and return its exit code."""
        self.machine.port = free_port()
        command = command_of(self.machine.config, image)
        environment = {**variables, **run_mark(), "PORT": str(self.machine.port), "HOST": HOST}
        with log.open("ab") as file:
            if not command:
                file.write(b"the image has no command: no folder of it has a __main__.py\n")
                return NO_COMMAND
            try:
                self.process = await self.warm.start(
                    command, cwd=image, variables=environment, log=file
                ) or await asyncio.create_subprocess_exec(
                    *command,
                    cwd=image, env=environment,
                    stdin=asyncio.subprocess.DEVNULL, stdout=file, stderr=file,
                    start_new_session=True, preexec_fn=end_with_parent,
                )  # fmt: skip
            except (OSError, ValueError) as exc:
                file.write(f"{command[0]} can't be run: {exc}\n".encode())
                return NO_COMMAND
        if self.stopping:
            self.process.kill()
        self.machine.happened("start", "started")
        return await self.process.wait()

    async def stop(self) -> None:
        """Ask the process to end, as fly.toml says, and end it by force when it takes too long; a crashed one stays down."""
        self.stopping = True
        waits_to_restart = self.process is not None and self.process.returncode is not None and self.machine.state != "started"
        for task in self.checking:
            task.cancel()
        settings = self.machine.config.get("stop_config", {})
        timeout_s = parse_duration(settings["timeout"]) / 10**9 if "timeout" in settings else KILL_TIMEOUT_S
        if self.process is not None and self.process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                self.process.send_signal(STOP_SIGNALS.get(settings.get("signal", ""), signal.SIGINT))
            try:
                await asyncio.wait_for(self.process.wait(), timeout_s)
            except TimeoutError:
                with contextlib.suppress(ProcessLookupError):
                    self.process.kill()
        if self.watching is not None:
            if self.process is None or self.machine.state == "starting" or waits_to_restart:
                self.watching.cancel()
            await asyncio.wait([self.watching])
        self.machine.state = "stopped"

    async def keep_checking(self, name: str) -> None:
        """Look at one health check again and again."""
        settings = self.looks[name]
        timeout_s = duration_s(settings, "timeout", CHECK_TIMEOUT_S)
        while True:
            if self.machine.state == "started":
                status, output = await look(self.machine.port, settings, timeout_s)
                self.machine.checks[name] = {"status": status, "output": output, "updated_at": self.machine.updated_at}
            else:
                self.machine.checks[name] = {
                    **self.machine.checks[name],
                    "status": "critical",
                    "output": "the machine is not running",
                }
            await asyncio.sleep(min(duration_s(settings, "interval", CHECK_INTERVAL_S), self.check_every_s))


def command_of(config: Mapping[str, Any], image: Path) -> list[str]:
    """Return what a machine runs: its group's command, else the image's own; empty where there is neither."""
    init = config.get("init", {})
    words = [*(init.get("exec") or [*(init.get("entrypoint") or []), *(init.get("cmd") or [])])]
    if words:
        # The image's own Python is the one that we run with.
        return [sys.executable if words[0] in ("python", "python3") else words[0], *words[1:]]
    packages = [path.parent.name for path in sorted(image.glob("*/__main__.py"))]
    return [sys.executable, "-m", packages[0]] if packages else []


def duration_s(settings: Mapping[str, Any], name: str, default_s: float) -> float:
    """Return a check's time in seconds, never shorter than the platform's own shortest look."""
    found = parse_duration(settings[name]) / 10**9 if name in settings else default_s
    return max(SHORTEST_LOOK_S, min(found, LONGEST_LOOK_S))


async def look(port: int, settings: Mapping[str, Any], timeout_s: float) -> tuple[str, str]:
    """Return the status of one check and what it saw. Whatever port it names, the machine has one here."""
    if settings.get("type") == "tcp":
        return await knock(port, timeout_s)
    return await ask(port, settings.get("method", "GET").upper(), settings.get("path", "/"), timeout_s)


async def knock(port: int, timeout_s: float) -> tuple[str, str]:
    """Return the status of one TCP check: whether something listens."""
    try:
        async with asyncio.timeout(timeout_s):
            _, writer = await asyncio.open_connection(HOST, port)
            writer.close()
    except TimeoutError:  # one of the OSErrors itself
        return "critical", "timed out"
    except OSError:
        return "critical", "connect: connection refused"
    return "passing", "Success"


async def ask(port: int, method: str, path: str, timeout_s: float) -> tuple[str, str]:
    """Return the status of one HTTP check and what it saw."""
    if not (path.isprintable() and method.isalpha()) or " " in path:
        return "critical", f"HTTP {method[:10]}: the path can't be asked for"
    try:
        async with asyncio.timeout(timeout_s):
            reader, writer = await asyncio.open_connection(HOST, port)
            with contextlib.closing(writer):
                writer.write(f"{method} {path} HTTP/1.1\r\nHost: {HOST}\r\nConnection: close\r\n\r\n".encode())
                answer = await read_answer(reader, method)
    except TimeoutError:  # one of the OSErrors itself
        return "critical", "timed out"
    except OSError:
        return "critical", "connect: connection refused"
    head, _, body = answer.decode(errors="replace").partition("\r\n\r\n")
    words = head.split(maxsplit=2)
    status = words[1] if len(words) > 1 else "none"
    return "passing" if status.startswith("2") else "critical", f"HTTP {method} {path}: {status} Output: {body.strip()[:300]}"


async def read_answer(reader: asyncio.StreamReader, method: str) -> bytes:
    """Return an HTTP answer up to its end or `MOST_READ`: a server may send its head first, and may keep the connection."""
    answer = b""
    while len(answer) < MOST_READ and not is_whole(answer, method):
        if not (more := await reader.read(MOST_READ)):
            break
        answer += more
    return answer


def is_whole(answer: bytes, method: str) -> bool:
    """Return whether an HTTP answer says itself that no more of it comes; most end with their connection instead."""
    head, ended, body = answer.partition(b"\r\n\r\n")
    if not ended:
        return False
    if method == "HEAD" or NO_BODY.match(head):
        return True
    length = CONTENT_LENGTH.search(head)
    return len(body) >= int(length[1]) if length else bool(CHUNKED.search(head)) and body.endswith(b"0\r\n\r\n")
