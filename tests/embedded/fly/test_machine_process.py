"""What a machine is shown as when its program ends, and what a check of it reads of an answer."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from lib.embedded.fly import machine_process
from lib.embedded.fly.machine_process import RunningMachine, ask
from lib.embedded.fly.one_deploy import RUNNING
from lib.embedded.fly.records import Machine
from lib.embedded.fly.warm_machines import WarmMachines
from lib.embedded.ports import HOST


@pytest.mark.parametrize(
    ("policy", "exit_code", "is_started_by_a_deploy"),
    [("on-failure", 1, True), ("always", 0, True), ("on-failure", 0, False), ("no", 1, False)],
)
def test_a_machine_that_waits_to_be_restarted_is_one_that_a_deploy_starts(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, policy: str, exit_code: int, is_started_by_a_deploy: bool
) -> None:
    machine = Machine(config={"restart": {"policy": policy}}, image="app:current", digest="", region="ams")

    async def end_at_once(*_: object) -> int:
        machine.state = "started"
        return exit_code

    async def crash() -> str:
        running = RunningMachine(machine, warm=WarmMachines(), check_every_s=1, boot_s=0, on_break=lambda _: None)
        monkeypatch.setattr(running, "run_once", end_at_once)
        task = asyncio.create_task(running.keep_running(tmp_path, {}, tmp_path / "log"))
        while not machine.events:
            await asyncio.sleep(0)
        state = machine.state
        task.cancel()
        await asyncio.wait([task])
        return state

    monkeypatch.setattr(machine_process, "RESTART_DELAY_S", 600)
    assert (asyncio.run(crash()) in RUNNING) == is_started_by_a_deploy


HEAD = b"HTTP/1.1 200 OK\r\n"


@pytest.mark.parametrize(
    ("method", "parts", "stays_open", "seen"),
    [
        ("GET", (HEAD, b"\r\n", b"all ", b"well\n"), False, ("passing", "200 Output: all well")),
        ("GET", (HEAD + b"Content-Length: 8\r\n\r\n", b"all well"), True, ("passing", "200 Output: all well")),
        (
            "GET",
            (HEAD + b"transfer-encoding: chunked\r\n\r\n", b"8\r\nall well\r\n", b"0\r\n\r\n"),
            True,
            ("passing", "all well"),
        ),
        ("HEAD", (HEAD + b"Content-Length: 8\r\n", b"\r\n"), True, ("passing", "200 Output:")),
        ("GET", (b"HTTP/1.1 204 No Content\r\n", b"\r\n"), True, ("passing", "204 Output:")),
        ("GET", (b"HTTP/1.1 503 Busy\r\n\r\n", b"x" * 9000), True, ("critical", "503 Output: xxx")),
        ("GET", (b"HTTP/1.1 2",), True, ("critical", "timed out")),
        ("GET", (HEAD + b"Content-Length: 8\r\n\r\n", b"all"), True, ("critical", "timed out")),
        ("GET", (), False, ("critical", "none Output:")),
    ],
)
def test_a_check_reads_an_answer_that_comes_in_parts_to_its_end(
    method: str, parts: tuple[bytes, ...], stays_open: bool, seen: tuple[str, str]
) -> None:
    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await reader.readuntil(b"\r\n\r\n")
            for part in parts:
                writer.write(part)
                await writer.drain()
                await asyncio.sleep(0.02)
            if stays_open:
                await reader.read()
            writer.close()
            await writer.wait_closed()
        except OSError:
            pass  # nobody reads on
        finally:
            is_answered.set()

    async def look() -> tuple[str, str]:
        server = await asyncio.start_server(answer, HOST, 0)
        async with server:
            timeout_s = 0.3 if seen[1] == "timed out" else 60
            found = await ask(server.sockets[0].getsockname()[1], method, "/health", timeout_s)
            await is_answered.wait()
        return found

    is_answered = asyncio.Event()

    status, output = asyncio.run(look())
    assert status == seen[0]
    assert seen[1] in output
