"""Start the stand-in for Fly.io for one run, and end it with the run."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import psutil

from lib.core.errors import WorkbookError
from lib.embedded.fly.fly_toml import TomlError, read_toml
from lib.embedded.leftovers import end_process, new_lease, process_start, remove_folder, write_lease

CHECKOUT = Path(__file__).resolve().parents[3]
APP_FOLDER = "app"
"""The folder of the pack that holds the app and its images."""


@dataclass(frozen=True, kw_only=True)
class Switches:
    """How the platform behaves.

    fault: what goes wrong, by name, as `embedded.fly` in params has it.
    crash_after_s: replaces the time after which an image that crashes does so; None leaves it.
    boot_s: seconds a machine takes to start before its app does.
    check_every_s: the longest time between two looks at a health check, whatever fly.toml says.
    """

    fault: str = "none"
    crash_after_s: float | None = None
    boot_s: float = 0.0
    check_every_s: float = 0.1


class EmbeddedFly:
    """A running platform; `flyctl` is the command that speaks to it."""

    def __init__(self, state_dir: Path) -> None:
        self.state_dir = state_dir
        self.data_dir = state_dir / "data"
        self.flyctl = state_dir / "bin" / "flyctl"
        self.urls: Mapping[str, str] = {}
        self._process: subprocess.Popen[str] | None = None

    def __enter__(self) -> EmbeddedFly:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def start(self, description: Mapping[str, Any], *, owner_pid: int) -> None:
        """Start the platform's process and return once it listens."""
        lease = new_lease(owner_pid, self.data_dir)
        write_lease(self.state_dir, lease)
        self.data_dir.mkdir(mode=0o700)
        self.flyctl.parent.mkdir()
        self.flyctl.write_text(
            f"#!/bin/sh\nPYTHONPATH='{CHECKOUT}' PYTHONDONTWRITEBYTECODE=1 "
            f"exec '{sys.executable}' -S -m lib.embedded.fly.command '{self.data_dir}' \"$@\"\n"
        )
        self.flyctl.chmod(0o755)
        with (self.state_dir / "platform.log").open("ab") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-S", "-m", "lib.embedded.fly.service", "-D", str(self.data_dir)],
                env={"PATH": "/usr/bin:/bin", "PYTHONPATH": str(CHECKOUT), "PYTHONDONTWRITEBYTECODE": "1"},
                stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log, text=True, start_new_session=True,
            )  # fmt: skip
        write_lease(self.state_dir, replace(lease, server_pid=self._process.pid, server_started=process_start(self._process.pid)))
        assert self._process.stdin is not None and self._process.stdout is not None
        self._process.stdin.write(json.dumps(description))
        self._process.stdin.close()
        said = self._process.stdout.readline()
        if not said:
            log_said = (self.state_dir / "platform.log").read_text(errors="replace").strip().splitlines()
            raise WorkbookError(f"The stand-in for Fly.io did not start: {log_said[-1] if log_said else 'it said nothing'}.")
        self.urls = json.loads(said)["apps"]

    def stop(self) -> None:
        """End the platform and its machines, and remove its state; calling it again does nothing."""
        if self._process is not None:
            if self._process.poll() is None:
                end_process(psutil.Process(self._process.pid))
            self._process.wait()
            assert self._process.stdout is not None
            self._process.stdout.close()
            self._process = None
        if self.state_dir.exists():
            remove_folder(self.state_dir)


def start_fly(
    state_dir: Path,
    *,
    pack: Path,
    secrets: Mapping[str, Mapping[str, str]],
    switches: Switches,
    owner_pid: int | None = None,
) -> EmbeddedFly:
    """Return a platform with one app for each fly*.toml of the pack, each running its image `current`.

    Each app has as many machines as its config wants running; they start when the app is first asked about.

    state_dir: a folder that does not exist yet, in one made by `state_base`; removed by `stop`.
    secrets: app -> its secrets; an app that is not named has none.
    Raises WorkbookError when the platform does not start; nothing is left then.
    """
    description = {
        "app_folder": str(pack / APP_FOLDER),
        "apps": describe_apps(pack, secrets),
        "switches": {**vars(switches), "faults": [switches.fault]},
    }
    state_dir.mkdir(mode=0o700)
    fly = EmbeddedFly(state_dir.resolve())
    try:
        fly.start(description, owner_pid=owner_pid or os.getpid())
    except BaseException:
        fly.stop()
        raise
    return fly


def app_names(pack: Path) -> list[str]:
    """Return the apps that the pack's configs name."""
    return [one["name"] for one in describe_apps(pack, {})]


def describe_apps(pack: Path, secrets: Mapping[str, Mapping[str, str]]) -> list[dict[str, Any]]:
    """Return the apps that the pack's configs name; a config that can't be read names none."""
    apps: list[dict[str, Any]] = []
    for path in sorted(pack.glob("fly*.toml")):
        try:
            name = read_toml(path).app
        except TomlError:
            continue
        if name and name not in {one["name"] for one in apps}:
            apps.append({"name": name, "config": str(path), "secrets": dict(secrets.get(name, {}))})
    return apps
