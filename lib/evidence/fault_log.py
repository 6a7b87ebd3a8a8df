"""The faults made on purpose: each one's line in the run's folder, and what is remembered of them from run to run.

What is remembered counts only while the code, the settings and the subject are the same, to the byte; so it is kept under a
digest of all three.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from pathlib import Path

from pydantic import BaseModel, ConfigDict, ValidationError

from lib.core.faults import Trial
from lib.core.files import write_whole
from lib.core.redact import redact_all
from lib.core.visible import inert_json

FILE = "faults.jsonl"
FOLDER = "faults"
"""Beside a project's kept backups: what is remembered, a file a look."""


class Remembered(BaseModel):
    """What one look's faults came to. digest: of code, settings and subject."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    digest: str
    trials: tuple[Trial, ...] = ()


def append_trials(run_folder: Path, trials: Iterable[Trial]) -> None:
    """Add trials to the run's folder, one JSON line each, credentials redacted. Raises OSError when it takes no more."""
    lines = [inert_json(json.dumps(redact_all(one.model_dump(mode="json")))) + "\n" for one in trials]
    if not lines:
        return
    with (run_folder / FILE).open("a", encoding="utf-8") as file:
        file.write("".join(lines))


def read_trials(run_folder: Path) -> list[Trial]:
    """Return the trials that a run's folder keeps, in the order made; a line that can't be read is left out."""
    try:
        text = (run_folder / FILE).read_text(encoding="utf-8", errors="replace")
    except OSError:
        return []
    found = []
    for line in text.splitlines():
        try:
            found.append(Trial.model_validate_json(line))
        except ValidationError:
            continue
    return found


def remember(kept: Path, look: str, digest: str, trials: Sequence[Trial]) -> None:
    """Keep what a look's faults came to, for the next run. Raises OSError when the folder takes no more."""
    text = Remembered(digest=digest, trials=tuple(trials)).model_dump(mode="json")
    write_whole(kept / FOLDER / f"{look}.json", inert_json(json.dumps(redact_all(text))))


def recall(kept: Path, look: str, digest: str) -> tuple[Trial, ...]:
    """Return what the same look came to on the same subject by the same code; nothing of anything else."""
    try:
        kept_text = (kept / FOLDER / f"{look}.json").read_bytes()
        found = Remembered.model_validate_json(kept_text)
    except (OSError, ValidationError):
        return ()
    return found.trials if found.digest == digest else ()
