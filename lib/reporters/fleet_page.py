"""A fleet's two files in its results: `index.html`, a row a project and environment, and `fleet.json`, the same as data.

Members of earlier fleets that this one did not have keep their rows, with their age: one page over everything in the results.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from lib.core.redact import redact_all
from lib.core.verdict import Verdict
from lib.core.visible import inert_json
from lib.core.wording import format_duration
from lib.reporters.html.overview_model import RunCell
from lib.reporters.html.render import render_over_runs
from lib.reporters.overview import INDEX as PAGE
from lib.reporters.overview import LOOKS, place_of
from lib.run.fleet import Fleet, Outcome, exit_code_of, worst_of
from lib.transport.storage import Storage

DATA = "fleet.json"

__all__ = ["DATA", "PAGE", "describe", "write_fleet"]


@dataclass(frozen=True, kw_only=True)
class FleetRow:
    """One project in one environment. problem: why it has no run. age: of a result that is not of this fleet, in words."""

    project: str
    environment: str
    cell: RunCell
    problem: str = ""
    age: str = ""


@dataclass(frozen=True, kw_only=True)
class FleetPage:
    """The page over a fleet. verdict: the worst of its own members. others: rows that an earlier fleet left."""

    id: str
    verdict: str
    look: str
    sentence: str
    rows: Sequence[FleetRow]
    others: Sequence[FleetRow]
    took_s: float


def write_fleet(fleet: Fleet, outcomes: Sequence[Outcome], *, started_at: datetime, ended_at: datetime) -> dict[str, Any]:
    """Write both files of a fleet that has ended, and return the data. Raises TargetError when they can't be written."""
    verdict = worst_of(outcomes)
    own = [as_data(one) for one in outcomes]
    names = {one["name"] for one in own}
    others = [one for one in read_members(fleet.storage) if one["name"] not in names]
    about = {
        "fleet": fleet.id,
        "verdict": verdict.word,
        "exit_code": exit_code_of(outcomes, strict=fleet.strict) if fleet.stopped_with is None else fleet.stopped_with,
        "stopped": fleet.stopped_with is not None,
        "started_at": started_at.isoformat(),
        "ended_at": ended_at.isoformat(),
    }
    data: dict[str, Any] = redact_all({**about, "members": [*own, *others]})
    page = FleetPage(
        id=fleet.id,
        verdict=verdict.word,
        look=LOOKS[verdict.word],
        sentence=describe(outcomes, is_stopped=fleet.stopped_with is not None),
        rows=[row_of(one, now=ended_at, is_own=True) for one in in_launch_order(own)],
        others=[row_of(one, now=ended_at, is_own=False) for one in in_launch_order(others)],
        took_s=(ended_at - started_at).total_seconds(),
    )
    text = inert_json(json.dumps(data, indent=2, ensure_ascii=False)) + "\n"
    fleet.storage.write(DATA, text.encode())
    fleet.storage.write(PAGE, render_over_runs("fleet", fleet=page).encode())
    return data


def as_data(outcome: Outcome) -> dict[str, Any]:
    """Return what came of one member as plain data."""
    member, committed = outcome.member, outcome.committed
    return {
        "name": member.name,
        "project": member.project,
        "environment": member.environment,
        "only": list(member.only),
        "verdict": outcome.verdict,
        "exit_code": outcome.code,
        "reused": outcome.reused,
        "problem": outcome.problem,
        "folder": committed.folder if committed else None,
        "run": asdict(committed) if committed else None,
    }


def read_members(storage: Storage) -> list[dict[str, Any]]:
    """Return what an earlier fleet wrote of its members and of those before; [] where there is nothing that can be read."""
    try:
        return [one for one in json.loads(storage.read(DATA) or b"")["members"] if one["run"] is not None]
    except (ValueError, KeyError, TypeError):
        return []


def in_launch_order(members: Iterable[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """Return members by project, and in the order in which environments follow each other."""
    return sorted(members, key=lambda one: (one["project"], place_of(one["environment"])))


def row_of(member: Mapping[str, Any], *, now: datetime, is_own: bool) -> FleetRow:
    """Return one row. is_own: it is part of this fleet; then only a reused result has an age."""
    run = member["run"]
    started_at, took_s = now.isoformat(), 0.0
    notes = ["reused"] if member["reused"] and is_own else []
    age = ""
    if run is not None:
        began, ended = (datetime.fromisoformat(run[key]) for key in ("started_at", "ended_at"))
        started_at, took_s = run["started_at"], (ended - began).total_seconds()
        notes += [] if run["finished"] else ["unfinished"]
        notes += ["only some tasks"] if run["partial"] else []
        age = "" if is_own and not member["reused"] else f"{format_duration((now - ended).total_seconds())} old"
    return FleetRow(
        project=member["project"],
        environment=member["environment"],
        problem=member["problem"],
        age=age,
        cell=RunCell(
            run_id=run["run_id"] if run else "",
            verdict=member["verdict"],
            look=LOOKS.get(member["verdict"], LOOKS[Verdict.BLOCKED.word]),
            started_at=started_at,
            duration_s=took_s,
            commit=run["commit"] if run else None,
            notes=notes,
            page=f"{member['folder']}/{PAGE}" if run else "",
        ),
    )


def describe(outcomes: Sequence[Outcome], *, is_stopped: bool) -> str:
    """Return in one sentence how many members there are, and what came of them."""
    counts = {verdict.word: sum(one.verdict == verdict.word for one in outcomes) for verdict in reversed(Verdict)}
    told = ", ".join(f"{many} {word}" for word, many in counts.items() if many)
    reused = sum(one.reused for one in outcomes)
    more = f" {reused} of these results are from an earlier fleet, since nothing changed." if reused else ""
    stopped = " The fleet was stopped before its end." if is_stopped else ""
    return f"{len(outcomes)} runs: {told}.{more}{stopped}"
