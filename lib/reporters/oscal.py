"""A run as OSCAL assessment results, which tools of governance and compliance read.

Each check is an observation, made by the method TEST, with its evidence. Each gate that came to something is a finding on the
objective of its own id: `satisfied`, or `not-satisfied` with the reason `fail` or `other` (not determined). A gate that was not
looked at has an observation and no finding. The plan that OSCAL asks for is the launch list, told in the back matter.
Source: https://pages.nist.gov/OSCAL-Reference/models/v1.1.3/assessment-results/json-reference/
"""

from __future__ import annotations

import json
from typing import Any
from uuid import uuid5

from lib.core.files import write_whole
from lib.core.results import Check, Outcome
from lib.core.visible import inert_json
from lib.core.wording import plain_text
from lib.evidence.log import FILE as EVIDENCE
from lib.evidence.log import EvidenceLine
from lib.reporters.ctrf import NAME, OURS
from lib.reporters.report import RunReport
from lib.tasks.index import every_check

FILE = "oscal.json"
VERSION = "1.1.3"
NAMESPACE = "urn:launch-readiness-workbook:oscal"
"""Whose properties they are that OSCAL itself doesn't know."""
REASONS = {Outcome.PASS: "pass", Outcome.FAIL: "fail", Outcome.ERROR: "other"}


def write_oscal(report: RunReport) -> None:
    """Write the run's observations and findings into its folder."""
    text = json.dumps(make_oscal(report), indent=1, ensure_ascii=False)
    write_whole(report.run.run_folder / FILE, inert_json(text) + "\n")


def make_oscal(report: RunReport) -> dict[str, Any]:
    """Return the run as one document, plain JSON."""
    run, outcome = report.run, report.outcome
    known = every_check()
    plan = give_id(report, "plan")
    gates = [line for line in report.lines if line.gate and counts_as(report, line) is not Outcome.SKIP]
    result = {
        "uuid": give_id(report, "result"),
        "title": one_line(f"{report.verdict.word}: {run.project}, {run.environment}"),
        "description": plain_text(report.sentence),
        "start": outcome.started_at.isoformat(),
        "end": outcome.ended_at.isoformat(),
        "props": properties(
            verdict=report.verdict.word,
            run_id=run.run_id,
            project=run.project,
            environment=run.environment,
            commit=report.commit or "",
            rehearsal=run.rehearsal,
            partial=outcome.partial,
            finished=outcome.finished,
        ),
        "reviewed-controls": {"control-selections": [select_controls(report)]},
        "observations": [describe_observation(report, line, known.get(line.check)) for line in report.lines],
        "findings": [describe_finding(report, line, known.get(line.check)) for line in gates],
    }
    return {
        "assessment-results": {
            "uuid": give_id(report, "document"),
            "metadata": {
                "title": one_line(f"Launch readiness of {run.project}, {run.environment}"),
                "last-modified": outcome.ended_at.isoformat(),
                "version": run.run_id,
                "oscal-version": VERSION,
                "props": properties(made_by=NAME),
            },
            "import-ap": {"href": f"#{plan}"},
            "results": [{name: value for name, value in result.items() if value != []}],
            "back-matter": {"resources": [describe_plan(report, plan)]},
        }
    }


def select_controls(report: RunReport) -> dict[str, Any]:
    """Return what was reviewed: each check by its id, which is a control's id here."""
    ids = [line.check for line in report.lines]
    return {"include-controls": [{"control-id": one} for one in ids]} if ids else {"include-all": {}}


def describe_observation(report: RunReport, line: EvidenceLine, check: Check | None) -> dict[str, Any]:
    """Return what one look saw, and where that is kept."""
    title = check.title if check else line.check
    files = [EVIDENCE, *(one.path for one in line.artifacts)]
    return {
        "uuid": give_id(report, f"observation {line.check}"),
        "title": one_line(title),
        "description": plain_text(line.sentence) or title,
        "props": properties(
            check=line.check,
            result=line.result.value,
            skipped_because=line.skipped_because.value if line.skipped_because else "",
            gate=line.gate,
            provenance=line.provenance.value,
            subject=line.subject,
            reused_from=line.reused_from.run_id if line.reused_from else "",
        ),
        "methods": ["TEST"],
        "relevant-evidence": [{"href": path, "description": f"{path} in the run's folder"} for path in files],
        "collected": (line.reused_from.looked_at if line.reused_from else line.started_at).isoformat(),
    }


def describe_finding(report: RunReport, line: EvidenceLine, check: Check | None) -> dict[str, Any]:
    """Return what a gate came to, as the verdict takes it."""
    outcome = counts_as(report, line)
    waivers = report.waived.covered.get(line.check, ())
    status = {"state": "satisfied" if outcome is Outcome.PASS else "not-satisfied", "reason": REASONS[outcome]}
    found = {
        "uuid": give_id(report, f"finding {line.check}"),
        "title": one_line(check.title if check else line.check),
        "description": plain_text(line.sentence) or line.check,
        "target": {"type": "objective-id", "target-id": line.check, "status": status},
        "related-observations": [{"observation-uuid": give_id(report, f"observation {line.check}")}],
    }
    said = " ".join(f"Waived by {plain_text(one.who)} until {one.until}." for one in waivers)
    return found | ({"remarks": said} if said else {})


def counts_as(report: RunReport, line: EvidenceLine) -> Outcome:
    """Return what the verdict takes a line as: what another environment proved counts in its place."""
    return report.proved.get(line.check, line.judged).outcome


def describe_plan(report: RunReport, uuid: str) -> dict[str, Any]:
    """Return the launch list as a resource: what was to be assessed."""
    items = "; ".join(plain_text(item.title) for item in report.items) or "Every task of the workbook."
    return {"uuid": uuid, "title": "Launch list", "description": items}


def properties(**values: Any) -> list[dict[str, str]]:
    """Return names and values as OSCAL has them: a name without underscores, a value of one line; none that is empty."""
    said = {name: ("yes" if value else "no") if isinstance(value, bool) else one_line(value) for name, value in values.items()}
    return [{"name": name.replace("_", "-"), "ns": NAMESPACE, "value": value} for name, value in said.items() if value]


def one_line(text: str) -> str:
    """Return a text as one line without space at its ends: OSCAL's titles and values are that."""
    return " ".join(plain_text(text).split())


def give_id(report: RunReport, what: str) -> str:
    """Return the id of one part of a run's document, always the same for the same part."""
    return str(uuid5(OURS, f"{report.run.run_id} {what}"))
