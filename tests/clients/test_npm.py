"""A command that fails because nothing is installed says nothing about the project; installed, its failure is its own."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from lib.clients.npm import run_script
from lib.core.busyness import QUIET
from lib.core.results import Outcome
from lib.tasks.guardrails.judge import judge_scripts

NEEDS = {"devDependencies": {"eslint": "9"}}


@pytest.mark.parametrize(
    ("package", "installed", "script", "outcome"),
    [
        (NEEDS, "", "no-such-program-here", Outcome.ERROR),
        (NEEDS, "", "exit 1", Outcome.ERROR),
        (NEEDS, "", "node -e 0", Outcome.PASS),
        (NEEDS, "node_modules", "exit 1", Outcome.FAIL),
        (NEEDS, ".pnp.cjs", "exit 1", Outcome.FAIL),
        ({}, "", "exit 1", Outcome.FAIL),
        ({"dependencies": {}}, "", "exit 1", Outcome.FAIL),
    ],
)
def test_a_failure_counts_where_what_is_needed_is_there(
    tmp_path: Path, package: dict[str, object], installed: str, script: str, outcome: Outcome
) -> None:
    (tmp_path / "package.json").write_text(json.dumps({**package, "scripts": {"lint": script}}))
    if installed:
        (tmp_path / installed).mkdir()
    result = judge_scripts([run_script(tmp_path, "lint", timeout_s=60)], QUIET, limit_s=60)
    assert result.outcome is outcome, result
    assert ("what package.json needs is not installed" in result.detail) is (outcome is Outcome.ERROR)


@pytest.mark.parametrize(
    ("script", "passed"),
    [
        ("echo no tests && exit 0", None),
        ("echo 'Error: no test specified' ; exit 0", None),
        ("node -e \"console.log('No tests found, exiting with code 0')\"", None),
        ("node -e \"console.log('# tests 0\\n# pass 0')\"", None),
        ("node -e \"console.log('Tests:       0 total')\"", None),
        ("node -e \"console.log('No test files found, exiting with code 0')\"", None),
        ("node -e \"console.log('  0 passing (2ms)')\"", None),
        ("node -e \"console.log('Tests:       3 passed, 3 total')\"", True),
        ("node -e \"console.log('12 tests passed, 0 tests failed')\"", True),
        ("node -e \"console.log('# tests 4\\n# fail 0')\"", True),
        ("node -e \"console.log('all well, nothing to warn of')\"", True),
        ("node -e \"console.log('No tests found'); process.exit(1)\"", False),
    ],
)
def test_a_test_command_that_ran_no_test_is_no_pass(tmp_path: Path, script: str, passed: bool | None) -> None:
    (tmp_path / "package.json").write_text(json.dumps({"scripts": {"test:ci": script}}))
    assert run_script(tmp_path, "test:ci", timeout_s=60).passed is passed


def test_only_a_test_command_must_run_tests(tmp_path: Path) -> None:
    (tmp_path / "package.json").write_text(json.dumps({"scripts": {"latest": "node -e \"console.log('No tests found')\""}}))
    assert run_script(tmp_path, "latest", timeout_s=60).passed is True
