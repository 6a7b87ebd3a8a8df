"""A sentence about every object is a pass only when every object was judged."""

from __future__ import annotations

import pytest

from lib.core.left_out import LeftOut, judge_all, name_causes
from lib.core.results import Check, Outcome, SkipReason

CHECK = Check("sample.all_well", "Every one is well", fix="Repair it.")
HIDDEN = LeftOut(reason="b was not judged.", cause="sample.b_is_there")
UNKNOWN = LeftOut(reason="c could not be read.", fix="Read c by hand.")


def test_with_every_object_judged_it_passes() -> None:
    result = judge_all(CHECK, holds=True, left_out=[], detail="All three.", fix="Nothing.", observed=3, expected=3)
    assert (result.outcome, result.detail, result.fix, result.expected) == (Outcome.PASS, "All three.", (), 3)


def test_a_hidden_object_makes_it_a_skip_that_names_the_cause() -> None:
    result = judge_all(CHECK, holds=True, left_out=[HIDDEN], observed=2, expected=3, unit="objects")
    assert (result.outcome, result.skipped_because, result.see) == (Outcome.SKIP, SkipReason.NOT_DUE, "sample.b_is_there")
    assert result.detail == "b was not judged. See sample.b_is_there."
    assert (result.observed, result.expected, result.unit) == (2, 3, "objects")


@pytest.mark.parametrize("left_out", [[UNKNOWN], [HIDDEN, UNKNOWN]])
def test_an_object_that_nobody_knows_about_makes_it_an_error(left_out: list[LeftOut]) -> None:
    result = judge_all(CHECK, holds=True, left_out=left_out)
    assert (result.outcome, result.fix) == (Outcome.ERROR, ("Read c by hand.",))
    assert "c could not be read." in result.detail


def test_a_fault_that_was_found_is_never_hidden() -> None:
    result = judge_all(CHECK, holds=False, left_out=[HIDDEN, UNKNOWN], detail="a is broken.", fix="Repair a.")
    assert (result.outcome, result.fix) == (Outcome.FAIL, ("Repair a.",))
    assert result.detail == "a is broken. b was not judged. c could not be read."
    assert judge_all(CHECK, holds=False, left_out=[]).fix == ("Repair it.",)


def test_causes_keep_their_order_and_name_each_object() -> None:
    assert name_causes([("a", "x"), ("b", ""), ("c", "x")]) == {"x": ["a", "c"], "": ["b"]}
