"""The figure of the locks names the limit and what is beyond it."""

from __future__ import annotations

from lib.tasks.migrations.figures import MOST_DRAWN, lock_timeline
from tests.support import sample_pages as sample


def test_limit_is_a_labelled_line() -> None:
    drawn = lock_timeline(sample.LOCKS, 200)
    assert "limit 200 ms" in drawn.svg and ">lock at most 200 ms<" in drawn.svg
    assert ">no lock, no wait; 40 ms at 1×, 400 ms at 10×<" in drawn.svg
    assert drawn.alt.endswith("Beyond the limit of 200 ms: 20251002090000_rollups.sql at 10× (300 ms).")


def test_no_lock_at_all_is_drawn_too() -> None:
    facts = [{**fact, "longest_exclusive_ms": None} for fact in sample.LOCKS]
    assert "None held an exclusive lock" in lock_timeline(facts, 200).alt


def test_waits_and_their_control_are_said_beside_their_limit() -> None:
    facts = [{**fact, "longest_wait_ms": 30.0 * fact["scale"], "control_ms": 4.0} for fact in sample.LOCKS]
    drawn = lock_timeline(facts, 200, 250)
    assert ">wait at most 250 ms<" in drawn.svg and "limits 200 ms and 250 ms" in drawn.svg
    said = "The longest wait, 300 ms for 20251001090000_idea_pool.sql at 10×, is beyond its limit of 250 ms"
    assert f"{said}, while the control was held up for 4 ms. " in drawn.alt
    assert "Nobody waited for a migration. " in lock_timeline(sample.LOCKS, 200, 250).alt


def test_of_many_migrations_those_with_the_longest_locks_are_drawn() -> None:
    def fact(number: int, lock_ms: float | None) -> dict[str, object]:
        return {"migration": f"{number:04d}_a.sql", "scale": 1, "time_ms": 5.0, "longest_exclusive_ms": lock_ms, "table": None}

    facts = [fact(number, 900.0 if number == 444 else 1.0 if number % 2 else None) for number in range(500)]
    drawn = lock_timeline(facts, 200)
    assert ">0444_a.sql<" in drawn.svg and drawn.svg.count("_a.sql<") == MOST_DRAWN
    assert f"The {MOST_DRAWN} of 500 migrations" in drawn.caption
    assert len(lock_timeline([fact(number, 900.0) for number in range(500)], 200).alt) < 1000
    assert lock_timeline(facts[:MOST_DRAWN], 200).caption.startswith(f"{MOST_DRAWN} migrations")
