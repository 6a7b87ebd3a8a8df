"""What a candidate answers beside what ran before: laws of the comparison, on plain facts."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lib.core.busyness import QUIET, Control, Standing
from lib.tasks.deploy_rehearsal.answers import describe_version, find_changed_form, find_slower, form_of, format_changed_forms
from lib.transport.traffic import Sample

BOARD: dict[str, Any] = {"version": "1", "rows": [{"idea": "a", "votes": 3, "score": 1.5, "closed": None}], "page": {"next": 2}}
LEAVES = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=4)
BODIES = st.recursive(
    LEAVES, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=4), max_leaves=12
)


def changed(**new: Any) -> list[str]:
    return find_changed_form(form_of(BOARD), form_of({**BOARD, **new}))


@given(BODIES)
def test_a_body_has_its_own_form(body: Any) -> None:
    assert find_changed_form(form_of(body), form_of(body)) == []


@pytest.mark.parametrize(
    "new",
    [
        {"added": 1},
        {"rows": [{"idea": "b", "votes": 4, "score": 2, "closed": None, "more": 1}]},
        {"rows": [{"idea": "a", "votes": 3, "score": 1.5, "closed": "2026-01-01"}]},
        {"rows": []},
        {"page": {"next": None}},
        {"version": "2"},
    ],
)
def test_more_fields_other_values_and_nulls_are_the_same_form(new: dict[str, Any]) -> None:
    assert changed(**new) == []


@pytest.mark.parametrize(
    ("new", "said"),
    [
        ({"rows": [{"idea": "a", "score": 1.5, "closed": None}]}, "rows[].votes is gone"),
        ({"rows": [{"idea": "a", "votes": "3", "score": 1.5, "closed": None}]}, "rows[].votes is a text, not a number"),
        ({"rows": {"a": 1}}, "rows is an object, not a list"),
        ({"page": [1]}, "page is a list, not an object"),
        ({"page": {}}, "page.next is gone"),
    ],
)
def test_a_lost_field_and_another_kind_of_value_are_named(new: dict[str, Any], said: str) -> None:
    assert said in changed(**new)


def test_names_that_are_data_are_one_field() -> None:
    assert find_changed_form(form_of({"2026-01-01": 3}), form_of({"2026-01-02": 4})) == []


def test_what_differs_between_two_answers_of_one_version_is_no_fixed_part() -> None:
    before, again, now = ({"/a": form_of(body)} for body in ({"a": 1, "b": 2}, {"a": 1}, {"a": 1}))
    assert format_changed_forms(before, again, now) == []
    assert format_changed_forms(before, {}, now) == ["/a: b is gone"]


def stream(took_ms: float, *, version: str = "2", path: str = "/a", count: int = 20) -> list[Sample]:
    return [Sample(float(place), path, 200, took_ms, version) for place in range(count)]


@pytest.mark.parametrize(
    ("before", "now", "bad"),
    [
        ("1", "2", False),
        ("1", "1", True),
        ("1", "1, 2", True),
        ("unknown", "2", False),
        ("1", "unknown", False),
        ("1", "10", False),
    ],
)
def test_the_candidate_has_a_version_of_its_own(before: str, now: str, bad: bool) -> None:
    assert bool(describe_version(before, now, stream(3, version=now))) is bad


def test_one_machine_that_still_answers_with_the_old_version_shows() -> None:
    assert "some of its answers" in describe_version("1", "2", [*stream(3), *stream(3, version="1", count=2)])


@pytest.mark.parametrize(
    ("was_ms", "now_ms", "is_slower"), [(5, 705, True), (5, 140, False), (400, 700, False), (400, 900, True), (5, 6, False)]
)
def test_slower_is_both_twice_and_by_some_time(was_ms: float, now_ms: float, is_slower: bool) -> None:
    found = find_slower(stream(was_ms), stream(now_ms), QUIET)
    assert [one.standing for one in found] == ([Standing.BEYOND] if is_slower else [])


def test_what_a_busy_machine_explains_is_unclear_and_few_answers_say_nothing() -> None:
    [found] = find_slower(stream(5), stream(300), Control(late_s=0.2, lost=0.6))
    assert found.standing is Standing.UNCLEAR
    assert find_slower(stream(5), stream(900, count=4), QUIET) == []


def test_one_slow_endpoint_is_named_and_the_others_are_not() -> None:
    found = find_slower([*stream(5), *stream(5, path="/b")], [*stream(5), *stream(900, path="/b")], QUIET)
    assert [str(one) for one in found] == ["/b takes 900 ms, 5 ms before"]
