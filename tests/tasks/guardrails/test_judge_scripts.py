"""The project's own commands, beside the control of this machine."""

from __future__ import annotations

import pytest

from lib.clients.npm import ScriptRun
from lib.core.busyness import QUIET, Control
from lib.core.results import Outcome
from lib.tasks.guardrails.judge import judge_scripts
from lib.transport.process import CommandRun

BUSY = Control(late_s=1.0, lost=0.6)


def ended(exit_code: int) -> ScriptRun:
    return ScriptRun(name="ci", run=CommandRun(command="npm run ci", exit_code=exit_code, stdout="", stderr="", duration_s=1.0))


OUT_OF_TIME = ScriptRun(name="ci", problem="`npm run ci` did not end within 120 s, so it was ended", ran_out=True)


@pytest.mark.parametrize(
    ("run", "control", "outcome", "is_busy"),
    [
        (ended(0), BUSY, Outcome.PASS, False),
        (ended(1), BUSY, Outcome.FAIL, False),
        (OUT_OF_TIME, QUIET, Outcome.ERROR, False),
        (OUT_OF_TIME, BUSY, Outcome.ERROR, True),
        (ScriptRun(name="ci", problem="package.json has no script ci"), BUSY, Outcome.ERROR, False),
    ],
)
def test_a_command_out_of_time_says_whether_the_machine_was_busy(
    run: ScriptRun, control: Control, outcome: Outcome, is_busy: bool
) -> None:
    result = judge_scripts([run], control, limit_s=120)
    assert (result.outcome, "too busy to tell (control 72 s, limit 120 s)" in result.detail) == (outcome, is_busy), result
