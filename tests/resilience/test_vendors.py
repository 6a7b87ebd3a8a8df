"""A slice of the hostile answers, and that each way of coming out wrong is seen."""

from __future__ import annotations

from typing import Any

import pytest

from lib.clients.fly.flyctl import describe_machine, describe_release
from lib.clients.github import read_secret
from tests.resilience import vendors
from tests.resilience.hostile import mutations


def test_a_slice_of_the_hostile_answers_comes_out_well() -> None:
    found = vendors.measure(share=0.02, seed=20261126)
    assert found.tried > 20
    assert found.problems == ()


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"trouble": "Traceback: KeyError"}, "KeyError"),
        ({"took_s": 99.0}, "took 99.0 s of 1.0 s"),
        ({"peak": 700_000_000}, "700 MB"),
        ({"said": 100_000}, "100,000 bytes"),
        ({"outcomes": ["pass"]}, "passed"),
    ],
)
def test_what_came_out_wrong_is_seen(change: dict[str, Any], said: str) -> None:
    told = {"case": "silence", "look": "chatwoot", "took_s": 0.1, "limit_s": 1.0, "peak": 10**8, "outcomes": ["error"]}
    assert list(vendors.find_problems(told)) == []
    assert [said in problem for problem in vendors.find_problems({**told, **change})] == [True]


@pytest.mark.parametrize(
    ("read", "good"),
    [(describe_machine, vendors.MACHINE), (describe_release, vendors.FLY_GOOD["releases"][0]), (read_secret, vendors.SECRET)],
)
def test_a_reader_of_any_shape_gives_a_value_or_says_what_is_wrong(read: Any, good: dict[str, Any]) -> None:
    read(good)
    refused = 0
    for shape in mutations(good):
        if isinstance(shape, dict):
            try:
                read(shape)
            except (KeyError, ValueError):
                refused += 1
    assert refused > 10
