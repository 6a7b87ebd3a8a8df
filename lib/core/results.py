"""The vocabulary of results: what a check states, what one look at it found, and what that rests on.

Pure: no clock, no files. What results mean for the launch is `lib.core.verdict`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any, Generic, ParamSpec, TypeVar

from lib.core.errors import TargetError, WorkbookError
from lib.core.permissions import Refusal

Json = Any
"""A value made of None, bool, int, float, str, list and dict only."""


class Outcome(StrEnum):
    """What one check came to. `fail` and `error` are never merged."""

    PASS = "pass"  # looked, and it is so
    FAIL = "fail"  # looked, and it is not so
    SKIP = "skip"  # not looked at on purpose; the detail gives the reason
    ERROR = "error"  # could not be determined


class SkipReason(StrEnum):
    """Why a check was not looked at on purpose."""

    NOT_APPLICABLE = "not_applicable"  # the project has nothing of the kind, or declares that it does not apply
    NOT_DUE = "not_due"  # there was nothing to do
    NOT_ALLOWED = "not_allowed"  # it would have to write where it may not


class Provenance(StrEnum):
    """Where a result was performed, most real first."""

    LIVE = "live"  # on the target itself, or on the project's own files
    TWIN = "twin"  # on the real program, restored from the live target
    EMBEDDED = "embedded"  # on the real program, started here for the run
    SIMULATED = "simulated"  # on a stand-in for a vendor


PROJECT, TWIN, RUN = "project", "twin", "run"
"""What a check may speak about besides a target: the project's files, a copy of its database, the run itself."""


def find_provenance(subject: str, provenances: Mapping[str, Provenance]) -> Provenance:
    """Return where a look at a subject is performed.

    provenances: of each target. The project's files and the run are looked at themselves. A target that is not known,
    or of which nothing is set, is nothing real.
    """
    if subject in (PROJECT, RUN):
        return Provenance.LIVE
    if subject == TWIN:
        original = provenances.get("database", Provenance.SIMULATED)
        return Provenance.TWIN if original is Provenance.LIVE else original
    return provenances.get(subject, Provenance.SIMULATED)


@dataclass(frozen=True)
class Check:
    """One thing that must be true, stated as the good state.

    id: `<task>.<what_must_be_true>`; it never changes once published.
    title: the same as a sentence a stakeholder can read.
    gate: True when failing it stops the launch, False when it only advises.
    subject: what it speaks about: a target by its name in params, or PROJECT, TWIN or RUN.
    promotes: whether a pass in another environment can stand for it; not where it speaks of this one's own state.
    fix: what to do when it fails, in general; a result that knows better brings its own.
    about: tasks and targets, besides the subject, without which there is nothing to look at.
    measured: whether what it observes is a measurement, such as a time: looked at again it comes out near, not equal.
    optional: whether a project may say that it has nothing of the kind; it always may of its own files.
    doc: one paragraph: what is looked at, why it matters, how the check can be wrong.
    """

    id: str
    title: str
    gate: bool = field(default=True, kw_only=True)
    subject: str = field(default="", kw_only=True)
    promotes: bool = field(default=True, kw_only=True)
    about: tuple[str, ...] = field(default=(), kw_only=True)
    optional: bool = field(default=False, kw_only=True)
    measured: bool = field(default=False, kw_only=True)
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

    def not_applicable(self, reason: str, **facts: Any) -> Result:
        """Return a `skip`: the project has nothing of the kind."""
        return Result.of(self, Outcome.SKIP, skipped_because=SkipReason.NOT_APPLICABLE, detail=reason, **facts)

    def not_due(self, reason: str, **facts: Any) -> Result:
        """Return a `skip`: there was nothing to do."""
        return Result.of(self, Outcome.SKIP, skipped_because=SkipReason.NOT_DUE, detail=reason, **facts)

    def not_allowed(self, refusal: Refusal, **facts: Any) -> Result:
        """Return a `skip`: it would have to write where it may not."""
        facts = {"detail": refusal.reason, "fix": refusal.fix, **facts}
        return Result.of(self, Outcome.SKIP, skipped_because=SkipReason.NOT_ALLOWED, **facts)

    def hidden_by(self, cause: str, reason: str, **facts: Any) -> Result:
        """Return a `skip`: what another check (cause: its id) found hides this one's subject; it is not said twice."""
        facts = {"fix": f"Fix {cause} first.", **facts}
        detail = f"{reason} See {cause}."
        return Result.of(self, Outcome.SKIP, skipped_because=SkipReason.NOT_DUE, see=cause, detail=detail, **facts)

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
    objects: of a fail, the stable key of each thing that is not as it should be, all of them: `public.orders`, a file, a rule.
    as_of: the moment that it speaks of, where that is before the look: when a backup was taken.
    command: the program that was run, as redacted argv in one string.
    skipped_because: of a skip. see: the check whose finding hides this one's subject.
    provenance: where it was performed, when that is not where its subject is looked at otherwise.
    """

    check: str
    outcome: Outcome
    skipped_because: SkipReason | None = None
    see: str | None = None
    provenance: Provenance | None = None
    observed: Json = None
    expected: Json = None
    unit: str | None = None
    detail: str = ""
    fix: tuple[str, ...] = ()
    command: str | None = None
    exit_code: int | None = None
    objects: Sequence[str] = ()
    as_of: datetime | None = None

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
        if not args and not kwargs:  # a person at a notebook has called it instead of passing it on
            raise WorkbookError(f"{self.name} looks at nothing by itself.", fix=f"Pass it by its name: task.look({self.name}).")
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

    def not_applicable(self, reason: str, **given: Any) -> Findings[Facts_co]:
        """Return a `skip` of each check: the project has nothing of the kind."""
        return Findings(results=[check.not_applicable(reason) for check in self.checks], **given)

    def not_due(self, reason: str, **given: Any) -> Findings[Facts_co]:
        """Return a `skip` of each check: there was nothing to do."""
        return Findings(results=[check.not_due(reason) for check in self.checks], **given)

    def not_allowed(self, refusal: Refusal, **given: Any) -> Findings[Facts_co]:
        """Return a `skip` of each check: each would have to write where it may not."""
        return Findings(results=[check.not_allowed(refusal) for check in self.checks], **given)

    def hidden_by(self, cause: str, reason: str, **given: Any) -> Findings[Facts_co]:
        """Return a `skip` of each check: what another check found hides their subject."""
        return Findings(results=[check.hidden_by(cause, reason) for check in self.checks], **given)


def look(*checks: Check) -> Callable[[Callable[Arguments, Findings[Facts_co]]], Look[Arguments, Facts_co]]:
    """Make a function a look that gives one result for each of these checks."""

    def declare(function: Callable[Arguments, Findings[Facts_co]]) -> Look[Arguments, Facts_co]:
        return Look(checks=checks, function=function)

    return declare


def count_outcomes(outcomes: Iterable[Outcome]) -> dict[str, int]:
    """Return how many there are of each outcome, all four words always present."""
    seen = list(outcomes)
    return {outcome.value: seen.count(outcome) for outcome in Outcome}


def least_real(provenances: Iterable[Provenance]) -> Provenance | None:
    """Return the meet of provenances: the least real of them, or None of none."""
    order = list(Provenance)
    found = [order.index(one) for one in provenances]
    return order[max(found)] if found else None
