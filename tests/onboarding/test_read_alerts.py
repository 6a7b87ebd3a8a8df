"""The rule file that is tested, or has the most alerts, is the project's; its numbers are read, never guessed."""

from __future__ import annotations

from pathlib import Path

import pytest

from lib.onboarding.read_alerts import AlertFiles, read_alerts
from lib.onboarding.tree import walk_project
from tests.support.onboarding_worlds import RULE_TESTS, RULES, write

MORE = RULES + "      - {alert: Third, expr: 'x < -3'}\n      - {alert: Fourth, expr: 'a > b'}\n"


def read(root: Path, files: dict[str, str]) -> tuple[AlertFiles | None, list[str]]:
    problems: list[str] = []
    return read_alerts(walk_project(write(root, files)), problems), problems


def test_the_tested_file_is_chosen_over_a_larger_one(tmp_path: Path) -> None:
    found, problems = read(tmp_path, {"ops/alerts.yml": RULES, "ops/t.yml": RULE_TESTS, "more.yml": MORE})
    assert found is not None and problems == []
    assert (found.rules, found.tests, found.others) == ("ops/alerts.yml", "ops/t.yml", ("more.yml",))


def test_numbers_are_read_whatever_their_sign_and_what_has_none_is_named(tmp_path: Path) -> None:
    found, _ = read(tmp_path, {"more.yml": MORE})
    assert found is not None
    assert (found.thresholds, found.without, found.tests) == ({"Slow": 0.5, "Third": -3.0}, ("Down", "Fourth"), "")


@pytest.mark.parametrize(
    "text",
    [
        "services: {web: {image: x}}\n",
        "groups: []\n",
        "groups:\n  - rules:\n      - {record: a, expr: b}\n",
        "- alert: x\n",
        "{{ alert: }}\n",
    ],
)
def test_what_has_no_alert_is_no_rule_file(tmp_path: Path, text: str) -> None:
    assert read(tmp_path, {"compose.yml": text}) == (None, [])


def test_rules_that_are_no_yaml_are_said(tmp_path: Path) -> None:
    found, problems = read(tmp_path, {"alerts.yml": "groups:\n - rules: [{alert: x, expr: 'a'\n"})
    assert found == AlertFiles(rules="alerts.yml", tests="")
    assert len(problems) == 1 and "alerts.yml" in problems[0] and "line" in problems[0]
