"""The `flyctl` command, as far as an operator deploys, watches and rolls back with it.

Started as `python -m lib.embedded.fly.command <platform's folder> <flyctl's own arguments>`. Exit codes as
flyctl's: 0, 1 any error, 126 deadline exceeded, 127 interrupted.
"""

from __future__ import annotations

import json
import signal
import sys
from argparse import Namespace
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from lib.embedded.fly.arguments import UsageError, parse
from lib.embedded.fly.control import ADDRESS, Broken, Refused, call
from lib.embedded.fly.deploys import Deploy, DeployFailed, carry_out, say
from lib.embedded.fly.fly_toml import TomlError, read_toml, seconds
from lib.embedded.fly.machine_config import stamped
from lib.embedded.fly.one_deploy import RUNNING
from lib.embedded.fly.reports import REPORTS
from lib.embedded.fly.secret_lines import WHITE_SPACE, SecretLineError, parse_secret_lines

INTERRUPTED = 127
BROKEN = 70
"""EX_SOFTWARE: no exit code of flyctl's; the stand-in itself broke."""


def main(argv: Sequence[str]) -> int:
    """Run one flyctl command and return its exit code."""
    folder = Path(argv[0])
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, interrupt)
    try:
        options = parse(argv[1:])
        faults = json.loads((folder / ADDRESS).read_text())["faults"]
        return run(folder, options, faults)
    except (UsageError, TomlError, Refused, SecretLineError) as exc:
        print(f"Error: {exc}", file=sys.stderr)
        return 1
    except DeployFailed as exc:
        print(f"Error: {exc}", file=sys.stderr)
        return exc.exit_code
    except Broken as exc:
        print(f"Error: {exc}", file=sys.stderr)
        return BROKEN
    except KeyboardInterrupt:
        print("Error: context canceled", file=sys.stderr)
        return INTERRUPTED


def interrupt(*_: Any) -> None:
    raise KeyboardInterrupt


def run(folder: Path, options: Namespace, faults: list[str]) -> int:
    """Do what the words of the command say."""
    words = options.words
    if words != "version" and "not_logged_in" in faults:
        raise Refused("no access token available. Please login with 'flyctl auth login'")
    if words in ACTIONS:
        ACTIONS[words](folder, options, faults)
        return 0
    if "reads_hang" in faults and words != "version":
        signal.pause()
    report, needs_app = REPORTS[words]
    # Secrets alone are no reason to start the app's machines.
    operation = "app_secrets" if words == "secrets list" else "app"
    shown = call(folder, operation, name=app_name(options)) if needs_app else {}
    value, text = report(shown, folder)
    if not options.json:
        say(text)
        return 0
    printed = json.dumps(value, indent=4)
    if words == "releases" and "half_a_json" in faults:
        print(printed[: len(printed) // 2], end="", flush=True)
        signal.raise_signal(signal.SIGKILL)
    say(printed)
    return 0


def app_name(options: Namespace) -> str:
    """Return the app: --app, else what the config file says."""
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

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
