"""What the looks of 99_readiness_summary make of the paper trail: texts and plain facts in, one result a check out."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from lib.core.results import Provenance, Result
from lib.core.wording import format_count, format_duration, join_words, name_some
from lib.display.markdown import linked_path
from lib.tasks.readiness_summary.task import (
    DOCUMENT_LINKS_RESOLVE,
    FEEDBACK_ENTRY_IS_WHOLE,
    NOTE_TELLS_MIGRATION_STATUS,
    NOTIFY_DRY_RUN_RECORDED,
    QA_LINKS_ARE_FRESH,
    RUNBOOK_TELLS_THE_FLOW,
)

MOST_NAMED = 6
"""Things named in a sentence; the table or the document has all of them."""
DRY_RUN_HOLDS = timedelta(days=30)
"""A dry run older than this says little about today's addresses and passwords; CI keeps health evidence as long."""

RUNBOOK_MUST = {
    "the readiness run that comes first": re.compile(r"\bmake [a-z]+-readiness\b"),
    "a heading on guardrails": re.compile(r"^#+ .*guardrail", re.IGNORECASE | re.MULTILINE),
    "the policy that a branch must meet": re.compile(r"launch-policy\.yml|make guardrails"),
    "how the app is checked": re.compile(r"\bfly(?:ctl)? (?:checks list|status)\b"),
    "the deploy of a named image": re.compile(r"\bfly(?:ctl)? deploy\b[^\n]{0,1000}--image\b"),
    "the rollback script": re.compile(r"scripts/ops/rollback-production\.sh"),
    "the rollback of the data": re.compile(r"RESTORE_POINT|pg_restore|--restore"),
    "when a deploy may happen": re.compile(r"^#+ .*(?:\bwhen\b.*\bdeploy|deploy\w* window)", re.IGNORECASE | re.MULTILINE),
    "the place of the measured times": re.compile(r"<!-- measured\b"),
}
"""What the runbook of a production deployment must contain -> how that is recognised."""
IN_PACK = re.compile(r"(?<![\w./~-])((?:scripts|docs|supabase|\.github)/[\w./-]*\w\.\w+|fly[\w.-]*\.toml)")
"""Files of the pack that a runbook names."""


ONLY_WHOLE = "This run is of some tasks, and judged by these alone; a run of every task looks at it."


def format_left_out(task: str) -> str:
    """Return why a check is skipped whose task is not part of the run."""
    return f"The task {task} is not part of this run."


def judge_note(note: str, titles: Sequence[str]) -> Result:
    """Judge that the note's part on migrations has a line for each of their checks.

    titles: of the checks of the migrations task, as Markdown shows them.
    """
    check = NOTE_TELLS_MIGRATION_STATUS
    if not titles:
        return check.errored("The migrations have no checks.", fix="Check lib/tasks/migrations/task.py.")
    _, _, part = note.partition("\n## Migration status\n")
    part = part.partition("\n## ")[0]
    missing = [title for title in titles if f"**{title}**" not in part]
    detail = f"The note does not mention: {name_some(missing)}." if missing else ""
    mentioned = len(titles) - len(missing)
    return check.judge(holds=not missing, observed=mentioned, expected=len(titles), unit="checks", detail=detail)


def judge_qa(data: str, docs: Path, expected: Sequence[str], run_id: str) -> Result:
    """Judge that QA's links lead to fresh evidence of each check of the vendors' health, all of it kept.

    data: QA's links as JSON. docs: the folder that they are seen from. expected: ids of the checks.
    """
    check = QA_LINKS_ARE_FRESH
    about = json.loads(data)
    links: list[dict[str, Any]] = about["links"]
    if not links:
        return check.errored("No run of this environment has looked at Chatwoot and Publer.", fix="Run the health task.")
    missing = [one for one in expected if one not in {link["check"] for link in links}]
    linked = {address for link in links for address in link["artifacts"]}
    gone = sorted(address for address in linked if not linked_path(address, docs).is_file())
    kept = linked - set(gone)
    problems = [
        *([f"without a link: {name_some(missing)}"] if missing else []),
        *([f"gone: {name_some(gone)}"] if gone else []),
        *(["no artifact is linked"] if not kept else []),
        *([f"older than {about['stale_after_h']:g} h"] if about["is_stale"] else []),
        *([f"they are of the run {about['run_id']}"] if about["run_id"] != run_id else []),
    ]
    detail = f"QA's links: {'; '.join(problems)}." if problems else ""
    observed = f"{format_count(len(links), 'check')}, {format_count(len(kept), 'artifact')}"
    return check.judge(holds=not problems, observed=observed, expected="every check, with fresh artifacts", detail=detail)


def judge_entry(entry: str, tasks: Sequence[str], bad: Sequence[str]) -> Result:
    """Judge that the feedback entry names every task of the run, links to evidence, and names what is left.

    tasks: titles of the run's tasks. bad: ids of the checks that failed or could not be determined.
    """
    check = FEEDBACK_ENTRY_IS_WHOLE
    headings = ("What was run", "Evidence", "What is left")
    parts = {name: entry.partition(f"\n### {name}\n")[2].partition("\n### ")[0] for name in headings}
    problems = [f"nothing under '{name}'" for name, text in parts.items() if not text.strip()]
    problems += [f"the task {task}" for task in tasks if f"[{task}](" not in parts["What was run"]]
    problems += [] if "](" in parts["Evidence"] else ["a link to evidence"]
    problems += [one for one in bad if f"`{one}`" not in parts["What is left"]]
    detail = f"The entry lacks: {name_some(problems)}." if problems else ""
    observed, expected = f"{format_count(len(tasks), 'task')}, {len(bad)} left", "every task, its evidence and what is left"
    return check.judge(holds=not problems, observed=observed, expected=expected, detail=detail)


def judge_runbook(text: str | None, path: str, broken: Sequence[str], absent: Sequence[str], said: Sequence[str] = ()) -> Result:
    """Judge that the deployment runbook covers the whole flow, and that what it names is there.

    text: None when there is none. broken: links that lead nowhere. absent: files that it names and the pack lacks.
    said: what it leaves open about people, times and guardrails, a sentence each.
    """
    check = RUNBOOK_TELLS_THE_FLOW
    expected = f"all {len(RUNBOOK_MUST)} parts of the flow"
    if text is None:
        return check.failed(observed="no runbook", expected=expected, detail=f"The pack has no {path}.", fix=f"Write {path}.")
    lacking = [part for part, pattern in RUNBOOK_MUST.items() if not pattern.search(text)]
    problems = [
        *([f"It does not cover {join_words(lacking)}."] if lacking else []),
        *said,
        *([f"Links that lead nowhere: {name_some(broken)}."] if broken else []),
        *([f"The pack lacks what it names: {name_some(absent)}."] if absent else []),
    ]
    observed = f"{len(RUNBOOK_MUST) - len(lacking)} of {len(RUNBOOK_MUST)}"
    return check.judge(holds=not problems, observed=observed, expected=expected, detail=" ".join(problems), fix=f"Update {path}.")


def judge_links(broken: Mapping[str, Sequence[str]]) -> Result:
    """Judge that no link of any document leads nowhere. broken: document -> what is wrong with its links."""
    check = DOCUMENT_LINKS_RESOLVE
    if not broken:
        return check.errored("There is no document to look at.", fix="Run the tasks first.")
    found = [f"{name}: {said}" for name, links in broken.items() for said in links]
    detail = f"{name_some(found)}." if found else ""
    return check.judge(holds=not found, observed=len(found), expected=0, unit="broken links", detail=detail, objects=found)


def judge_recorded(
    recorded: Sequence[Mapping[str, Any]], *, environment: str, like: Provenance | None, now: datetime, fix: str
) -> Result:
    """Judge that a dry run of the notification was recorded as delivered, and not long ago.

    recorded: each dry run's started_at (datetime), result, provenance and run_id. like: where mail goes now: one that went
    to something less real proves nothing; None when no mail can go. fix: the command that sends one.
    """
    check = NOTIFY_DRY_RUN_RECORDED
    expected = f"delivered within {DRY_RUN_HOLDS.days} days"
    real = [one.value for one in Provenance][: [*Provenance].index(like) + 1] if like else [one.value for one in Provenance]
    counted = sorted((one for one in recorded if one["provenance"] in real), key=lambda one: one["started_at"])
    if not counted:
        why = "only of rehearsals" if recorded else "none at all"
        return check.errored(f"No dry run of a notification is recorded for {environment}: {why}.", fix=fix, expected=expected)
    newest = counted[-1]
    age_s = (now - newest["started_at"]).total_seconds()
    observed = f"{newest['result']}, {format_duration(age_s)} ago"
    if newest["result"] != "pass":
        detail = f"The dry run {newest['run_id']} was not delivered."
        return check.failed(observed=observed, expected=expected, detail=detail, fix=fix)
    if age_s > DRY_RUN_HOLDS.total_seconds():
        detail = f"The dry run {newest['run_id']} is {format_duration(age_s)} old."
        return check.failed(observed=observed, expected=expected, detail=detail, fix=fix)
    return check.passed(observed=observed, expected=expected, as_of=newest["started_at"])
