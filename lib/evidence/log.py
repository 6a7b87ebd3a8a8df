"""A run's evidence: one JSON line a result, appended and flushed as found.

Everything that enters goes through `redact.redact_all`. A line that a kill or a full disk cut in half costs that line
alone: what follows begins on a line of its own. What the run's folder can't take is kept in a spare file of the run's
private folder, and read with the rest.
"""

from __future__ import annotations

import fcntl
import json
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from lib.core.errors import WorkbookError
from lib.core.faults import KillRate
from lib.core.files import write_all, write_whole
from lib.core.redact import redact, redact_all
from lib.core.results import Check, Outcome, Provenance, Result, SkipReason
from lib.core.verdict import GateInput
from lib.core.visible import inert_json
from lib.evidence.object_keys import stable_keys

FILE = "evidence.jsonl"
SCHEMA_VERSION = 5
SCHEMA_ID = f"urn:launch-readiness-workbook:evidence-line:{SCHEMA_VERSION}"
DIALECT = "https://json-schema.org/draft/2020-12/schema"
ARTIFACT_NAME = re.compile(r"^[A-Za-z0-9][A-Za-z0-9._-]{0,120}$")


class Artifact(BaseModel):
    """One kept file: its path from the run folder, and the sha256 of its content in hex."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    path: str  # from the run's folder
    sha256: str  # of its content, in hex


class ReusedFrom(BaseModel):
    """Where a result was found that a later run took over: the run that looked, never one that itself took it over."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    run_id: str  # the run that looked
    looked_at: datetime  # when that look began, ISO 8601, UTC


class EvidenceLine(BaseModel):
    """One result of one run, as kept. observed and expected are plain JSON; times are UTC.

    subject: what it speaks about: a target, "project", "twin" or "run"; provenance: where it was performed.
    skipped_because: of a skip. see: the check whose finding hides this one's subject.
    faults: of a pass, how many faults made on purpose the check found; None where none were made.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    schema_version: int = Field(default=1, ge=1, le=SCHEMA_VERSION)  # of this form; an older line has none, and counts as 1
    run_id: str  # UTC time of the start and four letters, 20261126T171254Z-eujc
    project: str = ""  # folder of the run in rendered/
    environment: str  # a file's name in params/
    task: str  # whose check it is
    check: str  # the check's id, `<task>.<what_must_be_true>`
    result: Outcome  # pass, fail, skip, or error: it could not be determined
    skipped_because: SkipReason | None = None
    see: str | None = None
    gate: bool  # whether its failure stops the launch
    subject: str = ""
    provenance: Provenance
    observed: Any = None  # what was seen, as plain JSON
    expected: Any = None  # what was expected, as plain JSON
    unit: str | None = None  # of observed and expected, where they are measured
    detail: str = ""  # what was seen, in a sentence, with real names
    fix: tuple[str, ...] = ()  # what to do next, one step each
    command: str | None = None  # what was executed, where the result is a command's
    exit_code: int | None = None  # of that command
    started_at: datetime  # when the look began, ISO 8601, UTC
    duration_s: float  # of the look, s
    artifacts: tuple[Artifact, ...] = ()  # the kept files that it speaks of
    faults: KillRate | None = None
    objects: tuple[str, ...] = ()  # of a fail: the stable key of each thing that is wrong
    as_of: datetime | None = None  # the moment that it speaks of, where that is before the look, ISO 8601, UTC
    reused_from: ReusedFrom | None = None  # of a result that was taken over from an earlier run, not found in this one
    again: str | None = None  # the command that looks again and compares

    @model_validator(mode="before")
    @classmethod
    def read_older(cls, data: Any) -> Any:
        """Take in a line of an older run: one before version 2 says neither its version nor its subject.

        Before there was `fix`, it stood in the detail, behind "Next: ".
        """
        if not isinstance(data, dict):
            return data
        if "fix" not in data and "Next: " in str(data.get("detail", "")):
            seen, _, fix = data["detail"].partition("Next: ")
            return {**data, "detail": seen.strip(), "fix": [fix.strip()]}
        return data

    @property
    def sentence(self) -> str:
        """What was seen and what to do, in one text."""
        return " ".join([self.detail, *(f"Fix: {one}" for one in self.fix)]).strip()

    @property
    def judged(self) -> GateInput:
        """What the verdict needs to know of this line."""
        return GateInput(
            check=self.check,
            outcome=self.result,
            gate=self.gate,
            provenance=self.provenance,
            skipped_because=self.skipped_because,
            is_hidden=self.see is not None,
            is_reused=self.reused_from is not None,
        )


def evidence_schema() -> dict[str, Any]:
    """Return the JSON Schema of one evidence line, with its address and version."""
    return {"$schema": DIALECT, "$id": SCHEMA_ID, **EvidenceLine.model_json_schema()}


def line_of(
    result: Result,
    check: Check,
    *,
    run_id: str,
    environment: str,
    provenance: Provenance,
    started_at: datetime,
    duration_s: float,
    project: str = "",
    artifacts: tuple[Artifact, ...] = (),
    faults: KillRate | None = None,
) -> EvidenceLine:
    """Return one result as the line that is kept of it, credentials redacted.

    provenance: where its subject is looked at; a result that was performed elsewhere says so itself.
    """
    return EvidenceLine(
        schema_version=SCHEMA_VERSION,
        run_id=run_id,
        project=project,
        environment=environment,
        task=check.task,
        check=check.id,
        result=result.outcome,
        skipped_because=result.skipped_because,
        see=result.see,
        gate=check.gate,
        subject=check.subject,
        provenance=result.provenance or provenance,
        observed=redact_all(result.observed),
        expected=redact_all(result.expected),
        unit=result.unit,
        detail=redact(result.detail),
        fix=tuple(redact(one) for one in result.fix),
        command=redact(result.command) if result.command else None,
        exit_code=result.exit_code,
        started_at=started_at.astimezone(UTC),
        duration_s=round(duration_s, 3),
        artifacts=artifacts,
        faults=faults,
        objects=stable_keys(result.objects) if result.outcome is Outcome.FAIL else (),
        as_of=result.as_of.astimezone(UTC) if result.as_of else None,
        again=f"python -m lib look {check.id} --run {run_id}",
    )


def append_line(run_folder: Path, line: EvidenceLine, *, spare: Path | None = None) -> None:
    """Add one line to the run's evidence; it is on disk when this returns.

    Several kernels append at once: the lock keeps their lines whole.
    spare: where the line goes when the run's folder can't take it. Raises OSError when neither can.
    """
    data = as_bytes(line)
    try:
        append_bytes(run_folder / FILE, data)
    except OSError:
        if spare is None:
            raise
        append_bytes(spare, data)


def as_bytes(line: EvidenceLine) -> bytes:
    """Return a line as it is written."""
    return (inert_json(line.model_dump_json()) + "\n").encode()


def append_bytes(path: Path, data: bytes) -> None:
    """Add lines to a file, on a line of their own whatever its last writer left, and flush them to disk."""
    descriptor = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT, 0o644)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        size = os.fstat(descriptor).st_size
        is_torn = size > 0 and os.pread(descriptor, 1, size - 1) != b"\n"
        write_all(descriptor, b"\n" + data if is_torn else data)
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@dataclass(frozen=True, kw_only=True)
class EvidenceLog:
    """What a run's evidence holds. torn: for each line that is none, where it is."""

    lines: tuple[EvidenceLine, ...]
    torn: tuple[str, ...] = ()


def read_log(run_folder: Path, *, spare: Path | None = None) -> EvidenceLog:
    """Return every line of a run's evidence in order, and which lines can't be read.

    spare: what the run's folder could not take, or not yet: of a check, its last line counts, and only where the folder has none.
    Raises OSError when a file that is there can't be read.
    """
    lines, torn = read_lines(run_folder / FILE)
    found = {line.check for line in lines}
    beside, torn_beside = read_lines(spare) if spare is not None else ([], [])
    lines += {line.check: line for line in beside if line.check not in found}.values()
    return EvidenceLog(lines=tuple(lines), torn=(*torn, *torn_beside))


def read_lines(path: Path) -> tuple[list[EvidenceLine], list[str]]:
    """Return the lines of one file in order, and where those are that can't be read; none of a file that is not there.

    Raises WorkbookError for a file of a newer workbook.
    """
    lines, torn = [], []
    for number, text in enumerate(path.read_bytes().split(b"\n") if path.exists() else [], start=1):
        if text.strip():
            try:
                lines.append(EvidenceLine.model_validate_json(text))
            except ValidationError:
                refuse_newer(text, f"{path.name} of run {path.parent.name}")
                torn.append(f"{path.name}, line {number}")
    return lines, torn


def refuse_newer(text: bytes, where: str) -> None:
    """Raise WorkbookError for a line of a newer workbook: what its keys mean is not known here, and is not guessed."""
    try:
        version = json.loads(text)["schema_version"]
    except (ValueError, TypeError, KeyError):
        return
    if isinstance(version, int) and version > SCHEMA_VERSION:
        raise WorkbookError(
            f"{where} has lines of form {version}, of a newer workbook; this one knows forms up to {SCHEMA_VERSION}.",
            fix="Read it with that workbook.",
        )


def read_evidence(run_folder: Path) -> list[EvidenceLine]:
    """Return every line of a run's evidence that can be read, in order; none when nothing was found yet."""
    return list(read_log(run_folder).lines)


def keep_artifacts(run_folder: Path, task: str, contents: Mapping[str, Any]) -> tuple[Artifact, ...]:
    """Write each content under artifacts/<task>/ and return where and what; text is redacted first.

    contents: file name -> bytes, str, or anything else, which is kept as JSON.
    """
    return tuple(keep_artifact(run_folder, task, name, content) for name, content in contents.items())


def keep_artifact(run_folder: Path, task: str, name: str, content: Any) -> Artifact:
    """Write one artifact and return where it is and its sha256."""
    if not ARTIFACT_NAME.match(name):
        raise ValueError(f"not an artifact's file name: {name!r}")
    if isinstance(content, bytes):
        data = content
    elif isinstance(content, str):
        data = redact(content).encode()
    else:
        text = json.dumps(redact_all(content), indent=2, sort_keys=True, default=str, ensure_ascii=False)
        data = (inert_json(text) + "\n").encode()
    path = Path("artifacts") / task / name
    return Artifact(path=path.as_posix(), sha256=write_whole(run_folder / path, data))
