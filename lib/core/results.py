"""The vocabulary of results: what one check found, and what the findings mean for the launch.

Pure: no clock, no files. `decide` is a function of results alone.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum, StrEnum
from typing import Any, Generic, ParamSpec, TypeVar

from lib.core.errors import TargetError, WorkbookError

Json = Any
"""A value made of None, bool, int, float, str, list and dict only."""


class Outcome(StrEnum):
    """What one check came to. `fail` and `error` are never merged."""

    PASS = "pass"  # looked, and it is so
    FAIL = "fail"  # looked, and it is not so
    SKIP = "skip"  # not looked at on purpose; the detail gives the reason
    ERROR = "error"  # could not be determined


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


@dataclass(frozen=True)
class Check:
    """One thing that must be true, stated as the good state.

    id: `<task>.<what_must_be_true>`; it never changes once published.
    title: the same as a sentence a stakeholder can read.
    gate: True when failing it stops the launch, False when it only advises.
    target: the outside system it looks at, by its name in params, whose provenance its results carry;
        None for the run itself.
    fix: what to do when it fails, in general; a result that knows better brings its own.
    doc: one paragraph: what is looked at, why it matters, how the check can be wrong.
    """

    id: str
    title: str
    gate: bool = field(default=True, kw_only=True)
    target: str | None = field(default=None, kw_only=True)
    fix: str = field(default="", kw_only=True)
    doc: str = field(default="", kw_only=True)

    @property
    def task(self) -> str:
        return self.id.partition(".")[0]

    def passed(self, **facts: Any) -> Result:
        """Return a `pass`."""
        return Result.of(self, Outcome.PASS, **facts)

    def failed(self, **facts: Any) -> Result:
        """Return a `fail`; without a fix of its own it has the check's."""
        facts.setdefault("fix", self.fix)
        return Result.of(self, Outcome.FAIL, **facts)

    def skipped(self, reason: str, **facts: Any) -> Result:
        """Return a `skip`, which always has a reason."""
        return Result.of(self, Outcome.SKIP, detail=reason, **facts)

    def errored(self, reason: str, **facts: Any) -> Result:
        """Return an `error`: the result could not be determined, or there was nothing to look at."""
        return Result.of(self, Outcome.ERROR, detail=reason, **facts)

    def errored_by(self, exc: WorkbookError, **facts: Any) -> Result:
        """Return an `error` for what a target or program raised."""
        return self.errored(exc.message, **{"fix": exc.fix, **facts})

    def judge(self, *, holds: bool, **facts: Any) -> Result:
        """Return `pass` when the stated good state holds, else `fail`; only a `fail` keeps the fix."""
        if holds:
            facts.pop("fix", None)
            return self.passed(**facts)
        return self.failed(**facts)

    def not_passed(self, *, answered: bool, detail: str, **facts: Any) -> Result:
        """Return `fail` when the target answered and is bad, `error` when that could not be determined."""
        return self.failed(detail=detail, **facts) if answered else self.errored(detail, **facts)


@dataclass(frozen=True, kw_only=True)
class Result:
    """What one look at one check came to.

    observed, expected: plain JSON values, small enough for one table cell.
    unit: of observed and expected when they are numbers.
    detail: one or two sentences naming the objects.
    fix: what to do next, each a sentence or a command that can be copied, with the real names in it.
    command: the program that was run, as redacted argv in one string.
    """

    check: str
    outcome: Outcome
    observed: Json = None
    expected: Json = None
    unit: str | None = None
    detail: str = ""
    fix: tuple[str, ...] = ()
    command: str | None = None
    exit_code: int | None = None

    @classmethod
    def of(cls, check: Check, outcome: Outcome, *, fix: str | Sequence[str] = (), **facts: Any) -> Result:
        """Return a result of a check; fix: one, several, or '' for none."""
        fixes = (fix,) if isinstance(fix, str) else tuple(fix)
        return cls(check=check.id, outcome=outcome, fix=tuple(one for one in fixes if one), **facts)


Facts_co = TypeVar("Facts_co", covariant=True)
Arguments = ParamSpec("Arguments")


@dataclass(frozen=True, kw_only=True)
class Findings(Generic[Facts_co]):
    """What one look brought back.

    results: one Result for each check the look declared.
    rows: what was seen, one mapping an object, all with the same keys; the page shows them as a table.
    artifacts: file name -> content, kept beside the page: bytes or str as they are, anything else as JSON.
    facts: plain data that a later look or a figure needs; None when the look could not be made.
    """

    results: Sequence[Result]
    rows: Sequence[Mapping[str, Json]] = ()
    artifacts: Mapping[str, Any] = field(default_factory=dict)
    facts: Facts_co | None = None


@dataclass(frozen=True, kw_only=True)
class Look(Generic[Arguments, Facts_co]):
    """One look: what it does, and the checks it gives exactly one result for each."""

    checks: tuple[Check, ...]
    function: Callable[Arguments, Findings[Facts_co]]

    @property
    def check_ids(self) -> tuple[str, ...]:
        return tuple(check.id for check in self.checks)

    @property
    def name(self) -> str:
        return self.function.__name__

    @property
    def caption(self) -> str:
        """The first line of its docstring, which stands above what it shows."""
        return (self.function.__doc__ or "").strip().partition("\n")[0]

    def __call__(self, *args: Arguments.args, **kwargs: Arguments.kwargs) -> Findings[Facts_co]:
        """Look, and let whatever is raised through."""
        return self.function(*args, **kwargs)

    def attempt(self, *args: Arguments.args, **kwargs: Arguments.kwargs) -> Findings[Facts_co]:
        """Look; a target that can't be looked at becomes an `error` of each check. A bug is let through."""
        try:
            return self.function(*args, **kwargs)
        except TargetError as exc:
            return self.errors(exc.message, fix=exc.fix)

    def errors(self, reason: str, *, fix: str | Sequence[str] = (), **given: Any) -> Findings[Facts_co]:
        """Return an `error` of each check for one reason. given: rows and artifacts that were seen all the same."""
        return Findings(results=[check.errored(reason, fix=fix) for check in self.checks], **given)

    def skips(self, reason: str, *, fix: str | Sequence[str] = (), **given: Any) -> Findings[Facts_co]:
        """Return a `skip` of each check for one reason."""
        return Findings(results=[check.skipped(reason, fix=fix) for check in self.checks], **given)


def look(*checks: Check) -> Callable[[Callable[Arguments, Findings[Facts_co]]], Look[Arguments, Facts_co]]:
    """Make a function a look that gives one result for each of these checks."""

    def declare(function: Callable[Arguments, Findings[Facts_co]]) -> Look[Arguments, Facts_co]:
        return Look(checks=checks, function=function)

    return declare


@dataclass(frozen=True, kw_only=True)
class GateInput:
    """One result with what the verdict needs to know of it."""

    check: str
    outcome: Outcome
    gate: bool
    provenance: Provenance


def decide(judged: Iterable[GateInput], *, partial: bool = False) -> Verdict:
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
