"""The figures of times say in words what they draw, name the limit, and draw something of nothing."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from lib.tasks.health.figures import latency_trend, sample_times
from tests.support.canvases import faults_of

NOW = datetime(2026, 11, 23, 5, 0, tzinfo=UTC)
NAMES = {"health.chatwoot_p95_within_limit": "Chatwoot", "health.publer_p95_within_limit": "Publer"}


def sample(ms: float, **changes: Any) -> Any:
    return {"service": "Chatwoot", "endpoint": "alive", "ms": ms, "good": True, **changes}


def point(night: int, observed: Any, **changes: Any) -> Any:
    check = "health.chatwoot_p95_within_limit"
    return {
        "run_id": f"r{night}",
        "started_at": NOW + timedelta(days=night),
        "check": check,
        "result": "pass",
        "observed": observed,
        **changes,
    }


def test_samples_are_counted_and_the_slowest_named() -> None:
    figure = sample_times([sample(10), sample(900, endpoint="inboxes"), sample(5, good=False)], 800)
    assert (
        "3 samples of 2 endpoints: the slowest took 900 ms (Chatwoot inboxes); 1 took longer than 800 ms; 1 gave no good answer"
        in figure.alt
    )
    assert "p95 at most 800 ms" in figure.svg


def test_a_limit_far_away_is_on_the_axis_too() -> None:
    for limit_ms in (800, 3_600_000, 0.01):
        figure, faults = faults_of(lambda limit_ms=limit_ms: sample_times([sample(3)], limit_ms))
        assert faults == [] and "further" not in figure.svg
    assert "p95 at most 3,600,000 ms" in sample_times([sample(3)], 3_600_000).svg


def test_the_percentile_is_marked_where_there_are_enough_good_answers() -> None:
    assert ">Chatwoot: p95 19.1 ms<" in sample_times([sample(turn) for turn in range(1, 21)], 800).svg
    assert ">Chatwoot: 1 good, too few for a p95<" in sample_times([sample(4), sample(5, good=False)], 800).svg


def test_a_fourth_service_is_drawn_as_well() -> None:
    names = {f"c{place}": f"service {place}" for place in range(6)}
    figure = latency_trend([point(0, 5.0, check=check) for check in names], 800, names)
    assert all(f">{name}<" in figure.svg for name in names.values())


def test_no_samples_are_said_so() -> None:
    assert "no sample was taken" in sample_times([], 800).alt
    assert "no sample was taken" in sample_times(None or (), 800).alt


def test_the_trend_tells_each_service_and_what_was_over() -> None:
    points = [point(0, 100.0), point(1, 900.0, result="fail"), point(1, 20, check="health.publer_p95_within_limit")]
    figure = latency_trend(points, 800, NAMES)
    assert (
        figure.alt == "2 runs. Chatwoot: from 100 to 900 ms, the newest 900 ms, 1 beyond 800 ms; "
        "Publer: from 20 to 20 ms, the newest 20 ms, 0 beyond 800 ms."
    )
    assert "2026-11-23 05:00" in figure.svg


def test_runs_that_measured_nothing_are_left_out() -> None:
    assert latency_trend([point(0, None), point(1, True), point(2, 7)], 800, NAMES).alt.startswith("1 run.")
    assert "no run has measured times yet" in latency_trend([point(0, None)], 800, NAMES).alt
