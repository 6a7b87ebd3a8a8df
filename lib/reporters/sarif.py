"""A run's findings as SARIF 2.1.0, which code scanning, editors and dashboards read.

A check is a rule: a gate of level `error`, an advisory one of level `warning`. What failed is a result of kind `fail`. What was
not determined is a result of kind `open` (there was not enough to decide), whose level SARIF wants to be `none`; so that
nobody overlooks it, it is a notification of the rule's level, too. Passes and skips are in evidence.jsonl.
Source: https://docs.oasis-open.org/sarif/sarif/v2.1.0/sarif-v2.1.0.html.
"""

from __future__ import annotations

import hashlib
import json
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote

from lib.core.files import write_whole
from lib.core.results import Check, Outcome
from lib.core.visible import inert_json
from lib.core.wording import format_value, plain_text
from lib.evidence.log import EvidenceLine
from lib.reporters.places import Place, ProjectFiles, find_places, list_places
from lib.reporters.report import RunReport
from lib.tasks.index import every_check

FILE = "results.sarif"
VERSION = "2.1.0"
SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
NAME = "Launch Readiness Workbook"
BASE = "PROJECTROOT"
FINGERPRINT = "checkAndFile/v1"


def write_sarif(report: RunReport) -> None:
    """Write the run's findings into its folder."""
    text = json.dumps(make_sarif(report), indent=2, ensure_ascii=False)
    write_whole(report.run.run_folder / FILE, inert_json(text) + "\n")


def make_sarif(report: RunReport) -> dict[str, Any]:
    """Return the run as a SARIF log, plain JSON."""
    files = list_places(report.run.pack)
    ran = {line.check for line in report.lines}
    checks = [check for check in every_check().values() if check.id in ran]
    places = {check.id: number for number, check in enumerate(checks)}
    lines = [line for line in report.standing_out if line.check in places]
    run = {
        "tool": {"driver": {"name": NAME, "rules": [describe_rule(check) for check in checks]}},
        "automationDetails": {"id": f"{report.run.project}/{report.run.environment}/{report.run.run_id}"},
        "originalUriBaseIds": {BASE: {"description": {"text": "The root of the project's repository."}}},
        "columnKind": "unicodeCodePoints",
        "invocations": [describe_invocation(report, lines, places)],
        "results": [describe_result(report, line, places[line.check], files) for line in lines],
        "properties": {
            "verdict": report.verdict.word,
            "sentence": plain_text(report.sentence),
            "environment": report.run.environment,
            "rehearsal": report.run.rehearsal,
            "partial": report.outcome.partial,
            "finished": report.outcome.finished,
            "commit": report.commit,
            **({"reused": plain_text(report.reused)} if report.reused else {}),
        },
    }
    return {"$schema": SCHEMA, "version": VERSION, "runs": [run]}


def level_of(*, gate: bool) -> str:
    """Return how bad a finding is, in SARIF's word."""
    return "error" if gate else "warning"


def describe_rule(check: Check) -> dict[str, Any]:
    """Return a check as a rule, with what it looks at, why, and what to do."""
    told = [one for one in (check.doc, f"Fix: {check.fix}" if check.fix else "") if one] or [check.title]
    return {
        "id": check.id,
        "name": "".join(part.capitalize() for part in check.id.replace(".", "_").split("_")),
        "shortDescription": {"text": plain_text(check.title)},
        "fullDescription": {"text": plain_text(check.doc or check.title)},
        "help": {"text": plain_text("\n\n".join(told))},
        "defaultConfiguration": {"level": level_of(gate=check.gate)},
        "properties": {"tags": ["launch", check.task, "gate" if check.gate else "advisory"], "subject": check.subject},
    }


def describe_result(report: RunReport, line: EvidenceLine, rule: int, files: ProjectFiles) -> dict[str, Any]:
    """Return one finding. rule: the place of its check among the rules."""
    places = find_places(line, files)
    failed = line.result is Outcome.FAIL
    whole = hashlib.sha256(f"{line.check}\0{places[0].path if places else ''}".encode()).hexdigest()
    found: dict[str, Any] = {
        "ruleId": line.check,
        "ruleIndex": rule,
        "kind": "fail" if failed else "open",
        "level": level_of(gate=line.gate) if failed else "none",
        "message": {"text": message_of(line)},
        "locations": [describe_place(one) for one in places[:1]],
        "relatedLocations": [{"id": number, **describe_place(one)} for number, one in enumerate(places[1:], start=1)],
        "partialFingerprints": {FINGERPRINT: whole},
        "properties": {
            "gate": line.gate,
            "provenance": line.provenance.value,
            "observed": format_value(line.observed, line.unit),
            "expected": format_value(line.expected, line.unit),
            "page": f"{line.task}.html#{line.check}",
            **({"objects": list(line.objects)} if failed else {}),
            **({"reusedFrom": line.reused_from.model_dump(mode="json")} if line.reused_from else {}),
        },
    }
    waivers = report.waived.covered.get(line.check, ())
    said = [plain_text(f"{one.object}: waived until {one.until} by {one.who}: {one.reason}") for one in waivers]
    if said:
        found["suppressions"] = [{"kind": "external", "status": "accepted", "justification": one} for one in said]
    return found


def message_of(line: EvidenceLine) -> str:
    """Return what was seen and what to do, as one text that is never empty."""
    title = every_check()[line.check].title
    seen = [plain_text(line.detail) if line.detail else f"{title}: this is not so."]
    return "\n".join([*seen, *(f"Fix: {plain_text(one)}" for one in line.fix)])


def describe_place(place: Place) -> dict[str, Any]:
    """Return a file, and its line where one is known, as SARIF names them."""
    where: dict[str, Any] = {"artifactLocation": {"uri": quote(place.path), "uriBaseId": BASE}}
    if place.line is not None:
        where["region"] = {"startLine": place.line}
    return {"physicalLocation": where}


def describe_invocation(report: RunReport, lines: list[EvidenceLine], places: dict[str, int]) -> dict[str, Any]:
    """Return how the run went, with a notification for each check that was not determined, and for a run cut off."""
    told = [
        {
            "level": level_of(gate=line.gate),
            "message": {"text": f"Not determined. {message_of(line)}"},
            "associatedRule": {"id": line.check, "index": places[line.check]},
        }
        for line in lines
        if line.result is Outcome.ERROR
    ]
    if not report.outcome.finished:
        told.insert(0, {"level": "error", "message": {"text": "The run did not come to its end: what it found is unfinished."}})
    return {
        "executionSuccessful": report.outcome.finished,
        "startTimeUtc": as_utc(report.outcome.started_at),
        "endTimeUtc": as_utc(report.outcome.ended_at),
        "toolExecutionNotifications": told,
    }


def as_utc(moment: datetime) -> str:
    """Return a moment as SARIF writes it."""
    return f"{moment.astimezone(UTC):%Y-%m-%dT%H:%M:%S}Z"
