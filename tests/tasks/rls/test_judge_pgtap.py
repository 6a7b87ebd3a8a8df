"""A project's tests that ran out of time, beside the control of this machine."""

from __future__ import annotations

from typing import Any

import pytest

from lib.core.busyness import QUIET, Control
from lib.core.results import Outcome
from lib.tasks.rls.judge_pgtap import judge_pgtap
from lib.tasks.rls.tap_output import TapFile, find_idle

BUSY = Control(late_s=1.0, lost=0.6)
OUT_OF_TIME = "broke after 3 tests: ERROR:  canceling statement due to statement timeout"


def file(**changes: Any) -> TapFile:
    return TapFile(**{"path": "01.sql", "planned": 4, "ran": 4, **changes})


@pytest.mark.parametrize(
    ("files", "control", "outcome"),
    [
        ([file()], BUSY, Outcome.PASS),
        ([file(problem=OUT_OF_TIME)], QUIET, Outcome.FAIL),
        ([file(problem=OUT_OF_TIME)], BUSY, Outcome.ERROR),
        ([file(problem=OUT_OF_TIME), file(failed=("2: owner sees it",))], BUSY, Outcome.FAIL),
        ([file(problem=OUT_OF_TIME, failed=("2: owner sees it",))], BUSY, Outcome.FAIL),
        ([file(problem="broke after 3 tests: ERROR:  permission denied")], BUSY, Outcome.FAIL),
    ],
)
def test_a_statement_out_of_time_counts_only_beside_a_quiet_control(
    files: list[TapFile], control: Control, outcome: Outcome
) -> None:
    result = judge_pgtap(files, control, timeout_s=10)
    assert result.outcome is outcome, result
    assert ("too busy to tell (control 6 s, limit 10 s)" in result.detail) is (outcome is Outcome.ERROR)


def test_tests_that_were_skipped_or_are_to_do_are_no_part_of_the_count_and_named() -> None:
    some = TapFile(path="a.sql", planned=5, ran=5, skipped=1, todo=1)
    result = judge_pgtap([some, TapFile(path="b.sql", planned=2, ran=2)], QUIET, timeout_s=10)
    assert (result.outcome, result.observed, result.expected) == (Outcome.PASS, 5, 5)
    assert result.detail == "Skipped or still to do, so not tested: 2 in a.sql."


@pytest.mark.parametrize(("ran", "aside", "idle"), [(3, 3, True), (3, 2, False), (1, 0, False)])
def test_a_file_whose_every_test_was_skipped_tested_nothing(ran: int, aside: int, idle: bool) -> None:
    assert (find_idle(ran, aside) is not None) is idle
