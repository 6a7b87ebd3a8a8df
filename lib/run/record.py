"""What a run keeps on disk about itself while it is not finished: what was asked, by whom it is executed, on what inputs.

It lies in the run's folder from the start, without credentials, and goes when the run is published whole. So whoever meets
a folder with a record and no living owner knows that the run was killed, and can say what it found or finish it.
"""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator, Mapping
from datetime import datetime
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from lib.core.files import write_whole
from lib.core.redact import redact_all
from lib.embedded.leftovers import process_start
from lib.evidence.manifest import UNFINISHED as FILE
from lib.run.run_file import RunFile

PRIVATE = {"target_url", "scratch_url", "services", "secrets"}
"""Parts of a run file that hold credentials: they never leave the run's private folder."""


class RunRecord(BaseModel):
    """One unfinished run.

    run: its run file without addresses and credentials. rehearsed_for: the variables whose absence made it a rehearsal.
    host, owner_pid, owner_started: the process that executes it. inputs: task -> digest of all that its results rest on.
    resumed_at: when it was taken up again, each time.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    run: RunFile
    started_at: datetime
    rehearsed_for: tuple[str, ...] = ()
    host: str
    owner_pid: int
    owner_started: str
    inputs: dict[str, str] = Field(default_factory=dict)
    resumed_at: tuple[datetime, ...] = ()

    @property
    def is_abandoned(self) -> bool:
        """Whether its owner has ended. One on another machine can't be judged from here."""
        return self.host == socket.gethostname() and process_start(self.owner_pid) != self.owner_started


def write_record(
    run: RunFile,
    *,
    started_at: datetime,
    rehearsed_for: tuple[str, ...],
    inputs: Mapping[str, str],
    resumed_at: tuple[datetime, ...] = (),
) -> RunRecord:
    """Keep a run's record in its folder, this process as its owner, and return it."""
    public = run.model_dump(mode="json", exclude=PRIVATE)
    record = RunRecord(
        run=RunFile.model_validate({**public, "sections": redact_all(public["sections"])}),
        started_at=started_at,
        rehearsed_for=rehearsed_for,
        host=socket.gethostname(),
        owner_pid=os.getpid(),
        owner_started=process_start(os.getpid()) or "unknown",
        inputs=dict(inputs),
        resumed_at=resumed_at,
    )
    write_whole(run.run_folder / FILE, record.model_dump_json(indent=1, exclude={"run": PRIVATE}) + "\n")
    return record


def read_record(run_folder: Path) -> RunRecord | None:
    """Return the record of a run that is not finished, its paths as they are now; None when there is none to read."""
    try:
        record = RunRecord.model_validate_json((run_folder / FILE).read_bytes())
    except (OSError, ValidationError):
        return None
    folder = run_folder.resolve()
    here = {"run_folder": folder, "rendered": folder.parent.parent.parent, "kept": folder.parent / "kept"}
    return record.model_copy(update={"run": record.run.model_copy(update=here)})


def remove_record(run_folder: Path) -> None:
    """Say that the run is finished."""
    (run_folder / FILE).unlink(missing_ok=True)


def find_abandoned(rendered: Path) -> Iterator[RunRecord]:
    """Yield the record of each run below rendered/ whose process has ended, oldest first."""
    for path in sorted(rendered.glob(f"*/*/2*/{FILE}"), key=lambda path: path.parent.name):
        record = read_record(path.parent)
        if record is not None and record.is_abandoned:
            yield record
