"""A project's tests that ran out of time, beside the control of this machine."""

from __future__ import annotations

from typing import Any

import pytest

from lib.core.busyness import QUIET, Control
from lib.core.results import Outcome
from lib.tasks.rls.judge import judge_pgtap
from lib.tasks.rls.pgtap import TapFile

BUSY = Control(late_s=1.0, lost=0.6)
OUT_OF_TIME = "broke after 3 tests: ERROR:  canceling statement due to statement timeout"


def file(**changes: Any) -> TapFile:
    return TapFile(**{"path": "01.sql", "planned": 4, "ran": 4, "command": "psql", **changes})


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
