"""What GitHub makes of a workflow beyond its schema, and what looks like a fault and is none."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from lib.clients.workflow_finding import WorkflowFinding
from lib.clients.workflow_rules import cron_problem, find_broken_scripts, find_rule_breaches


@pytest.mark.parametrize(
    "cron",
    ["0 3 * * *", "*/5 * * * *", "5,35 0-6/2 1-7 JAN-mar MON-fri", "0 0 29 2 *",
     "0 0 31 1-2 *", "0 0 31 2 1", "0 0 * * 7", "5/15 * * * *"],
)  # fmt: skip
def test_a_good_schedule_has_no_problem(cron: str) -> None:
    assert cron_problem(cron) == ""


@pytest.mark.parametrize(
    ("cron", "said"),
    [
        ("61 * * * *", "minute 61 is not within 0 to 59"),
        ("0 24 * * *", "hour 24 is not within 0 to 23"),
        ("0 0 31 2 *", "no such day ever comes"),
        ("0 0 30 feb *", "no such day ever comes"),
        ("0 0 31 4,6,9,11 *", "no such day ever comes"),
        ("0 0 3 * * *", "it has 6 fields, not 5"),
        ("@daily", "it has 1 fields, not 5"),
        ("", "it has 0 fields, not 5"),
        ("0 0 * * monday", "weekday monday is no number"),
        ("0 0 * 0 *", "month 0 is not within 1 to 12"),
        ("*/0 * * * *", "minute has the step 0"),
        ("30-10 * * * *", "minute 30-10 ends before it begins"),
        ("1, * * * *", "minute nothing is no number"),
    ],
)
def test_an_impossible_schedule_says_why(cron: str, said: str) -> None:
    assert cron_problem(cron) == said


def breaches(root: Path, jobs: dict[str, Any], on: Any = None) -> list[str]:
    return [one.words for one in find_rule_breaches("ci.yml", {"on": on or {"push": None}, "jobs": jobs}, root=root)]


def test_jobs_that_need_what_is_not_there_or_each_other(tmp_path: Path) -> None:
    assert breaches(tmp_path, {"a": {"needs": "b"}, "B": {"needs": []}}) == []
    assert breaches(tmp_path, {"a": {"needs": ["b", "c"]}, "b": {}}) == ["job a needs c, which is no job of the workflow"]
    assert breaches(tmp_path, {"a": {"needs": "b"}, "b": {"needs": ["c"]}, "c": {"needs": "b"}, "d": {"needs": "a"}}) == [
        "jobs wait for each other: b needs c needs b"
    ]
    assert breaches(tmp_path, {"a": {"needs": "a"}}) == ["jobs wait for each other: a needs a"]


def test_schedules_of_a_workflow(tmp_path: Path) -> None:
    on = {"schedule": [{"cron": "0 3 * * *"}, {"cron": "61 * * * *"}, {"other": 1}]}
    assert breaches(tmp_path, {}, on) == ["cron 61 * * * *: minute 61 is not within 0 to 59"]


def test_called_files_of_the_project_are_there(tmp_path: Path) -> None:
    (tmp_path / ".github/actions/set-up").mkdir(parents=True)
    (tmp_path / ".github/actions/set-up/action.yml").write_text("name: x\n")
    good = {"steps": [{"uses": "./.github/actions/set-up"}, {"uses": "actions/checkout@v4"}, {"uses": "docker://x"}]}
    assert breaches(tmp_path, {"a": good}) == []
    assert breaches(tmp_path, {"a": {"uses": "./.github/workflows/x.yml"}, "b": {"steps": [{"uses": "./gone"}]}}) == [
        "job a uses ./.github/workflows/x.yml, which is not in the project",
        "job b uses ./gone, which is not in the project",
    ]
    other = {"steps": [{"uses": "actions/checkout@v4", "with": {"repository": "x/y"}}, {"uses": "./gone"}]}
    assert breaches(tmp_path, {"a": other}) == []


def broken(steps: list[dict[str, Any]], **job: Any) -> list[WorkflowFinding]:
    return list(find_broken_scripts("ci.yml", {"jobs": {"a": {"runs-on": "ubuntu-latest", "steps": steps, **job}}}))


@pytest.mark.parametrize(
    ("step", "job"),
    [
        ({"run": "if [ \"${{ github.ref }}\" = x ]; then\n  echo ${{ toJSON(github) }}\nfi\n"}, {}),
        ({"run": "for x in ${{ matrix.all }}; do [[ $x =~ ^a ]] && echo; done"}, {}),
        ({"run": "if (Test-Path x) { echo y", "shell": "pwsh"}, {}),
        ({"run": "if (Test-Path x) { echo y"}, {"runs-on": "windows-latest"}),
        ({"run": "if (Test-Path x) { echo y"}, {"runs-on": "${{ matrix.os }}"}),
        ({"run": "print('a')", "shell": "python"}, {}),
        ({"run": "if then", "shell": "fish {0}"}, {}),
        ({"uses": "actions/checkout@v4"}, {}),
    ],
)  # fmt: skip
def test_a_script_that_can_be_parsed_or_whose_shell_is_not_known_is_no_finding(step: dict[str, Any], job: dict[str, Any]) -> None:
    assert broken([step], **job) == []


@pytest.mark.parametrize(
    ("step", "job"),
    [
        ({"run": "if true; then\n  echo a\n"}, {}),
        ({"run": "echo 'a\n", "shell": "bash -eo pipefail {0}"}, {"runs-on": ["self-hosted"]}),
        ({"run": "case x in"}, {"runs-on": "windows-latest", "defaults": {"run": {"shell": "bash"}}}),
        ({"run": "print('a'", "shell": "python"}, {}),
    ],
)
def test_a_script_that_cannot_be_parsed_is_one(step: dict[str, Any], job: dict[str, Any]) -> None:
    [found] = broken([{"run": "true"}, step], **job)
    assert (found.rule, found.severity, found.words.startswith("job a, step 2: ")) == ("shell", "High", True)


def test_the_scripts_of_an_action_are_looked_at() -> None:
    action = {"runs": {"using": "composite", "steps": [{"run": "if true", "shell": "bash"}]}}
    [found] = find_broken_scripts("action.yml", action)
    assert found.words.startswith("the action, step 1: the shell cannot parse it")


@pytest.mark.parametrize(
    "document", [None, [], {"jobs": 3}, {"on": [], "jobs": {"a": None, "b": {"needs": 3, "steps": {"x": 1}}}}]
)
def test_any_other_shape_is_left_to_the_schema(tmp_path: Path, document: Any) -> None:
    assert list(find_rule_breaches("x.yml", document, root=tmp_path)) == []
    assert list(find_broken_scripts("x.yml", document)) == []


def test_severities_are_ordered() -> None:
    found = {
        name: WorkflowFinding(file="", rule="", severity=name, line=None, words="") for name in ("Low", "High", "Odd", "Unknown")
    }
    assert [name for name, one in found.items() if one.is_at_least("Medium")] == ["High", "Odd", "Unknown"]
