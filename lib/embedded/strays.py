"""Processes that a run started and that outlived whoever started them: found by the run's mark or place, and ended.

A command's own children may have left its group, and a killed run's have lost their parent.
"""

from __future__ import annotations

import ctypes
import os
import sys
import time
from collections.abc import Collection
from contextlib import suppress
from pathlib import Path

import psutil

from lib.core.run_mark import has_mark

ENDED_WITHIN_S = 10
"""Seconds that processes get to be gone once they are killed; the system needs milliseconds."""
POLL_S = 0.01
ADOPT_ORPHANS = 36
"""PR_SET_CHILD_SUBREAPER. Source: include/uapi/linux/prctl.h"""


def adopt_orphans() -> None:
    """Make this process the parent of each of its descendants whose own parent ends, so that it can end them. Linux only."""
    if sys.platform == "linux":
        with suppress(OSError, AttributeError):
            ctypes.CDLL(None, use_errno=True).prctl(ADOPT_ORPHANS, 1, 0, 0, 0)


def end_strays(mark: str, *, places: Collection[Path] = (), spared: Collection[int] = ()) -> int:
    """End every process of a run, or of a task of one, and return how many there were.

    mark: `<run>` or `<run>/<task>`, as lib.core.run_mark has it. places: folders in which only the run's processes work:
    one that dropped its variables is known by where it stands. spared: process ids to leave alone; this one always is.
    """
    until = time.monotonic() + ENDED_WITHIN_S
    ended: set[int] = set()
    # What is ended may have started another just before, so it is looked again until nothing is found.
    while (found := find_strays(mark, places=places, spared=spared)) and time.monotonic() < until:
        for process in found:
            with suppress(psutil.Error):
                process.kill()
                ended.add(process.pid)
        time.sleep(POLL_S)
    return len(ended)


def find_strays(mark: str, *, places: Collection[Path] = (), spared: Collection[int] = ()) -> list[psutil.Process]:
    """Return the living processes of a run, or of a task of one, but this one and the spared."""
    kept = {os.getpid(), *spared}
    roots = [str(place.resolve()) for place in places]
    return [one for one in psutil.process_iter() if one.pid not in kept and belongs_to(one, mark, roots)]


def belongs_to(process: psutil.Process, mark: str, roots: Collection[str]) -> bool:
    """Return whether a living process carries the mark, or works in one of the folders."""
    with suppress(psutil.Error, OSError):
        if process.status() == psutil.STATUS_ZOMBIE:
            return False
        if has_mark(process.environ(), mark):
            return True
    with suppress(psutil.Error, OSError):
        where = process.cwd()
        return any(where == root or where.startswith(f"{root}/") for root in roots)
    return False


def end_adopted(known: Collection[int] = ()) -> int:
    """End every process that this one is the parent of but for the known ones, with all that they started; return how many."""
    strays = [one for one in psutil.Process().children() if one.pid not in known]
    family = [one for root in strays for one in (*children_of(root), root)]
    for process in family:
        with suppress(psutil.Error):
            process.kill()
    return len(family)


def children_of(process: psutil.Process) -> list[psutil.Process]:
    """Return everything that a process started and that still is its descendant."""
    with suppress(psutil.Error):
        return list(process.children(recursive=True))
    return []
