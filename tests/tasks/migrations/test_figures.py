"""The figure of the locks names the limit and what is beyond it."""

from __future__ import annotations

from lib.tasks.migrations.figures import lock_timeline
from tests.support import sample_pages as sample


def test_limit_is_a_labelled_line() -> None:
    drawn = lock_timeline(sample.LOCKS, 200)
    assert "limit 200 ms" in drawn.svg and ">none<" in drawn.svg
    assert drawn.alt.endswith("Beyond the limit of 200 ms: 20251002090000_rollups.sql at 10× (300 ms).")


def test_no_lock_at_all_is_drawn_too() -> None:
    facts = [{**fact, "longest_exclusive_ms": None} for fact in sample.LOCKS]
    assert "None held an exclusive lock" in lock_timeline(facts, 200).alt
