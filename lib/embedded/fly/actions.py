"""What `flyctl` does where it does more than look: deploys, secrets, configs, and machines steered by hand.

Apart from `lib.embedded.fly.command`, which a deploy starts dozens of times, nearly always only to look: reading fly.toml
costs more than all that a look needs.
"""

from __future__ import annotations

import sys
from argparse import Namespace
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from lib.embedded.fly.arguments import UsageError
from lib.embedded.fly.control import Refused, call
from lib.embedded.fly.deploys import Deploy, carry_out, say
from lib.embedded.fly.fly_toml import read_toml, seconds
from lib.embedded.fly.machine_config import stamped
from lib.embedded.fly.one_deploy import RUNNING
from lib.embedded.fly.secret_lines import WHITE_SPACE, parse_secret_lines


def app_name(options: Namespace) -> str:
    """Return the app: --app, else what the config file says. Raises UsageError where neither says it."""
    if options.app:
        return str(options.app)
    path = Path(options.config or "fly.toml")
    name = read_toml(path).app if path.exists() else ""
    if not name:
        raise UsageError(
            "the config for your app is missing an app name, add an app field to the fly.toml file or specify with the -a flag"
        )
    return name


def validate_config(folder: Path, options: Namespace, faults: list[str]) -> None:
    """`flyctl config validate`."""
    config = read_toml(Path(options.config or "fly.toml"))
    name = app_name(options)
    error, said = config.verdict()
    say(said)
    if error:
        raise UsageError(error)
    call(folder, "app_secrets", name=name)  # the app must be there; its machines are left as they are


def show_config(folder: Path, options: Namespace, faults: list[str]) -> None:
    """`flyctl config show --toml`: the config that the newest release was deployed with."""
    if options.json or not options.toml:
        raise UsageError("unknown flag: --json" if options.json else "the stand-in shows a config as --toml alone")
    say(call(folder, "app_config", name=app_name(options)))


def deploy(folder: Path, options: Namespace, faults: list[str]) -> None:
    """`flyctl deploy`."""
    name = app_name(options)
    call(folder, "app_secrets", name=name)
    config = read_toml(Path(options.config or "fly.toml"))
    say("==> Verifying app config")
    more = parse_env(options.env)
    error, said = config.verdict()
    say(said)
    if error:
        raise UsageError(error)
    say("--> Verified app config")
    call(folder, "app", name=name)
    digest = call(folder, "resolve", image=options.image) if options.image else None
    if digest is None:
        raise UsageError(f'failed to fetch an image or build from source: Could not find image "{options.image}"')
    say(f"Searching for image '{options.image}' remotely...\nimage found: img_{digest[7:23]}")
    if options.build_only:
        return
    release = call(folder, "create_release", name=name, image=options.image, digest=digest, config=config.text)
    say(f"\nWatch your deployment at https://fly.io/apps/{name}/monitoring\n")
    work = Deploy(
        folder=folder,
        app=name,
        image=options.image,
        digest=digest,
        config=config,
        env=more,
        release=release,
        strategy=options.strategy or config.strategy or "rolling",
        wait_timeout_s=seconds(options.wait_timeout),
        smoke_checks=options.smoke_checks,
        waits=not options.detach,
        ha=options.ha,
        faults=faults if tag_of(options.image) != "current" else [],
    )
    carry_out(work, skip_release_command=options.skip_release_command)
    if "previous_image_pruned" in faults:
        prune_others(folder, name, digest)
    say("\nVisit your newly deployed app")


def tag_of(image: str) -> str:
    """Return an image's tag; the way back to the image that ran at first is never disturbed by a switch."""
    return image.rpartition(":")[2]


def prune_others(folder: Path, name: str, digest: str) -> None:
    """Remove from the registry every image of the app's earlier releases."""
    for release in call(folder, "app", name=name)["releases"]:
        other = call(folder, "resolve", image=release["ImageRef"])
        if other not in (None, digest):
            call(folder, "prune_image", digest=other)


def parse_env(words: Sequence[str]) -> dict[str, str]:
    """Return the variables of --env."""
    for word in words:
        if "=" not in word:
            raise UsageError(f"failed parsing environment: '{word}': must be in the format NAME=VALUE")
    return dict(word.split("=", 1) for word in words)


def set_secrets(folder: Path, options: Namespace, faults: list[str]) -> None:
    """`flyctl secrets import`, `set`, `unset`: staged, or deployed to every machine at once."""
    name = app_name(options)
    if options.words == "secrets import":
        values: dict[str, str | None] = dict(parse_secret_lines(read_stdin()))
    elif options.words == "secrets set":
        # `NAME=-` takes the value from stdin, white space off its ends, as the real command does.
        values = {
            secret: read_stdin().strip(WHITE_SPACE) if value == "-" else value
            for secret, value in parse_env(options.names).items()
        }
    else:
        values = dict.fromkeys(options.names)
    changed = call(folder, "set_secrets", name=name, values=values)
    if options.stage or not changed:
        say("Secrets have been staged, but not set on VMs. Deploy or update machines in this app for the secrets to take effect.")
        return
    bring_secrets(folder, options, faults)


def read_stdin() -> str:
    """Return what was piped in, its line ends as they are."""
    return sys.stdin.buffer.read().decode(errors="replace")


def bring_secrets(folder: Path, options: Namespace, faults: list[str]) -> None:
    """`flyctl secrets deploy`: the newest release again, with the secrets as they are now."""
    name = app_name(options)
    shown = call(folder, "app", name=name)
    if not shown["status"]["Machines"]:
        raise Refused("no machines available to deploy")
    image = shown["status"]["Machines"][0]["config"]["image"]
    digest = shown["status"]["Machines"][0]["image_ref"]["digest"]
    release = call(folder, "create_release", name=name, image=image, digest=digest)
    for machine in shown["status"]["Machines"]:
        config = stamped({**machine["config"]}, release["ID"], release["Version"])
        call(
            folder, "update_machine", name=name, machine=machine["id"], image=image, digest=digest, config=config,
            is_asleep=machine["state"] not in RUNNING,
        )  # fmt: skip
    call(folder, "end_release", name=name, version=release["Version"], status="complete")
    say("Secrets are now deployed")


def steer_machine(folder: Path, options: Namespace, faults: list[str]) -> None:
    """`flyctl machine start`, `stop`, `destroy`, `cordon`, `uncordon`."""
    verb = options.words.split()[1]
    for machine in options.names:
        arguments: dict[str, Any] = {"name": app_name(options), "machine": machine}
        if verb in ("cordon", "uncordon"):
            call(folder, "cordon", cordoned=verb == "cordon", **arguments)
        else:
            call(folder, f"{verb}_machine", **arguments)


ACTIONS: dict[str, Callable[[Path, Namespace, list[str]], None]] = {
    "deploy": deploy,
    "config validate": validate_config,
    "config show": show_config,
    "secrets import": set_secrets,
    "secrets set": set_secrets,
    "secrets unset": set_secrets,
    "secrets deploy": bring_secrets,
    **dict.fromkeys(("machine start", "machine stop", "machine destroy", "machine cordon", "machine uncordon"), steer_machine),
}
