"""The smallest sets of results that would flip a verdict are those that trying every set finds, and no others."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from functools import partial
from itertools import combinations

from hypothesis import example, given, settings
from hypothesis import strategies as st

from lib.core.flips import BEST_FIRST, Checks, find_flips, followers, passing, smallest_sets
from lib.core.results import Outcome, Provenance, SkipReason
from lib.core.verdict import GateInput, Verdict, decide

TWIN = "twin"
NAMES = ["a", "b", "c", "d", "e", "f", TWIN]
JUDGED = st.lists(
    st.builds(
        GateInput,
        check=st.sampled_from(NAMES),
        outcome=st.sampled_from(Outcome),
        gate=st.sampled_from([True, True, True, False]),
        provenance=st.sampled_from(Provenance),
        skipped_because=st.sampled_from([None, *SkipReason]),
        is_hidden=st.booleans(),
        is_waived=st.booleans(),
        is_reused=st.booleans(),
    ),
    max_size=9,
)
FACTS = st.fixed_dictionaries(
    {
        "gates": st.sets(st.sampled_from([*NAMES, "absent"]), max_size=4),
        "partial": st.booleans(),
        "finished": st.sampled_from([True, True, True, False]),
        "unconfirmed": st.booleans(),
        "twin_proof": st.sampled_from(["", TWIN]),
    }
)


def try_every_set(judged: Sequence[GateInput], facts: dict[str, object], target: Verdict) -> set[Checks] | None:
    """Every smallest set of gates whose passing leads to the target or better, by trying each set there is; None without one."""
    known = sorted({one.check for one in judged if one.gate} | set(facts["gates"]))  # type: ignore[call-overload]
    for size in range(len(known) + 1):
        found = set()
        for some in combinations(known, size):
            changed = [*(one for one in judged if one.check not in some), *map(passing, some)]
            if BEST_FIRST.index(decide(changed, **facts)) <= BEST_FIRST.index(target):  # type: ignore[arg-type]
                found.add(frozenset(some))
        if found:
            return found
    return None


@settings(max_examples=400)
@given(JUDGED, FACTS)
@example(
    [GateInput(check="a", outcome=Outcome.PASS, gate=True, provenance=Provenance.TWIN)] * 2, {"gates": [], "twin_proof": TWIN}
)
def test_they_are_what_trying_every_set_finds(judged: list[GateInput], facts: dict[str, object]) -> None:
    flips = find_flips(judged, partial(decide, **facts), gates=facts["gates"])  # type: ignore[arg-type]
    now = BEST_FIRST.index(decide(judged, **facts))  # type: ignore[arg-type]
    for target in BEST_FIRST[:now]:
        tried = try_every_set(judged, facts, target)
        found = next((flip for flip in flips if BEST_FIRST.index(flip.verdict) <= BEST_FIRST.index(target)), None)
        assert (set(found.sets) if found else None) == tried
    assert [flip.size for flip in flips] == sorted(flip.size for flip in flips)


@given(JUDGED, FACTS, st.sampled_from(NAMES))
def test_a_gate_that_passes_never_makes_a_verdict_worse(judged: list[GateInput], facts: dict[str, object], name: str) -> None:
    """What the search rests on."""
    changed = [*(one for one in judged if one.check != name), passing(name)]
    before, after = decide(judged, **facts), decide(changed, **facts)  # type: ignore[arg-type]
    assert BEST_FIRST.index(after) <= BEST_FIRST.index(before)


def gate(check: str, outcome: Outcome = Outcome.PASS, **facts: object) -> GateInput:
    return GateInput(check=check, outcome=outcome, gate=True, provenance=Provenance.LIVE, **facts)  # type: ignore[arg-type]


def test_two_results_from_go_and_one_from_partial() -> None:
    judged = [gate("a", Outcome.FAIL), gate("b", Outcome.SKIP, skipped_because=SkipReason.NOT_ALLOWED), gate("c")]
    near, far = find_flips(judged, decide)
    assert (near.verdict, near.sets) == (Verdict.PARTIAL, (frozenset("a"),))
    assert (far.verdict, far.sets) == (Verdict.GO, (frozenset("ab"),))


def test_what_a_failure_hides_is_not_counted_twice() -> None:
    hidden = {"skipped_because": SkipReason.NOT_DUE, "is_hidden": True}
    judged = [gate("a", Outcome.FAIL), gate("b", Outcome.SKIP, **hidden), gate("c", Outcome.SKIP, **hidden), gate("d")]
    assert followers(judged, {"b": "a", "c": "b"}) == {"a": ["b", "c"]}
    [one] = find_flips(judged, decide, hidden_by={"b": "a", "c": "b"})
    assert (one.verdict, one.sets) == (Verdict.GO, (frozenset("a"),))
    assert find_flips(judged, decide)[-1].sets == (frozenset("abc"),)


def test_a_circle_of_causes_hides_nothing() -> None:
    hidden = [gate(one, Outcome.SKIP, is_hidden=True) for one in "ab"]
    assert followers(hidden, {"a": "b", "b": "a"}) == {}


def test_no_result_makes_a_partial_run_a_go() -> None:
    assert find_flips([gate("a")], partial(decide, partial=True)) == ()


def test_any_one_of_several_is_told_as_such() -> None:
    skipped = [gate(one, Outcome.SKIP, skipped_because=SkipReason.NOT_APPLICABLE) for one in "abc"]
    [one] = find_flips(skipped, decide)
    assert set(one.sets) == {frozenset("a"), frozenset("b"), frozenset("c")}


def test_120_gates_are_asked_about_a_few_times_each() -> None:
    """The worst case: nothing passes, everything is of another kind, and any one gate would do."""
    asked = 0

    def rules(judged: Sequence[GateInput]) -> Verdict:
        nonlocal asked
        asked += 1
        return decide(judged, twin_proof=TWIN)

    where = list(Provenance)
    judged = [GateInput(check=f"t.c{n}", outcome=Outcome.PASS, gate=True, provenance=where[n % 2]) for n in range(119)]
    flips = find_flips([*judged, GateInput(check=TWIN, outcome=Outcome.PASS, gate=True, provenance=Provenance.EMBEDDED)], rules)
    assert [flip.sets for flip in flips] == [(frozenset([TWIN]),)]
    assert asked <= 2 * 120 + 10


def test_a_set_is_never_larger_than_it_must_be() -> None:
    def reaches(some: Collection[str]) -> bool:
        return "a" in some and len({*some} & {"b", "c", "d"}) >= 2

    assert set(smallest_sets("abcde", reaches)) == {frozenset("abc"), frozenset("abd"), frozenset("acd")}
