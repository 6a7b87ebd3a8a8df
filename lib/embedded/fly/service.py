"""The platform's one process: `python -m lib.embedded.fly.service -D <folder>`, described on its stdin.

Prints one line of JSON with its port once it listens, and ends on request, or when its owner is gone.
"""

from __future__ import annotations

import asyncio
import contextlib
import functools
import json
import os
import secrets
import signal
import sys
from pathlib import Path
from typing import Any

from lib.core.breakages import note_breakage
from lib.core.errors import TargetError
from lib.embedded.fly.apps import FirstMachines, Platform
from lib.embedded.fly.command_server import serve_commands
from lib.embedded.fly.control import ADDRESS, HOST, LONGEST_LINE, Refused
from lib.embedded.fly.fly_toml import AppConfig, TomlError, read_toml
from lib.embedded.fly.images import ImageRef, pack_image, releases_of

OWNER_LOOK_S = 0.5
"""Seconds between two looks at whether the process that started us still lives."""


async def serve(folder: Path, description: dict[str, Any]) -> None:
    """Run the platform until it is stopped."""
    (folder / "logs").mkdir(exist_ok=True)
    platform = Platform(
        folder, description["switches"], report=functools.partial(note_breakage, Path(description["work"]), "fly")
    )
    asyncio.get_running_loop().set_exception_handler(lambda _, context: platform.break_down(broken_by(context)))
    await set_up(platform, description)
    if "previous_image_gone" in description["switches"]["faults"]:
        forget_current_images(platform)
    key = secrets.token_urlsafe(24)
    server = await asyncio.start_server(lambda *streams: answer(platform, key, *streams), HOST, 0, limit=LONGEST_LINE)
    address = {"port": server.sockets[0].getsockname()[1], "key": key, "faults": description["switches"]["faults"]}
    descriptor = os.open(folder / ADDRESS, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w") as file:
        json.dump(address, file)
    print(json.dumps({"apps": {name: app.url for name, app in platform.apps.items()}}), flush=True)
    await until_ended()
    await platform.stop_all()


async def set_up(platform: Platform, description: dict[str, Any]) -> None:
    """Fill the registry and make the apps. What of the project can't be used is said by each command about its app."""
    source = Path(description["app_folder"])
    names = [one["name"] for one in description["apps"]]
    platform.unread = tuple(description.get("unread", ()))
    try:
        for release in releases_of(source):
            content = pack_image(source, release)
            for name in names:
                platform.registry.push(ImageRef(repository=name, tag=release), content)
    except TargetError as exc:
        platform.unusable = dict.fromkeys(names, f"failed to build an image: {exc.message.rstrip('.')}")
    for one in description["apps"]:
        try:
            config = read_toml(Path(one["config"]))
        except TomlError as exc:  # it could be read a moment ago
            platform.unusable[one["name"]] = str(exc)
            continue
        if problem := config.verdict()[0]:
            platform.unusable[one["name"]] = f"{Path(one['config']).name}: {problem}"
        try:
            groups = [] if problem else first_machines(config)
        except TomlError as exc:
            platform.unusable[one["name"]], groups = f"{Path(one['config']).name}: {exc}", []
        await platform.add_app(one["name"], region=config.region, secrets=one["secrets"], groups=groups, config=config.text)


def first_machines(config: AppConfig) -> list[FirstMachines]:
    """Return what an app begins with. Raises TomlError, in flyctl's words, for a group that no machine can be made of."""
    found = []
    for name in config.groups:
        machine = config.machine_config(name)
        standby = not machine.get("services") and not machine.get("mounts")
        found.append(FirstMachines(name=name, config=machine, machines=config.machines(name), standby=standby))
    return found


def forget_current_images(platform: Platform) -> None:
    """Prune the image that every app runs, as the vendor's registry may; the machines have it already."""
    for app in platform.apps.values():
        for release in app.releases:
            platform.registry.unpack(release.digest)
            platform.registry.remove(release.digest)


def broken_by(context: dict[str, Any]) -> BaseException:
    """Return what the event loop says broke where nobody could catch it."""
    raised = context.get("exception")
    return raised if isinstance(raised, BaseException) else RuntimeError(str(context.get("message", "the event loop broke")))


async def answer(platform: Platform, key: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Do what one line asks for, and answer in one line, whatever happens: who asks must never wait in vain."""
    try:
        line = await do_line(platform, key, await reader.readline())
        writer.write(line)
        await writer.drain()
    except OSError:
        pass  # the client went away
    except ValueError:
        writer.write(json.dumps({"refused": f"the request is longer than {LONGEST_LINE} bytes"}).encode() + b"\n")
    finally:
        writer.close()


async def do_line(platform: Platform, key: str, line: bytes) -> bytes:
    """Return the answer to one line; nothing to who does not know the key."""
    try:
        request = json.loads(line)
        if request.get("key") != key:
            return b""
        if platform.broken:
            return json.dumps({"broke": platform.broken}).encode() + b"\n"
        return json.dumps({"value": await platform.do(request["op"], request["arguments"])}).encode() + b"\n"
    except Refused as exc:
        return json.dumps({"refused": str(exc)}).encode() + b"\n"
    except Exception as exc:
        return json.dumps({"broke": platform.report(exc)}).encode() + b"\n"


async def until_ended() -> None:
    """Return when a signal asks us to end, or our owner is gone."""
    ended = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, ended.set)
    owner = os.getppid()
    while not ended.is_set() and os.getppid() == owner:
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(ended.wait(), OWNER_LOOK_S)


def main() -> int:
    """Read what to run, and run it."""
    folder = Path(sys.argv[sys.argv.index("-D") + 1])
    serve_commands(folder)
    asyncio.run(serve(folder, json.load(sys.stdin)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
