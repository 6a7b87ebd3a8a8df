"""Waivers: failures that a project knows of and has taken upon itself for a while, each with its owner and its last day.

They are `launch/waivers.yaml` of the project. A waiver never changes a result: a check that failed is shown as failed. It covers
what was seen when it was granted, and nothing else: a check that fails otherwise is as if there were none.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from difflib import get_close_matches
from pathlib import Path
from typing import Annotated, Any, Self

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from lib.core.errors import ParamsError
from lib.core.results import RUN, Check, Outcome
from lib.evidence.log import EvidenceLine
from lib.run.layers import LAUNCH, read_yaml
from lib.tasks.index import every_check

FILE = f"{LAUNCH}/waivers.yaml"
LONGEST_DAYS = 30
"""Days from the day a waiver is granted to its last one, at most."""
LONGEST_SEEN = 400
"""Characters of what was seen that a waiver holds."""
MEASURED = re.compile(r"\d[\d,]*(?:\.\d+)?\s?(?:ms|s|min|h|days?|%|B|KB|MB|GB)\b")
"""What was measured differs from run to run; it is no part of what was seen."""

Day = Annotated[str, Field(pattern=r"^\d{4}-\d{2}-\d{2}$")]


class Waiver(BaseModel):
    """One failure that stops no launch until its last day.

    check: the id of a gate. seen: what it found when the waiver was granted; another finding is not covered.
    ticket: where it is worked on. Days are ISO 8601, in UTC.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    check: str
    seen: str = Field(min_length=1, max_length=LONGEST_SEEN)
    reason: str = Field(min_length=5, max_length=400)  # why the launch may go on meanwhile
    owner: str = Field(min_length=1, max_length=200)  # who acts
    ticket: str = Field(default="", max_length=200)
    granted: Day  # its first day
    until: Day  # its last day, 30 days after granted at most

    @model_validator(mode="after")
    def check_days(self) -> Self:
        granted, until = date.fromisoformat(self.granted), date.fromisoformat(self.until)
        if not granted <= until <= granted + timedelta(days=LONGEST_DAYS):
            raise ValueError(f"until is {self.until}; it must be within {LONGEST_DAYS} days after granted, {self.granted}")
        return self

    def covers(self, line: EvidenceLine, today: date) -> bool:
        """Return whether this failure is the one that was waived, on a day when that still holds."""
        is_same = line.check == self.check and line.result is Outcome.FAIL and describe_finding(line) == self.seen
        return is_same and date.fromisoformat(self.granted) <= today <= date.fromisoformat(self.until)


class WaiverFile(BaseModel):
    """The whole file."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    waivers: list[Waiver]  # one for each finding


@dataclass(frozen=True, kw_only=True)
class AppliedWaivers:
    """What the waivers of a project come to in one run.

    covered: check -> the waiver that covers its failure. hidden: checks that could not be told because of such a failure.
    expired: those whose last day is over. unused: those whose check passed, or failed otherwise than it was seen then.
    unjudged: those whose check was not looked at in this run, or gave no answer: whether they are still needed is not known.
    """

    covered: Mapping[str, Waiver]
    hidden: frozenset[str]
    expired: tuple[Waiver, ...]
    unused: tuple[Waiver, ...]
    unjudged: tuple[Waiver, ...] = ()


NO_WAIVERS = AppliedWaivers(covered={}, hidden=frozenset(), expired=(), unused=())


def apply_waivers(waivers: Sequence[Waiver], lines: Iterable[EvidenceLine], today: date) -> AppliedWaivers:
    """Return what the waivers come to with these results. today: the day of the run, UTC."""
    lines = [line for line in lines if line.gate]
    covered = {line.check: one for line in lines for one in waivers if one.covers(line, today)}
    used = {id(one) for one in covered.values()}
    expired = tuple(one for one in waivers if date.fromisoformat(one.until) < today)
    judged = {line.check for line in lines if line.result in (Outcome.PASS, Outcome.FAIL)}
    idle = [one for one in waivers if id(one) not in used and one not in expired]
    return AppliedWaivers(
        covered=covered,
        hidden=frozenset(line.check for line in lines if line.see in covered),
        expired=expired,
        unused=tuple(one for one in idle if one.check in judged),
        unjudged=tuple(one for one in idle if one.check not in judged),
    )


def describe_finding(line: EvidenceLine) -> str:
    """Return what a failing check found, without what is measured anew in every run."""
    counted = "" if line.unit or line.observed is None or isinstance(line.observed, float) else f" [{line.observed}]"
    text = " ".join(MEASURED.sub("...", line.detail).split())
    return (text[: LONGEST_SEEN - len(counted[:80])] + counted[:80]).strip() or "no detail"


def load_waivers(pack: Path) -> tuple[Waiver, ...]:
    """Return the project's waivers; none without the file. Raises ParamsError with one line for each thing wrong."""
    path = pack / FILE
    if not path.exists() and not path.is_symlink():
        return ()
    _, document = read_yaml(path, FILE, root=pack)
    try:
        waivers = tuple(WaiverFile.model_validate(document or {"waivers": []}).waivers)
    except ValidationError as exc:
        raise ParamsError([format_misfit(one["loc"], one["msg"]) for one in exc.errors()]) from None
    problems = list(find_problems(waivers))
    if problems:
        raise ParamsError(problems)
    return waivers


def format_misfit(place: Sequence[int | str], said: str) -> str:
    """Return one line for one thing that does not fit the file's form."""
    where = ".".join(str(part + 1) if isinstance(part, int) else part for part in place) or "the file"
    return (
        f"{FILE}: {where}: {said.lower()}. "
        'Fix: A waiver has check, seen, reason, owner, granted and until (days as "2026-12-24").'
    )


def find_problems(waivers: Iterable[Waiver], checks: Mapping[str, Check] | None = None) -> Iterator[str]:
    """Yield one line for each waiver of a check that does not exist or stops nothing, or that is there twice."""
    known = every_check() if checks is None else checks
    seen: set[tuple[str, str]] = set()
    for one in waivers:
        if one.check not in known:
            near = get_close_matches(one.check, known, n=1)
            hint = f"did you mean {near[0]}?" if near else "see docs/checks.md."
            yield f"{FILE}: there is no check {one.check}; {hint}"
        elif known[one.check].subject == RUN:
            yield f"{FILE}: {one.check} speaks of the run itself, which nobody can waive. Fix: Remove its waiver."
        elif not known[one.check].gate:
            yield f"{FILE}: {one.check} is an advisory, which stops no launch. Fix: Remove its waiver."
        if (one.check, one.seen) in seen:
            yield f"{FILE}: the same finding of {one.check} is waived twice. Fix: Remove one of them."
        seen.add((one.check, one.seen))


def format_waivers(waivers: Iterable[Waiver]) -> str:
    """Return the file's text; it reads back as the same waivers."""
    entries: list[dict[str, Any]] = [one.model_dump(exclude_defaults=True) for one in waivers]
    head = (
        "# Failures that this project knows of and takes upon itself for a while. A waiver changes no result and covers what it\n"
        f"# names as seen, until its last day, {LONGEST_DAYS} days after it was granted at most. Remove what is repaired.\n"
    )
    return head + yaml.safe_dump({"waivers": entries}, sort_keys=False, allow_unicode=True, width=120)
