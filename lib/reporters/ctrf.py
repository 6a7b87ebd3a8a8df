"""A run in the Common Test Report Format, which dashboards of test results read: one test a check, one suite a task.

A test is `failed` exactly where it keeps the verdict from being given: a gate that failed or was not determined. An advisory
check that failed and a gate that is waived are `other`; `rawStatus` says our own word for each.
Source: https://github.com/ctrf-io/ctrf, schema/ctrf.schema.json, specVersion 0.0.0.
"""

from __future__ import annotations

import json
from collections import Counter
from datetime import datetime, timedelta
from typing import Any
from uuid import NAMESPACE_URL, uuid5

from lib.core.files import write_whole
from lib.core.results import Outcome
from lib.core.visible import inert_json
from lib.core.wording import plain_text
from lib.evidence.log import EvidenceLine
from lib.reporters.places import ProjectFiles, find_places, list_places
from lib.reporters.report import RunReport
from lib.tasks.index import every_check

FILE = "ctrf.json"
SPEC_VERSION = "0.0.0"
NAME = "Launch Readiness Workbook"
OURS = uuid5(NAMESPACE_URL, "urn:launch-readiness-workbook")
"""The namespace of the ids that we give: the same run and check always have the same."""
STATUSES = ("passed", "failed", "skipped", "pending", "other")


def write_ctrf(report: RunReport) -> None:
    """Write the run's tests into its folder."""
    text = json.dumps(make_ctrf(report), indent=1, ensure_ascii=False)
    write_whole(report.run.run_folder / FILE, inert_json(text) + "\n")


def make_ctrf(report: RunReport) -> dict[str, Any]:
    """Return the run as one document, plain JSON; times in milliseconds."""
    run, outcome = report.run, report.outcome
    files = list_places(run.pack)
    tests = [describe_test(report, line, files) for one in report.tasks for line in report.lines_of(one.task)]
    counted = Counter(test["status"] for test in tests)
    return {
        "reportFormat": "CTRF",
        "specVersion": SPEC_VERSION,
        "reportId": str(uuid5(OURS, run.run_id)),
        "runId": run.run_id,
        "timestamp": outcome.ended_at.isoformat(),
        "generatedBy": NAME,
        "results": {
            "tool": {"name": NAME},
            "summary": {
                "tests": len(tests),
                **{status: counted[status] for status in STATUSES},
                "suites": len(report.tasks),
                "start": in_ms(outcome.started_at),
                "stop": in_ms(outcome.ended_at),
                "duration": round(outcome.duration_s * 1000),
            },
            "tests": tests,
            "environment": {
                "appName": run.project,
                "testEnvironment": run.environment,
                **({"commit": report.commit} if report.commit else {}),
                "healthy": report.verdict.exit_code == 0,
                "extra": {"verdict": report.verdict.word, "sentence": plain_text(report.sentence), "rehearsal": run.rehearsal},
            },
        },
    }


def describe_test(report: RunReport, line: EvidenceLine, files: ProjectFiles) -> dict[str, Any]:
    """Return one check's test; its result stays our own word beside the format's."""
    known = every_check()
    places = find_places(line, files)
    sentence = plain_text(line.sentence)
    return {
        "testId": line.check,
        "executionId": str(uuid5(OURS, f"{report.run.run_id} {line.check}")),
        "name": known[line.check].title if line.check in known else line.check,
        "status": find_status(report, line),
        "rawStatus": line.result.value,
        "duration": round(line.duration_s * 1000),
        "start": in_ms(line.started_at),
        "stop": in_ms(line.started_at + timedelta(seconds=line.duration_s)),
        "suite": [line.task],
        **({"message": sentence} if sentence else {}),
        **({"filePath": places[0].path} if places else {}),
        **({"line": places[0].line} if places and places[0].line is not None else {}),
        "labels": {
            "gate": line.gate,
            "provenance": line.provenance.value,
            "subject": line.subject,
            "page": f"{line.task}.html#{line.check}",
            **({"skipped_because": line.skipped_because.value} if line.skipped_because else {}),
            **({"reused_from": line.reused_from.run_id} if line.reused_from else {}),
        },
    }


def find_status(report: RunReport, line: EvidenceLine) -> str:
    """Return the format's word for what a check counts as in the verdict."""
    counts_as = report.proved.get(line.check, line.judged)
    if counts_as.outcome is Outcome.PASS:
        return "passed"
    if counts_as.outcome is Outcome.SKIP:
        return "skipped"
    return "failed" if line.gate and not counts_as.is_waived else "other"


def in_ms(moment: datetime) -> int:
    """Return a moment as milliseconds since 1970."""
    return round(moment.timestamp() * 1000)
