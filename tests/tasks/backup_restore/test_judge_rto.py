"""The time of a restore beside the control of this machine."""

from __future__ import annotations

import pytest

from lib.clients.postgres.restores import SECTIONS, Restore
from lib.core.busyness import QUIET, Control
from lib.core.results import Outcome
from lib.tasks.backup_restore.judge import judge_rto
from lib.transport.process import CommandRun

BUSY = Control(late_s=1.0, lost=0.6)


def restore(seconds: float, *, exit_code: int = 0) -> Restore:
    run = CommandRun(command="pg_restore", exit_code=exit_code, stdout="", stderr="", duration_s=seconds)
    return Restore(runs=(run,) * len(SECTIONS), stages={"data": seconds * 0.9, "post-data": seconds * 0.1})


@pytest.mark.parametrize(
    ("done", "control", "outcome"),
    [
        (restore(50), QUIET, Outcome.PASS),
        (restore(50), BUSY, Outcome.PASS),
        (restore(90), QUIET, Outcome.FAIL),
        (restore(90), BUSY, Outcome.ERROR),
        (restore(600), BUSY, Outcome.FAIL),
        (restore(50, exit_code=1), QUIET, Outcome.ERROR),
    ],
)
def test_a_restore_is_timed_beside_the_control(done: Restore, control: Control, outcome: Outcome) -> None:
    result = judge_rto(done, 60, control)
    assert result.outcome is outcome, result
    if outcome is Outcome.ERROR and done.succeeded:
        assert result.detail == ("This machine was too busy to tell (control 54 s, limit 60 s). The slowest step is data.")
