"""Where a run stands in the order of its environment's runs, and which runs are not as that has them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from lib.core.errors import WorkbookError
from lib.evidence.run_order import FILE, OpenedOrder, find_gaps, list_kept, read_order
from lib.evidence.trust import Standing
from lib.run.project import MARKER

Judge = Callable[[str, datetime], Standing]
"""What is known of a key that signed at a moment."""


@dataclass(frozen=True, kw_only=True)
class Place:
    """Where a run stands. sentence: in words. problems: what of the order does not hold."""

    sentence: str
    problems: tuple[str, ...] = ()


def find_place(folder: Path, about: Mapping[str, Any], judge: Judge, own: frozenset[str]) -> Place:
    """Return where a run stands among those beside it. own: the ids of the user's own keys, which may have entered later runs."""
    if "previous" not in about:
        return Place(sentence="order: the run is of before an order of runs was kept")
    try:
        found = read_order(folder.parent)
    except WorkbookError as exc:
        return Place(sentence="order: not known", problems=(exc.message.rstrip("."),))
    if found is None:
        is_kept = (folder.parent / "latest").is_symlink() or (folder.parent.parent / MARKER).exists()
        missing = (f"the order of runs, {FILE}, is missing beside it",) if is_kept else ()
        return Place(sentence=f"order: not known, there is no {FILE} beside the run", problems=missing)
    return Place(sentence=describe(folder.name, found), problems=tuple(find_problems(folder, found, judge, own)))


def find_problems(folder: Path, found: OpenedOrder, judge: Judge, own: frozenset[str]) -> list[str]:
    """Return what of an order does not hold: its signature, its signer, its place, a run."""
    order = found.order
    problems = [f"{FILE}: {found.problem}"] if found.problem else []
    standing = judge(found.signed_by, order.signed_at)
    if not standing.is_trusted and (standing.signer or found.signed_by not in own):
        problems.append(f"{FILE} is {standing.problem}")
    if (order.project, order.environment) != (folder.parent.parent.name, folder.parent.name):
        problems.append(f"{FILE} is of {order.project} and {order.environment}, not of the runs that it lies among")
    return [*problems, *find_gaps(order, list_kept(folder.parent))]


def describe(run_id: str, found: OpenedOrder) -> str:
    """Return a run's number among those that were started, and which one was sealed before it."""
    names = list(dict.fromkeys(event.run_id for event in found.order.events if not event.is_of_list))
    if run_id not in names:
        return "order: the run is not in it"
    removed = sum(event.what == "removed" for event in found.order.events)
    said = f"order: run {names.index(run_id) + 1} of {len(names)} that were started here"
    said += f", {removed} of them removed with a note" if removed else ""
    rekeyed = [event for event in found.order.events if event.what == "rekeyed"]
    return f"{said}; what was entered before {rekeyed[-1].at} was {rekeyed[-1].reason}" if rekeyed else said
