"""Dates, versions and amounts as people write them; what only looks like one is none."""

from __future__ import annotations

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lib.core.direction_values import MOST_PATHS, expand_braces, find_amounts, find_dates, find_version, read_version

DAY = date(2025, 10, 17)


@pytest.mark.parametrize(
    "said", ["2025-10-17", "2025/10/17", "17 October 2025", "17th Oct 2025", "October 17, 2025", "17.10.2025"]
)
def test_a_date_is_read_in_each_spelling(said: str) -> None:
    assert [day for _, day in find_dates(f"Since {said} it holds.")] == [DAY]


@pytest.mark.parametrize("said", ["2025-13-01", "2025-02-30", "31 February 2025"])
def test_a_day_that_no_calendar_has_is_seen_and_is_none(said: str) -> None:
    assert [day for _, day in find_dates(said)] == [None]


@pytest.mark.parametrize("said", ["1.1", "10/17/2025", "20251017", "12025-10-171", "soon"])
def test_what_is_no_date_is_not_taken_for_one(said: str) -> None:
    assert find_dates(said) == []


@given(st.dates(min_value=date(1000, 1, 1)))
def test_every_iso_day_comes_back(day: date) -> None:
    assert find_dates(f"on {day.isoformat()}.") == [(day.isoformat(), day)]


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ("2025-10-17: Version 1.1 – rewritten", (1, 1)),
        ("v2 (2025-10-17)", (2,)),
        ("17.10.2025 1.2.3", (1, 2, 3)),
        ("1.0", (1,)),
        ("2025-10-17: 18 tasks", None),
    ],
)
def test_a_version_in_a_sentence_is_found_beside_its_date(said: str, expected: tuple[int, ...] | None) -> None:
    assert find_version(said) == expected


@pytest.mark.parametrize(
    ("said", "expected"), [("1.1", (1, 1)), ("v1.10", (1, 10)), ("draft", None), ("1.1 beta", None), ("", None)]
)
def test_a_version_alone_is_nothing_else(said: str, expected: tuple[int, ...] | None) -> None:
    assert read_version(said) == expected


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ("≤45 minutes, ≤5,000 tokens, ≤3 files modified/staged", {"minutes": 45, "tokens": 5000, "files": 3}),
        ("1.5 hours", {"minutes": 90}),
        ("at most 5.000 tokens", {"tokens": 5000}),
        ("10 files, then 3 files", {"files": 3}),
        ("as few files as possible", {}),
    ],
)
def test_a_budget_is_read(said: str, expected: dict[str, int]) -> None:
    assert find_amounts(said) == expected


def test_braces_stand_for_each_of_their_paths_and_end() -> None:
    assert list(expand_braces("a.{mjs,sh}")) == ["a.mjs", "a.sh"]
    assert list(expand_braces("{a,b}/{c,d}")) == ["a/c", "a/d", "b/c", "b/d"]
    assert list(expand_braces("a{b}c")) == ["a{b}c"]
    assert len(list(expand_braces("{a,b}" * 30))) == MOST_PATHS + 1
    assert len(list(expand_braces(f"{{{'a,' * 1000}b}}"))) == MOST_PATHS + 1
