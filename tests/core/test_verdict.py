"""The verdict is a pure function of results, total over every set there can be: these are its laws."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lib.core.results import Outcome, Provenance, SkipReason
from lib.core.verdict import GateInput, State, Verdict, sum_up
from lib.core.verdict import decide as decide_by

FIDELITY = "task.twin"
IDS = ["task.a", "task.b", "task.c", "other.d", FIDELITY]
WORST_LAST = list(Verdict)
"""As the class lists them: best first."""


def decide(judged: list[GateInput], **facts: Any) -> Verdict:
    return decide_by(judged, twin_proof=FIDELITY, **facts)


def gate(check: str = "task.a", outcome: Outcome = Outcome.PASS, provenance: Provenance = Provenance.LIVE) -> GateInput:
    return GateInput(check=check, outcome=outcome, gate=True, provenance=provenance)


def skip(because: SkipReason | None, *, is_hidden: bool = False) -> GateInput:
    return replace(gate("task.b", Outcome.SKIP), skipped_because=because, is_hidden=is_hidden)


inputs = st.builds(
    GateInput,
    check=st.sampled_from(IDS),
    outcome=st.sampled_from(Outcome),
    gate=st.booleans(),
    provenance=st.sampled_from(Provenance),
    skipped_because=st.sampled_from([None, *SkipReason]),
    is_hidden=st.just(False),
)
asked = st.sets(st.sampled_from(IDS))


@pytest.mark.parametrize(
    ("judged", "verdict"),
    [
        ([gate(), gate("task.b")], Verdict.GO),
        ([gate(), gate("task.b", provenance=Provenance.EMBEDDED)], Verdict.REHEARSED),
        ([gate(), gate("task.b", provenance=Provenance.SIMULATED)], Verdict.REHEARSED),
        ([gate(), gate("task.b", provenance=Provenance.TWIN)], Verdict.REHEARSED),
        ([gate(), gate("task.b", provenance=Provenance.TWIN), gate(FIDELITY, provenance=Provenance.TWIN)], Verdict.GO),
        ([gate(), gate("task.b", provenance=Provenance.TWIN), gate(FIDELITY, provenance=Provenance.EMBEDDED)], Verdict.REHEARSED),
        ([gate(), skip(SkipReason.NOT_APPLICABLE)], Verdict.GO),
        ([gate(), skip(SkipReason.NOT_DUE)], Verdict.GO),
        ([gate(), skip(SkipReason.NOT_ALLOWED)], Verdict.PARTIAL),
        ([gate(), skip(None)], Verdict.PARTIAL),
        ([gate(), skip(SkipReason.NOT_DUE, is_hidden=True)], Verdict.BLOCKED),
        ([gate(provenance=Provenance.EMBEDDED), skip(SkipReason.NOT_ALLOWED)], Verdict.PARTIAL),
        ([gate(), gate("task.b", Outcome.ERROR)], Verdict.BLOCKED),
        ([gate(), gate("task.b", Outcome.ERROR), gate("task.c", Outcome.FAIL)], Verdict.NO_GO),
        ([gate(), replace(gate("task.b", Outcome.FAIL), gate=False)], Verdict.GO),
        ([skip(SkipReason.NOT_APPLICABLE)], Verdict.BLOCKED),
        ([], Verdict.BLOCKED),
    ],
)
def test_the_first_that_holds(judged: list[GateInput], verdict: Verdict) -> None:
    assert decide(judged) is verdict


def test_a_gate_without_a_result_is_not_determined() -> None:
    assert decide([gate()], gates=["task.a", "task.b"]) is Verdict.BLOCKED


def test_a_run_of_some_tasks_is_partial_at_best() -> None:
    assert decide([gate()], partial=True) is Verdict.PARTIAL


@given(st.lists(inputs), asked, st.booleans())
def test_no_set_with_anything_but_real_passes_is_a_go(judged: list[GateInput], gates: set[str], partial: bool) -> None:
    own = [one for one in judged if one.gate]
    bad = (
        partial
        or gates - {one.check for one in own}
        or any(one.outcome in (Outcome.FAIL, Outcome.ERROR) for one in own)
        or any(one.outcome is Outcome.SKIP and one.skipped_because in (None, SkipReason.NOT_ALLOWED) for one in own)
        or any(one.outcome is Outcome.PASS and one.provenance in (Provenance.EMBEDDED, Provenance.SIMULATED) for one in own)
        or not any(one.outcome is Outcome.PASS for one in own)
    )
    if bad:
        assert decide(judged, gates=gates, partial=partial) is not Verdict.GO


@given(st.lists(inputs), asked, st.booleans())
def test_order_and_repetition_change_nothing(judged: list[GateInput], gates: set[str], partial: bool) -> None:
    verdict = decide(judged, gates=gates, partial=partial)
    assert decide(judged[::-1], gates=gates, partial=partial) is verdict
    assert decide([*judged, *judged], gates=gates, partial=partial) is verdict


@given(st.lists(inputs), st.sampled_from(IDS))
def test_adding_a_pass_never_worsens_and_removing_it_never_improves(judged: list[GateInput], check: str) -> None:
    others = [one for one in judged if one.check != check]
    more = [*others, gate(check)]
    assert WORST_LAST.index(decide(more, gates=IDS)) <= WORST_LAST.index(decide(others, gates=IDS))


@given(st.lists(inputs), asked, st.sampled_from([Outcome.FAIL, Outcome.ERROR]))
def test_adding_a_bad_gate_never_improves(judged: list[GateInput], gates: set[str], outcome: Outcome) -> None:
    more = [*judged, gate("task.bad", outcome)]
    assert WORST_LAST.index(decide(more, gates=gates)) >= WORST_LAST.index(decide(judged, gates=gates))


@given(st.lists(inputs), st.sampled_from(IDS))
def test_a_gate_that_was_not_allowed_is_never_better_than_a_pass(judged: list[GateInput], check: str) -> None:
    others = [one for one in judged if one.check != check]
    untried = [*others, replace(gate(check, Outcome.SKIP), skipped_because=SkipReason.NOT_ALLOWED)]
    assert WORST_LAST.index(decide(untried, gates=IDS)) >= WORST_LAST.index(decide([*others, gate(check)], gates=IDS))


@pytest.mark.parametrize(
    ("verdict", "strict", "code"),
    [
        (Verdict.GO, True, 0),
        (Verdict.REHEARSED, False, 0),
        (Verdict.REHEARSED, True, 2),
        (Verdict.PARTIAL, False, 0),
        (Verdict.PARTIAL, True, 2),
        (Verdict.BLOCKED, False, 2),
        (Verdict.NO_GO, True, 1),
    ],
)
def test_strict_refuses_everything_but_a_go(verdict: Verdict, strict: bool, code: int) -> None:
    assert verdict.code(strict=strict) == code


@given(st.lists(inputs), st.booleans())
def test_an_item_has_passed_only_when_all_of_it_was_tried_and_something_passed(judged: list[GateInput], is_whole: bool) -> None:
    state = sum_up(judged, is_whole=is_whole)
    if state is State.PASSED:
        assert is_whole
        assert any(one.outcome is Outcome.PASS for one in judged)
        assert not any(one.is_untried or one.outcome in (Outcome.FAIL, Outcome.ERROR) for one in judged)
    if any(one.outcome is Outcome.FAIL for one in judged):
        assert state is State.FAILED


@given(st.lists(inputs), st.booleans(), st.booleans())
def test_without_somebody_who_stands_for_it_a_go_is_partial_and_nothing_else_changes(
    judged: list[GateInput], partial: bool, finished: bool
) -> None:
    with_one, without = (decide(judged, partial=partial, finished=finished, vouched=vouched) for vouched in (True, False))
    assert without is (Verdict.PARTIAL if with_one is Verdict.GO else with_one)
