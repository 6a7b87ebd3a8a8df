"""The deployment runbook's measured times: from a rehearsal's evidence into the page, never by hand."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from lib.core.results import Outcome
from lib.core.wording import format_time, format_value, outcome_word, provenance_words
from lib.display.markdown import plain
from lib.evidence.log import EvidenceLine
from lib.reporters.documents.marks import MEASURED, WINDOW, fill_place
from lib.tasks.deploy_rehearsal.task import (
    CANDIDATE_GETS_HEALTHY,
    DOWNTIME_WITHIN_LIMIT,
    ERRORS_WITHIN_LIMIT,
    ROLLBACK_IS_QUICK,
)
from lib.tasks.readiness_summary.runbook_words import format_window

FILE = "docs/runbooks/production_deployment.md"
"""In the pack."""
COPY = "docs/production_deployment.md"
"""In a run's folder."""
TASK = "deploy_rehearsal"
LONGEST_BYTES = 1024 * 1024

ROWS = {
    CANDIDATE_GETS_HEALTHY.id: "deploy, from the command until every machine is healthy",
    ROLLBACK_IS_QUICK.id: "rollback, from the command until every machine is healthy",
    DOWNTIME_WITHIN_LIMIT.id: "longest stretch without an answer for users",
    ERRORS_WITHIN_LIMIT.id: "requests lost, as a part of all",
}
"""Check -> what it measures, as the runbook says it."""


def measured_times(lines: Sequence[EvidenceLine]) -> str:
    """Return the table of what a run measured, or that it measured nothing."""
    found = {line.check: line for line in lines if line.task == TASK and line.result in (Outcome.PASS, Outcome.FAIL)}
    rows = [row(what, found[check]) for check, what in ROWS.items() if check in found]
    if not rows:
        return "Not measured yet."
    first = next(iter(found.values()))
    how = provenance_words(first.provenance).partition(":")[0]
    head = f"Run `{first.run_id}`, environment {first.environment}, {format_time(first.started_at.isoformat())}; {how}."
    return "\n".join([head, "", "| what | measured | limit | result |", "| --- | --- | --- | --- |", *rows])


def row(what: str, line: EvidenceLine) -> str:
    """Return one row of the table."""
    unit = f" {plain(line.unit)}" if line.unit else ""
    observed, expected = (plain(format_value(value)) for value in (line.observed, line.expected))
    return f"| {what} | {observed}{unit} | {expected}{unit} | {outcome_word(line.result)} |"


def fill_window(text: str, window: Mapping[str, Any] | None) -> str:
    """Return the runbook with when a deploy may happen in its place; as it is without the marks.

    window: as the settings have it; None when none is declared. Raises TargetError for damaged marks.
    """
    filled = fill_place(text, WINDOW, format_window(window), path=FILE)
    return text if filled is None else filled


def fill_runbook(text: str, lines: Sequence[EvidenceLine], *, evidence: str) -> str:
    """Return the runbook with the run's times in their place. evidence: where its page is, as Markdown; '' for nowhere.

    A text without the marks, or lines that measured nothing, come back as they are. Raises TargetError for damaged marks.
    """
    times = measured_times(lines)
    if times == "Not measured yet.":
        return text
    link = f"\n\nEvidence: {evidence}." if evidence else ""
    filled = fill_place(text, MEASURED, f"{times}{link}", path=FILE)
    return text if filled is None else filled
