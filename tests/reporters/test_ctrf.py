"""A run in the Common Test Report Format: one test a check, failed exactly where it stops the launch, counted as it says."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from lib.core.results import Outcome
from lib.reporters.ctrf import FILE, make_ctrf, write_ctrf
from lib.reporters.report import RunReport
from tests.support.report_worlds import ADVISORY, GATE, HOSTILE, MIGRATION, OTHER_GATE, red, result, world

SUMMARY = {"tests", "passed", "failed", "skipped", "pending", "other", "suites", "start", "stop", "duration"}
TEST = {
    "testId", "executionId", "name", "status", "rawStatus", "duration", "start", "stop", "suite", "message", "filePath", "line",
    "labels",
}  # fmt: skip
"""Names that the format's schema knows, of those that are used here; it takes no other."""


def by_check(report: RunReport) -> dict[str, Any]:
    return {test["testId"]: test for test in make_ctrf(report)["results"]["tests"]}


@pytest.mark.parametrize("make", [world, red])
def test_it_has_what_the_format_wants_and_nothing_else(tmp_path: Path, make: Any) -> None:
    report = make(tmp_path)
    found = make_ctrf(report)
    assert (found["reportFormat"], found["specVersion"], found["runId"]) == ("CTRF", "0.0.0", report.run.run_id)
    results = found["results"]
    assert set(results["summary"]) == SUMMARY and all(isinstance(value, int) for value in results["summary"].values())
    counted = Counter(test["status"] for test in results["tests"])
    assert {name: results["summary"][name] for name in ("passed", "failed", "skipped", "pending", "other")} == {
        name: counted[name] for name in ("passed", "failed", "skipped", "pending", "other")
    }
    assert len(results["tests"]) == results["summary"]["tests"] == len(report.lines)
    for test in results["tests"]:
        assert set(test) <= TEST and {"name", "status", "duration"} <= set(test)
        assert test["start"] <= test["stop"] and isinstance(test["duration"], int)
        assert all(value != "" or name == "subject" for name, value in test["labels"].items())


def test_only_what_stops_the_launch_is_failed(tmp_path: Path) -> None:
    found = by_check(red(tmp_path))
    assert {check for check, test in found.items() if test["status"] == "failed"} == {GATE, OTHER_GATE}
    assert (found[OTHER_GATE]["rawStatus"], found[ADVISORY]["status"]) == ("error", "other")
    assert (found[GATE]["filePath"], found[GATE]["line"]) == (MIGRATION, 1)
    assert found["seed.checks_hold"]["status"] == "skipped"
    assert "\x1b" not in found[ADVISORY]["message"] and HOSTILE not in found[ADVISORY]["message"]


def test_a_waived_gate_is_other_and_keeps_its_own_result(tmp_path: Path) -> None:
    test = by_check(world(tmp_path, {GATE: result(GATE, Outcome.FAIL, detail="known")}, waived=GATE))[GATE]
    assert (test["status"], test["rawStatus"]) == ("other", "fail")


def test_the_same_run_is_the_same_file(tmp_path: Path) -> None:
    report = world(tmp_path)
    write_ctrf(report)
    first = (report.run.run_folder / FILE).read_bytes()
    write_ctrf(report)
    assert (report.run.run_folder / FILE).read_bytes() == first
    assert json.loads(first)["results"]["environment"]["testEnvironment"] == report.run.environment
