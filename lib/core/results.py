"""The vocabulary of results: what one check found, and what the findings mean for the launch.

Pure: standard library only, no clock, no files. `decide` is a function of results alone.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum, StrEnum
from typing import Any, TypeVar

Json = Any
"""A value made of None, bool, int, float, str, list and dict only."""


class Outcome(StrEnum):
    """What one check came to. `fail` and `error` are never merged."""

    PASS = "pass"  # looked, and it is so
    FAIL = "fail"  # looked, and it is not so
    SKIP = "skip"  # not looked at on purpose; the detail gives the reason
    ERROR = "error"  # could not look


class Provenance(StrEnum):
    """How real the thing was that a result speaks about, most real first."""

    LIVE = "live"  # the real service
    EMBEDDED = "embedded"  # the real program, started here for the run
    SIMULATED = "simulated"  # a stand-in for a vendor that can't run here


class Verdict(Enum):
    """What a run says about the launch, with the process's exit code."""

    GO = ("GO", 0)
    REHEARSED = ("REHEARSED", 0)
    NO_GO = ("NO-GO", 1)
    BLOCKED = ("BLOCKED", 2)

    def __init__(self, word: str, exit_code: int) -> None:
        self.word = word
        self.exit_code = exit_code


@dataclass(frozen=True, kw_only=True)
class Check:
    """One thing that must be true, stated as the good state.

    id: `<task>.<what_must_be_true>`; it never changes once published.
    title: the same as a sentence a stakeholder can read.
    gate: True when failing it stops the launch, False when it only advises.
    target: the outside system it looks at, by its name in params, whose provenance its results carry;
        None for the run itself.
    """

    id: str
    title: str
    gate: bool = True
    target: str | None = None

    @property
    def task(self) -> str:
        return self.id.partition(".")[0]


@dataclass(frozen=True, kw_only=True)
class Result:
    """What one look at one check came to.

    observed, expected: plain JSON values, small enough for one table cell.
    unit: of observed and expected when they are numbers.
    detail: one or two sentences naming the objects; the next move follows "Next: ".
    command: the program that was run, as redacted argv in one string.
    """

    check: str
    outcome: Outcome
    observed: Json = None
    expected: Json = None
    unit: str | None = None
    detail: str = ""
    command: str | None = None
    exit_code: int | None = None

    @property
    def next_move(self) -> str:
        """The part of the detail after "Next: ", or ''."""
        return self.detail.partition("Next: ")[2]


def passed(check: str, **facts: Any) -> Result:
    """Return a `pass` of one check."""
    return Result(check=check, outcome=Outcome.PASS, **facts)


def failed(check: str, **facts: Any) -> Result:
    """Return a `fail` of one check."""
    return Result(check=check, outcome=Outcome.FAIL, **facts)


def skipped(check: str, reason: str, **facts: Any) -> Result:
    """Return a `skip` of one check, which always has a reason."""
    return Result(check=check, outcome=Outcome.SKIP, detail=reason, **facts)


def unseen(check: str, reason: str, **facts: Any) -> Result:
    """Return an `error`: the check could not look, or found nothing to look at."""
    return Result(check=check, outcome=Outcome.ERROR, detail=reason, **facts)


def not_passed(check: str, *, answered: bool, detail: str, **facts: Any) -> Result:
    """Return `fail` when the thing answered and is bad, `error` when it could not be looked at."""
    return failed(check, detail=detail, **facts) if answered else unseen(check, detail, **facts)


def judge(check: str, *, holds: bool, **facts: Any) -> Result:
    """Return `pass` when the stated good state holds, else `fail`."""
    return passed(check, **facts) if holds else failed(check, **facts)


@dataclass(frozen=True, kw_only=True)
class Findings:
    """What one look brought back.

    results: one Result for each check the look declared.
    rows: what was seen, one mapping an object, all with the same keys; the page shows them as a table.
    artifacts: file name -> content, kept beside the page: bytes or str as they are, anything else as JSON.
    facts: plain data that a later look or a figure needs.
    """

    results: Sequence[Result]
    rows: Sequence[Mapping[str, Json]] = ()
    artifacts: Mapping[str, Any] = field(default_factory=dict)
    facts: Any = None


Look = TypeVar("Look", bound=Callable[..., Findings])


def looks_at(*check_ids: str) -> Callable[[Look], Look]:
    """Declare which checks a look gives a result for, so that a look that breaks names them all."""

    def declare(look: Look) -> Look:
        look.check_ids = check_ids  # type: ignore[attr-defined]
        return look

    return declare


@dataclass(frozen=True, kw_only=True)
class Judged:
    """One result with what the verdict needs to know of it."""

    check: str
    outcome: Outcome
    gate: bool
    provenance: Provenance


def decide(judged: Iterable[Judged], *, partial: bool = False) -> Verdict:
    """Return the verdict of a set of results: the meet of their outcomes and provenance.

    A failed gate is NO-GO; else a gate that could not be looked at, or no gate passed at all, is
    BLOCKED; else GO when every passed gate is live and the run was whole, else REHEARSED.
    """
    gates = [one for one in judged if one.gate]
    outcomes = {one.outcome for one in gates}
    if Outcome.FAIL in outcomes:
        return Verdict.NO_GO
    if Outcome.ERROR in outcomes or Outcome.PASS not in outcomes:
        return Verdict.BLOCKED
    all_live = all(one.provenance is Provenance.LIVE for one in gates if one.outcome is Outcome.PASS)
    return Verdict.GO if all_live and not partial else Verdict.REHEARSED


def count_outcomes(outcomes: Iterable[Outcome]) -> dict[str, int]:
    """Return how many there are of each outcome, all four words always present."""
    seen = list(outcomes)
    return {outcome.value: seen.count(outcome) for outcome in Outcome}


def least_real(provenances: Iterable[Provenance]) -> Provenance | None:
    """Return the meet of provenances: the least real of them, or None of none."""
    order = list(Provenance)
    found = [order.index(one) for one in provenances]
    return order[max(found)] if found else None
