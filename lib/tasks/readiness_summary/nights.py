"""Which jobs of a project's workflows check a vendor every night, what they keep, and whom they notify of a failure."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from lib.clients.workflow_rules import cron_problem
from lib.core.left_out import LeftOut, judge_all, name_causes
from lib.core.pack_files import list_files, read_text_file
from lib.core.plain_yaml import PlainYamlError, load_yaml
from lib.core.results import Check, Json, Result
from lib.core.wording import join_words, name_some
from lib.tasks.readiness_summary.task import (
    CHATWOOT_IS_ASKED_NIGHTLY,
    NIGHTLY_ANSWERS_OUTLIVE_CI,
    NIGHTLY_FAILURE_NOTIFIES,
    PUBLER_IS_ASKED_NIGHTLY,
)

NIGHTLY = {"chatwoot": CHATWOOT_IS_ASKED_NIGHTLY, "publer": PUBLER_IS_ASKED_NIGHTLY}
"""Service -> the check that a workflow looks at it every night."""

FOLDER = ".github/workflows"
LONGEST_CONDITION = 200
"""Characters of a condition that are looked at: one that lets nothing run is short."""
COMMENT = re.compile(r"(^|\s)#.*$", re.MULTILINE)
NEVER = re.compile(r"^\s*(\$\{\{)?\s*(.*&&\s*)?(false|0|''|!\s*true|!\s*always\(\))\s*(&&[^|]*)?(\}\})?\s*$")
"""A condition that lets nothing run."""
OTHER_EVENT = re.compile(r"github\.event_name\s*==\s*'(?!schedule')\w+'")
SAID_ONLY = re.compile(r"^\s*(?:echo|printf|#|:)\s.*$", re.MULTILINE)
"""Lines that name a script and do not run it."""
ON_FAILURE = re.compile(r"\b(failure|always)\(\)")
ANYWAY = re.compile(r"\balways\(\)|!\s*cancelled\(\)")
KEPT_IN, PUSHES = "artifacts/ops", re.compile(r"\bgit\b[^\n]*\bpush\b")
VARIABLE = "NOTIFY_EMAIL"
"""The variable by which the person is named where the address is not written down."""


def read_workflows(pack: Path) -> dict[str, Json]:
    """Return each workflow of a project by its file's name. Raises TargetError for a file that can't be read."""
    files = list_files(pack / FOLDER, root=pack, pattern=("*.yml", "*.yaml"))
    return {path.name: read_workflow(read_text_file(path, root=pack)) for path in files}


def read_workflow(text: str) -> Json:
    """Return a workflow with every key and value as written; None for what is not YAML, which the guardrails judge."""
    try:
        return load_yaml(text, as_text=True)  # YAML 1.1 reads the key `on` as a yes
    except PlainYamlError:
        return None


def is_never(part: Mapping[str, Any]) -> bool:
    """Return whether the condition of a job or step lets nothing run at night: never true, or for another event alone."""
    condition = " ".join(str(part.get("if", "true")).split())[:LONGEST_CONDITION]
    return bool(NEVER.match(condition)) or (bool(OTHER_EVENT.search(condition)) and "||" not in condition)


def nightly_jobs(documents: Mapping[str, Json], service: str, people: Sequence[str]) -> list[dict[str, Any]]:
    """Return one row for each job of a workflow that checks a service: how often, what it keeps, whom it notifies.

    documents: workflow file -> its content, with every key as written. people: who is to be notified.
    """
    checks = re.compile(rf"check-{service}-health|\bmake health\b|-m lib health\b", re.IGNORECASE)
    rows = []
    for name, document in documents.items():
        for job_name, job in jobs_of(document):
            steps = list(live_steps(job))
            places = [
                place
                for place, step in enumerate(steps)
                if checks.search(SAID_ONLY.sub("", COMMENT.sub("", str(step.get("run", "")))))
            ]
            if not places:
                continue
            crons = find_crons(document)
            rows.append(
                {
                    "service": service,
                    "workflow": name,
                    "job": job_name,
                    "schedule": crons,
                    "keeps artifacts": any(str(step.get("uses", "")).startswith("actions/upload-artifact@") for step in steps),
                    "notifies": any(notifies(step, people) for step in steps[places[-1] + 1 :]) or is_own(steps[places[-1]]),
                    "outlives CI": is_kept_for_good(document, job_name),
                    "nightly": any(is_daily(cron) for cron in crons),
                }
            )
    return rows


def is_kept_for_good(document: Json, job_name: str) -> bool:
    """Return whether what a job got is pushed to artifacts/ops, however the job ended: by itself, or by one that needs it.

    The night that failed is the one to keep, so a step or job that waits for success does not count.
    """
    for name, job in jobs_of(document):
        if name == job_name:
            steps = [step for step in live_steps(job) if ANYWAY.search(str(step.get("if", "")))]
        elif job_name in needed_by(job) and ANYWAY.search(str(job.get("if", ""))):
            steps = list(live_steps(job))
        else:
            continue
        said = "\n".join(commands_of(step) for step in steps)
        if KEPT_IN in said and PUSHES.search(said):
            return True
    return False


def jobs_of(document: Json) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Yield each job of a workflow that can run, with its name."""
    found = document.get("jobs") if isinstance(document, dict) else None
    jobs = {str(name): job for name, job in found.items() if isinstance(job, dict)} if isinstance(found, dict) else {}
    # A job is skipped with those that it needs, unless its own condition says otherwise.
    idle = {name for name, job in jobs.items() if is_never(job)}
    for _ in jobs:
        idle |= {
            name for name, job in jobs.items() if idle & set(needed_by(job)) and not ON_FAILURE.search(str(job.get("if", "")))
        }
    for name, job in jobs.items():
        if name not in idle:
            yield name, job


def commands_of(step: Mapping[str, Any]) -> str:
    """Return what a step runs, without comments and lines that only print."""
    return SAID_ONLY.sub("", COMMENT.sub("", str(step.get("run", ""))))


def needed_by(job: Mapping[str, Any]) -> list[str]:
    """Return the jobs that a job waits for."""
    needs = job.get("needs")
    return [str(one) for one in needs] if isinstance(needs, list) else [needs] if isinstance(needs, str) else []


def live_steps(job: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """Yield each step of a job that can run."""
    steps = job.get("steps")
    for step in steps if isinstance(steps, list) else ():
        if isinstance(step, dict) and not is_never(step):
            yield step


def notifies(step: Mapping[str, Any], people: Sequence[str]) -> bool:
    """Return whether a step runs when the job has failed, and names a person to be notified."""
    if not ON_FAILURE.search(str(step.get("if", ""))):
        return False
    said = COMMENT.sub("", "\n".join(str(step.get(part, "")) for part in ("run", "uses", "with", "env")))
    return any(person in said for person in people) or VARIABLE in said


def is_own(step: Mapping[str, Any]) -> bool:
    """Return whether a step is the workbook's own health run, which notifies by itself where it may."""
    own = re.search(r"\bmake health\b|-m lib health\b", str(step.get("run", "")))
    return bool(own) and "ALLOW_WRITES" in str(step.get("env", ""))


def find_crons(document: Mapping[str, Any]) -> list[str]:
    """Return a workflow's schedules."""
    on = document.get("on")
    entries = on.get("schedule") if isinstance(on, dict) else None
    return [str(one["cron"]) for one in (entries if isinstance(entries, list) else ()) if isinstance(one, dict) and "cron" in one]


def is_daily(cron: str) -> bool:
    """Return whether a schedule runs at least once every day. Source: POSIX crontab, its five fields."""
    fields = cron.split()
    return not cron_problem(cron) and fields[2:] in (["*", "*", "*"], ["*", "*", "0-6"], ["*/1", "*", "*"])


def judge_nightly(check: Check, service: str, rows: Sequence[Mapping[str, Any]]) -> Result:
    """Judge that a workflow checks a service every night and keeps what it got."""
    expected = "every night, artifacts kept"
    if any(row["nightly"] and row["keeps artifacts"] for row in rows):
        return check.passed(observed=expected, expected=expected)
    if not rows:
        return check.failed(observed="never", expected=expected, detail=f"No workflow of the pack checks {service.title()}.")
    lacking = "no schedule runs it every day" if not any(row["nightly"] for row in rows) else "it keeps no artifact"
    detail = f"{rows[0]['workflow']} checks {service.title()}, but {lacking}."
    return check.failed(observed=lacking, expected=expected, detail=detail, fix=f"Correct {rows[0]['workflow']}.")


def judge_kept(rows: Sequence[Mapping[str, Any]]) -> Result:
    """Judge that what each nightly job got is kept for longer than the CI keeps it."""
    check = NIGHTLY_ANSWERS_OUTLIVE_CI
    nightly = [row for row in rows if row["nightly"]]
    if not nightly:
        cause = CHATWOOT_IS_ASKED_NIGHTLY.id
        return judge_all(check, holds=True, left_out=[LeftOut(reason="No job asks a vendor every day.", cause=cause)])
    services = list(dict.fromkeys(row["service"] for row in nightly))
    lost = [one for one in services if not any(row["outlives CI"] for row in nightly if row["service"] == one)]
    return check.judge(
        holds=not lost,
        observed=len(services) - len(lost),
        expected=len(services),
        unit="services",
        detail=f"The CI's own artifacts are all that is kept of {join_words([one.title() for one in lost])}." if lost else "",
    )


def judge_failure_path(rows: Sequence[Mapping[str, Any]], people: Sequence[str]) -> Result:
    """Judge that each service has a nightly job that notifies a person when it fails."""
    check = NIGHTLY_FAILURE_NOTIFIES
    expected = f"{join_words(list(people), last='or')} is notified"
    nightly = [row for row in rows if row["nightly"]]
    if not nightly:
        return check.failed(observed="nobody", expected=expected, detail="No job checks a vendor every day, so none can notify.")
    services = dict.fromkeys(row["service"] for row in nightly)
    silent = [one for one in services if not any(row["notifies"] for row in nightly if row["service"] == one)]
    named = [f"{row['workflow']}, job {row['job']}, of {row['service'].title()}" for row in nightly if row["service"] in silent]
    hidden = name_causes((service.title(), one.id) for service, one in NIGHTLY.items() if service not in services)
    left_out = [LeftOut(reason=f"No job asks {join_words(some)} every day.", cause=cause) for cause, some in hidden.items()]
    return judge_all(
        check,
        holds=not silent,
        left_out=left_out,
        observed=f"{len(services) - len(silent)} of {len(NIGHTLY)} services",
        expected=expected,
        detail=f"Nobody is notified when it fails: {name_some(named)}." if silent else "",
        objects=[f"{row['workflow']} {row['job']}" for row in nightly if row["service"] in silent],
    )
