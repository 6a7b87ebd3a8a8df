"""The verdict is a pure function of results: these are its laws."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from lib.core.results import GateInput, Outcome, Provenance, Verdict, decide

judged = st.builds(
    GateInput,
    check=st.just("task.check"),
    outcome=st.sampled_from(Outcome),
    gate=st.booleans(),
    provenance=st.sampled_from(Provenance),
)


def gate(outcome: Outcome = Outcome.PASS, provenance: Provenance = Provenance.LIVE, *, counts: bool = True) -> GateInput:
    return GateInput(check="task.check", outcome=outcome, gate=counts, provenance=provenance)


def test_all_live_gates_passed_is_go() -> None:
    assert decide([gate(), gate()]) is Verdict.GO


def test_one_embedded_gate_makes_it_a_rehearsal() -> None:
    assert decide([gate(), gate(provenance=Provenance.EMBEDDED)]) is Verdict.REHEARSED


def test_a_partial_run_is_never_go() -> None:
    assert decide([gate()], partial=True) is Verdict.REHEARSED


def test_nothing_looked_at_is_blocked() -> None:
    assert decide([]) is Verdict.BLOCKED
    assert decide([gate(Outcome.SKIP)]) is Verdict.BLOCKED


def test_a_failed_advisory_stops_nothing() -> None:
    assert decide([gate(), gate(Outcome.FAIL, counts=False)]) is Verdict.GO


def test_a_failed_gate_outweighs_one_not_looked_at() -> None:
    assert decide([gate(), gate(Outcome.ERROR), gate(Outcome.FAIL)]) is Verdict.NO_GO


@given(st.lists(judged), st.booleans())
def test_the_verdict_does_not_depend_on_order(results: list[GateInput], partial: bool) -> None:
    assert decide(results, partial=partial) is decide(results[::-1], partial=partial)


@given(st.lists(judged))
def test_go_means_every_gate_that_was_looked_at_passed_live(results: list[GateInput]) -> None:
    gates = [one for one in results if one.gate and one.outcome is not Outcome.SKIP]
    all_live = bool(gates) and all(one.outcome is Outcome.PASS and one.provenance is Provenance.LIVE for one in gates)
    assert (decide(results) is Verdict.GO) == all_live


@given(st.lists(judged), judged)
def test_adding_a_bad_gate_never_improves_the_verdict(results: list[GateInput], more: GateInput) -> None:
    order = [Verdict.GO, Verdict.REHEARSED, Verdict.BLOCKED, Verdict.NO_GO]
    bad = GateInput(check="task.bad", outcome=Outcome.FAIL, gate=True, provenance=more.provenance)
    assert order.index(decide([*results, bad])) >= order.index(decide(results))
