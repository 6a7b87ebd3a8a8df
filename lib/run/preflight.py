"""What would stop a run at its very end is looked at before its start: room, rights, the history and the signing key."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

from lib.core.errors import ParamsError, WorkbookError
from lib.core.wording import format_size
from lib.evidence.history import check_history
from lib.run.params import history_url
from lib.run.signing import open_signer
from lib.run.trusted_keys import read_trusted_keys

ROOM_FOR_RUN = 50_000_000
"""Bytes that a run's folder may need: pages, notebooks and artifacts came to 3 to 8 MB, backups to a few more."""
ROOM_FOR_STATE = 400_000_000
"""Bytes that the embedded parts need in the temporary folder: one server with its twins came to 150 to 250 MB."""
FEWEST_FILES = 2_000
"""Files that a file system must still be able to hold; a run makes about 300, its server 1,500."""


def look_ahead(rendered: Path, state: Path, pack: Path) -> None:
    """Raise ParamsError with one line for each thing that a run would fail on when it is published.

    rendered: the folder that keeps runs. state: the folder below which the embedded parts keep theirs. pack: the project.
    """
    problems = [*storage_problems(rendered, ROOM_FOR_RUN), *storage_problems(state, ROOM_FOR_STATE)]
    if not problems:
        problems += [*history_problems(rendered), *key_problems(pack)]
    if problems:
        raise ParamsError(problems)


def storage_problems(folder: Path, needed: int) -> Iterator[str]:
    """Yield what is wrong with a folder that a run writes to: rights, room, files left. needed: bytes."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=folder, prefix=".room-") as file:
            file.write(b"x" * 4096)
            file.flush()
            os.fsync(file.fileno())
        room = os.statvfs(folder)
    except OSError as exc:
        yield f"{folder} can't be written to: {exc.strerror}. Fix: Free it, correct its permissions, or name another folder."
        return
    free = room.f_bavail * room.f_frsize
    if free < needed:
        yield f"{folder} has {format_size(free)} free, and a run may need {format_size(needed)}. Fix: Free some room there."
    if room.f_files and room.f_favail < FEWEST_FILES:
        yield f"{folder} can hold only {room.f_favail:,} more files, and a run may make {FEWEST_FILES:,}. Fix: Remove some there."


def history_problems(rendered: Path) -> Iterator[str]:
    """Yield why no run could be remembered."""
    try:
        check_history(rendered, history_url())
    except WorkbookError as exc:
        yield str(exc)


def key_problems(pack: Path) -> Iterator[str]:
    """Yield why no run could be signed, and what is wrong with the keys that the project trusts."""
    try:
        open_signer(read_trusted_keys(pack))
    except ParamsError as exc:
        yield from exc.problems
    except (WorkbookError, OSError) as exc:
        yield str(exc)
