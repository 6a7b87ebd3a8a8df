"""What a failing result is about has keys that stay the same, and never fewer than are wrong."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lib.core.results import Outcome, Provenance, Result
from lib.evidence.findings import describe_finding, finding_keys, name_keys
from lib.evidence.log import EvidenceLine, line_of
from lib.evidence.object_keys import MOST_KEYS, stable_keys
from lib.tasks.index import every_check

CHECK = "rls.every_table_enabled"


def line(**facts: Any) -> EvidenceLine:
    result = Result(check=CHECK, outcome=facts.pop("outcome", Outcome.FAIL), **facts)
    about: dict[str, Any] = {"run_id": "r", "environment": "x", "provenance": Provenance.LIVE, "duration_s": 1}
    return line_of(result, every_check()[CHECK], started_at=datetime(2026, 11, 26, tzinfo=UTC), **about)


def test_a_check_that_names_its_objects_has_their_keys() -> None:
    assert finding_keys(line(objects=["public.b", "public.a"])) == ("public.a", "public.b")
    assert line(objects=["public.a"], outcome=Outcome.PASS).objects == ()


@pytest.mark.parametrize(
    ("detail", "observed", "keys"),
    [
        ("Row level security is off on public.a (2 policies not enforced) and private.b.", 3, ("private.b", "public.a")),
        ("Row level security is off on public.a, public.b and 4 more.", 0, None),
        ("Row level security is off on public.a.", 3, None),
        ("Policies are not enforced on public.a (see x.y).", 4, None),
    ],
)
def test_words_are_keys_only_where_they_name_all_that_is_wrong(detail: str, observed: int, keys: tuple[str, ...] | None) -> None:
    found = line(detail=detail, observed=observed, expected=5, unit="tables")
    assert finding_keys(found) == (keys or (describe_finding(found),))


KEYS = st.lists(st.sampled_from(["a", "b", "c", " b ", "d" * 500, "d" * 501]), max_size=12)


@given(KEYS, st.sampled_from(["a", "z", "d" * 502]))
def test_one_more_thing_that_is_wrong_always_has_a_key_of_its_own(objects: list[str], one: str) -> None:
    before, after = stable_keys(objects), stable_keys([*objects, one])
    assert set(before) < set(after)


def test_of_very_many_another_set_has_another_key() -> None:
    many = [f"public.t{number:05}" for number in range(1000)]
    first, second = stable_keys(many), stable_keys([*many[:-1], "public.t99999"])
    assert len(first) == len(second) == MOST_KEYS
    assert first[:-1] == second[:-1]
    assert first[-1] != second[-1]


def test_many_keys_are_told_in_short() -> None:
    assert name_keys(["a", "b"]) == "a, b"
    assert name_keys("abcdefgh") == "a, b, c, d, e, f, 2 more"
