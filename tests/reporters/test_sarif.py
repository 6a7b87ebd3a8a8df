"""What SARIF 2.1.0 demands of a log, and what readers of it need: rules with help, levels, places, fingerprints that stay.

The rules are the standard's own (the section is named at each); its JSON Schema is not at hand without a network.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from lib.core.results import Outcome
from lib.reporters.report import RunReport
from lib.reporters.sarif import FILE, make_sarif, write_sarif
from lib.tasks.index import every_check
from tests.support.report_worlds import ADVISORY, GATE, MIGRATION, OTHER_GATE, red, result, world

LOG = {"$schema", "version", "runs"}
RUN = {"tool", "automationDetails", "originalUriBaseIds", "columnKind", "invocations", "results", "properties"}
RULE = {"id", "name", "shortDescription", "fullDescription", "help", "defaultConfiguration", "properties"}
RESULT = {
    "ruleId", "ruleIndex", "kind", "level", "message", "locations", "relatedLocations", "partialFingerprints", "properties",
    "suppressions",
}  # fmt: skip


def run_of(report: RunReport) -> dict[str, Any]:
    log = make_sarif(report)
    assert log.keys() <= LOG and log["version"] == "2.1.0"
    [run] = log["runs"]
    check_run(run)
    return dict(run)


def check_run(run: dict[str, Any]) -> None:
    assert run.keys() <= RUN
    rules = run["tool"]["driver"]["rules"]
    assert len({rule["id"] for rule in rules}) == len(rules)  # 3.19.23
    for rule in rules:
        assert rule.keys() <= RULE
        assert all(rule[name]["text"] for name in ("shortDescription", "fullDescription", "help"))  # 3.12.3
        assert rule["defaultConfiguration"]["level"] in ("error", "warning")
    for found in run["results"]:
        assert found.keys() <= RESULT
        assert rules[found["ruleIndex"]]["id"] == found["ruleId"]  # 3.27.6
        assert found["message"]["text"]
        assert found["level"] == "none" or found["kind"] == "fail"  # 3.27.10
        for place in (*found["locations"], *found["relatedLocations"]):
            where = place["physicalLocation"]
            assert re.fullmatch(r"[A-Za-z0-9._~/%-]+", where["artifactLocation"]["uri"])  # 3.4.3: a relative reference
            assert where["artifactLocation"]["uriBaseId"] in run["originalUriBaseIds"]  # 3.14.14
            assert where.get("region", {"startLine": 1})["startLine"] >= 1  # 3.30.5
    [invocation] = run["invocations"]
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", invocation["startTimeUtc"])  # 3.9
    for told in invocation["toolExecutionNotifications"]:
        assert told["message"]["text"] and told["level"] in ("error", "warning")


def test_a_green_run_has_rules_and_no_result(tmp_path: Path) -> None:
    run = run_of(world(tmp_path))
    assert run["results"] == [] and run["invocations"][0]["executionSuccessful"] is True
    checks = {check for check in every_check() if not check.endswith(".notebook_ran_to_its_end")}
    assert {rule["id"] for rule in run["tool"]["driver"]["rules"]} == checks


def test_findings_have_levels_and_places(tmp_path: Path) -> None:
    run = run_of(red(tmp_path))
    found = {one["ruleId"]: one for one in run["results"]}
    assert {check: (one["kind"], one["level"]) for check, one in found.items()} == {
        GATE: ("fail", "error"),
        OTHER_GATE: ("open", "none"),
        ADVISORY: ("fail", "warning"),
    }
    [place] = found[GATE]["locations"]
    assert place["physicalLocation"] == {
        "artifactLocation": {"uri": MIGRATION, "uriBaseId": "PROJECTROOT"},
        "region": {"startLine": 1},
    }
    [told] = run["invocations"][0]["toolExecutionNotifications"]
    assert (told["level"], told["associatedRule"]["id"]) == ("error", OTHER_GATE)


def test_the_help_of_a_rule_is_the_checks_own(tmp_path: Path) -> None:
    rules = {rule["id"]: rule for rule in run_of(red(tmp_path))["tool"]["driver"]["rules"]}
    check = every_check()[GATE]
    assert check.doc[:40] in rules[GATE]["help"]["text"] and check.fix[:40] in rules[GATE]["help"]["text"]


def test_a_fingerprint_stays_when_only_the_words_change(tmp_path: Path) -> None:
    def print_of(detail: str, home: str) -> object:
        return run_of(world(tmp_path / home, {GATE: result(GATE, Outcome.FAIL, detail=detail)}))["results"][0][
            "partialFingerprints"
        ]

    assert print_of(f"{MIGRATION}, line 1: x", "a") == print_of(f"{MIGRATION}, line 7: y", "b") != print_of("elsewhere", "c")


def test_a_waived_finding_is_suppressed_with_the_reason(tmp_path: Path) -> None:
    run = run_of(world(tmp_path, {GATE: result(GATE, Outcome.FAIL, detail="known")}, waived=GATE))
    [found] = run["results"]
    assert found["suppressions"] == [
        {"kind": "external", "status": "accepted", "justification": "known: waived until 2026-12-10 by @team: known"}
    ]


def test_a_run_that_was_cut_off_says_so(tmp_path: Path) -> None:
    invocation = run_of(world(tmp_path, outcome={"finished": False}))["invocations"][0]
    assert invocation["executionSuccessful"] is False
    assert "did not come to its end" in invocation["toolExecutionNotifications"][0]["message"]["text"]


def test_it_is_written_as_json_that_no_terminal_obeys(tmp_path: Path) -> None:
    report = red(tmp_path)
    write_sarif(report)
    text = (report.run.run_folder / FILE).read_text()
    assert json.loads(text) == make_sarif(report) and "\x1b" not in text
    assert unquote(MIGRATION) in text
