"""Jobs that wait for no runner, and jobs that only say that they test."""

from __future__ import annotations

from typing import Any

import pytest

from lib.clients.workflow_jobs import find_job_problems

TEST = [{"run": "npm test"}]


def found(job: dict[str, Any], *, file: str = "ci.yml", name: str = "one") -> list[str]:
    return list(find_job_problems(file, name, job, {}))


@pytest.mark.parametrize(
    "runner",
    ["ubuntu-latest", "ubuntu-24.04", "ubuntu-24.04-arm", "ubuntu-latest-16-cores", "ubuntu-26.04", "macos-15-intel",
     "windows-2025", "our-runner", "linux-large", "${{ matrix.os }}", ["self-hosted", "ubuntu-20.04"],
     {"group": "big", "labels": "ubuntu-lates"},
     "blacksmith-4vcpu-ubuntu-2204", "ubuntu-16-cores"],
)  # fmt: skip
def test_a_runner_that_there_may_be(runner: object) -> None:
    assert found({"runs-on": runner, "steps": TEST}) == []


@pytest.mark.parametrize(
    "runner", ["ubuntu-lates", "ubunut-latest", "ubuntu-20.04", "ubuntu-99", "macos-12", ["ubuntu-latets"], "ubuntu"]
)
def test_a_runner_that_is_none(runner: object) -> None:
    [said] = found({"runs-on": runner, "steps": TEST})
    assert said.startswith("job one never starts")


@pytest.mark.parametrize(
    ("job", "is_empty"),
    [
        ({"steps": [{"run": "echo All tests passed"}]}, True),
        ({"steps": [{"uses": "actions/checkout@v4"}, {"run": "echo ok\nexit 0"}]}, True),
        ({"steps": [{"run": "echo ok && npm test"}]}, False),
        ({"steps": [{"run": "echo a >> $GITHUB_STEP_SUMMARY"}]}, False),
        ({"steps": [{"run": "echo ok"}], "needs": ["build"]}, False),
        ({"steps": [{"run": "echo ok"}, {"uses": "owner/scan@v1"}]}, False),
        ({"steps": TEST}, False),
        ({"steps": [{"run": "echo ${{ github.event_name }}"}]}, False),
        ({"uses": "./.github/workflows/test.yml"}, False),
    ],
)
def test_a_job_that_only_says_something(job: dict[str, Any], is_empty: bool) -> None:
    assert bool(found({"runs-on": "ubuntu-latest", **job})) is is_empty


def test_a_job_for_paths_that_need_no_test_may_stand_for_another() -> None:
    job = {"runs-on": "ubuntu-latest", "steps": [{"run": "echo No test required"}]}
    assert list(find_job_problems("test.yml", "test", job, {"on": {"pull_request": {"paths": ["**.md"]}}})) == []
    assert list(find_job_problems("test.yml", "test", job, {"on": {"pull_request": {"branches": ["main"]}}})) != []


def test_a_job_that_stands_for_no_test_may_say_what_it_likes() -> None:
    assert found({"runs-on": "ubuntu-latest", "steps": [{"run": "echo hello"}]}, file="greet.yml") == []
