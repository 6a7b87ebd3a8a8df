"""Who is mailed, when a deploy may happen, which guardrails hold: said in the runbook, or named as left open."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from lib.core.paths import ROOT
from lib.core.results import Outcome
from lib.tasks.readiness_summary.judge import judge_runbook
from lib.tasks.readiness_summary.runbook_words import (
    ANY_TIME,
    find_guardrails_problem,
    find_unmailed,
    find_window_problem,
    find_word_problems,
    format_window,
)

MAILED = """# Deployment

## Who is mailed

| it succeeded | ops@example.com |
| it failed | ops@example.com |
| it was rolled back | `NOTIFY_EMAIL` |

## After
"""
WINDOW = {"days": ["mon", "thu"], "opens": "09:00", "until": "16:00", "time_zone": "Europe/Berlin", "closed": ["2026-12-24"]}
SENTENCE = "Monday and Thursday, from 09:00 to 16:00, time zone Europe/Berlin, but not on 2026-12-24."


def test_who_is_mailed_on_each_ending_is_said() -> None:
    assert find_unmailed(MAILED) == []


@pytest.mark.parametrize(
    ("was", "now", "left"),
    [
        ("| it succeeded | ops@example.com |\n", "", ["success"]),
        ("| it failed | ops@example.com |", "| it failed | somebody |", ["failure"]),
        ("`NOTIFY_EMAIL`", "nobody", ["rollback"]),
        ("## Who is mailed", "## Endings", ["success", "failure", "rollback"]),
        ("## Who is mailed\n", "## Who is mailed\n\n## Else\n", ["success", "failure", "rollback"]),
        ("# Deployment", "# Deployment by mail@example.com, which may succeed, fail or be rolled back", []),
    ],
    ids=["one line gone", "no address", "nobody", "no heading", "below another heading", "a look-alike above"],
)
def test_what_is_left_open_is_named(was: str, now: str, left: list[str]) -> None:
    assert find_unmailed(MAILED.replace(was, now)) == left


@pytest.mark.parametrize(
    ("window", "sentence"),
    [
        (None, ANY_TIME),
        (WINDOW, SENTENCE),
        ({**WINDOW, "closed": ["2026-12-24..2027-01-01"]}, SENTENCE.replace("2026-12-24", "2026-12-24 to 2027-01-01")),
        ({**WINDOW, "closed": [], "days": []}, "Every day, from 09:00 to 16:00, time zone Europe/Berlin."),
    ],
)
def test_the_window_is_one_sentence(window: dict[str, Any] | None, sentence: str) -> None:
    assert format_window(window) == sentence


def test_a_declared_window_must_be_told_as_it_is() -> None:
    assert find_window_problem(MAILED, None) == ""
    folded = SENTENCE.replace(", time", ",\ntime")
    assert find_window_problem(f"{MAILED}\n{folded}", WINDOW) == ""
    assert find_window_problem(f"{MAILED}\n{SENTENCE}", {**WINDOW, "until": "17:00"}).endswith("but not on 2026-12-24.")
    assert SENTENCE in find_window_problem(MAILED, WINDOW)


@pytest.mark.parametrize(
    ("text", "is_linked"),
    [
        ("[rules](../ops/rules.md#before)", True),
        ("[rules](../ops/other.md)", False),
        ("`docs/ops/rules.md`", False),
        ("`[rules](../ops/rules.md)`", False),
    ],
    ids=["linked", "another", "only named", "an example"],
)
def test_the_guardrail_document_must_be_linked(tmp_path: Path, text: str, is_linked: bool) -> None:
    said = find_guardrails_problem(text, tmp_path / "docs/runbooks", tmp_path, "docs/ops/rules.md")
    assert (said == "") is is_linked
    assert find_guardrails_problem(text, tmp_path / "docs/runbooks", tmp_path, "") == ""


def test_what_is_left_open_fails_the_runbook() -> None:
    result = judge_runbook("x", "r.md", (), (), ["It does not say who is mailed on rollback."])
    assert result.outcome is Outcome.FAIL and "It does not say who is mailed on rollback." in result.detail


def test_the_sample_packs_runbook_leaves_nothing_open() -> None:
    pack = ROOT / "pack"
    text = (pack / "docs/runbooks/production_deployment.md").read_text()
    assert find_word_problems(text, pack / "docs/runbooks", pack, document="docs/ops/launch_guardrails.md", window=None) == []
