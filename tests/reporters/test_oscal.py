"""A run as OSCAL assessment results: every reference leads somewhere, a finding a gate, no gate satisfied that did not pass."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from lib.core.results import Outcome
from lib.reporters.oscal import FILE, make_oscal, write_oscal
from tests.support.report_worlds import GATE, OTHER_GATE, red, result, world

TOKEN = re.compile(r"^[^\W\d][\w.\-]*$")
"""What OSCAL takes as a name or an id."""
VALUE = re.compile(r"^\S(.*\S)?$")
"""What OSCAL takes as a property's value: one line, no space at its ends."""


def walk(value: Any) -> Iterator[tuple[str, Any]]:
    """Yield each name of a document with its value, at every depth."""
    for name, inner in value.items() if isinstance(value, dict) else ():
        yield name, inner
        yield from walk(inner)
    for inner in value if isinstance(value, list) else ():
        yield from walk(inner)


@pytest.mark.parametrize("make", [world, red])
def test_it_has_the_form_that_oscal_wants(tmp_path: Path, make: Any) -> None:
    document = make_oscal(make(tmp_path))["assessment-results"]
    assert {"uuid", "metadata", "import-ap", "results"} <= set(document)
    assert {"title", "last-modified", "version", "oscal-version"} <= set(document["metadata"])
    ids = [value for name, value in walk(document) if name == "uuid"]
    assert len(ids) == len(set(ids)) and all(UUID(one).version == 5 for one in ids)
    assert document["import-ap"]["href"].removeprefix("#") in ids
    for name, value in walk(document):
        assert value not in ([], {}, ""), name
        if name == "props":
            assert all(TOKEN.match(one["name"]) and VALUE.match(one["value"]) for one in value)
        if name in ("control-id", "target-id"):
            assert TOKEN.match(value)
        if name == "observation-uuid":
            assert value in ids


def test_findings_say_what_the_verdict_takes(tmp_path: Path) -> None:
    report = red(tmp_path)
    [made] = make_oscal(report)["assessment-results"]["results"]
    found = {one["target"]["target-id"]: one["target"]["status"] for one in made["findings"]}
    assert found[GATE] == {"state": "not-satisfied", "reason": "fail"}
    assert found[OTHER_GATE] == {"state": "not-satisfied", "reason": "other"}
    assert set(found) == {line.check for line in report.lines if line.gate and line.result is not Outcome.SKIP}
    assert all(
        (found[line.check]["state"] == "satisfied") == (line.result is Outcome.PASS)
        for line in report.lines
        if line.check in found
    )
    assert len(made["observations"]) == len(report.lines)


def test_a_waived_gate_stays_not_satisfied_and_names_its_waiver(tmp_path: Path) -> None:
    report = world(tmp_path, {GATE: result(GATE, Outcome.FAIL, detail="known")}, waived=GATE)
    [made] = make_oscal(report)["assessment-results"]["results"]
    [found] = [one for one in made["findings"] if one["target"]["target-id"] == GATE]
    assert found["target"]["status"]["state"] == "not-satisfied" and "@team" in found["remarks"]


@pytest.mark.parametrize("make", [world, red])
def test_foreign_code_reads_it(tmp_path: Path, make: Any) -> None:
    models = pytest.importorskip("trestle.oscal.assessment_results", reason="compliance-trestle is not installed")
    report = make(tmp_path)
    write_oscal(report)
    read = models.AssessmentResults.model_validate(json.loads((report.run.run_folder / FILE).read_text())["assessment-results"])
    assert len(read.results[0].observations) == len(report.lines)
