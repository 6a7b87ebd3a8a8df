"""Waivers: failures that a project knows of and has taken upon itself for a while, each with its owner and its last day.

They are `launch/waivers.yaml` of the project. A waiver never changes a result: a check that failed is shown as failed. It covers
one object, and nothing else: a gate is waived when each object that is wrong has a waiver of its own. What stands for an object
whose check names none is what the check found, in its words.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, Self

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from lib.core.errors import ParamsError
from lib.core.results import RUN, Outcome
from lib.evidence.findings import LONGEST_SEEN, describe_finding, finding_keys
from lib.evidence.log import EvidenceLine
from lib.run.check_names import unknown_checks
from lib.run.layers import LAUNCH, read_yaml
from lib.tasks.index import every_check

FILE = f"{LAUNCH}/waivers.yaml"
LONGEST_DAYS = 30
"""Days from today, and from the day a waiver is granted, to its last one, at most."""
OLDER_KEYS = {"seen": "object", "owner": "who"}
"""Keys of a waivers file of an older workbook, and what they are called now."""

Day = Annotated[str, Field(pattern=r"^\d{4}-\d{2}-\d{2}$")]


class Waiver(BaseModel):
    """One failure that stops no launch until its last day.

    check: the id of a gate. object: the key of what is wrong, as the run's page and `objects` in its evidence say it; where
    a check names no objects, what it found in its words. ticket: where it is worked on. Days are ISO 8601, in UTC.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    check: str
    object: str = Field(min_length=1, max_length=LONGEST_SEEN)
    reason: str = Field(min_length=5, max_length=400)  # why the launch may go on meanwhile
    who: str = Field(min_length=1, max_length=200)  # who has taken it upon themselves, and acts
    ticket: str = Field(default="", max_length=200)
    granted: Day | None = None  # its first day, where it has one
    until: Day  # its last day, 30 days from today, and after granted, at most

    @model_validator(mode="before")
    @classmethod
    def read_older(cls, data: Any) -> Any:
        """Take in a waiver of an older workbook, which says `seen` for the object and `owner` for who."""
        if not isinstance(data, dict):
            return data
        return {key if OLDER_KEYS.get(key, key) in data else OLDER_KEYS[key]: one for key, one in data.items()}

    @model_validator(mode="after")
    def check_days(self) -> Self:
        until, granted = date.fromisoformat(self.until), date.fromisoformat(self.granted or self.until)
        if not granted <= until <= granted + timedelta(days=LONGEST_DAYS):
            raise ValueError(f"until is {self.until}; it must be within {LONGEST_DAYS} days after granted, {self.granted}")
        return self

    def holds_on(self, day: date) -> bool:
        """Return whether it covers anything on this day."""
        return (not self.granted or date.fromisoformat(self.granted) <= day) and day <= date.fromisoformat(self.until)


class WaiverFile(BaseModel):
    """The whole file."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    waivers: list[Waiver]  # one for each object


class CameTo(StrEnum):
    """What one waiver came to in a run."""

    COVERS = "covers what failed"
    PARTLY = "covers a part of what failed; the rest still stops the launch"
    EXPIRED = "is over, and covers nothing"
    UNUSED = "covers nothing that failed: remove it"
    UNJUDGED = "its check was not judged in this run"


@dataclass(frozen=True, kw_only=True)
class AppliedWaivers:
    """What the waivers of a project come to in one run.

    covered: check -> the waivers that cover all that it found. partly: check -> the keys of what it found that none covers,
    of a check that has waivers for some of it. hidden: checks that could not be told because of a waived failure.
    told: each waiver of the project with what it came to, as a person reads it.
    """

    covered: Mapping[str, tuple[Waiver, ...]]
    partly: Mapping[str, tuple[str, ...]]
    hidden: frozenset[str]
    told: tuple[tuple[Waiver, CameTo], ...] = ()

    def that(self, *came_to: CameTo) -> list[Waiver]:
        """Return the waivers that came to one of these."""
        return [one for one, what in self.told if what in came_to]

    @property
    def record(self) -> dict[str, list[dict[str, Any]]]:
        """What is signed of them: those that cover something, and the others, each with what it came to, as plain JSON."""
        told = [{**one.model_dump(exclude_none=True), "came_to": what.value} for one, what in self.told]
        used = [one for one in told if one["came_to"] == CameTo.COVERS]
        return {"waivers": used, "idle_waivers": [one for one in told if one not in used]}


NO_WAIVERS = AppliedWaivers(covered={}, partly={}, hidden=frozenset())


def apply_waivers(waivers: Sequence[Waiver], lines: Iterable[EvidenceLine], today: date) -> AppliedWaivers:
    """Return what the waivers come to with these results. today: the day of the run, UTC."""
    lines = [line for line in lines if line.gate]
    covered: dict[str, tuple[Waiver, ...]] = {}
    partly: dict[str, tuple[str, ...]] = {}
    for line in (one for one in lines if one.result is Outcome.FAIL):
        own = {one.object: one for one in waivers if one.check == line.check and one.holds_on(today)}
        whole = own.get(describe_finding(line))
        used = [whole] if whole else [own[key] for key in finding_keys(line) if key in own]
        open_keys = () if whole else tuple(key for key in finding_keys(line) if key not in own)
        if used and open_keys:
            partly[line.check] = open_keys
        elif used:
            covered[line.check] = tuple(used)
    judged = {line.check for line in lines if line.result in (Outcome.PASS, Outcome.FAIL)}
    found = {(line.check, key) for line in lines if line.check in partly for key in finding_keys(line)}

    def what_of(one: Waiver) -> CameTo:
        if one in covered.get(one.check, ()):
            return CameTo.COVERS
        if date.fromisoformat(one.until) < today:
            return CameTo.EXPIRED
        if (one.check, one.object) in found and one.holds_on(today):
            return CameTo.PARTLY
        return CameTo.UNUSED if one.check in judged else CameTo.UNJUDGED

    return AppliedWaivers(
        covered=covered,
        partly=partly,
        hidden=frozenset(line.check for line in lines if line.see in covered),
        told=tuple((one, what_of(one)) for one in waivers),
    )


def load_waivers(pack: Path, *, today: date | None = None) -> tuple[Waiver, ...]:
    """Return the project's waivers; none without the file. Raises ParamsError with one line for each thing wrong.

    today: the day from which the last days are counted, UTC; None is the real one.
    """
    path = pack / FILE
    if not path.exists() and not path.is_symlink():
        return ()
    _, document = read_yaml(path, FILE, root=pack)
    try:
        waivers = tuple(WaiverFile.model_validate(document or {"waivers": []}).waivers)
    except ValidationError as exc:
        raise ParamsError([format_misfit(one["loc"], one["msg"]) for one in exc.errors()]) from None
    problems = [*find_problems(waivers), *find_far(waivers, today or datetime.now(UTC).date())]
    if problems:
        raise ParamsError(problems)
    return waivers


def format_misfit(place: Sequence[int | str], said: str) -> str:
    """Return one line for one thing that does not fit the file's form."""
    where = ".".join(str(part + 1) if isinstance(part, int) else part for part in place) or "the file"
    return (
        f"{FILE}: {where}: {said.lower()}. "
        'Fix: A waiver has check, object, reason, who, ticket and until (a day as "2026-12-24").'
    )


def find_problems(waivers: Iterable[Waiver]) -> Iterator[str]:
    """Yield one line for each waiver of a check that does not exist or stops nothing, or that is there twice."""
    known = every_check()
    seen: set[tuple[str, str]] = set()
    for one in waivers:
        if one.check not in known:
            yield from unknown_checks(FILE, [one.check])
        elif known[one.check].subject == RUN:
            yield f"{FILE}: {one.check} speaks of the run itself, which nobody can waive. Fix: Remove its waiver."
        elif not known[one.check].gate:
            yield f"{FILE}: {one.check} is an advisory, which stops no launch. Fix: Remove its waiver."
        if (one.check, one.object) in seen:
            yield f"{FILE}: {one.object} of {one.check} is waived twice. Fix: Remove one of them."
        seen.add((one.check, one.object))


def find_far(waivers: Iterable[Waiver], today: date) -> Iterator[str]:
    """Yield one line for each waiver that would hold for too long from today on."""
    last = today + timedelta(days=LONGEST_DAYS)
    for one in waivers:
        if date.fromisoformat(one.until) > last:
            said = (
                f"{FILE}: the waiver of {one.check} for {one.object} ends on {one.until}, more than {LONGEST_DAYS} days from now."
            )
            yield f"{said} Fix: Let it end on {last} at the latest."


def format_waivers(waivers: Iterable[Waiver]) -> str:
    """Return the file's text; it reads back as the same waivers."""
    entries: list[dict[str, Any]] = [one.model_dump(exclude_defaults=True) for one in waivers]
    head = (
        "# Failures that this project knows of and takes upon itself for a while. A waiver changes no result and covers one\n"
        f"# object of one check until its last day, {LONGEST_DAYS} days ahead at most. Remove what is repaired.\n"
    )
    return head + yaml.safe_dump({"waivers": entries}, sort_keys=False, allow_unicode=True, width=120)
