"""What a run makes of the launch list: the verdict of an item is the worst of its checks."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from lib.core.launch_items import ByHand, LaunchItem
from lib.core.results import Outcome, Provenance, Result, SkipReason
from lib.core.verdict import State
from lib.evidence.log import EvidenceLine, line_of
from lib.reporters.launch_list import count_items, item_table, judge_items
from lib.tasks.index import every_check

ITEM = LaunchItem(number=7, title="Failures notify", checks=["health.mail_server_accepts_us", "health.notification_delivered"])


def line(
    check: str, came_to: Outcome | SkipReason = Outcome.PASS, *, how: Provenance = Provenance.LIVE, **facts: Any
) -> EvidenceLine:
    because = came_to if isinstance(came_to, SkipReason) else None
    outcome = Outcome.SKIP if isinstance(came_to, SkipReason) else came_to
    result = Result(check=check, outcome=outcome, skipped_because=because, **facts)
    at = datetime(2026, 11, 24, tzinfo=UTC)
    return line_of(result, every_check()[check], run_id="r", environment="x", provenance=how, started_at=at, duration_s=1)


@pytest.mark.parametrize(
    ("mail", "told", "state"),
    [
        (Outcome.PASS, Outcome.PASS, State.PASSED),
        (Outcome.PASS, SkipReason.NOT_DUE, State.PASSED),
        (Outcome.PASS, SkipReason.NOT_APPLICABLE, State.PASSED),
        (Outcome.PASS, SkipReason.NOT_ALLOWED, State.IN_PART),
        (Outcome.PASS, Outcome.SKIP, State.IN_PART),
        (SkipReason.NOT_APPLICABLE, SkipReason.NOT_DUE, State.NOT_APPLICABLE),
        (SkipReason.NOT_ALLOWED, SkipReason.NOT_ALLOWED, State.NOT_DETERMINED),
        (Outcome.PASS, Outcome.FAIL, State.FAILED),
        (Outcome.ERROR, Outcome.PASS, State.NOT_DETERMINED),
        (Outcome.ERROR, Outcome.FAIL, State.FAILED),
        (Outcome.PASS, None, State.IN_PART),
        (Outcome.FAIL, None, State.FAILED),
        (None, None, State.ABSENT),
    ],
)
def test_an_item_is_the_worst_of_its_checks_and_never_a_pass_without_all(
    mail: Outcome | SkipReason | None, told: Outcome | SkipReason | None, state: State
) -> None:
    lines = [line(check, one) for check, one in zip(ITEM.checks, (mail, told), strict=True) if one]
    [row] = judge_items([ITEM], lines)
    assert row.state is state


def test_a_gate_that_no_item_names_has_a_line_of_its_own() -> None:
    lines = [*(line(check) for check in ITEM.checks), line("migrations.found", Outcome.FAIL, detail="None is there.")]
    rows = judge_items([ITEM], lines)
    assert [(row.number, row.state) for row in rows] == [(7, State.PASSED), (None, State.FAILED)]
    assert count_items(rows) == "1 of 2 passed, 1 failed"
    assert "None is there." in rows[1].detail


def test_what_was_proved_elsewhere_counts() -> None:
    said = "Proved on staging, run r, 3 h ago. Not here."
    lines = [line(ITEM.checks[0]), line(ITEM.checks[1], SkipReason.NOT_ALLOWED, detail=said)]
    proof = line(ITEM.checks[1]).judged
    [row] = judge_items([ITEM], lines, {ITEM.checks[1]: proof})
    assert (row.state, row.provenance) == (State.PASSED, Provenance.LIVE)
    assert row.detail == "1 check: Proved on staging, run r, 3 h ago."


def test_why_names_the_check_and_its_fix() -> None:
    failing = line(ITEM.checks[0], Outcome.FAIL, detail="It said no.", fix=("Ask again.",))
    [row] = judge_items([ITEM], [failing, line(ITEM.checks[1])])
    assert row.detail.endswith("failed. It said no. Fix: Ask again.")
    [absent] = judge_items([ITEM], [])
    assert absent.detail.startswith("Not part of this run: Vendor health.")
    [skipped] = judge_items([ITEM], [line(ITEM.checks[0]), line(ITEM.checks[1], SkipReason.NOT_DUE, detail="Nothing failed.")])
    assert "nothing to do. Nothing failed." in skipped.detail


@pytest.mark.parametrize("how", [Provenance.EMBEDDED, Provenance.SIMULATED])
def test_an_item_proved_on_a_stand_in_says_so(how: Provenance) -> None:
    [row] = judge_items([ITEM], [line(ITEM.checks[0]), line(ITEM.checks[1], how=how)])
    assert row.is_only_rehearsed
    assert count_items([row]) == "1 of 1 passed (all only in rehearsal)"
    [live] = judge_items([ITEM], [line(check) for check in ITEM.checks])
    assert not live.is_only_rehearsed


def test_the_table_says_what_was_not_in_the_run() -> None:
    [row] = item_table(judge_items([ITEM], []))
    assert (row["item"], row["result"], row["looked at"]) == (7, "not in this run", "")


MANUAL = LaunchItem(number=8, title="QA agrees", manual=ByHand(owner="ana@example.com", how="She signs the release ticket"))
OTHERS = LaunchItem(number=9, title="The site is told", not_ours="the web team tells it")


def test_what_no_check_proves_is_never_counted_as_passed() -> None:
    lines = [line(check) for check in ITEM.checks]
    rows = judge_items([ITEM, MANUAL, OTHERS], lines)
    assert [row.came_to for row in rows] == ["passed", "by hand: ana@example.com", "not ours: the web team tells it"]
    assert count_items(rows) == "1 of 3 passed, 1 by hand, 1 not ours"
    assert rows[1].detail == "She signs the release ticket."
    assert not any(row.is_only_rehearsed for row in rows[1:])
    assert [row["result"] for row in item_table(rows)] == [row.came_to for row in rows]


def test_a_gate_of_no_item_is_still_told_beside_them() -> None:
    rows = judge_items([MANUAL], [line("migrations.found", Outcome.FAIL, detail="None is there.")])
    assert [row.state for row in rows] == [State.BY_HAND, State.FAILED]
    assert count_items(rows) == "0 of 2 passed, 1 failed, 1 by hand"
