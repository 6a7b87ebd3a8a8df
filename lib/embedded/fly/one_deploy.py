"""One deploy as requested, and what it does to one machine.

Source: superfly/flyctl, internal/command/deploy/machines_launchinput.go.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import takewhile
from pathlib import Path
from typing import Any

from lib.embedded.fly.control import call
from lib.embedded.fly.errors import CommandError
from lib.embedded.fly.fly_toml import AppConfig
from lib.embedded.fly.machine_config import group_of, stamped, standby_for

POLL_S = 0.05
RUNNING = ("started", "starting", "failed")
"""States of a machine that a deploy starts anew; any other is left asleep."""
CRASH_LOOP_RESTARTS = 2
"""Exits after which the smoke check calls a machine crash-looping."""


class DeployFailed(CommandError):
    """What flyctl says when a deploy did not succeed; exit_code as flyctl's."""

    def __init__(self, message: str, *, exit_code: int = 1) -> None:
        self.exit_code = exit_code
        super().__init__(message)


@dataclass(frozen=True, kw_only=True)
class Deploy:
    """One deploy as requested. env: of --env, over the config's own; strategy: of --strategy, else the config's."""

    folder: Path
    app: str
    image: str
    digest: str
    config: AppConfig
    env: Mapping[str, str]
    release: Mapping[str, Any]
    strategy: str
    wait_timeout_s: float
    smoke_checks: bool
    waits: bool
    ha: bool
    faults: Sequence[str]

    def machines(self) -> list[dict[str, Any]]:
        """Return the app's machines, in the order of their ids."""
        return sorted(call(self.folder, "app", name=self.app)["status"]["Machines"], key=lambda one: str(one["id"]))

    def stamp(self, config: Mapping[str, Any], group: str) -> dict[str, Any]:
        """Return a machine's config with the release it belongs to, and the variables of --env."""
        own = {**config, "env": {**config["env"], **self.env}}
        return stamped(own, self.release["ID"], self.release["Version"], group=group)

    def config_of(self, group: str) -> dict[str, Any]:
        """Return what a machine of a group is configured with from now on. Raises TomlError in flyctl's words."""
        return self.stamp(self.config.machine_config(group), group)

    def config_after(self, machine: Mapping[str, Any]) -> dict[str, Any]:
        """Return what a machine that is there is configured with from now on: one that stands by goes on doing so."""
        config = self.config_of(group_of(machine["config"]))
        standbys = machine["config"].get("standbys")
        return standby_for(config, standbys) if standbys and not config.get("services") else config

    def create(self, config: Mapping[str, Any], *, cordoned: bool = False, is_asleep: bool = False) -> str:
        """Make a machine of the new release and return its id."""
        about = {"name": self.app, "image": self.image, "digest": self.digest, "config": config}
        made = call(self.folder, "create_machine", **about, cordoned=cordoned, is_asleep=is_asleep)
        say(f"  Machine {made} was created")
        return str(made)

    def update(self, machine: Mapping[str, Any]) -> bool:
        """Replace what a machine runs, and return whether it was started: one that sleeps or stands by is left asleep."""
        say(f"  Updating {machine['id']}")
        is_asleep = machine["state"] not in RUNNING
        call(
            self.folder, "update_machine", name=self.app, machine=machine["id"], image=self.image, digest=self.digest,
            config=self.config_after(machine), is_asleep=is_asleep,
        )  # fmt: skip
        return not is_asleep

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
            if self.smoke_checks and count_crashes(found["events"]) >= CRASH_LOOP_RESTARTS:
                raise DeployFailed(f"smoke checks for {machine} failed: the app appears to be crashing")
            if found["state"] == "started" and all(check["status"] == "passing" for check in found["checks"]):
                say(f"  Machine {machine} is now in a good state")
                return
            time.sleep(POLL_S)
        raise DeployFailed(
            f"failed to update machine {machine}: Unrecoverable error: "
            f"timeout reached waiting for health checks to pass for machine {machine}"
        )


def count_crashes(events: Sequence[Mapping[str, Any]]) -> int:
    """Return how often a machine ended by itself, badly, since it was launched with its image. events: the newest first."""
    since_launch = takewhile(lambda event: event["type"] != "launch", events)
    ends = [event["request"]["exit_event"] for event in since_launch if event["type"] == "exit"]
    return sum(not one["requested_stop"] and one["exit_code"] != 0 for one in ends)


def say(line: str) -> None:
    print(line, flush=True)
