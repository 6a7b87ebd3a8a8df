"""Start the stand-in for Fly.io for one run, and end it with the run."""

from __future__ import annotations

import contextlib
import json
import os
import select
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from shlex import quote
from typing import Any

import psutil

from lib.core.background import Background, describe_exit, watch_exit
from lib.core.breakages import note_breakage
from lib.core.environment import BYTE_CODE
from lib.core.errors import TargetError, WorkbookError
from lib.core.pack_files import list_files
from lib.core.run_mark import run_mark
from lib.embedded.fly.fly_toml import TomlError, read_toml
from lib.embedded.leftovers import end_process, new_lease, process_start, remove_folder, write_lease

CHECKOUT = Path(__file__).resolve().parents[3]
COMMAND = "import sys; from lib.embedded.fly.thin_command import main; sys.exit(main(sys.argv[1:]))"
"""Not `-m`, which is started half as fast; `-P` beside it keeps the modules of whatever folder it runs in out of it."""
START_TIMEOUT_S = 60
"""Seconds the platform gets to listen; it takes about 0.3, but the machine may be busy."""
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

    def __init__(self, state_dir: Path, *, work: Path) -> None:
        self.state_dir = state_dir
        self.work = work
        self.data_dir = state_dir / "data"
        self.flyctl = state_dir / "bin" / "flyctl"
        self.urls: Mapping[str, str] = {}
        self._process: subprocess.Popen[str] | None = None
        self._watch: Background | None = None
        self._is_ending = False

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
            f"#!/bin/sh\nPYTHONPATH={quote(str(CHECKOUT))} PYTHONPYCACHEPREFIX={quote(str(BYTE_CODE))} "
            f'exec {quote(sys.executable)} -SP -c {quote(COMMAND)} {quote(str(self.data_dir))} "$@"\n'
        )
        self.flyctl.chmod(0o755)
        with (self.state_dir / "platform.log").open("ab") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-SPm", "lib.embedded.fly.service", "-D", str(self.data_dir)],
                env={"PATH": "/usr/bin:/bin", "PYTHONPATH": str(CHECKOUT), "PYTHONPYCACHEPREFIX": str(BYTE_CODE), **run_mark()},
                stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log, text=True, start_new_session=True,
            )  # fmt: skip
        write_lease(self.state_dir, replace(lease, server_pid=self._process.pid, server_started=process_start(self._process.pid)))
        assert self._process.stdin is not None and self._process.stdout is not None
        with contextlib.suppress(BrokenPipeError):  # it ended already; its log says why
            self._process.stdin.write(json.dumps({**description, "work": str(self.work)}))
            self._process.stdin.close()
        ready, _, _ = select.select([self._process.stdout], [], [], START_TIMEOUT_S)
        said = self._process.stdout.readline() if ready else ""
        if not said:
            log_said = (self.state_dir / "platform.log").read_text(errors="replace").strip().splitlines()
            seen = log_said[-1] if log_said else f"it said nothing for {START_TIMEOUT_S} s" if not ready else "it said nothing"
            raise WorkbookError(f"The stand-in for Fly.io did not start: {seen}. This is a bug of ours.")
        self.urls = json.loads(said)["apps"]
        self._watch = watch_exit(self._process, self.report_exit)

    def report_exit(self, code: int) -> None:
        """Keep a note when the platform ended by itself."""
        if not self._is_ending:
            note_breakage(self.work, "fly", describe_exit(code), is_final=True)

    def stop(self) -> None:
        """End the platform and its machines, and remove its state; calling it again does nothing."""
        self._is_ending = True
        if self._process is not None:
            if self._process.poll() is None:
                end_process(psutil.Process(self._process.pid))
            self._process.wait()
            if self._watch is not None:
                self._watch.finish()
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
    work: Path | None = None,
) -> EmbeddedFly:
    """Return a platform with one app for each fly*.toml of the pack, each running its image `current`.

    Each app has as many machines as its config wants running; they start at the first request about the app.

    state_dir: a folder that does not exist yet, in one made by `state_base`; removed by `stop`.
    secrets: app -> its secrets; an app that is not named has none.
    work: the run's private folder, where a note is kept of what breaks; None means `state_dir`.
    Raises WorkbookError when the platform does not start; nothing is left then.
    """
    apps, unread = describe_apps(pack, secrets)
    description = {
        "app_folder": str(pack / APP_FOLDER),
        "apps": apps,
        "unread": unread,
        "switches": {**vars(switches), "faults": [switches.fault]},
    }
    state_dir.mkdir(mode=0o700)
    fly = EmbeddedFly(state_dir.resolve(), work=work or state_dir.resolve())
    try:
        fly.start(description, owner_pid=owner_pid or os.getpid())
    except BaseException:
        fly.stop()
        raise
    return fly


def app_names(pack: Path) -> list[str]:
    """Return the apps that the pack's configs name."""
    return [one["name"] for one in describe_apps(pack, {})[0]]


def describe_apps(pack: Path, secrets: Mapping[str, Mapping[str, str]]) -> tuple[list[dict[str, Any]], list[str]]:
    """Return the apps that the pack's configs name, and why others name none, a clause each; never raises for a pack."""
    apps: dict[str, dict[str, Any]] = {}
    problems: list[str] = []
    try:
        paths = list_files(pack, root=pack, pattern="fly*.toml")
    except TargetError as exc:
        return [], [exc.message.rstrip(".")]
    for path in paths:
        try:
            name = read_toml(path).app
        except TomlError as exc:
            said = str(exc).replace(str(path), path.name)
            problems.append(said if path.name in said else f"{path.name}: {said}")
            continue
        if not name:
            problems.append(f"{path.name} names no app")
        elif name in apps:
            problems.append(f"{path.name} names the app {name} of {Path(apps[name]['config']).name} again")
        else:
            apps[name] = {"name": name, "config": str(path), "secrets": dict(secrets.get(name, {}))}
    return list(apps.values()), problems
