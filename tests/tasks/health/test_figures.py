"""The figures of times say in words what they draw, name the limit, and draw something of nothing."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from lib.tasks.health.figures import latency_trend, sample_times

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
    assert "limit of p95: 800 ms" in figure.svg


def test_a_limit_far_away_is_named_at_the_edge() -> None:
    assert "limit of p95: 800 ms, further right" in sample_times([sample(3)], 800).svg


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
