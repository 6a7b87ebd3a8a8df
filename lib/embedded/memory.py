"""A place in memory for what nobody keeps, a server's data and small copies: a disk makes a thousand files ten times as slowly.

The state folder then holds a link to it, and both go together. What a killed run left there is found by the note beside it.
"""

from __future__ import annotations

import hashlib
import os
import shutil
from contextlib import suppress
from pathlib import Path

import psutil

from lib.core.errors import WorkbookError
from lib.embedded.state_folders import own_folder

MOUNT = Path("/dev/shm")
"""What Linux keeps in memory. Elsewhere there is none, and a container has mostly 64 MB there."""
USUAL = Path("/tmp")
"""Where state folders lie when nobody has named another place in TMPDIR."""
ROOM = 4 * 2**30
"""Bytes that must be free there; a rehearsal's databases take a few hundred megabytes."""
LIMITS = (Path("/sys/fs/cgroup/memory.max"), Path("/sys/fs/cgroup/memory/memory.limit_in_bytes"))
"""How much memory a container may use, in either generation of control groups; what lies in memory counts."""
NOTE = "of"
"""Beside the data: the path of the state folder that it belongs to."""


def has_room() -> bool:
    """Return whether data may be put into memory: there is such a place, and twice the room that it needs."""
    try:
        there = os.statvfs(MOUNT)
        is_usable = os.access(MOUNT, os.W_OK | os.X_OK) and there.f_bavail * there.f_frsize >= ROOM
    except OSError:
        return False
    return is_usable and min(psutil.virtual_memory().available, *read_limits()) >= 2 * ROOM


def read_limits() -> list[int]:
    """Return the bytes of memory that this process's control group may use; an endless number where nothing limits it."""
    found = [2**63]
    for path in LIMITS:
        with suppress(OSError, ValueError):
            found.append(int(path.read_text()))
    return found


def put_into_memory(folder: Path) -> bool:
    """Make the folder as a link to one in memory, and return whether that was done; a state folder is above it.

    Without room, or where somebody named another place for temporary files, nothing is made.
    """
    if USUAL.resolve() not in folder.parents or not has_room():
        return False
    try:
        place = own_folder(own_memory() / mark_of(folder.parent))
        (place / NOTE).write_text(str(folder.parent), encoding="utf-8")
        inside = place / folder.name
        inside.mkdir(mode=0o700)
        folder.symlink_to(inside)
    except (OSError, WorkbookError):  # somebody else's folder is there, or it has just filled up: the disk will do
        return False
    return True


def make_small_folder(state_dir: Path) -> Path:
    """Return a new private folder for a run's small copies: in memory where that has room, else in the state folder."""
    folder = state_dir / "small"
    if not put_into_memory(folder):
        folder.mkdir(mode=0o700)
    return folder.resolve()


def own_memory() -> Path:
    """Return this user's folder in memory. Raises WorkbookError when somebody else has made it."""
    return own_folder(MOUNT / f"launch-workbook-{os.geteuid()}")


def mark_of(state_dir: Path) -> str:
    return hashlib.sha256(str(state_dir).encode()).hexdigest()[:16]


def free_memory_of(state_dir: Path) -> None:
    """Remove what lies in memory for a state folder; nothing of it is fine."""
    shutil.rmtree(MOUNT / f"launch-workbook-{os.geteuid()}" / mark_of(state_dir), ignore_errors=True)


def sweep_memory() -> None:
    """Remove from memory what belongs to a state folder that is gone, such as one that somebody removed by hand."""
    for note in (MOUNT / f"launch-workbook-{os.geteuid()}").glob(f"*/{NOTE}"):
        with suppress(OSError):
            if not Path(note.read_text(encoding="utf-8")).exists():
                shutil.rmtree(note.parent, ignore_errors=True)
