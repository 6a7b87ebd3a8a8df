"""What a machine is shown as when its program ends: about to start again, or left as it is."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from lib.embedded.fly import machine_process
from lib.embedded.fly.machine_process import RunningMachine
from lib.embedded.fly.one_deploy import RUNNING
from lib.embedded.fly.records import Machine


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
        running = RunningMachine(machine, check_every_s=1, boot_s=0, on_break=lambda _: None)
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
