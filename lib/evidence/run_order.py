"""The order of an environment's runs: a signed list beside them of every run that was started, sealed or removed.

    rendered/<project>/<environment>/order.dsse.json

A run enters it before it looks at anything, so that a run that was deleted leaves a trace. Nothing in it is ever taken out: a run
that is removed by `make remove-run` gets a line that says so, and why. Each manifest names the run that was sealed before it.
Pure, but for the four functions at the end.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import Annotated, Any, Literal

from cryptography.exceptions import UnsupportedAlgorithm
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError
from securesystemslib.signer import CryptoSigner

from lib.core.errors import WorkbookError
from lib.core.files import write_whole
from lib.core.plain_json import load_json
from lib.evidence.envelope import open_envelope, write_envelope
from lib.evidence.manifest import ENVELOPE, MANIFEST
from lib.evidence.run_files import OddFileError, read_regular
from lib.evidence.trust import check_moment, read_moment

FILE = "order.dsse.json"
LOCK = ".order.lock"
RUNS = "*Z-????"
"""How a run's folder is called."""
PAYLOAD_TYPE = "application/vnd.launch-readiness.run-order+json"
VERSION = 1


class Event(BaseModel):
    """What happened to one run, or to the list. begun: it was begun anew, and what was before is not known. rekeyed: it goes on
    after its last signer's key had been revoked, or is over.

    sha256, verdict: of a sealed run's manifest. reason: why a run was removed, or the list begun anew.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    what: Literal["started", "sealed", "removed", "begun", "rekeyed"]
    run_id: str
    at: Annotated[str, AfterValidator(check_moment)]
    sha256: str | None = Field(default=None, pattern=r"^[0-9a-f]{64}$")
    verdict: str | None = None
    reason: str | None = None

    @property
    def is_of_list(self) -> bool:
        """Whether it is about the list itself, and about no run."""
        return self.what in ("begun", "rekeyed")


class RunOrder(BaseModel):
    """Every event of the runs of one project and environment, in the order in which they came."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    version: Literal[1] = 1
    project: str
    environment: str
    events: tuple[Event, ...] = Field(default=(), strict=False)

    def with_event(self, event: Event) -> RunOrder:
        return self.model_copy(update={"events": (*self.events, event)})

    @property
    def signed_at(self) -> datetime:
        """When the list was signed: with its last event; an empty one never was."""
        return read_moment(self.events[-1].at) if self.events else datetime.now(UTC)

    def last_event(self, run_id: str) -> Event | None:
        """Return what happened last to a run; None of one that was never started here."""
        return next((event for event in reversed(self.events) if event.run_id == run_id and not event.is_of_list), None)

    def knows(self, run_id: str) -> bool:
        """Return whether a run was ever started here."""
        return self.last_event(run_id) is not None

    @property
    def last_sealed(self) -> dict[str, str] | None:
        """The run that was sealed last, as the next one's manifest names it; None before the first."""
        sealed = [event for event in self.events if event.what == "sealed"]
        return {"run_id": sealed[-1].run_id, "sha256": str(sealed[-1].sha256)} if sealed else None


@dataclass(frozen=True, kw_only=True)
class KeptRun:
    """One run's folder. manifest: its manifest's bytes, None of one without a seal, b"" of one that can't be read."""

    manifest: bytes | None

    @property
    def is_sealed(self) -> bool:
        return self.manifest is not None

    @cached_property
    def sha256(self) -> str:
        return hashlib.sha256(self.manifest or b"").hexdigest()

    @cached_property
    def about(self) -> Mapping[str, Any]:
        """What the manifest says of the run; nothing of one that can't be read. Its own verification reads it strictly."""
        try:
            said = json.loads(self.manifest or b"")  # of a thousand runs, five times as fast as the strict reader
        except (ValueError, RecursionError):
            return {}
        return said if isinstance(said, dict) else {}

    @property
    def is_older(self) -> bool:
        """Whether it was sealed before there was an order."""
        return bool(self.about) and "previous" not in self.about


@dataclass(frozen=True, kw_only=True)
class OpenedOrder:
    """A list that was read. signed_by: a key's id. problem: why its signature does not hold, '' when it does."""

    order: RunOrder
    signed_by: str
    problem: str


def find_gaps(order: RunOrder, kept: Mapping[str, KeptRun], *, is_deep: bool = True) -> Iterator[str]:
    """Yield one sentence for each way the runs that are there are not those of the list. kept: a run's id -> its folder.

    Removed, replaced, reordered and added runs are all found; runs of before there was a list are none of its business.
    is_deep: also look at what the manifests say that are as they were sealed.
    """
    events: dict[str, list[tuple[Event, Mapping[str, str] | None]]] = {}
    last: Mapping[str, str] | None = None
    for event in order.events:
        if event.what == "begun":
            yield f"the order of runs was begun anew on {event.at}, and what ran before is not known: {event.reason}"
        if event.is_of_list:
            continue
        events.setdefault(event.run_id, []).append((event, last))
        if event.what == "sealed":
            last = {"run_id": event.run_id, "sha256": str(event.sha256)}
    for run_id, own in events.items():
        yield from find_gaps_of(run_id, own, kept.get(run_id), is_deep=is_deep)
    for run_id, one in kept.items():
        if run_id not in events and not one.is_older:
            yield f"run {run_id} is not in the order of runs"


def find_gaps_of(
    run_id: str, own: Sequence[tuple[Event, Mapping[str, str] | None]], one: KeptRun | None, *, is_deep: bool
) -> Iterator[str]:
    """Yield what is wrong with one run of the list. own: its events, each with the run that was sealed before.

    one: its folder, None when it is not there.
    """
    last_event = own[-1][0]
    sealed = [(event, previous) for event, previous in own if event.what == "sealed"]
    if last_event.what == "removed":
        if one is not None:
            yield f"run {run_id} was removed on {last_event.at}, and is there again"
    elif one is None:
        yield f"run {run_id} ({sealed[-1][0].verdict if sealed else 'never sealed'}) was removed without a note"
    elif last_event.what == "started":
        if one.is_sealed:
            yield f"run {run_id} has a seal that the order of runs does not know"
    elif not one.is_sealed:
        yield f"run {run_id} ({last_event.verdict}) has lost its seal"
    else:
        event, previous = sealed[-1]
        if one.sha256 != event.sha256:
            yield f"run {run_id} is not the one that was sealed as {event.verdict}: it was replaced"
        elif is_deep and one.about.get("previous") != previous:
            yield f"run {run_id} names another run before it than the order of runs"
        elif is_deep and one.about.get("verdict") != event.verdict:
            yield f"run {run_id} is {one.about.get('verdict')}, and the order of runs has it as {event.verdict}"


def write_payload(order: RunOrder) -> bytes:
    """Return the list in its one spelling."""
    return json.dumps(order.model_dump(mode="json", exclude_none=True), sort_keys=True).encode()


def read_payload(payload: bytes) -> RunOrder:
    """Return the list. Raises ValueError for anything but its one spelling."""
    order = RunOrder.model_validate(load_json(payload))
    if write_payload(order) != payload:
        raise ValueError("it is not as it was written")
    return order


@contextmanager
def one_at_a_time(folder: Path) -> Iterator[None]:
    """Keep other runs of the environment from changing the order meanwhile."""
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / LOCK).open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def read_order(folder: Path) -> OpenedOrder | None:
    """Return the list of an environment's folder; None when there is none. Raises WorkbookError for one that can't be read."""
    try:
        opened = open_envelope(read_regular(folder / FILE), PAYLOAD_TYPE)
        return OpenedOrder(order=read_payload(opened.payload), signed_by=opened.key.keyid, problem=opened.problem)
    except FileNotFoundError:
        return None
    except (OSError, OddFileError, ValidationError, ValueError, KeyError, TypeError, AttributeError, UnsupportedAlgorithm) as exc:
        why = "its content is not a list of runs" if isinstance(exc, ValidationError) else str(exc)
        raise WorkbookError(f"The order of runs {folder / FILE} can't be read: {why}.") from exc


def write_order(folder: Path, order: RunOrder, signer: CryptoSigner) -> None:
    """Put the signed list beside the runs, whole or not at all."""
    write_whole(folder / FILE, write_envelope(write_payload(order), PAYLOAD_TYPE, signer))


def list_kept(folder: Path) -> dict[str, KeptRun]:
    """Return the runs whose folders are there, by id."""
    found = {}
    for path in sorted(folder.glob(RUNS)):
        if path.is_dir() and not path.is_symlink():
            found[path.name] = read_kept(path)
    return found


def read_kept(path: Path) -> KeptRun:
    """Return one run's folder as the order looks at it."""
    if not os.path.lexists(path / ENVELOPE) or not os.path.lexists(path / MANIFEST):
        return KeptRun(manifest=None)
    try:
        return KeptRun(manifest=read_regular(path / MANIFEST))
    except (OSError, OddFileError):
        return KeptRun(manifest=b"")
