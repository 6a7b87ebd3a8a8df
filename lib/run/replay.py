"""Kept runs, decided again under another policy by the rules of today: which come out otherwise, and why. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, date
from functools import lru_cache

from lib.core.results import Outcome, Provenance, SkipReason
from lib.core.verdict import GateInput, decide
from lib.core.wording import format_duration
from lib.evidence.decisions import Decision
from lib.evidence.kept_results import WAIVED, KeptResult
from lib.run.policy import AS_IT_WAS, DEFAULT, Policy
from lib.tasks.migrations.task import TWIN_IS_FAITHFUL

FACTS = frozenset({Outcome.PASS.value, Outcome.FAIL.value})
"""Results that can be too old: the others say nothing of the subject."""


@dataclass(frozen=True, kw_only=True)
class Replayed:
    """One run, decided again.

    then: the verdict that was said. rules: what today's rules make of it without any policy. now: under the policy.
    why: check -> what the policy makes of its result, of each that it changes.
    """

    decision: Decision
    rules: str
    now: str
    why: dict[str, str]

    @property
    def then(self) -> str:
        return self.decision.verdict

    @property
    def is_otherwise(self) -> bool:
        return self.now != self.then

    @property
    def reasons(self) -> list[str]:
        """Why it comes out otherwise, as sentences."""
        said = [f"{check}: {why}." for check, why in self.why.items()] if self.now != self.rules else []
        if self.rules != self.then:
            said.append(f"What is kept of it is {self.rules} by the rules of today, without any policy.")
        return said


def replay(decisions: Iterable[Decision], policy: Policy) -> list[Replayed]:
    """Return each run as the policy decides it."""
    return [decide_again(one, policy) for one in decisions]


def decide_again(decision: Decision, policy: Policy) -> Replayed:
    """Return one run as the policy decides it, and what it changes."""
    before = [as_counted(one) for one in decision.results]
    rules = verdict_of(decision, before)
    if policy == AS_IT_WAS:
        return Replayed(decision=decision, rules=rules, now=rules, why={})
    judged = [judge(kept, was, policy) for kept, was in zip(decision.results, before, strict=True)]
    failing = {one.check for one, _ in judged if one.outcome is Outcome.FAIL}
    waived = dict(find_waived(decision, policy, failing))
    after = [with_waiver(one, is_waived=one.check in waived) for one, _ in judged]
    why = {
        now.check: said or waived.get(now.check) or "no waiver covers it"
        for was, now, (_, said) in zip(before, after, judged, strict=True)
        if was is not now and was != now and (was.gate or now.gate)
    }
    return Replayed(decision=decision, rules=rules, now=verdict_of(decision, after), why=why)


def with_waiver(judged: GateInput, *, is_waived: bool) -> GateInput:
    """Return a result that a waiver covers, or that none does."""
    return judged if judged.is_waived is is_waived else replace(judged, is_waived=is_waived)


def verdict_of(decision: Decision, judged: list[GateInput]) -> str:
    """Return the word of a run's verdict over these results, all else of the run being as it was."""
    return decide(
        judged,
        partial=decision.partial,
        finished=decision.finished,
        unconfirmed=decision.unconfirmed,
        twin_proof=TWIN_IS_FAITHFUL.id,
    ).word


def as_counted(kept: KeptResult) -> GateInput:
    """Return a result as it counted in its run."""
    return as_input(
        kept.check,
        kept.result,
        bool(kept.gate),
        kept.provenance,
        kept.skipped_because,
        kept.see is not None,
        bool(kept.reused),
        kept.counted_as,
    )


@lru_cache(maxsize=65_536)
def as_input(
    check: str,
    result: str,
    gate: bool,
    provenance: str,
    skipped: str | None,
    is_hidden: bool,
    is_reused: bool,
    counted: str | None,
) -> GateInput:
    """Return what the verdict takes; runs of one project have few different ones. What another environment proved is a pass."""
    if counted not in (None, WAIVED):
        return GateInput(check=check, outcome=Outcome.PASS, gate=gate, provenance=Provenance(counted))
    return GateInput(
        check=check,
        outcome=Outcome(result),
        gate=gate,
        provenance=Provenance(provenance),
        skipped_because=SkipReason(skipped) if skipped else None,
        is_hidden=is_hidden,
        is_waived=counted == WAIVED,
        is_reused=is_reused,
    )


def judge(kept: KeptResult, was: GateInput, policy: Policy) -> tuple[GateInput, str]:
    """Return a result as the policy counts it, and what that makes of it; '' where it changes nothing.

    The age of what another environment proved is not kept: it stays as it counted.
    """
    judged, said = was, ""
    if kept.check in policy.advisories and was.gate:
        return replace(was, gate=False), "is an advisory"
    if kept.check in policy.gates and not was.gate:
        judged, said = replace(was, gate=True), f"is a gate, and came to {was.outcome.value}"
    is_own = kept.counted_as in (None, WAIVED)
    limit = policy.max_age_h.get(kept.check, policy.max_age_h.get(DEFAULT)) if policy.max_age_h else None
    if limit is not None and is_own and kept.found in FACTS:
        is_stale = kept.age_s > limit * 3600
        word = Outcome.ERROR.value if is_stale else kept.found
        if word != judged.outcome.value:
            said = (
                f"looked at {format_duration(kept.age_s)} before the run's end, {'at most' if is_stale else 'within'} {limit:g} h"
            )
            judged = replace(judged, outcome=Outcome(word))
    places = policy.provenance.get(kept.check, policy.provenance.get(DEFAULT)) if policy.provenance else None
    if places is not None and judged.gate and judged.outcome is Outcome.PASS and judged.provenance not in places:
        said = f"passed {judged.provenance.value}, and counts only {' or '.join(one.value for one in places)}"
        judged = replace(judged, outcome=Outcome.ERROR)
    return judged, said


def find_waived(decision: Decision, policy: Policy, failing: Collection[str]) -> Iterator[tuple[str, str]]:
    """Yield each check that is waived, with the words for it: a gate that fails, and what its failure hides.

    failing: the checks that fail under the policy; what is too old to be a failure is waived by nobody.
    """
    day = decision.started_at.astimezone(UTC).date()
    failed = [one for one in decision.results if one.check in failing]
    if policy.waivers is None:
        covered = {one.check: "waived as it was" for one in failed if one.counted_as == WAIVED}
    else:
        covered = {one.check: said for one in failed if (said := covers(policy, one, day))}
    yield from covered.items()
    if covered:
        yield from ((one.check, f"hidden by {one.see}, which is waived") for one in decision.results if one.see in covered)


def covers(policy: Policy, kept: KeptResult, day: date) -> str:
    """Return by whom a failure is waived that day, in words; '' where not all of it is."""
    own = {one.object: one for one in policy.waivers or () if one.check == kept.check and one.holds_on(day)}
    used = [own[kept.words]] if kept.words in own else [own[key] for key in kept.keys if key in own]
    is_whole = kept.words in own or (bool(kept.keys) and len(used) == len(kept.keys))
    return f"waived by {', '.join(dict.fromkeys(one.who for one in used))}" if is_whole else ""
