"""The figure of a run says which task did not end."""

from __future__ import annotations

from lib.tasks.readiness_summary.figures import run_timeline
from tests.support import sample_pages as sample


def test_task_that_never_ended_says_so() -> None:
    spans = [{**sample.spans()[0], "ended_at": None}]
    assert "not finished" in run_timeline(spans).svg
