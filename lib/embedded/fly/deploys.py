"""`flyctl deploy`: one release deployed to every machine, by its strategy.

As at the vendor the command itself does the work, so one that is cut off leaves machines mixed; only
bluegreen takes its own machines back when they do not get healthy.
Source: superfly/flyctl, internal/command/deploy; immediate waits for nothing, rolling and canary push on.
"""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lib.embedded.fly.control import call
from lib.embedded.fly.fly_toml import AppConfig

POLL_S = 0.05
CRASH_LOOP_RESTARTS = 2
"""Exits after which the smoke check calls a machine crash-looping."""


class DeployFailed(Exception):
    """What flyctl says when a deploy did not succeed; exit_code as flyctl's."""

    def __init__(self, message: str, *, exit_code: int = 1) -> None:
        self.exit_code = exit_code
        super().__init__(message)


@dataclass(frozen=True, kw_only=True)
class Deploy:
    """One deploy as requested. config: of each machine, its release already in the metadata."""

    folder: Path
    app: str
    image: str
    digest: str
    config: dict[str, Any]
    strategy: str
    wait_timeout_s: float
    smoke_checks: bool
    faults: Sequence[str]

    def machines(self) -> list[dict[str, Any]]:
        return list(call(self.folder, "app", name=self.app)["status"]["Machines"])

    def create(self, *, cordoned: bool = False) -> str:
        """Make a machine of the new release and return its id."""
        made = call(
            self.folder,
            "create_machine",
            name=self.app,
            image=self.image,
            digest=self.digest,
            config=self.config,
            cordoned=cordoned,
        )
        say(f"  Machine {made} was created")
        return str(made)

    def update(self, machine: str) -> None:
        """Replace what a machine runs."""
        say(f"  Updating {machine}")
        call(
            self.folder,
            "update_machine",
            name=self.app,
            machine=machine,
            image=self.image,
            digest=self.digest,
            config=self.config,
        )

    def destroy(self, machine: str) -> None:
        call(self.folder, "destroy_machine", name=self.app, machine=machine)
        say(f"  Machine {machine} destroyed")

    def wait_healthy(self, machine: str) -> None:
        """Return once the machine passes its checks. Raises DeployFailed when it does not in time."""
        say(f"  Waiting for {machine} to become healthy")
        deadline = time.monotonic() + self.wait_timeout_s
        while time.monotonic() < deadline:
            found = next((one for one in self.machines() if one["id"] == machine), None)
            if found is None:
                raise DeployFailed(f"machine {machine} is gone")
            exits = sum(event["type"] == "exit" and event["request"]["exit_event"]["exit_code"] != 0 for event in found["events"])
            if self.smoke_checks and exits >= CRASH_LOOP_RESTARTS:
                raise DeployFailed(f"smoke checks for {machine} failed: the app appears to be crashing")
            if found["state"] == "started" and all(check["status"] == "passing" for check in found["checks"]):
                say(f"  Machine {machine} is now in a good state")
                return
            time.sleep(POLL_S)
        raise DeployFailed(
            f"failed to update machine {machine}: Unrecoverable error: "
            f"timeout reached waiting for health checks to pass for machine {machine}"
        )


def say(line: str) -> None:
    print(line, flush=True)


def run_release_command(deploy: Deploy, command: str) -> None:
    """Run the app's release command once, as every deploy does, a rollback's too."""
    say(f"Running {deploy.app} release_command: {command}")
    done = call(
        deploy.folder,
        "run_once",
        name=deploy.app,
        image=deploy.image,
        digest=deploy.digest,
        config=deploy.config,
        command=command,
    )
    if done["exit_code"] != 0:
        print(done["output"], file=sys.stderr)
        raise DeployFailed("release command failed - aborting deployment. error release_command exited with non-zero status")
    say(f"  release_command {done['machine']} completed successfully")


def update_all(deploy: Deploy) -> None:
    """Bring the release to every machine."""
    say(f"Updating existing machines in '{deploy.app}' with {deploy.strategy} strategy")
    {"immediate": immediate, "rolling": rolling, "canary": canary, "bluegreen": bluegreen}[deploy.strategy](deploy)


def immediate(deploy: Deploy) -> None:
    """Replace every machine at once, and wait for none."""
    ids = [machine["id"] for machine in deploy.machines()]
    if set(deploy.faults) & {"deploy_hangs", "deploy_dies", "deploy_deadline"}:
        deploy.update(ids[0])
        fall_over(deploy)
    with ThreadPoolExecutor(max_workers=max(len(ids), 1)) as pool:
        list(pool.map(deploy.update, ids))


def rolling(deploy: Deploy) -> None:
    """Replace one machine after the other, each healthy before the next."""
    for machine in deploy.machines():
        deploy.update(machine["id"])
        fall_over(deploy)
        deploy.wait_healthy(machine["id"])


def canary(deploy: Deploy) -> None:
    """Try the release on one more machine, then roll."""
    trial = deploy.create()
    try:
        deploy.wait_healthy(trial)
    finally:
        deploy.destroy(trial)
    rolling(deploy)


def bluegreen(deploy: Deploy) -> None:
    """Make as many new machines, and hand users over once all are healthy; else take the new ones back."""
    blue = [machine["id"] for machine in deploy.machines()]
    green: list[str] = []
    try:
        for _ in blue:
            green.append(deploy.create(cordoned=True))
            fall_over(deploy)
        for machine in green:
            deploy.wait_healthy(machine)
    except DeployFailed as exc:
        say("Deployment failed after error: rolling back")
        for machine in green:
            deploy.destroy(machine)
        raise DeployFailed(f"wait for goodness: {exc}") from exc
    for machine in green:
        call(deploy.folder, "cordon", name=deploy.app, machine=machine, cordoned=False)
    for machine in blue:
        call(deploy.folder, "cordon", name=deploy.app, machine=machine, cordoned=True)
    for machine in blue:
        deploy.destroy(machine)


def fall_over(deploy: Deploy) -> None:
    """Fail as a switch asks, after the first machine was touched."""
    if "deploy_hangs" in deploy.faults:
        signal.pause()
    if "deploy_dies" in deploy.faults:
        os.kill(os.getpid(), signal.SIGKILL)
    if "deploy_deadline" in deploy.faults:
        raise DeployFailed("context deadline exceeded", exit_code=126)


def add_spare(deploy: Deploy, count: int) -> None:
    """Make a second machine, as --ha asks for an app that has one."""
    if count == 1:
        say("Creating a second machine to increase service availability")
        deploy.create()


def carry_out(deploy: Deploy, version: int, config: AppConfig, *, skip_release_command: bool, ha: bool, detach: bool) -> None:
    """Do a deploy whose release was made, and write down how it ended."""
    ended = "failed"
    tried: Callable[[Deploy], None] = immediate if detach else update_all
    try:
        if config.release_command and not skip_release_command:
            run_release_command(deploy, config.release_command)
        tried(deploy)
        if ha:
            add_spare(deploy, len(deploy.machines()))
        ended = "complete"
    except KeyboardInterrupt:
        ended = "interrupted"
        raise
    finally:
        call(deploy.folder, "end_release", name=deploy.app, version=version, status=ended)
