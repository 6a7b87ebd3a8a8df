"""What the figure draws of a rehearsal: the longest exclusive lock, the longest wait, and the control beside them."""

from __future__ import annotations

from lib.core.busyness import Control
from lib.tasks.migrations.judge_locks import lock_facts
from tests.tasks.migrations.test_timing import BUSY, lock, recording, rehearsal, wait


def test_the_longest_lock_and_wait_stand_beside_their_control() -> None:
    held = (lock(30), lock(90, Control(late_s=0.004)), lock(500, BUSY, is_new=True), lock(600, BUSY, mode="Share"))
    seen = recording(locks=held, waits=(wait(40), wait(70, Control(lost=0.1))))
    (fact,) = lock_facts(rehearsal(seen))
    assert (fact["longest_exclusive_ms"], fact["longest_wait_ms"]) == (90, 70)
    assert round(fact["control_ms"], 3) == 7  # a tenth of the wait: worse than 4 ms


def test_where_nothing_was_held_the_control_is_that_of_the_whole_file() -> None:
    (fact,) = lock_facts(rehearsal(recording(time_ms=50.0, control=Control(lost=0.2))))
    assert (fact["longest_exclusive_ms"], fact["longest_wait_ms"]) == (None, None)
    assert round(fact["control_ms"], 3) == 10
