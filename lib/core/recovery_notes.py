"""Notes for who finds a task cut off half way: what state it left the target in, and the way back.

A note is written before a task changes something that has to be changed back, and removed once it is. The
runner prints those that are left when a notebook was stopped or broke.
"""

from __future__ import annotations

from pathlib import Path

from lib.core.files import write_whole
from lib.core.redact import redact

FOLDER = "left_behind"


def write_recovery_note(work: Path, task: str, text: str) -> None:
    """Replace the task's note; work: the run's private folder."""
    write_whole(work / FOLDER / f"{task}.txt", redact(text.rstrip()) + "\n", mode=0o600)


def remove_recovery_note(work: Path, task: str) -> None:
    """Remove the task's note: everything was brought back."""
    (work / FOLDER / f"{task}.txt").unlink(missing_ok=True)


def read_notes(work: Path) -> dict[str, str]:
    """Return the notes that are left, by task."""
    return {path.stem: path.read_text(encoding="utf-8").rstrip() for path in sorted((work / FOLDER).glob("*.txt"))}
