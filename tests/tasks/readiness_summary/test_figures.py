"""The figures of runs say which task did not end, and what the last runs came to."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from lib.tasks.readiness_summary.figures import MOST_RUNS, readiness_over_runs, run_timeline
from tests.support import sample_pages as sample

NOW = datetime(2026, 11, 1, 5, tzinfo=UTC)


def night(number: int, verdict: str = "REHEARSED", **results: int) -> Any:
    return {
        "run_id": f"r{number}",
        "started_at": NOW + timedelta(days=number),
        "verdict": verdict,
        "results": {"pass": 100, **results},
    }


def test_task_that_never_ended_says_so() -> None:
    spans = [{**sample.spans()[0], "ended_at": None}]
    assert "not finished" in run_timeline(spans).svg


def test_runs_are_counted_by_verdict_and_the_newest_named() -> None:
    figure = readiness_over_runs([night(2), night(1, "NO-GO", fail=2, error=1), night(0, "BLOCKED", error=3)])
    assert figure.alt == "3 runs: 1 BLOCKED, 1 NO-GO and 1 REHEARSED. The newest, r2, is REHEARSED; its gates: 100 passed."
    for word in (
        "BLOCKED",
        "NO-GO",
        "REHEARSED",
        "failed",
        "not determined",
        "passed",
        "2026-11-01 05:00",
        "to 2026-11-03 05:00",
    ):
        assert f">{word}<" in figure.svg
    assert ">GO<" not in figure.svg and ">skipped<" not in figure.svg


def test_only_the_last_thirty_are_drawn() -> None:
    figure = readiness_over_runs([night(number) for number in range(MOST_RUNS + 9)])
    assert figure.alt.startswith(f"{MOST_RUNS} runs") and ">2026-11-10 05:00<" in figure.svg


def test_before_the_first_run_that_is_said() -> None:
    for none in (None, []):
        assert "no run of this project and environment has finished yet" in readiness_over_runs(none).alt


def test_a_run_without_a_gate_is_said_so() -> None:
    assert readiness_over_runs([{**night(0), "results": {}}]).alt.endswith("is REHEARSED; no gate was looked at.")
