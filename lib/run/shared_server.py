"""The database server that all notebooks of one lab share: found, or started by the first of them, and gone with the lab.

Each notebook gets a database of its own on it, anew each time it opens its task, so none sees what another did. The server is
kept by a process of its own (`lib.run.server_keeper`), which outlives every kernel and no lab.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from pydantic import BaseModel, ConfigDict

from lib.clients.supabase.project_config import read_exposes_tables
from lib.core.environment import OURS, PROGRAMS_INHERIT, inherited, lab_server
from lib.core.errors import WorkbookError
from lib.core.paths import ROOT
from lib.embedded.leftovers import process_start
from lib.embedded.postgres.lent import Lent
from lib.run.params import Params
from lib.run.server_version import choose_server, own_programs

Tell = Callable[[str], None]
"""Says what is being done now, in a few words without a full stop."""
LABS = ROOT / ".run" / "lab"
START_TIMEOUT_S = 180
"""Seconds the server gets to start: it takes about four, but the machine may be busy with ten kernels."""
POLL_S = 0.05
_keepers: list[subprocess.Popen[bytes]] = []
"""The keepers that this process started: it is their parent until it ends."""


class Kind(BaseModel):
    """What one server is for: notebooks of one lab that look at one project with the same server underneath."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    lab_pid: int
    lab_started: str
    pack: str
    major: int
    auto_expose_new_tables: bool
    installation: str | None = None


@dataclass(frozen=True, kw_only=True)
class Place:
    """Where the notebooks of a lab and the keeper of their server meet."""

    name: str
    folder: Path

    @classmethod
    def of(cls, kind: Kind) -> Place:
        """Return the place of one kind of server; its folder is made."""
        name = f"lab-{hashlib.sha256(kind.model_dump_json().encode()).hexdigest()[:12]}"
        folder = LABS / name
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        return cls(name=name, folder=folder)

    @property
    def lock(self) -> Path:
        return self.folder / "lock"

    @property
    def server(self) -> Path:
        return self.folder / "server.json"

    @property
    def problem(self) -> Path:
        return self.folder / "problem.json"

    @property
    def is_kept(self) -> bool:
        """Whether a keeper is at work, be its server ready or not."""
        with self.lock.open("a") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
            except BlockingIOError:
                return True
        return False


def kind_for(params: Params, lab_pid: int) -> Kind | None:
    """Return the kind of server that a project needs in a lab; None when that lab has ended."""
    started = process_start(lab_pid)
    if started is None:
        return None
    own = own_programs(params)
    return Kind(
        lab_pid=lab_pid,
        lab_started=started,
        pack=str(params.pack),
        major=choose_server(params).major,
        auto_expose_new_tables=read_exposes_tables(params.pack),
        installation=str(own) if own else None,
    )


def server_to_share(params: Params) -> Callable[[Tell], Lent] | None:
    """Return what borrows the server of the lab that this kernel belongs to; None outside a lab."""
    lab_pid = lab_server()
    kind = kind_for(params, lab_pid) if lab_pid is not None else None
    return (lambda tell: borrow(kind, tell)) if kind is not None else None


def borrow(kind: Kind, tell: Tell) -> Lent:
    """Return the lab's server of this kind, started if it is not there. Raises WorkbookError when it can't be."""
    place, until = Place.of(kind), time.monotonic() + START_TIMEOUT_S
    keeper: subprocess.Popen[bytes] | None = None
    while time.monotonic() < until:
        if (lent := Lent.read(place.server)) is not None:
            return lent
        if keeper is None:
            tell(f"Starting PostgreSQL {kind.major}, once for this lab")
            keeper = start_keeper(kind)
        elif keeper.poll() is not None and not place.is_kept and Lent.read(place.server) is None:
            raise why_not(place)
        time.sleep(POLL_S)
    raise WorkbookError(
        f"The lab's PostgreSQL did not start within {START_TIMEOUT_S} s.",
        fix=f"Look at {place.folder / 'keeper.log'}; end other programs, then run this cell again.",
    )


def start_keeper(kind: Kind) -> subprocess.Popen[bytes]:
    """Start the process that keeps a server; one that is not needed ends at once."""
    sweep()
    place = Place.of(kind)
    place.problem.unlink(missing_ok=True)
    with (place.folder / "keeper.log").open("ab") as log:
        # In a session of its own: Ctrl-C in the lab's terminal must not reach the server before the notebooks' kernels end.
        keeper = subprocess.Popen(
            [sys.executable, "-m", "lib.run.server_keeper", kind.model_dump_json()],
            cwd=ROOT, env={**inherited(PROGRAMS_INHERIT), **OURS},
            stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True,
        )  # fmt: skip
    _keepers[:] = [*(one for one in _keepers if one.poll() is None), keeper]
    return keeper


def sweep() -> None:
    """Remove the places of labs that have ended."""
    for folder in LABS.glob("lab-*/"):
        place = Place(name=folder.name, folder=folder)
        if place.lock.exists() and not place.is_kept and Lent.read(place.server) is None:
            shutil.rmtree(folder, ignore_errors=True)


def why_not(place: Place) -> WorkbookError:
    """Return why the server of a place did not start."""
    try:
        said = json.loads(place.problem.read_text(encoding="utf-8"))
        return WorkbookError(said["message"], fix=tuple(said["fix"]))
    except (OSError, ValueError, KeyError):
        return WorkbookError(
            "The lab's PostgreSQL ended while it started.",
            fix=f"Look at {place.folder / 'keeper.log'}, then run this cell again.",
        )
