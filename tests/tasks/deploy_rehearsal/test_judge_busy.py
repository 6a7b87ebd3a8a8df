"""Deploys that were timed beside a control: clean, broken, what only looks broken, and what cannot be told."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as some

from lib.clients.fly.flyctl import AppState, Fly, Machine
from lib.core.busyness import QUIET_RECORD, ControlRecord, Round, Standing
from lib.core.results import Outcome
from lib.tasks.deploy_rehearsal.judge import (
    judge_deploy,
    judge_restored_release,
    judge_return,
    judge_rollback,
    judge_version_skew,
    judge_watch,
)
from lib.tasks.deploy_rehearsal.judge_users import judge_users
from lib.tasks.deploy_rehearsal.outages import Phase, weigh_errors
from lib.tasks.deploy_rehearsal.rehearsal import Rehearsal, RehearsalPlan
from lib.tasks.deploy_rehearsal.rollback import ComponentChange, RollbackPlan
from lib.tasks.deploy_rehearsal.smoke import SmokeCalls
from lib.transport.process import FollowedRun
from lib.transport.traffic import Sample

PASS, FAIL, ERROR = Outcome.PASS, Outcome.FAIL, Outcome.ERROR
ALWAYS = ControlRecord([Round(0, 1000, 0.5, 0.6)])
"""A machine with two and a half times as much to do as it can, which stood still for half a second."""
STARVED = ControlRecord([Round(0, 1000, 3.0, 0.75)])


def machine(**changes: Any) -> Machine:
    said: dict[str, Any] = {
        "id": "m1", "state": "started", "image": "app:candidate", "digest": "sha256:new", "checks": {"http": "critical"},
        "config_digest": "c", "env": {}, "exits": (),
    }  # fmt: skip
    return Machine(**{**said, **changes})


PLAN = RehearsalPlan(
    fly=Fly(program=Path("flyctl"), app="app", timeout_s=60, folder=Path(), token=None), config="fly.toml", image="app:candidate",
    strategy="rolling", endpoints=["/health"], per_second=40, baseline_s=1, watch_s=2, health_timeout_s=5, rollback_limit_s=60,
    rollback=RollbackPlan(argv=("rollback.sh",), pack=Path(), kept=Path()),
    before=AppState(url="http://app", machines=(machine(digest="sha256:old", image="app:current"),), releases=(), secrets={}),
)  # fmt: skip


def run(exit_code: int, took_s: float = 1.0) -> FollowedRun:
    return FollowedRun(command="x", exit_code=exit_code, stdout="Error: no", stderr="", duration_s=took_s, lines=((0, "no"),))


def seen(**changes: Any) -> Rehearsal:
    """Return a rehearsal of which each phase took ten seconds; the rollback ninety."""
    begins = {"before": 0, "deploy": 10, "watch": 20, "rollback": 30, "after": 120}
    ends = [*list(begins.values())[1:], 130]
    phases = [Phase(name=name, begin_s=begin, end_s=end) for (name, begin), end in zip(begins.items(), ends, strict=True)]
    return Rehearsal(**{"phases": phases, "machines": (machine(),), "deploy": run(1), **changes})


def requests(lost: dict[int, int]) -> list[Sample]:
    """Return ten requests a second for two minutes; lost: its place -> the status of a lost one."""
    return [Sample(place / 10, "/health", lost.get(place, 200), 5.0, "1") for place in range(1200)]


def lose(count: int, status: int = 503) -> dict[int, int]:
    return dict.fromkeys(range(150, 150 + count), status)


@pytest.mark.parametrize(
    ("lost", "control", "downtime", "errors"),
    [
        ({}, QUIET_RECORD, PASS, PASS),
        ({}, ALWAYS, PASS, PASS),
        (lose(10), QUIET_RECORD, PASS, PASS),  # 1 s, 0.9 %
        (lose(25), QUIET_RECORD, FAIL, FAIL),  # 2.5 s, 2.4 %
        (lose(25), ALWAYS, ERROR, ERROR),
        (lose(300), ALWAYS, FAIL, FAIL),  # 30 s, 27 %: no control explains that
        (lose(25, 500), ALWAYS, ERROR, FAIL),  # the app itself said so
    ],
)
def test_what_users_lost_is_judged_beside_the_control(
    lost: dict[int, int], control: ControlRecord, downtime: Outcome, errors: Outcome
) -> None:
    results = judge_users(seen(samples=requests(lost), control=control), max_downtime_s=2, max_error_ratio=0.01)
    assert [one.outcome for one in results] == [downtime, errors], results
    if downtime is errors is ERROR:
        assert results[0].detail.startswith("This machine was too busy to tell (control 1.5 s, limit 2 s). 25 of")
        assert results[1].detail.startswith("This machine was too busy to tell (control 60% of the losses, limit 1.00% of the")


@given(some.sets(some.integers(150, 1100), max_size=200), some.floats(0, 0.9), some.floats(0, 3))
def test_losses_are_never_hidden(places: set[int], lost_share: float, late_s: float) -> None:
    samples = requests(dict.fromkeys(places, 503))
    control = ControlRecord([Round(0, 1000, late_s, lost_share)])
    quiet, _ = weigh_errors(samples, QUIET_RECORD, 0.01)
    beside, explained = weigh_errors(samples, control, 0.01)
    assert (quiet is Standing.WITHIN) == (beside is Standing.WITHIN) == (len(places) <= 12)
    assert quiet is not Standing.UNCLEAR
    assert 0 <= explained <= 1 + 1e-9


@pytest.mark.parametrize(
    ("changes", "outcome"),
    [
        ({"deploy": run(0), "healthy_after_s": 3.0, "control": STARVED}, PASS),
        ({}, FAIL),
        ({"control": STARVED}, ERROR),
        ({"control": STARVED, "machines": (machine(exits=(7,)),)}, FAIL),  # its program ended by itself
        ({"control": STARVED, "phases": [Phase(name="deploy", begin_s=0, end_s=1)]}, FAIL),  # flyctl gave up before the time
    ],
)
def test_a_candidate_that_was_not_healthy_in_time(changes: dict[str, Any], outcome: Outcome) -> None:
    result = judge_deploy(PLAN, seen(**changes))
    assert result.outcome is outcome, result
    if outcome is ERROR:
        assert result.detail == (
            "This machine was too busy to tell (control 3.75 s, limit 5 s). The running release was restored."
        )


@pytest.mark.parametrize(
    ("changes", "outcome"),
    [
        ({}, PASS),
        ({"fell_over": "machine m1 was not healthy"}, FAIL),
        ({"fell_over": "machine m1 was not healthy", "control": STARVED}, ERROR),
        ({"fell_over": "machine m1 ended by itself", "ended_itself": True, "control": STARVED}, FAIL),
    ],
)
def test_a_candidate_that_fell_over(changes: dict[str, Any], outcome: Outcome) -> None:
    smoke = {f"smoke_{name}": SmokeCalls(version=name, calls=1, failures=()) for name in ("before", "candidate")}
    assert judge_watch(PLAN, seen(healthy_after_s=1.0, **smoke, **{"watched_s": PLAN.watch_s, **changes})).outcome is outcome


def test_a_candidate_whose_answers_were_not_compared_is_undetermined() -> None:
    assert judge_watch(PLAN, seen(healthy_after_s=1.0, watched_s=PLAN.watch_s)).outcome is ERROR


def test_a_watch_that_was_cut_short_is_an_error() -> None:
    result = judge_watch(PLAN, seen(healthy_after_s=1.0, watched_s=PLAN.watch_s / 2))
    assert (result.outcome, result.observed, result.expected) == (ERROR, PLAN.watch_s / 2, PLAN.watch_s)


def test_a_release_is_what_it_was_only_where_the_rollback_ended_and_all_of_it_was_read() -> None:
    assert judge_restored_release([], 7).outcome is PASS
    hidden = judge_restored_release([], 7, is_back=False)
    assert (hidden.outcome, hidden.see) == (Outcome.SKIP, "deploy_rehearsal.rollback_is_quick")
    unread = judge_restored_release([], 7, unread=["public.secrets"])
    assert (unread.outcome, unread.detail) == (ERROR, "Could not be read: public.secrets.")
    changed = [ComponentChange(component="data", parts=("public.notes",))]
    assert judge_restored_release(changed, 7, is_back=False).outcome is FAIL


def test_cells_that_were_not_tried_name_the_candidate() -> None:
    works = SmokeCalls(version="1", calls=1, failures=())
    result = judge_version_skew({("old", "old"): works, ("new", "old"): None})
    assert (result.outcome, result.see) == (Outcome.SKIP, "deploy_rehearsal.candidate_gets_healthy")
    assert (result.observed, result.expected) == ("1 of 2 work", "2 of 2 work")
    assert judge_version_skew({("old", "old"): works, ("new", "old"): works}).outcome is PASS


@pytest.mark.parametrize(
    ("changes", "outcome"),
    [
        ({"rollback": run(0, 50)}, PASS),
        ({"rollback": run(0, 70)}, FAIL),
        ({"rollback": run(0, 70), "control": STARVED}, ERROR),
        ({"rollback": run(10)}, FAIL),
        ({"rollback": run(10), "control": STARVED}, ERROR),
        ({"rollback": None, "rollback_failure": "it hung", "control": STARVED}, ERROR),
        ({"rollback": run(8), "control": STARVED, "phases": []}, FAIL),  # at once: the image is gone
    ],
)
def test_a_slow_rollback(changes: dict[str, Any], outcome: Outcome) -> None:
    result = judge_rollback(PLAN, seen(**changes))
    assert result.outcome is outcome, result
    if changes["rollback"] is None or changes["rollback"].exit_code:
        assert "--take-over" in " ".join(result.fix)


@pytest.mark.parametrize(
    ("restored", "answers", "control", "outcome"),
    [
        (machine(digest="sha256:old", checks={"http": "passing"}), "1", STARVED, PASS),
        (machine(digest="sha256:old"), "1", QUIET_RECORD, FAIL),
        (machine(digest="sha256:old"), "1", STARVED, ERROR),
        (machine(), "1", STARVED, FAIL),  # still the candidate's image
        (machine(digest="sha256:old", checks={"http": "passing"}), "2", STARVED, FAIL),
    ],
)
def test_what_runs_after_the_rollback(restored: Machine, answers: str, control: ControlRecord, outcome: Outcome) -> None:
    after = AppState(url="http://app", machines=(restored,), releases=(), secrets={})
    smoke = {name: SmokeCalls(version=version, calls=1, failures=()) for name, version in (("before", "1"), ("after", answers))}
    rehearsal = seen(after=after, smoke_before=smoke["before"], smoke_after=smoke["after"], control=control)
    assert judge_return(PLAN, rehearsal).outcome is outcome
