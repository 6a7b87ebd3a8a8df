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


def node_tests(body: str) -> str:
    return f'import test from "node:test";\n{body}\n'


@pytest.mark.parametrize(
    ("script", "body", "passed"),
    [
        ("node --test a.test.mjs", node_tests('test("a", () => {});'), True),
        ("node --test a.test.mjs", node_tests('test("a", () => {}); test.skip("b", () => {});'), True),
        ("rm -rf tmp; node --test a.test.mjs", node_tests('test("a", () => {});'), True),
        ("(rm tmp || true) && node --test a.test.mjs", node_tests('test("a", () => {});'), True),
        ("npm run lint && node --test a.test.mjs", node_tests('test("a", () => {});'), True),
        ("node --test a.test.mjs", "// nothing", None),
        ("node --test a.test.mjs", node_tests('test.skip("b", () => {}); test.todo("c");'), None),
        ("node --test --test-name-pattern=gone a.test.mjs", node_tests('test("a", () => {});'), None),
        ("node --test a.test.mjs | cat", node_tests('test("a", () => { throw new Error("no"); });'), None),
        ("node --test gone.mjs || true", "", None),
        ("node --test gone.mjs; exit 0", "", None),
        ("npm run lint", "", None),
        ("node --check a.test.mjs", "1", None),
        ("node -e \"console.log('Tests:       3 skipped, 3 total')\"", "", None),
        ("node -e \"console.log('Tests:       1 skipped, 3 passed, 4 total')\"", "", True),
        ("node -e \"console.log('1..1\\nok 1 - a # SKIP')\"", "", None),
        ("node -e \"console.log('===== 3 skipped in 0.01s =====')\"", "", None),
        ("node -e \"console.log('==== 3 passed, 1 skipped in 0.1s ====')\"", "", True),
        ("node -e \"console.log('?   x/cmd [no test files]\\nok  \\tx/lib\\t0.01s')\"", "", True),
    ],
)
def test_a_test_command_that_tested_nothing_or_hides_a_failure_is_no_pass(
    tmp_path: Path, script: str, body: str, passed: bool | None
) -> None:
    scripts = {"test:ci": script, "lint": "eslint --version || node -e 0"}
    (tmp_path / "package.json").write_text(json.dumps({"type": "module", "scripts": scripts}))
    (tmp_path / "a.test.mjs").write_text(body)
    run = run_script(tmp_path, "test:ci", timeout_s=60)
    assert run.passed is passed, (run.problem, run.run and run.run.transcript)
