"""Fly.io through `flyctl`, as an operator uses it: what runs, and deploying another image.

flyctl's own traps, each met here: `--env` takes NAME=VALUE and chooses no environment; releases are the newest
25; a machine without health checks has none that fails (see machine_health); a deploy may leave machines on two images; plain
variables of a machine may hold anything, so their values never leave this module.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import urlsplit

from lib.clients.fly.machine_health import (
    OUR_OWN_CHECKS,
    Meaning,
    config_of,
    find_fault,
    find_machine_fault,
    is_counted,
    is_unasked_exit,
    read_meaning,
)
from lib.core.errors import CommandError
from lib.core.pack_files import read_file
from lib.core.plain_json import as_count, as_list, as_name, as_object, load_json
from lib.core.wording import plain_text
from lib.transport.process import CommandRun, FollowedRun, follow_command, run_command

RELEASE_MARKS = ("fly_release_id", "fly_release_version", "fly_flyctl_version")
"""Metadata of a machine that every deploy changes."""
LONGEST_SAID = 300
"""Characters of the sentence that flyctl failed with."""
TOOL_BROKE = (126, 127)
"""Exit codes that say nothing of the app: deadline exceeded, interrupted (or flyctl is not there)."""


@dataclass(frozen=True, kw_only=True)
class Fly:
    """flyctl and the app it is used for.

    folder: the pack, where configs are named from. token: None when flyctl is logged in by itself.
    """

    program: Path
    app: str
    timeout_s: float
    folder: Path
    token: str | None = field(default=None, repr=False)

    @property
    def environment(self) -> dict[str, str]:
        """What flyctl needs to know besides its arguments; the token, so never for argv."""
        quiet = {"FLY_NO_UPDATE_CHECK": "1", "NO_COLOR": "1"}
        return {**quiet, "FLY_API_TOKEN": self.token} if self.token else quiet


@dataclass(frozen=True, kw_only=True)
class Machine:
    """One machine: what it runs and how it is. exits: ends that nobody asked for, by their time in ms."""

    id: str
    state: str
    image: str
    digest: str
    checks: Mapping[str, str]
    config_digest: str
    env: Mapping[str, str]  # name -> digest of its value
    exits: tuple[int, ...]
    meaning: Meaning = field(default_factory=Meaning)

    @property
    def fault(self) -> str:
        """Why it is not healthy by its own config, as a clause; '' when it is."""
        return find_machine_fault(self)

    @property
    def is_healthy(self) -> bool:
        return not self.fault


@dataclass(frozen=True, kw_only=True)
class Release:
    """One release as flyctl lists it."""

    version: int
    status: str
    image: str


@dataclass(frozen=True, kw_only=True)
class AppState:
    """What an app is right now. url: where its users reach it; secrets: name -> digest and status."""

    url: str
    machines: tuple[Machine, ...]
    releases: tuple[Release, ...]
    secrets: Mapping[str, str]

    @property
    def images(self) -> list[str]:
        """The digests that machines run, each once."""
        return sorted({machine.digest for machine in self.machines})

    @property
    def fault(self) -> str:
        """Why the machines are not healthy together, as a clause; '' when they are."""
        return find_fault(self.machines)

    @property
    def is_healthy(self) -> bool:
        return not self.fault

    @property
    def running(self) -> Release | None:
        """The newest finished release whose image the machines run."""
        references = {machine.image for machine in self.machines}
        good = [one for one in self.releases if one.status == "complete" and one.image in references]
        return good[0] if good else None


Value = TypeVar("Value")


def read_version(fly: Fly) -> str:
    """Return flyctl's version. Raises CommandError when it is not there."""
    return read(fly, lambda said: as_name(as_object(said)["Version"]), "version", of_app=False)


def read_operator(fly: Fly) -> None:
    """Return when flyctl is logged in; who it is stays out of evidence. Raises CommandError when it is not."""
    ask(fly, "auth", "whoami", of_app=False)


def read_app(fly: Fly) -> AppState:
    """Return what the app is right now, in three calls beside each other. Raises CommandError when it cannot be read."""
    with ThreadPoolExecutor(max_workers=3) as executor:
        status = executor.submit(read_status, fly)
        releases, secrets = executor.submit(read_releases, fly), executor.submit(read_secret_states, fly)
        url, machines = status.result()
        return AppState(url=url, machines=machines, releases=releases.result(), secrets=secrets.result())


def read_status(fly: Fly) -> tuple[str, tuple[Machine, ...]]:
    """Return where the app's users reach it, and its machines."""
    return read(fly, lambda said: (read_url(as_object(said)), describe_machines(said.get("Machines"))), "status")


def read_url(status: Mapping[str, Any]) -> str:
    """Return where an app's users reach it. Raises KeyError or ValueError when that can't be said."""
    url = as_name(status.get("AppURL") or f"https://{as_name(status['Hostname'])}").rstrip("/")
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname or not url.isprintable() or parts.port == 0:
        raise ValueError("the app's address is no web address")
    return url


def read_machines(fly: Fly) -> tuple[Machine, ...]:
    """Return the app's machines alone, in one call."""
    return read(fly, describe_machines, "machine", "list")


def read_releases(fly: Fly) -> tuple[Release, ...]:
    """Return the newest releases, newest first: flyctl shows 25 at most."""
    return read(fly, lambda said: tuple(describe_release(as_object(one)) for one in as_list(said)), "releases")


def describe_release(one: Mapping[str, Any]) -> Release:
    return Release(version=as_count(one["Version"]), status=as_name(one["Status"]).lower(), image=as_name(one["ImageRef"]))


def read_secret_states(fly: Fly) -> dict[str, str]:
    """Return each secret's digest and status."""

    def state_of(one: Mapping[str, Any]) -> str:
        return f"{as_name(one['digest'])} {as_name(one.get('status') or 'Unknown')}"

    return read(fly, lambda said: {as_name(as_object(one)["name"]): state_of(one) for one in as_list(said)}, "secrets", "list")


def describe_machines(said: Any) -> tuple[Machine, ...]:
    """Return machines in the order of their ids, without those that end by themselves and are destroyed.

    Raises KeyError or ValueError for what is none.
    """
    every = [as_object(one) for one in as_list(said)]
    return tuple(sorted((describe_machine(one) for one in every if is_counted(one)), key=lambda one: one.id))


def describe_machine(one: Mapping[str, Any]) -> Machine:
    """Return a machine with digests in the place of what may be private. Raises KeyError or ValueError for what is none."""
    config, meaning = dict(config_of(one)), read_meaning(one)
    reference, env = as_object(one.get("image_ref") or {}), as_object(config.pop("env", None) or {})
    image = as_name(config.pop("image", None) or "")
    marks = as_object(config.pop("metadata", None) or {})
    metadata = {name: value for name, value in marks.items() if name not in RELEASE_MARKS}
    events = [as_object(event) for event in as_list(one.get("events"))]
    checks = [as_object(check) for check in as_list(one.get("checks"))]
    return Machine(
        id=as_name(one["id"]),
        state=as_name(one["state"]),
        image=image,
        digest=as_name(reference.get("digest") or ""),
        checks={
            as_name(check["name"]): as_name(check["status"])
            for check in checks
            if not as_name(check["name"]).startswith(OUR_OWN_CHECKS)
        },
        config_digest=short_digest({**config, "metadata": metadata}),
        env={name: short_digest(value) for name, value in sorted(env.items())},
        exits=tuple(as_count(event["timestamp"]) for event in events if is_unasked_exit(event, meaning.policy)),
        meaning=meaning,
    )


def short_digest(value: Any) -> str:
    """Return 16 hexadecimal digits that are others for another value."""
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()[:16]


def ask(fly: Fly, *words: str, of_app: bool = True) -> Any:
    """Return what flyctl prints as JSON. Raises CommandError when it fails, or stops in the middle."""
    argv: list[str | Path] = [fly.program, *words, *(["--app", fly.app] if of_app else []), "--json"]
    run = run_command(argv, timeout_s=fly.timeout_s, env=fly.environment, cwd=fly.folder)
    if run.exit_code != 0 and not run.stdout.strip():
        raise CommandError(f"`flyctl {' '.join(words)}` failed: {said_by(run)}.", fix=fix_of(run))
    try:
        return load_json(run.whole_stdout)
    except ValueError as exc:
        end = f"was ended by signal {-run.exit_code}" if run.exit_code < 0 else f"ended with exit code {run.exit_code}"
        raise CommandError(f"`flyctl {' '.join(words)}` {end}, and its answer is not JSON: {exc}.", fix="Run again.") from exc


def read(fly: Fly, take: Callable[[Any], Value], *words: str, of_app: bool = True) -> Value:
    """Return what `take` makes of what flyctl prints as JSON. Raises CommandError when it fails, or prints something else."""
    said = ask(fly, *words, of_app=of_app)
    try:
        return take(said)
    except (KeyError, ValueError) as exc:
        seen = f"there is no {exc}" if isinstance(exc, KeyError) else str(exc)
        raise CommandError(
            f"`flyctl {' '.join(words)}` printed what cannot be read: {seen}.", fix="Check flyctl's version."
        ) from exc


def fix_of(run: CommandRun) -> str:
    """Return what to do about a flyctl that failed."""
    if "login" in run.stderr or "unauthorized" in run.stderr.lower():
        return "Set the token's variable, or run `flyctl auth login`."
    if "Could not find App" in run.stderr:
        return "Check deploy_rehearsal.app in params, and the token's organisation."
    return "Run it by hand to see more."


def said_by(run: CommandRun) -> str:
    """Return the sentence flyctl failed with."""
    text = "\n".join(line for line in (run.stderr or run.stdout).splitlines() if line.strip())
    errors = [line for line in text.splitlines() if "Error:" in line]
    last = (errors or text.splitlines() or ["it said nothing"])[-1].strip()
    return plain_text(last.removeprefix("Error: ").rstrip("."), limit=LONGEST_SAID)


def validate_config(fly: Fly, config: str) -> CommandRun:
    """Return how flyctl judges the config; exit code 0 is valid.

    Raises TargetError for a config that is no file of the project: flyctl, and the rollback's script, would read it for ever.
    """
    if os.path.lexists(fly.folder / config):
        read_file(fly.folder / config, root=fly.folder)
    argv: list[str | Path] = [fly.program, "config", "validate", "--app", fly.app, "--config", config]
    return run_command(argv, timeout_s=fly.timeout_s, env=fly.environment, cwd=fly.folder)


def find_image(fly: Fly, config: str, image: str) -> CommandRun:
    """Return how flyctl looks for an image; exit code 0 is found. Nothing is deployed."""
    # Source: superfly/flyctl, deploy.go: with --build-only it returns once the image is known.
    argv: list[str | Path] = [fly.program, "deploy", "--app", fly.app, "--config", config, "--image", image, "--build-only"]
    return run_command(argv, timeout_s=fly.timeout_s, env=fly.environment, cwd=fly.folder)


def deploy_argv(fly: Fly, config: str, *, image: str, strategy: str, wait_s: float) -> list[str | Path]:
    """Return the command that deploys an image to the app: no new machines, never detached."""
    return [
        fly.program, "deploy", "--app", fly.app, "--config", config, "--image", image,
        "--strategy", strategy, "--ha=false", "--wait-timeout", f"{wait_s:g}s", "--yes",
    ]  # fmt: skip


def deploy(fly: Fly, config: str, *, image: str, strategy: str, wait_s: float, timeout_s: float) -> FollowedRun:
    """Deploy, and return every line flyctl said with its time. Raises CommandError when it gives no answer.

    wait_s: how long one machine may take to be healthy; immediate waits for none.
    """
    argv = deploy_argv(fly, config, image=image, strategy=strategy, wait_s=wait_s)
    return follow_command(argv, timeout_s=timeout_s, env=fly.environment, cwd=fly.folder)
