"""A run in the order of its environment's runs: entered when it is started, again when it is sealed, and when it is removed.

A list that is missing where it must have been, or that nobody here can vouch for, is begun anew, and the new one says so for
good: a run goes on, and whoever verifies sees it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from securesystemslib.signer import CryptoSigner

from lib.core.errors import WorkbookError
from lib.evidence.manifest import ENVELOPE, UNFINISHED, verify_run
from lib.evidence.run_order import (
    FILE,
    Event,
    KeptRun,
    OpenedOrder,
    RunOrder,
    find_gaps,
    list_kept,
    one_at_a_time,
    read_kept,
    read_order,
    write_order,
)
from lib.evidence.trust import TrustList
from lib.run.signing import own_keys

Seal = Callable[[Mapping[str, str] | None], str]
"""Seals a run whose manifest names the run before it, and returns the manifest's sha256 in hex."""


def enter_started(run_folder: Path, signer: CryptoSigner, trust: TrustList) -> list[str]:
    """Enter a run that is started or taken up again; return one sentence for each run that is not as the order has it."""
    place = run_folder.parent
    with one_at_a_time(place):
        order = take_in_seals(place, open_order(place, trust), but=run_folder.name)
        kept = {name: one for name, one in list_kept(place).items() if name != run_folder.name}
        others = order.model_copy(update={"events": tuple(event for event in order.events if event.run_id != run_folder.name)})
        gaps = list(find_gaps(others, kept, is_deep=False)) if others.events else []
        last = order.last_event(run_folder.name)
        if last is None or last.what != "started":
            order = order.with_event(Event(what="started", run_id=run_folder.name, at=now()))
        write_order(place, order, signer)
    return gaps


def seal_in_order(run_folder: Path, verdict: str, signer: CryptoSigner, trust: TrustList, seal: Seal) -> str:
    """Seal a run and enter that, both or neither; return the manifest's sha256 in hex. Raises OSError or WorkbookError."""
    place = run_folder.parent
    with one_at_a_time(place):
        order = take_in_seals(place, open_order(place, trust), but=run_folder.name)
        if not order.knows(run_folder.name):
            order = order.with_event(Event(what="started", run_id=run_folder.name, at=now()))
        digest = seal(order.last_sealed)
        event = Event(what="sealed", run_id=run_folder.name, at=now(), sha256=digest, verdict=verdict)
        try:
            write_order(place, order.with_event(event), signer)
        except OSError:
            (run_folder / ENVELOPE).unlink(missing_ok=True)
            raise
    return digest


def enter_removed(run_folder: Path, reason: str, signer: CryptoSigner, trust: TrustList) -> None:
    """Enter that a run is removed, and why, before it is."""
    place = run_folder.parent
    with one_at_a_time(place):
        order = open_order(place, trust)
        write_order(place, order.with_event(Event(what="removed", run_id=run_folder.name, at=now(), reason=reason)), signer)


def open_order(place: Path, trust: TrustList) -> RunOrder:
    """Return the list of an environment, or a new one where there is none that counts."""
    try:
        found = read_order(place)
        reason = "" if found is None else distrust(found, place, trust)
    except WorkbookError as exc:
        found, reason = None, exc.message
    if found is not None and not reason:
        late = trust.judge(found.signed_by, found.order.signed_at)
        if late.signer and not late.is_trusted:
            return found.order.with_event(Event(what="rekeyed", run_id="", at=now(), reason=late.problem))
        return found.order
    empty = RunOrder(project=place.parent.name, environment=place.name)
    lost = sorted(name for name, one in list_kept(place).items() if one.is_sealed and not one.is_older)
    if not reason and not lost:
        return empty
    if reason:
        (place / FILE).rename(place / f"{FILE}.{datetime.now(UTC):%Y%m%dT%H%M%S%fZ}")
    reason = reason.rstrip(".") or f"there was no {FILE}, though runs were there that it had listed"
    return adopt(place, empty.with_event(Event(what="begun", run_id="", at=now(), reason=reason)))


def distrust(found: OpenedOrder, place: Path, trust: TrustList) -> str:
    """Return why a list does not count here; '' when it does, also by a key that the project trusted once."""
    order = found.order
    if found.problem:
        return found.problem
    if (order.project, order.environment) != (place.parent.name, place.name):
        return f"it is of {order.project} and {order.environment}"
    standing = trust.judge(found.signed_by, order.signed_at)
    return "" if standing.signer or found.signed_by in {key.keyid for key in own_keys()} else standing.problem


def adopt(place: Path, order: RunOrder) -> RunOrder:
    """Return a list that was begun anew with the runs that are there, by their ids."""
    for name, one in list_kept(place).items():
        if not one.is_older:
            order = order.with_event(Event(what="started", run_id=name, at=now()))
            if one.is_sealed:
                order = order.with_event(sealed_event(name, one))
    return order


def take_in_seals(place: Path, order: RunOrder, *, but: str) -> RunOrder:
    """Return the list with the seals of runs that were killed between their seal and its entry. but: a run to leave alone."""
    last = {event.run_id: event.what for event in order.events if not event.is_of_list}
    for name in (name for name, what in last.items() if what == "started" and name != but):
        one = read_kept(place / name)
        if one.is_sealed and is_next(place / name, one.about, order):
            order = order.with_event(sealed_event(name, one))
    return order


def is_next(folder: Path, about: Mapping[str, Any], order: RunOrder) -> bool:
    """Return whether a run is whole, and names the run that was sealed last as the one before it."""
    try:
        return about.get("previous") == order.last_sealed and not seal_problems(folder)
    except WorkbookError:
        return False


def seal_problems(folder: Path) -> list[str]:
    """Return what is wrong with a run's seal, but for the record that goes once the run is known as finished."""
    return [one for one in verify_run(folder, keys=own_keys()).problems if not one.startswith(UNFINISHED)]


def sealed_event(name: str, one: KeptRun) -> Event:
    """Return the entry of a run that is sealed."""
    return Event(what="sealed", run_id=name, at=now(), sha256=one.sha256, verdict=str(one.about.get("verdict")))


def now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds")
