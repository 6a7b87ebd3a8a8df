"""The launch list: every item has checks that exist, and its verdict is the worst of theirs."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from lib.core.errors import ParamsError
from lib.core.results import Outcome, Provenance, Result, SkipReason
from lib.core.verdict import State
from lib.evidence.log import EvidenceLine, line_of
from lib.reporters.launch_list import LaunchItem, count_items, item_table, judge_items, load_launch_list
from lib.run.layers import known_environments
from lib.run.params import load_params
from lib.tasks.index import TASKS, every_check

ITEM = LaunchItem(number=7, title="Failures notify", checks=["health.mail_server_accepts_us", "health.notification_delivered"])
GOOD = "items:\n  - number: 1\n    title: One\n    checks: [rls.pgtap_tests_pass]\n"


def line(
    check: str, came_to: Outcome | SkipReason = Outcome.PASS, *, how: Provenance = Provenance.LIVE, **facts: Any
) -> EvidenceLine:
    because = came_to if isinstance(came_to, SkipReason) else None
    outcome = Outcome.SKIP if isinstance(came_to, SkipReason) else came_to
    result = Result(check=check, outcome=outcome, skipped_because=because, **facts)
    at = datetime(2026, 11, 24, tzinfo=UTC)
    return line_of(result, every_check()[check], run_id="r", environment="x", provenance=how, started_at=at, duration_s=1)


def written(folder: Path, text: str) -> Path:
    path = folder / "launch_list.yaml"
    path.write_text(text)
    return path


def test_all_eighteen_items_are_there_each_with_checks_that_exist() -> None:
    items = load_launch_list()
    assert [item.number for item in items] == list(range(1, 19))
    for item in items:
        assert item.checks, f"item {item.number} has no check"
        assert set(item.checks) <= set(every_check()), f"item {item.number} names a check that does not exist"
        assert len(set(item.checks)) == len(item.checks)


def test_every_item_is_proved_by_a_gate() -> None:
    for item in load_launch_list():
        assert any(every_check()[check].gate for check in item.checks), item.title


def test_the_list_is_no_environment() -> None:
    assert "launch_list" not in known_environments()
    with pytest.raises(ParamsError, match=r"there is no params/launch_list\.yaml"):
        load_params("launch_list", variables={})


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("items: [", "is not valid YAML"),
        ("", "the file: input should be a valid dictionary"),
        ("items: []", "items: list should have at least 1 item"),
        (GOOD.replace("[rls.pgtap_tests_pass]", "[]"), "items.1.checks: list should have at least 1 item"),
        (GOOD.replace("number: 1", "number: one"), "items.1.number: input should be a valid integer"),
        (GOOD.replace("    title: One\n", ""), "items.1.title: field required"),
        (GOOD + "    who: me\n", "items.1.who: extra inputs are not permitted"),
        (GOOD.replace("pgtap_tests_pass", "pgtap_test_pass"), "did you mean rls.pgtap_tests_pass?"),
        (GOOD + GOOD.removeprefix("items:\n"), "number 1 is there twice"),
    ],
)
def test_what_is_wrong_with_the_file_is_one_clear_line(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(ParamsError) as caught:
        load_launch_list(written(tmp_path, text))
    [problem] = caught.value.problems
    assert said in problem
    assert problem.startswith("params/launch_list.yaml")
    assert "\n" not in problem


def test_a_missing_file_and_one_that_is_no_text_are_told(tmp_path: Path) -> None:
    with pytest.raises(ParamsError, match="can't be read: No such file"):
        load_launch_list(tmp_path / "launch_list.yaml")
    (tmp_path / "launch_list.yaml").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(ParamsError, match="no UTF-8 text"):
        load_launch_list(tmp_path / "launch_list.yaml")


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


def test_the_shipped_list_names_every_gate() -> None:
    listed = {check for item in load_launch_list() for check in item.checks}
    gates = {check.id for task in TASKS for check in task.checks if check.gate}
    assert gates - listed == set(), "name each under the item that it proves, in params/launch_list.yaml"


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
