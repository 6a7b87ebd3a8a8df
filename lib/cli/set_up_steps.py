"""What each step of set-up is made of: run a program and say so, and a stamp that is written last. Standard library only."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TextIO

from lib.core.folding import fold, width_of

STILL_AT_IT_S = 15
"""Seconds between two lines that say so, where there is no terminal."""


class SetUpError(Exception):
    """Set-up can't go on; the message says why, and the fix."""


def run(
    argv: Sequence[str], sentence: str, *, env: Mapping[str, str] | None = None, cwd: Path | None = None, doing: str = ""
) -> None:
    """Run one program; raises SetUpError with the sentence and what the program said when it fails.

    doing: said before, and again while it takes long.
    """
    started = time.monotonic()
    if doing:
        say(f"{doing} ...")
    with subprocess.Popen(
        argv, env={**os.environ, **(env or {})}, cwd=cwd, stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace",
    ) as process:  # fmt: skip
        while True:
            try:
                said, _ = process.communicate(timeout=STILL_AT_IT_S)
                break
            except subprocess.TimeoutExpired:
                if doing:
                    say(f"  still at it: {time.monotonic() - started:.0f} s")
            except BaseException:
                process.kill()
                raise
    if process.returncode:
        raise SetUpError("\n".join([sentence, *said.strip().splitlines()[-8:]]))


def digest_of(path: Path, *, note: str = "") -> str:
    """Return what a stamp must hold for this lock file."""
    return hashlib.sha256(path.read_bytes() + note.encode()).hexdigest()


def is_current(stamp: Path, wanted: str) -> bool:
    """Return whether the part was installed from this very lock file."""
    return stamp.exists() and stamp.read_text().strip() == wanted


def write_stamp(stamp: Path, wanted: str) -> None:
    """Say that the part is whole; written beside and renamed, so that a half-done one never looks whole."""
    beside = stamp.with_suffix(".new")
    beside.write_text(wanted + "\n")
    beside.replace(stamp)


def say(line: str, *, to: TextIO | None = None) -> None:
    """Print a line, folded to the terminal's width where it goes to one. to: standard output when None."""
    stream = to or sys.stdout
    width = width_of(stream)
    print(line if width is None else fold(line, width), file=stream, flush=True)
