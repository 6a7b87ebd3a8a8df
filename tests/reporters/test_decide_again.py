"""Whoever verifies comes to the same verdict from the evidence, and a manifest that says more than it is contradicted."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lib.core.results import Outcome, SkipReason
from lib.core.verdict import Verdict
from lib.evidence.log import EvidenceLine
from lib.reporters.decide_again import decide_again, find_contradictions
from lib.reporters.report import RunReport, report_run
from lib.reporters.sealing import about_run
from lib.tasks.index import TASKS
from tests.support.report_worlds import ADVISORY, GATE, OTHER_GATE, result, world


def about(report: RunReport) -> dict[str, Any]:
    """Return what the manifest says, as it is read back."""
    said: dict[str, Any] = json.loads(json.dumps(about_run(report)))
    return {**said, "project": report.run.project}


def problems(report: RunReport, **changes: Any) -> list[str]:
    return list(find_contradictions({**about(report), **changes}, report.lines))


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    st.dictionaries(st.sampled_from([GATE, OTHER_GATE, ADVISORY]), st.sampled_from(Outcome)),
    st.sampled_from(["", GATE]),
    st.booleans(),
    st.booleans(),
)
def test_every_verdict_is_come_to_again(
    tmp_path_factory: pytest.TempPathFactory, said: dict[str, Outcome], waived: str, partial: bool, finished: bool
) -> None:
    made = {check: result(check, outcome) for check, outcome in said.items()}
    given_waiver = waived if said.get(waived) is Outcome.FAIL else ""
    home = tmp_path_factory.mktemp("world")
    report = world(home, made, waived=given_waiver, outcome={"partial": partial, "finished": finished})
    assert decide_again(about(report), report.lines) is report.verdict
    assert problems(report) == []
    for other in set(Verdict) - {report.verdict}:
        [one] = problems(report, verdict=other.word)
        assert one == f"the manifest says {other.word}, and its evidence comes to {report.verdict.word}"


def test_lines_of_another_run_project_or_environment_are_named(tmp_path: Path) -> None:
    report = world(tmp_path)
    assert "lines of the environment staging, and the manifest is of production" in problems(report, environment="production")[0]
    assert "lines of the run id" in problems(report, run_id="20260101T000000Z-aaaa")[0]
    lines = [line.model_copy(update={"project": "other"}) for line in report.lines]
    assert "lines of the project other" in next(iter(find_contradictions(about(report), lines)))


def counted(report: RunReport, check: str, **changes: Any) -> list[str]:
    said = about(report)
    whole = {
        "outcome": "pass", "gate": True, "provenance": "live", "skipped_because": None,
        "is_hidden": False, "is_waived": False, "is_reused": False,
    }  # fmt: skip
    said["policy"]["counted"][check] = {**whole, **changes}
    return list(find_contradictions({**said, "verdict": decide_again(said, report.lines).word}, report.lines))


def test_nothing_counts_as_what_no_waiver_and_no_other_environment_can_make_of_it(tmp_path: Path) -> None:
    failed = world(tmp_path / "failed", {GATE: result(GATE, Outcome.FAIL)})
    assert counted(failed, GATE) == [f"{GATE} counts as pass, which its evidence does not bear out"]
    assert counted(failed, GATE, is_waived=True) == [f"{GATE} counts as pass, which its evidence does not bear out"]
    assert counted(failed, GATE, is_waived=True, outcome="fail") == []
    assert counted(failed, "rls.no_such_check") == ["rls.no_such_check counts as pass, which its evidence does not bear out"]
    untried = result(GATE, Outcome.SKIP, skipped_because=SkipReason.NOT_ALLOWED)
    other = world(tmp_path / "untried", {GATE: untried})
    assert counted(other, GATE) == []
    assert counted(other, GATE, provenance="simulated") == [f"{GATE} counts as pass, which its evidence does not bear out"]


def test_a_line_that_no_disk_took_still_counts(tmp_path: Path) -> None:
    report = world(tmp_path, {GATE: result(GATE, Outcome.FAIL)})
    lost: list[EvidenceLine] = [line for line in report.lines if line.check == GATE]
    kept = [line for line in report.lines if line.check != GATE]
    said = json.loads(json.dumps(about_run(report, unkept=lost)))
    assert decide_again(said, kept) is Verdict.NO_GO
    assert list(find_contradictions(said, kept)) == []


def test_an_older_manifest_has_no_policy_to_judge_by(tmp_path: Path) -> None:
    report = world(tmp_path)
    said = {name: value for name, value in about(report).items() if name != "policy"}
    assert list(find_contradictions(said, report.lines)) == []


@pytest.mark.parametrize(
    "policy", [None, [], {}, {"counted": {"x": {}}, "gates": [], "twin_proof": "", "vouched": True, "unkept": []}]
)
def test_a_policy_that_is_none_is_said(tmp_path: Path, policy: object) -> None:
    assert problems(world(tmp_path), policy=policy) == ["the policy that the manifest keeps can't be read"]


def test_what_was_too_old_counts_as_not_determined_again(tmp_path: Path) -> None:
    first = world(tmp_path, {GATE: result(GATE, Outcome.PASS)})
    lines = [
        line.model_copy(update={"started_at": line.started_at - timedelta(hours=30)}) if line.check == GATE else line
        for line in first.found
    ]
    report = report_run(first.run, TASKS, lines, first.outcome)
    assert report.verdict is Verdict.BLOCKED and report.found == tuple(lines)
    assert decide_again(about(report), report.found) is Verdict.BLOCKED
    assert list(find_contradictions(about(report), report.found)) == []
