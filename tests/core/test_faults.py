"""What trials come to, and when a pass proves little."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from lib.core.faults import End, KillRate, Trial, describe_weakness, is_weak, judge_fault, judge_harmless, measure, spread
from lib.core.results import Check, Outcome, Result

ONE = Check("t.one", "One", subject="run")
BOTH = {"t.one", "t.two"}
TWO = Check("t.two", "Two", subject="run")


def trial(end: End, check: str = "t.one", place: str = "a") -> Trial:
    return Trial(task="t", look="look", operator="kind", place=place, check=check, end=end)


def test_a_rate_counts_faults_that_were_made_and_nothing_else() -> None:
    trials = [trial(end, place=end.value) for end in End] + [trial(End.FOUND, check="t.two")]
    rate = measure("t.one", trials, 7)
    assert (rate.tried, rate.found, rate.elsewhere, rate.missed) == (3, 1, 1, ("kind · missed",))
    assert (rate.equivalent, rate.harmless, rate.false_alarms, rate.untried) == (1, 2, ("kind · false alarm",), 7)
    assert rate.words == "1 of 3 faults found, 1 by another check"
    assert measure("t.three", trials).words == ""


@given(st.lists(st.sampled_from(list(End)), max_size=40))
def test_no_trial_is_counted_twice(ends: list[End]) -> None:
    rate = measure("t.one", [trial(end) for end in ends])
    assert rate.tried == rate.found + rate.elsewhere + len(rate.missed)
    assert rate.tried + rate.equivalent + rate.harmless + ends.count(End.NOT_MADE) == len(ends)


def test_a_pass_is_weak_only_where_enough_was_tried() -> None:
    assert is_weak(KillRate(tried=10, found=8), 0.9) and not is_weak(KillRate(tried=10, found=9), 0.9)
    assert not is_weak(KillRate(tried=9, found=0), 0.9) and not is_weak(KillRate(), 0.9)
    said = describe_weakness(KillRate(tried=10, found=8, missed=("a", "b")), 0.9)
    assert said == "This pass proves little: 8 of 10 faults found, where 90% must be. Missed: a and b."


def results(one: Outcome, two: Outcome) -> list[Result]:
    return [Result.of(ONE, one), Result.of(TWO, two)]


def test_a_fault_is_found_by_the_check_that_is_about_it() -> None:
    good = results(Outcome.PASS, Outcome.PASS)
    for outcome in (Outcome.FAIL, Outcome.ERROR):
        assert judge_fault("t.one", good, results(outcome, Outcome.PASS))[0] is End.FOUND
        assert judge_fault("t.one", good, results(Outcome.PASS, outcome))[0] is End.ELSEWHERE
    assert judge_fault("t.one", good, good)[0] is End.MISSED
    assert judge_fault("t.one", good, results(Outcome.SKIP, Outcome.PASS))[0] is End.MISSED
    was_bad = results(Outcome.PASS, Outcome.FAIL)
    assert judge_fault("t.one", was_bad, was_bad)[0] is End.MISSED


def test_a_harmless_change_leaves_every_result() -> None:
    good = results(Outcome.PASS, Outcome.PASS)
    assert judge_harmless(good, good, BOTH) == (End.QUIET, None)
    end, changed = judge_harmless(good, results(Outcome.PASS, Outcome.ERROR), BOTH)
    assert end is End.FALSE_ALARM and changed is not None and changed.check == "t.two"
    assert judge_harmless(good, results(Outcome.PASS, Outcome.SKIP), {"t.one"}) == (End.QUIET, None)


@given(st.dictionaries(st.text(max_size=5), st.lists(st.integers(), max_size=6), max_size=6), st.text(max_size=8))
def test_the_order_holds_every_fault_once_and_begins_with_one_of_each_kind(groups: dict[str, list[int]], seed: str) -> None:
    told = {name: [(name, place) for place in range(len(items))] for name, items in groups.items()}
    order = spread(told, seed)
    assert sorted(order) == sorted(one for items in told.values() for one in items)
    assert spread(told, seed) == order
    kinds = len([items for items in told.values() if items])
    assert len({name for name, _ in order[:kinds]}) == kinds
    last = spread(told, seed, later=sorted(told)[:1])
    assert sorted(last) == sorted(order)
    if kinds > 1 and told[sorted(told)[0]]:
        assert last[kinds - 1][0] == sorted(told)[0]
