"""`flyctl deploy`: one release deployed to every machine of every process group, in flyctl's own order.

As at the vendor the command itself does the work, so one that is cut off leaves machines mixed.
Source: superfly/flyctl, internal/command/deploy/machines_deploymachinesapp.go, machines_releasecommand.go and
strategy_bluegreen.go.
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Mapping, Sequence
from typing import Any

from lib.embedded.fly.control import call
from lib.embedded.fly.machine_config import RELEASE_GROUP, checks_of_machine, group_of, release_config, standby_for
from lib.embedded.fly.one_deploy import RUNNING, Deploy, DeployFailed, say
from lib.embedded.fly.toml_patches import TomlError

__all__ = ["Deploy", "DeployFailed", "carry_out", "say"]


def carry_out(deploy: Deploy, *, skip_release_command: bool) -> None:
    """Do a deploy whose release was made, and write down how it ended. Raises DeployFailed."""
    ended = "failed"
    try:
        if deploy.config.release_command and not skip_release_command:
            run_release_command(deploy)
        deploy_machines(deploy)
        ended = "complete"
    except TomlError as exc:
        raise DeployFailed(f"error creating machine configuration: {exc}") from exc
    except KeyboardInterrupt:
        ended = "interrupted"
        raise
    finally:
        call(deploy.folder, "end_release", name=deploy.app, version=deploy.release["Version"], status=ended)


def run_release_command(deploy: Deploy) -> None:
    """Run the app's release command once, in a machine of its own, as every deploy does, a rollback's too."""
    command = deploy.config.release_command
    warn(f"Running {deploy.app} release_command: {command}")
    config = deploy.stamp(release_config(deploy.config.said), RELEASE_GROUP)
    about = {"name": deploy.app, "image": deploy.image, "digest": deploy.digest, "config": config}
    done = call(deploy.folder, "run_once", **about, command=command)
    if done["exit_code"] != 0:
        warn(
            f"Error release_command failed running on machine {done['machine']} with exit code {done['exit_code']}.\n"
            f"Checking logs: fetching the last 100 lines below:\n{done['output']}"
        )
        raise DeployFailed(
            "release command failed - aborting deployment. "
            f"machine {done['machine']} exited with non-zero status of {done['exit_code']}"
        )
    say(f"  release_command {done['machine']} completed successfully")


def warn(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def deploy_machines(deploy: Deploy) -> None:
    """Bring the release to every machine of every group: canaries, machines of groups that are gone, new groups, the rest."""
    groups, there = deploy.config.groups, deploy.machines()
    gone = [one for one in there if group_of(one["config"]) not in groups]
    new = [name for name in groups if name not in {group_of(one["config"]) for one in there}]
    if gone or new:
        announce_changes(deploy, gone, new)
    if deploy.strategy == "canary":
        try_canaries(deploy)
    for machine in gone:
        deploy.destroy(machine["id"])
    for name in new:
        make_first(deploy, name)
    kept = [one for one in there if one not in gone]
    if kept:
        say(f"Updating existing machines in '{deploy.app}' with {deploy.strategy} strategy")
        {"immediate": immediate, "bluegreen": bluegreen}.get(deploy.strategy, rolling)(deploy, kept)


def announce_changes(deploy: Deploy, gone: Sequence[Mapping[str, Any]], new: Sequence[str]) -> None:
    """Say which groups lose their machines and which get their first."""
    say("Process groups have changed. This will:")
    for group in sorted({group_of(one["config"]) for one in gone}):
        count = sum(group_of(one["config"]) == group for one in gone)
        say(f' * destroy {count} "{group}" machine{"s" if count > 1 else ""}')
    for name in new:
        config = deploy.config_of(name)
        if not deploy.ha or config.get("mounts"):
            say(f' * create 1 "{name}" machine')
        elif config.get("services"):
            say(f' * create 2 "{name}" machines')
        else:
            say(f' * create 1 "{name}" machine and 1 standby machine for it')


def make_first(deploy: Deploy, group: str) -> None:
    """Make the first machines of a group: one, and unless --ha=false a second, or one that stands by where it has no service."""
    say(f"No machines in group {group}, launching a new machine")
    config = deploy.config_of(group)
    made = [deploy.create(config)]
    if deploy.ha and not config.get("mounts"):
        if config.get("services"):
            say("Creating a second machine for high availability and zero downtime deployments.")
            say('To disable this, set "min_machines_running = 0" in your fly.toml.')
            made.append(deploy.create(config))
        else:
            say(f"Creating a standby machine for {made[0]}")
            deploy.create(standby_for(config, made), is_asleep=True)
    for machine in made:
        if deploy.strategy != "immediate" and deploy.waits:
            deploy.wait_healthy(machine)


def immediate(deploy: Deploy, machines: Sequence[Mapping[str, Any]]) -> None:
    """Replace every machine at once, and wait for none."""
    for machine in machines:
        deploy.update(machine)
        if set(deploy.faults) & {"deploy_hangs", "deploy_dies", "deploy_deadline"}:
            fall_over(deploy)


def rolling(deploy: Deploy, machines: Sequence[Mapping[str, Any]]) -> None:
    """Replace machines group by group: those that run one after the other, each healthy before the next; sleeping ones too."""
    for group in deploy.config.groups:
        own = [one for one in machines if group_of(one["config"]) == group]
        for machine in [*(one for one in own if one["state"] == "started"), *(one for one in own if one["state"] != "started")]:
            is_started = deploy.update(machine)
            fall_over(deploy)
            if is_started and deploy.waits:
                deploy.wait_healthy(machine["id"])


def try_canaries(deploy: Deploy) -> None:
    """Try the release on one more machine of each group. One that fails is left there, as flyctl leaves it."""
    for group in deploy.config.groups:
        config = deploy.config_of(group)
        if config.get("mounts"):
            name = config["mounts"][0].get("name", "")
            raise DeployFailed(
                f"error creating machine configuration: New machine in group '{group}' needs an unattached volume "
                f"named '{name}' in region '{deploy.config.said.get('primary_region', '')}'"
            )
        say(f"Creating canary machine for group {group}")
        trial = deploy.create({**config, "metadata": {**config["metadata"], "fly_canary": "true"}})
        deploy.wait_healthy(trial)
        deploy.destroy(trial)


def bluegreen(deploy: Deploy, blue: Sequence[Mapping[str, Any]]) -> None:
    """Make as many new machines, and hand users over once all are healthy; else take the new ones back."""
    refuse_bluegreen(deploy, blue)
    green: list[str] = []
    started: list[str] = []
    awake = representatives(deploy, blue)
    say("Creating green machines")
    try:
        for machine in blue:
            is_asleep = machine["state"] not in RUNNING and machine["id"] not in awake
            green.append(deploy.create(deploy.config_after(machine), cordoned=True, is_asleep=is_asleep))
            started += [] if is_asleep else green[-1:]
            fall_over(deploy)
        say("Waiting for all green machines to be healthy")
        for made in started:
            deploy.wait_healthy(made)
    except DeployFailed as exc:
        say("Rolling back failed deployment")
        for made in green:
            call(deploy.folder, "destroy_machine", name=deploy.app, machine=made)
            say(f"  Deleted machine {made}")
        raise DeployFailed(f"{exc}\ncould not get all green machines to be healthy") from exc
    say("Marking green machines as ready")
    for made in green:
        call(deploy.folder, "cordon", name=deploy.app, machine=made, cordoned=False)
    for machine in blue:
        call(deploy.folder, "cordon", name=deploy.app, machine=machine["id"], cordoned=True)
    say("Destroying all blue machines")
    for machine in blue:
        deploy.destroy(machine["id"])


def refuse_bluegreen(deploy: Deploy, blue: Sequence[Mapping[str, Any]]) -> None:
    """Raise DeployFailed for an app that can't be deployed to so: on several images, or without any check."""
    say("Verifying if app can be safely deployed")
    images = {one["config"]["image"] for one in blue}
    if len(images) > 1:
        say(
            f"  Found {len(images)} different images in your app (for bluegreen to work, all machines need to run a single image)"
        )
        raise DeployFailed("found multiple image versions")
    if not any(checks_of_machine(deploy.config_after(one)) for one in blue):
        say(
            "You need to define at least 1 check in order to use blue-green deployments. "
            "Refer to https://fly.io/docs/reference/configuration/#services-tcp_checks"
        )
        raise DeployFailed("app not in valid state for bluegreen deployments")


def representatives(deploy: Deploy, blue: Sequence[Mapping[str, Any]]) -> set[str]:
    """Return the sleeping machines whose green one is started: one of each group with checks of which nothing runs."""
    found: dict[str, str] = {}
    for machine in blue:
        group = group_of(machine["config"])
        has_checks = bool(checks_of_machine(deploy.config_after(machine)))
        runs = any(one["state"] in RUNNING and group_of(one["config"]) == group for one in blue)
        if has_checks and not runs:
            found.setdefault(group, machine["id"])
    return set(found.values())


def fall_over(deploy: Deploy) -> None:
    """Fail as a switch asks, after the first machine was touched."""
    if "deploy_hangs" in deploy.faults:
        signal.pause()
    if "deploy_dies" in deploy.faults:
        os.kill(os.getpid(), signal.SIGKILL)
    if "deploy_deadline" in deploy.faults:
        raise DeployFailed("context deadline exceeded", exit_code=126)
