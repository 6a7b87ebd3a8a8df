"""What a run's results mean for the launch: a pure function of results and of what was asked for."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from enum import Enum, StrEnum

from lib.core.results import Outcome, Provenance, SkipReason

REAL = frozenset({Provenance.LIVE, Provenance.TWIN})
"""Where a gate may have passed for a GO; a twin counts only when a gate has shown that it is faithful."""
STRICT_CODE = 2
BROKEN_CODE = 3
"""Exit code of a run that broke by a bug of the workbook's own: it says nothing about the pack."""


class Verdict(Enum):
    """What a run says about the launch, best first, with the process's exit code."""

    GO = ("GO", 0)
    REHEARSED = ("REHEARSED", 0)
    PARTIAL = ("PARTIAL", 0)
    BLOCKED = ("BLOCKED", 2)
    NO_GO = ("NO-GO", 1)

    def __init__(self, word: str, exit_code: int) -> None:
        self.word = word
        self.exit_code = exit_code

    def code(self, *, strict: bool) -> int:
        """Return the exit code. strict: everything but GO is refused."""
        return STRICT_CODE if strict and self.exit_code == 0 and self is not Verdict.GO else self.exit_code


@dataclass(frozen=True, kw_only=True)
class GateInput:
    """One result with what the verdict needs to know of it.

    skipped_because: of a skip alone. is_hidden: it was skipped because another check's failure hides its subject.
    is_waived: it failed, or was hidden by what failed, and the project has taken that upon itself for a while.
    is_reused: it was not looked at in this run, but taken over from an earlier one.
    """

    check: str
    outcome: Outcome
    gate: bool
    provenance: Provenance
    skipped_because: SkipReason | None = None
    is_hidden: bool = False
    is_waived: bool = False
    is_reused: bool = False

    @property
    def is_untried(self) -> bool:
        """Whether it was skipped because it would have to write; a skip that does not say why counts as one."""
        return self.outcome is Outcome.SKIP and self.skipped_because in (None, SkipReason.NOT_ALLOWED)


def decide(
    judged: Iterable[GateInput],
    *,
    gates: Collection[str] = (),
    partial: bool = False,
    finished: bool = True,
    unconfirmed: bool = False,
    vouched: bool = True,
    twin_proof: str = "",
) -> Verdict:
    """Return the verdict of a set of results, for every set there can be.

    gates: ids of the gates that the tasks asked for declare; one without a result could not be determined.
    partial: only some of the tasks were asked for. finished: the run came to its end; without it nothing is determined but
    what failed. unconfirmed: some of what is expected was inferred, and nobody has confirmed it.
    vouched: the project trusts the key that signs this; without it a GO is partial, since nobody stands for it.
    A gate that was taken over from an earlier run makes it partial: nothing but what was looked at in a run leads to a GO.
    twin_proof: id of the gate that shows whether a twin is faithful.
    A skip without a reason counts as not allowed, and one that another check hides as not determined: nothing unknown
    leads to a GO.
    """
    own = [one for one in judged if one.gate]
    outcomes = {one.outcome for one in own if not one.is_waived}
    if Outcome.FAIL in outcomes:
        return Verdict.NO_GO
    absent = set(gates) - {one.check for one in own}
    hidden = any(one.is_hidden and not one.is_waived for one in own)
    if not finished or Outcome.ERROR in outcomes or Outcome.PASS not in outcomes or absent or hidden:
        return Verdict.BLOCKED
    if partial or unconfirmed or any(one.is_untried or one.is_waived or one.is_reused for one in own):
        return Verdict.PARTIAL
    passed = [one for one in own if one.outcome is Outcome.PASS]
    is_proved = any(one.check == twin_proof and one.provenance in REAL for one in passed)
    good = REAL if is_proved else {Provenance.LIVE}
    if any(one.provenance not in good for one in passed):
        return Verdict.REHEARSED
    return Verdict.GO if vouched else Verdict.PARTIAL


class State(StrEnum):
    """What several checks come to together: an item of the launch list, or a task."""

    PASSED = "passed"
    IN_PART = "passed in part"  # some of it would have to write where it may not, or is not in this run
    FAILED = "failed"
    NOT_DETERMINED = "not determined"
    NOT_APPLICABLE = "not applicable"  # the project has nothing of the kind, or there was nothing to do
    ABSENT = "not in this run"
    BY_HAND = "by hand"  # an item of the launch list that no check can prove: a person does it
    NOT_OURS = "not ours"  # an item that is not this project's to do


def sum_up(judged: Iterable[GateInput], *, is_whole: bool = True) -> State:
    """Return what results come to together, for every set there can be: the worst of them, and never more than was tried.

    is_whole: every check that belongs there has a result.
    """
    own = list(judged)
    outcomes = {one.outcome for one in own}
    if Outcome.FAIL in outcomes:
        return State.FAILED
    if Outcome.ERROR in outcomes or any(one.is_hidden for one in own):
        return State.NOT_DETERMINED
    untried = any(one.is_untried for one in own)
    if Outcome.PASS in outcomes:
        return State.PASSED if is_whole and not untried else State.IN_PART
    if untried:
        return State.NOT_DETERMINED
    return State.NOT_APPLICABLE if own and is_whole else State.ABSENT
