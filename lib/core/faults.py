"""What faults made on purpose prove: a gate that passes is worth as much as the faults that it would have found. Pure.

A fault is a small change to a copy of what a check looks at. The check's own look is made again on the changed copy: when its
result is no pass any more, the fault is found. A harmless change must leave every result as it is.
"""

from __future__ import annotations

import random
from collections.abc import Collection, Iterable, Mapping, Sequence
from enum import StrEnum
from typing import TypeVar

from pydantic import BaseModel, ConfigDict

from lib.core.results import Outcome, Result
from lib.core.wording import format_count, name_some

ENOUGH = 10
"""Faults that must have been tried before a low kill rate says anything."""
PROVES_LITTLE = "This pass proves little"
"""How the detail of a pass begins that too few faults confirm; the places it names are those of the faults."""


class End(StrEnum):
    """What came of one change."""

    FOUND = "found"  # the check that is about it gave a fail or an error
    ELSEWHERE = "found by another check"
    MISSED = "missed"
    EQUIVALENT = "changes nothing"  # it was shown that nobody could tell the changed subject from the first
    NOT_MADE = "not made"  # the change itself could not be made, or the look could not be made on the copy
    QUIET = "stayed quiet"  # a harmless change, and no result changed
    FALSE_ALARM = "false alarm"  # a harmless change, and a result changed


class Trial(BaseModel):
    """One fault, or harmless change, and what came of it.

    task, look: where. operator: the kind of change. place: what was changed, as a person knows it. check: which had to notice.
    came_to: that check's result on the changed copy, '' where there was none. said: its detail. move: what would tell, of a
    fault that was missed. run_id: the run that tried it. duration_s: of the change and the look together.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    task: str
    look: str
    operator: str
    place: str
    check: str
    end: End  # what came of it
    came_to: str = ""
    said: str = ""
    move: str = ""
    run_id: str = ""
    duration_s: float = 0

    @property
    def key(self) -> str:
        return f"{self.operator} · {self.place}"

    @property
    def is_counted(self) -> bool:
        """Whether it counts in a kill rate: a fault that was really made."""
        return self.end in (End.FOUND, End.ELSEWHERE, End.MISSED)


class KillRate(BaseModel):
    """How many of the faults made on purpose one check found.

    tried: faults made. found: by this check; elsewhere: by another check of the same look. missed: the names of the rest.
    equivalent: changes that nobody could tell from the first. untried: faults that the time did not suffice for.
    harmless: harmless changes tried; false_alarms: the names of those that changed a result.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    tried: int = 0
    found: int = 0
    elsewhere: int = 0
    missed: tuple[str, ...] = ()
    equivalent: int = 0
    untried: int = 0
    harmless: int = 0
    false_alarms: tuple[str, ...] = ()

    @property
    def rate(self) -> float | None:
        """The part that this check found; None when no fault was tried."""
        return self.found / self.tried if self.tried else None

    @property
    def words(self) -> str:
        """The rate as a person reads it; '' when nothing was tried."""
        if not self.tried:
            return ""
        beside = f", {self.elsewhere:,} by another check" if self.elsewhere else ""
        return f"{self.found:,} of {format_count(self.tried, 'fault')} found{beside}"


def measure(check: str, trials: Iterable[Trial], untried: int = 0) -> KillRate:
    """Return what the trials of one check come to. untried: its faults that were not tried."""
    own = [one for one in trials if one.check == check]
    counted = [one for one in own if one.is_counted]
    return KillRate(
        tried=len(counted),
        found=sum(one.end is End.FOUND for one in counted),
        elsewhere=sum(one.end is End.ELSEWHERE for one in counted),
        missed=tuple(one.key for one in counted if one.end is End.MISSED),
        equivalent=sum(one.end is End.EQUIVALENT for one in own),
        untried=untried,
        harmless=sum(one.end in (End.QUIET, End.FALSE_ALARM) for one in own),
        false_alarms=tuple(one.key for one in own if one.end is End.FALSE_ALARM),
    )


def judge_fault(check: str, before: Sequence[Result], after: Sequence[Result]) -> tuple[End, Result | None]:
    """Return what a look at the changed copy says of a fault, and the result of the check that had to notice.

    before, after: the look's results on the subject and on the copy. Another check counts when it passed before and does not now.
    """
    passed = {one.check for one in before if one.outcome is Outcome.PASS}
    now = next((one for one in after if one.check == check), None)
    stopped = {one.check for one in after if one.outcome in (Outcome.FAIL, Outcome.ERROR)}
    if check in stopped:
        return End.FOUND, now
    return (End.ELSEWHERE if stopped & passed else End.MISSED), now


def judge_harmless(before: Sequence[Result], after: Sequence[Result], about: Collection[str]) -> tuple[End, Result | None]:
    """Return whether a harmless change left these checks' results as they were, and the first that did not stay."""
    past = {one.check: one.outcome for one in before if one.check in about}
    changed = next((one for one in after if past.get(one.check, one.outcome) is not one.outcome), None)
    return (End.QUIET if changed is None else End.FALSE_ALARM), changed


def is_weak(rate: KillRate, floor: float) -> bool:
    """Whether a pass proves little: enough faults were tried, and too few of them were found."""
    return rate.tried >= ENOUGH and (rate.rate or 0) < floor


def describe_weakness(rate: KillRate, floor: float) -> str:
    """Return why a pass proves little, as a sentence."""
    missed = f" Missed: {name_some(rate.missed)}." if rate.missed else ""
    return f"{PROVES_LITTLE}: {rate.words}, where {floor:.0%} must be.{missed}"


Item = TypeVar("Item")


def spread(groups: Mapping[str, Sequence[Item]], seed: str, *, later: Collection[str] = ()) -> list[Item]:
    """Return the items of every group in the order in which to try them: one of each group, then the next of each.

    seed: the same seed gives the same order, whatever the process. later: groups whose items come last in each round.
    """
    chance = random.Random(seed)
    shuffled = [(name in later, chance.sample(list(items), len(items))) for name, items in sorted(groups.items())]
    chance.shuffle(shuffled)
    shuffled.sort(key=lambda group: group[0])
    rounds = max((len(items) for _, items in shuffled), default=0)
    return [items[turn] for turn in range(rounds) for _, items in shuffled if turn < len(items)]
