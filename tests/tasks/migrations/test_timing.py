"""Locks and waits beside their controls: clean, broken, what only looks broken, and what cannot be told."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from lib.clients.postgres.fidelity import Fidelity
from lib.core.busyness import MOST_LOOKS, QUIET, Control, Standing
from lib.core.results import Outcome
from lib.tasks.migrations.apply import ApplyFailure
from lib.tasks.migrations.judge_locks import has_unclear_lock, judge_background, judge_locks
from lib.tasks.migrations.judge_rehearsal import judge_applied
from lib.tasks.migrations.recordings import Lock, Recording, Wait
from lib.tasks.migrations.rehearsal import FirstPass, Rehearsal
from lib.tasks.migrations.scaled_pass import ScaledPass
from lib.tasks.migrations.timing import TimeLimits, best_recordings, weigh_recording

LIMITS = TimeLimits(exclusive_ms=200, blocked_ms=2000)
SAME = Fidelity(target_version="17.6", twin_version="17.6", compared={}, divergences=())
BUSY = Control(late_s=0.9, lost=0.6)


def lock(held_ms: float, control: Control = QUIET, **changes: Any) -> Lock:
    said: dict[str, Any] = {"table": "public.notes", "mode": "AccessExclusive", "index": 0, "line": 1, "rows": 9, "is_new": False}
    return Lock(held_ms=held_ms, control=control, **{**said, **changes})


def wait(waited_ms: float, control: Control = QUIET) -> Wait:
    return Wait(worker="reader", table="public.notes", waited_ms=waited_ms, index=0, line=1, control=control)


def recording(**changes: Any) -> Recording:
    said: dict[str, Any] = {
        "migration": "1_a.sql", "scale": 1, "time_ms": 1.0, "failure": None, "locks": (), "waits": (),
        "tables_with_rows": 1, "background": 5, "refused": {}, "control": QUIET,
    }  # fmt: skip
    return Recording(**{**said, **changes})


def failed(sqlstate: str) -> ApplyFailure:
    return ApplyFailure(file="1_a.sql", index=0, statement="alter table", line=1, sqlstate=sqlstate, said="canceled")


def rehearsal(*recordings: Recording) -> Rehearsal:
    first = FirstPass(applied=("1_a.sql",), failure=None, before={}, after={}, rollbacks=())
    return Rehearsal(
        files=("1_a.sql",), from_nothing=True, missing=(), target_before={}, target_has_rows=True, first=first,
        seed_problem="", scaled=(ScaledPass(scale=1, recordings=recordings, fills=()),), twin=SAME,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("held", "outcome"),
    [
        (lock(150), Outcome.PASS),
        (lock(150, BUSY), Outcome.PASS),
        (lock(300), Outcome.FAIL),
        (lock(300, Control(lost=0.2)), Outcome.FAIL),  # 240 ms of its own
        (lock(300, BUSY), Outcome.ERROR),
        (lock(9000, BUSY), Outcome.FAIL),
        (lock(9000, rows=0), Outcome.PASS),
        (lock(9000, is_new=True), Outcome.PASS),
    ],
)
def test_a_lock_is_judged_beside_its_control(held: Lock, outcome: Outcome) -> None:
    seen = rehearsal(recording(locks=(held,)))
    (result,) = judge_locks(seen, limit_ms=200).results
    assert result.outcome is outcome, result
    assert has_unclear_lock(seen, 200) is (outcome is Outcome.ERROR)
    if outcome is Outcome.ERROR:
        assert result.detail.startswith("This machine was too busy to tell (control 900 ms, limit 200 ms). 1_a.sql, line 1")
        assert result.observed == 300


@pytest.mark.parametrize(
    ("waited", "outcome"),
    [
        (wait(550), Outcome.PASS),
        (wait(2500), Outcome.FAIL),
        (wait(3246, BUSY), Outcome.ERROR),
        (wait(60000, BUSY), Outcome.FAIL),
    ],
)
def test_a_wait_is_judged_beside_its_control(waited: Wait, outcome: Outcome) -> None:
    (result,) = judge_background(rehearsal(recording(waits=(waited,))), limit_ms=2000).results
    assert (result.outcome, result.observed) == (outcome, waited.waited_ms), result


@pytest.mark.parametrize(("since", "outcome"), [("", Outcome.FAIL), ("1", Outcome.FAIL), ("2", Outcome.PASS)])
def test_a_lock_that_is_waited_for_without_end_counts_where_it_may_still_be_changed(since: str, outcome: Outcome) -> None:
    held = replace(lock(1), patience_s=0)
    seen = replace(rehearsal(recording(locks=(held,), waits=(wait(5),))), from_nothing=False)
    (result,) = judge_background(seen, limit_ms=2000, since=since).results
    assert result.outcome is outcome, result


def test_a_lock_of_a_file_that_failed_says_nothing_more() -> None:
    held = replace(lock(1), patience_s=0)
    one = recording(locks=(held,), waits=(wait(5),), failure=failed("23502"))
    (result,) = judge_background(replace(rehearsal(one), from_nothing=False), limit_ms=2000).results
    assert result.outcome is not Outcome.FAIL, result


def test_a_clear_breach_decides_beside_an_unclear_one() -> None:
    found = judge_locks(rehearsal(recording(locks=(lock(300, BUSY), lock(400, table="public.votes")))), limit_ms=200)
    assert found.results[0].outcome is Outcome.FAIL
    assert "public.votes" in found.results[0].detail and "public.notes" not in found.results[0].detail


def test_a_lock_timeout_counts_only_where_the_control_was_not_held_up() -> None:
    for control, outcome in ((QUIET, Outcome.FAIL), (BUSY, Outcome.ERROR)):
        one = recording(failure=failed("55P03"), control=control)
        assert judge_background(rehearsal(one), limit_ms=2000).results[0].outcome is outcome
    deadlock = recording(failure=failed("40P01"), control=BUSY)
    assert judge_background(rehearsal(deadlock), limit_ms=2000).results[0].outcome is Outcome.FAIL


def test_an_unclear_file_is_recorded_again_and_its_best_counts() -> None:
    passes = iter(
        [
            [recording(locks=(lock(300, BUSY),)), recording(migration="2_b.sql", locks=(lock(20),))],
            [recording(locks=(lock(150),)), recording(migration="2_b.sql", locks=(lock(260, BUSY),))],
            [recording(locks=(lock(170),)), recording(migration="2_b.sql", locks=(lock(30),))],
        ]
    )
    best = best_recordings(lambda: next(passes), LIMITS)
    assert [one.locks[0].held_ms for one in best] == [150, 20]
    assert list(passes) == []


def test_a_clear_breach_is_not_recorded_again() -> None:
    passes = iter([[recording(locks=(lock(300),))], [recording(locks=(lock(100),))]])
    assert best_recordings(lambda: next(passes), LIMITS)[0].locks[0].held_ms == 300
    assert len(list(passes)) == 1


def test_what_stays_unclear_is_recorded_no_more_than_three_times() -> None:
    made: list[int] = []

    def take() -> list[Recording]:
        made.append(1)
        return [recording(locks=(lock(300 + len(made), BUSY),))]

    best = best_recordings(take, LIMITS)
    assert (len(made), best[0].locks[0].held_ms) == (MOST_LOOKS, 301)
    assert weigh_recording(best[0], LIMITS) is Standing.UNCLEAR


def test_a_pass_that_took_another_course_is_left_out() -> None:
    passes = iter([[recording(locks=(lock(300, BUSY),))], [recording(), recording(failure=failed("23502"))]])
    assert [one.locks[0].held_ms for one in best_recordings(lambda: next(passes), LIMITS)] == [300]


def test_an_unclear_pass_is_not_repeated_where_there_is_no_time_for_it() -> None:
    passes = iter([[recording(locks=(lock(300, BUSY),))], [recording(locks=(lock(100),))]])
    assert best_recordings(lambda: next(passes), LIMITS, may_repeat=lambda: False)[0].locks[0].held_ms == 300
    assert len(list(passes)) == 1


def test_files_that_were_not_recorded_in_time_are_an_error_that_names_them() -> None:
    whole = rehearsal(recording())
    first = replace(whole.first, applied=("1_a.sql", "2_b.sql"))
    scaled = replace(whole.scaled[0], timed_out=True)
    seen = replace(whole, files=first.applied, first=first, scaled=(scaled,))
    for found in (judge_locks(seen, limit_ms=200), judge_background(seen, limit_ms=2000), judge_applied(seen)):
        result = found.results[-1]
        assert (result.outcome, result.observed, result.expected) == (Outcome.ERROR, 1, 2)
        assert "the time for it was over: 1 of 2 migrations, 2_b.sql." in result.detail
    assert judge_applied(seen).results[0].outcome is Outcome.PASS
