"""The policy's patterns are bounded: whatever is written there, an answer comes."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lib.core.errors import TargetError
from lib.tasks.guardrails import policy
from lib.tasks.guardrails.policy import compiled, matches, matches_one, path_pattern, search


def test_a_pattern_without_end_is_an_error_with_its_place(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(policy, "PATTERN_TIMEOUT_S", 0.5)
    with pytest.raises(TargetError, match=r"issue\.pattern did not come to an end"):
        search(r"(a+)+$", "a" * 40 + "!", where="issue.pattern")


def test_a_pattern_finds_what_it_says() -> None:
    assert search(r"#\d+", "Refs #12, #13", where="issue.pattern") == "#12"
    assert search(r"^$", "", where="issue.pattern") == ""
    assert search(r"#\d+", "nothing", where="issue.pattern") is None


@pytest.mark.parametrize("pattern", ["(", "a{99999999999}", "(" * 900 + ")" * 900 + "(", "a" * 1_001])
def test_what_is_no_pattern_is_refused(pattern: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        compiled(pattern)


@given(st.text(alphabet="a/*?b", max_size=7), st.text(alphabet="a/b", max_size=8))
def test_both_ways_to_match_a_path_agree(pattern: str, path: str) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(policy, "MOST_SIGNS", -1)
        stepwise = matches_one(path, pattern)
    assert stepwise == (path_pattern(pattern).match(path) is not None)


def test_many_signs_come_to_an_end() -> None:
    assert not matches("a/" * 500 + "b", ["**/" * 30 + "c"])
    assert matches("a/" * 500 + "b", ["**/" * 30 + "b"])
