"""No check passes over fewer objects than its title speaks of: what a judge says is read, and so is what a run kept.

Beside this every pass of every task's test is looked at as it is made: tests/tasks/conftest.py.
"""

from __future__ import annotations

import ast
import json
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from lib.core.paths import ROOT
from lib.core.results import Check, Outcome, Result, SkipReason
from lib.tasks.index import TASKS
from tests.support.denominators import COUNTS_FAULTS, LEGITIMATE, SHRUNK, find_shrinking

CHECKS = {check.id: check for task in TASKS for check in task.checks}
JUDGES = sorted(path for path in (ROOT / "lib" / "tasks").rglob("*.py") if path.name not in ("task.py", "show.py", "figures.py"))
MAY_SAY_SO = {
    "alerts/judge.py:judge_coverage": "names alerts whose threshold has no part to be moved by; LEGITIMATE",
    "backup_restore/judge.py:judge_definitions": "names the platform's objects; LEGITIMATE",
    "backup_restore/judge.py:judge_dump": "the sentence of a fail",
    "guardrails/judge.py:judge_secrets": "names what was not scanned; LEGITIMATE",
    "health/judge.py:judge_samples": "how many samples the request limit refused; LEGITIMATE",
    "migrations/judge.py:judge_lint": "names the checks that judge the other findings; LEGITIMATE",
    "migrations/judge.py:judge_level": "how many findings 02_rls judges; LEGITIMATE",
    "migrations/judge_drift.py:judge_drift": "the sentence of an error",
    "migrations/judge_twin.py:judge_match": "names what differed before the push; LEGITIMATE",
    "readiness_summary/looks.py:judge_leaks": "the sentences of errors",
    "rls/judge_pgtap.py:judge_pgtap": "names tests that the project skips; LEGITIMATE",
    "seed/judge.py:judge_recorded": "the sentence of a fail",
}
"""Function -> why it may pass and yet hold words by which a result speaks of fewer objects than its title."""
SAFE = {
    "LeftOut",
    "Refusal",
    "TargetError",
    "errored",
    "failed",
    "hidden_by",
    "leave_out",
    "not_allowed",
    "not_applicable",
    "not_due",
}
"""What a sentence may be handed to without ever being that of a pass."""


def passing_sentences() -> Iterator[tuple[str, str]]:
    """Yield each function of a task that may return a pass, with each of its texts that says what it left out."""
    for path in JUDGES:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.FunctionDef) and can_pass(node):
                place = f"{path.relative_to(ROOT / 'lib' / 'tasks').as_posix()}:{node.name}"
                yield from ((place, text) for text in texts_of(node) if SHRUNK.search(text))


def can_pass(function: ast.FunctionDef) -> bool:
    calls = {name_of(node) for node in ast.walk(function) if isinstance(node, ast.Call)}
    return bool(calls & {"passed", "judge", "judge_all", "judge_timed", "count_check", "judge_problems"})


def name_of(call: ast.Call) -> str:
    return call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", "")


def texts_of(function: ast.FunctionDef) -> Iterator[str]:
    """Yield the texts of a function, without its docstring and what is only ever handed to something that is no pass."""
    docstring = ast.get_docstring(function, clean=False)

    def walk(node: ast.AST) -> Iterator[str]:
        if isinstance(node, ast.Call) and name_of(node) in SAFE:
            return
        if isinstance(node, ast.keyword) and node.arg == "fix":
            return
        if isinstance(node, ast.Assign) and all(
            isinstance(one, ast.Name) and one.id in ("fix", "reason") for one in node.targets
        ):
            return
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and node.value != docstring:
            yield node.value
        for child in ast.iter_child_nodes(node):
            yield from walk(child)

    yield from walk(function)


def test_no_judge_that_may_pass_says_what_it_left_out() -> None:
    found = {place: text for place, text in passing_sentences() if place not in MAY_SAY_SO}
    assert found == {}, "use lib.core.left_out.judge_all, or name the function in MAY_SAY_SO with its reason"


def test_every_exception_has_a_reason_and_is_still_there() -> None:
    assert LEGITIMATE.keys() | COUNTS_FAULTS <= CHECKS.keys()
    assert {place for place, _ in passing_sentences()} >= MAY_SAY_SO.keys()
    assert all(LEGITIMATE.values()) and all(MAY_SAY_SO.values())


SAMPLE = Check("sample.every_table_is_well", "Every table is well")


@pytest.mark.parametrize(
    ("facts", "said"),
    [
        ({"detail": "Not judged here: a; see sample.a."}, "passes and says 'Not judged'"),
        ({"detail": "Not sampled: a (see sample.b)."}, "passes and says 'Not sampled'"),
        ({"observed": "all others pass"}, "passes and says 'all others'"),
        ({"detail": "Written to meanwhile, so not compared: a."}, "passes and says 'not compared'"),
        ({"observed": 2, "expected": 3, "unit": "tables"}, "passes with 2 of 3 tables"),
        ({"observed": 0, "expected": 0, "unit": "tables"}, "passes over nothing"),
        ({"observed": 3, "expected": 3, "unit": "tables", "detail": "All three."}, ""),
        ({"observed": 2.0, "expected": 60.0, "unit": "s"}, ""),
        ({"observed": 0, "expected": 0, "unit": "differences"}, ""),
    ],
)
def test_a_pass_that_speaks_of_fewer_is_found(facts: dict[str, object], said: str) -> None:
    found = find_shrinking(Result.of(SAMPLE, Outcome.PASS, **facts))
    assert (said in found) if said else not found


def test_what_is_no_pass_may_say_what_it_left_out() -> None:
    hidden = Result.of(SAMPLE, Outcome.SKIP, skipped_because=SkipReason.NOT_DUE, detail="Not judged: a. See sample.b.")
    assert find_shrinking(hidden) == ""


def read_results(evidence: Path) -> Iterator[Result]:
    """Yield the results that a run kept."""
    for line in evidence.read_text(encoding="utf-8").splitlines():
        kept = json.loads(line)
        if kept.get("check") in CHECKS and kept.get("result") == Outcome.PASS.value:
            facts = {name: kept.get(name) for name in ("observed", "expected", "unit")}
            yield Result(check=kept["check"], outcome=Outcome.PASS, detail=kept.get("detail") or "", **facts)


def test_a_kept_run_has_no_pass_that_speaks_of_fewer() -> None:
    """RUN_EVIDENCE names the evidence.jsonl of a run."""
    named = os.environ.get("RUN_EVIDENCE")
    if not named:
        pytest.skip("No run is named: set RUN_EVIDENCE to an evidence.jsonl.")
    assert [said for result in read_results(Path(named)) if (said := find_shrinking(result))] == []
