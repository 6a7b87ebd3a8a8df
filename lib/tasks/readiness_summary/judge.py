"""What the looks of 99_readiness_summary make of the paper trail: texts and plain facts in, one result a check out."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import yaml

from lib.core.results import Json, Result, failed, judge, passed, skipped, unseen
from lib.core.wording import join_words, show_count, show_duration
from lib.display.markdown import linked_path

MOST_NAMED = 6
"""Things named in a sentence; the table or the document has all of them."""
DRY_RUN_HOLDS = timedelta(days=30)
"""A dry run older than this says little of today's addresses and passwords: as long as health evidence is kept by CI."""

RUNBOOK_MUST = {
    "the readiness run that comes first": re.compile(r"\bmake [a-z]+-readiness\b"),
    "a heading on guardrails": re.compile(r"^#+ .*guardrail", re.IGNORECASE | re.MULTILINE),
    "the policy that a branch is held to": re.compile(r"launch-policy\.yml|make guardrails"),
    "how the app is looked at": re.compile(r"\bfly(?:ctl)? (?:checks list|status)\b"),
    "the deploy of a named image": re.compile(r"\bfly(?:ctl)? deploy\b[^\n]*--image\b"),
    "the rollback script": re.compile(r"scripts/ops/rollback-production\.sh"),
    "the way back for the data": re.compile(r"RESTORE_POINT|pg_restore|--restore"),
    "the place of the measured times": re.compile(r"<!-- measured\b"),
}
"""What the runbook of a production deployment has to tell -> how that is recognised."""
IN_PACK = re.compile(r"(?<![\w./~-])((?:scripts|docs|supabase|\.github)/[\w./-]*\w\.\w+|fly[\w.-]*\.toml)")
"""Files of the pack that a runbook names."""


def name_some(names: Sequence[str]) -> str:
    """Return the first names, and how many more there are."""
    return ", ".join(names[:MOST_NAMED]) + (f" and {len(names) - MOST_NAMED} more" if len(names) > MOST_NAMED else "")


def left_out(check: str, task: str) -> Result:
    """Return the skip of a check whose task is not part of the run."""
    return skipped(check, f"The task {task} is not part of this run.")


def judge_note(note: str, titles: Sequence[str]) -> Result:
    """Judge that the note's part on migrations has a line for each of their checks.

    titles: of the checks of the migrations task, as Markdown shows them.
    """
    check = "readiness_summary.note_tells_migration_status"
    if not titles:
        return unseen(check, "The migrations have no checks. Next: see lib/tasks/migrations/task.py.")
    _, _, part = note.partition("\n## Migration status\n")
    part = part.partition("\n## ")[0]
    missing = [title for title in titles if f"**{title}**" not in part]
    detail = f"The note says nothing of: {name_some(missing)}. Next: open the migrations' page and run again." if missing else ""
    told = len(titles) - len(missing)
    return judge(check, holds=not missing, observed=told, expected=len(titles), unit="checks told", detail=detail)


def judge_qa(data: str, docs: Path, expected: Sequence[str], run_id: str) -> Result:
    """Judge that QA's links lead to fresh evidence of each check of the vendors' health, all of it kept.

    data: QA's links as JSON. docs: the folder that they are seen from. expected: ids of the checks.
    """
    check = "readiness_summary.qa_links_are_fresh"
    about = json.loads(data)
    links: list[dict[str, Any]] = about["links"]
    if not links:
        return unseen(check, "No run of this environment has looked at Chatwoot and Publer. Next: run the health task.")
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
    detail = f"QA's links: {'; '.join(problems)}. Next: open the page Vendor health and run again." if problems else ""
    observed = f"{show_count(len(links), 'check')}, {show_count(len(kept), 'artifact')}"
    return judge(check, holds=not problems, observed=observed, expected="every check, with fresh artifacts", detail=detail)


def judge_entry(entry: str, tasks: Sequence[str], bad: Sequence[str]) -> Result:
    """Judge that the feedback entry names every task of the run, links to evidence, and names what is left.

    tasks: titles of the run's tasks. bad: ids of the checks that failed or could not be looked at.
    """
    check = "readiness_summary.feedback_entry_is_whole"
    headings = ("What was run", "Evidence", "What is left")
    parts = {name: entry.partition(f"\n### {name}\n")[2].partition("\n### ")[0] for name in headings}
    problems = [f"nothing under '{name}'" for name, text in parts.items() if not text.strip()]
    problems += [f"the task {task}" for task in tasks if f"[{task}](" not in parts["What was run"]]
    problems += [] if "](" in parts["Evidence"] else ["a link to evidence"]
    problems += [one for one in bad if f"`{one}`" not in parts["What is left"]]
    detail = f"The entry lacks: {name_some(problems)}. Next: open the run's evidence.jsonl and run again." if problems else ""
    observed, expected = f"{show_count(len(tasks), 'task')}, {len(bad)} left", "every task, its evidence and what is left"
    return judge(check, holds=not problems, observed=observed, expected=expected, detail=detail)


def judge_runbook(text: str | None, path: str, broken: Sequence[str], absent: Sequence[str]) -> Result:
    """Judge that the deployment runbook tells the whole flow, and that what it names is there.

    text: None when there is none. broken: links that lead nowhere. absent: files that it names and the pack lacks.
    """
    check = "readiness_summary.runbook_tells_the_flow"
    expected = f"all {len(RUNBOOK_MUST)} parts of the flow"
    if text is None:
        return failed(check, observed="no runbook", expected=expected, detail=f"The pack has no {path}. Next: write it.")
    lacking = [part for part, pattern in RUNBOOK_MUST.items() if not pattern.search(text)]
    problems = [
        *([f"It does not tell {join_words(lacking)}."] if lacking else []),
        *([f"Links that lead nowhere: {name_some(broken)}."] if broken else []),
        *([f"The pack lacks what it names: {name_some(absent)}."] if absent else []),
    ]
    detail = f"{' '.join(problems)} Next: bring {path} up to date." if problems else ""
    observed = f"{len(RUNBOOK_MUST) - len(lacking)} of {len(RUNBOOK_MUST)}"
    return judge(check, holds=not problems, observed=observed, expected=expected, detail=detail)


def judge_links(broken: Mapping[str, Sequence[str]]) -> Result:
    """Judge that no link of any document leads nowhere. broken: document -> what is wrong with its links."""
    check = "readiness_summary.document_links_resolve"
    if not broken:
        return unseen(check, "There is no document to look at. Next: run the tasks first.")
    found = [f"{name}: {said}" for name, links in broken.items() for said in links]
    detail = f"{name_some(found)}. Next: run again; if it stays, the document's own text holds the link." if found else ""
    return judge(check, holds=not found, observed=len(found), expected=0, unit="broken links", detail=detail)


def judge_recorded(recorded: Sequence[Mapping[str, Any]], *, environment: str, live_only: bool, now: datetime) -> Result:
    """Judge that a dry run of the notification was recorded, delivered, and not long ago.

    recorded: each dry run's started_at (datetime), result, provenance and run_id. live_only: rehearsed ones prove nothing.
    """
    check = "readiness_summary.notify_dry_run_recorded"
    move = f"Next: make notify-dry-run ENV={environment}."
    expected = f"delivered within {DRY_RUN_HOLDS.days} days"
    counted = sorted((one for one in recorded if one["provenance"] == "live" or not live_only), key=lambda one: one["started_at"])
    if not counted:
        why = "only of rehearsals" if recorded else "none at all"
        return unseen(check, f"No dry run of a notification is recorded for {environment}: {why}. {move}", expected=expected)
    newest = counted[-1]
    age_s = (now - newest["started_at"]).total_seconds()
    observed = f"{newest['result']}, {show_duration(age_s)} ago"
    if newest["result"] != "pass":
        detail = f"The dry run {newest['run_id']} was not delivered. {move}"
        return failed(check, observed=observed, expected=expected, detail=detail)
    if age_s > DRY_RUN_HOLDS.total_seconds():
        detail = f"The dry run {newest['run_id']} is {show_duration(age_s)} old. {move}"
        return failed(check, observed=observed, expected=expected, detail=detail)
    return passed(check, observed=observed, expected=expected)


def nightly_jobs(documents: Mapping[str, Json], service: str) -> list[dict[str, Any]]:
    """Return one row for each job of a scheduled workflow that asks a service: how often, and whether it keeps what it got.

    documents: workflow file -> its content, with every key as written.
    """
    asks = re.compile(rf"check-{service}-health|\bmake health\b", re.IGNORECASE)
    rows = []
    for name, document in documents.items():
        for job_name, job in ((document.get("jobs") or {}) if isinstance(document, dict) else {}).items():
            steps = [step for step in (job.get("steps") or []) if isinstance(step, dict)] if isinstance(job, dict) else []
            if not any(asks.search(str(step.get("run", ""))) for step in steps):
                continue
            keeps = any(str(step.get("uses", "")).startswith("actions/upload-artifact@") for step in steps)
            crons = find_crons(document)
            row = {"service": service, "workflow": name, "job": str(job_name), "schedule": crons, "keeps artifacts": keeps}
            rows.append({**row, "nightly": any(is_daily(cron) for cron in crons)})
    return rows


def find_crons(document: Mapping[str, Any]) -> list[str]:
    """Return a workflow's schedules."""
    on = document.get("on")
    entries = on.get("schedule") if isinstance(on, dict) else None
    return [str(one["cron"]) for one in entries or [] if isinstance(one, dict) and "cron" in one]


def is_daily(cron: str) -> bool:
    """Return whether a schedule comes at least once every day. Source: POSIX crontab, its five fields."""
    fields = cron.split()
    return len(fields) == 5 and fields[2:] in (["*", "*", "*"], ["*", "*", "0-6"], ["*/1", "*", "*"])


def judge_nightly(service: str, rows: Sequence[Mapping[str, Any]]) -> Result:
    """Judge that a workflow asks a service every night and keeps what it got."""
    check = f"readiness_summary.{service}_is_asked_nightly"
    expected = "every night, artifacts kept"
    if any(row["nightly"] and row["keeps artifacts"] for row in rows):
        return passed(check, observed=expected, expected=expected)
    if not rows:
        detail = f"No workflow of the pack asks {service.title()}. Next: add a scheduled one that runs check-{service}-health.sh."
        return failed(check, observed="never", expected=expected, detail=detail)
    lacking = "no schedule brings it every day" if not any(row["nightly"] for row in rows) else "it keeps no artifact"
    detail = f"{rows[0]['workflow']} asks {service.title()}, but {lacking}. Next: mend that workflow."
    return failed(check, observed=lacking, expected=expected, detail=detail)


def read_workflow(text: str) -> Json:
    """Return a workflow with every key and value as written; None for what is no YAML, which the guardrails judge."""
    try:
        return yaml.load(text, Loader=yaml.BaseLoader)  # YAML 1.1 reads the key `on` as a yes
    except yaml.YAMLError:
        return None
