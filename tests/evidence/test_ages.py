"""A fact that is too old says nothing of now: it is an error, whatever it was, and says so."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from pydantic import ValidationError

from lib.core.results import Outcome, Provenance, Result, SkipReason
from lib.evidence.ages import ShelfLife, looked_at, oldest
from lib.evidence.log import EvidenceLine, ReusedFrom, line_of
from lib.tasks.index import every_check

NOW = datetime(2026, 11, 26, 12, tzinfo=UTC)
CHECK, RPO = "rls.every_table_enabled", "backup_restore.within_rpo"


def line(hours: float = 0, *, check: str = CHECK, reused: float | None = None, **facts: Any) -> EvidenceLine:
    result = Result(check=check, **{"outcome": Outcome.PASS, "detail": "All on.", **facts})
    about: dict[str, Any] = {"run_id": "r", "environment": "x", "provenance": Provenance.LIVE, "duration_s": 1}
    found = line_of(result, every_check()[check], started_at=NOW - timedelta(hours=hours), **about)
    origin = ReusedFrom(run_id="old", looked_at=NOW - timedelta(hours=reused)) if reused is not None else None
    return found.model_copy(update={"reused_from": origin})


@pytest.mark.parametrize("outcome", [Outcome.PASS, Outcome.FAIL])
def test_what_is_too_old_is_not_determined(outcome: Outcome) -> None:
    came_to = ShelfLife().judge(line(30, outcome=outcome, objects=["public.a"]), NOW)
    assert (came_to.result, came_to.objects) == (Outcome.ERROR, ())
    assert came_to.detail == f"Looked at 30 h 00 min ago, at most 24 h. It was `{outcome}` then. All on."
    assert came_to.fix


@pytest.mark.parametrize(("hours", "is_stale"), [(0, False), (23.9, False), (24, False), (24.1, True)])
def test_the_limit_is_the_last_moment_that_holds(hours: float, is_stale: bool) -> None:
    assert bool(ShelfLife().why_stale(line(hours), NOW)) is is_stale
    assert bool(ShelfLife().why_stale(line(0, reused=hours), NOW)) is is_stale


def test_a_check_has_its_own_limit_and_others_keep_theirs() -> None:
    life = ShelfLife(max_age_h=48, max_age_h_by_check={CHECK: 1})
    assert life.why_stale(line(2), NOW)
    assert not life.why_stale(line(2, check=RPO), NOW)
    assert (life.shortest_h, ShelfLife().shortest_h) == (1, 24)


def test_what_a_fact_speaks_of_counts_where_the_policy_names_it() -> None:
    backup = line(0, check=RPO, as_of=NOW - timedelta(hours=30))
    assert oldest(backup) < looked_at(backup)
    assert not ShelfLife().why_stale(backup, NOW), "the check itself judges the age, by its own limit"
    why = ShelfLife(max_age_h_by_check={RPO: 24}).why_stale(backup, NOW)
    assert why == "It speaks of something 30 h 00 min old, at most 24 h."


@pytest.mark.parametrize(
    "facts", [{"outcome": Outcome.ERROR}, {"outcome": Outcome.SKIP, "skipped_because": SkipReason.NOT_APPLICABLE}]
)
def test_what_is_no_fact_stays_as_it_is(facts: dict[str, Any]) -> None:
    assert ShelfLife().judge(line(300, **facts), NOW) == line(300, **facts)


@pytest.mark.parametrize("said", [{"max_age_h": 0}, {"max_age_h": "24"}, {"max_age": 24}, {"max_age_h_by_check": {CHECK: -1}}])
def test_a_policy_that_says_something_else_is_refused(said: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        ShelfLife.model_validate(said)
