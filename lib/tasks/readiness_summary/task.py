"""The contract of this task on one page: its section of params, its checks, and what it borrows."""

from __future__ import annotations

from lib.clients.vault.declared import Credentials
from lib.core.results import PROJECT, RUN, Check
from lib.core.section import Borrowed, Section
from lib.tasks.base import Task


class Documents(Section):
    """Which documents of the project the paper trail joins."""

    qa_report: str = ""  # QA's own daily report: `make publish-docs` brings the links there; empty: there is none
    guardrails: str = ""  # the feature pack's guardrail document, which the runbook links to; empty: there is none


class ReadinessSummary(Section):
    """What 99_readiness_summary knows of the project's own documents."""

    documents: Documents = Documents()


CREDENTIALS = Borrowed("credentials", "", Credentials)
NOTIFY_SENDER = Borrowed("health", "notify_from", str)
NOTIFIED_PEOPLE = Borrowed("health", "notify_to", list[str])
DEPLOY = Borrowed("deploy_rehearsal", "", Section)
MAIL_TIMEOUT_S = Borrowed("health", "timeout_s", float)

EVERY_CHECK_HAS_A_RESULT = Check(
    "readiness_summary.every_check_has_a_result",
    "Every check of every selected task has a result",
    subject=RUN,
    fix="Open the pages of these tasks, fix the cause, and run again.",
    doc="Compares the checks that the run's tasks declare with the results in its evidence. "
    "A task that fell silent must not look like one that passed. "
    "It sees the tasks of this run alone: one that was not selected is not missed.",
)
NO_CREDENTIAL_WAS_KEPT = Check(
    "readiness_summary.no_credential_was_kept",
    "No credential is in any file that the run wrote",
    measured=True,
    subject=RUN,
    fix="Remove the run's folder, change that credential, and report the leak.",
    doc="Reads every file of the run and the executed notebooks for each credential it used, in the encodings that "
    "credentials travel in, and for anything shaped like one. Evidence is shown to others. "
    "A credential in an encoding that nobody thought of is missed; where the vault can't be read it is an error.",
)
CHATWOOT_IS_ASKED_NIGHTLY = Check(
    "readiness_summary.chatwoot_is_asked_nightly",
    "A workflow asks Chatwoot every night, and keeps what it got",
    subject=PROJECT,
    about=("chatwoot", "health"),
    fix="Add a scheduled workflow that runs check-chatwoot-health.sh every day and uploads its output.",
    doc="Reads the pack's workflows for a job that runs the Chatwoot check every day and uploads what it got. "
    "Today's answer says nothing about tomorrow. "
    "That the job ran last night is not known here: GitHub is not asked.",
)
PUBLER_IS_ASKED_NIGHTLY = Check(
    "readiness_summary.publer_is_asked_nightly",
    "A workflow asks Publer every night, and keeps what it got",
    subject=PROJECT,
    about=("publer", "health"),
    fix="Add a scheduled workflow that runs check-publer-health.sh every day and uploads its output.",
    doc="Reads the pack's workflows for a job that runs the Publer check every day and uploads what it got. "
    "Today's answer says nothing about tomorrow. "
    "That the job ran last night is not known here: GitHub is not asked.",
)
NIGHTLY_ANSWERS_OUTLIVE_CI = Check(
    "readiness_summary.nightly_answers_outlive_ci",
    "What a nightly check got is kept for longer than the CI keeps artifacts",
    subject=PROJECT,
    about=("health",),
    gate=False,
    fix="Add a job that needs the nightly one and pushes its answers to artifacts/ops/ of a branch, as `make adopt` has it.",
    doc="Reads the workflows with a nightly check for steps that put something into artifacts/ops and push it, whatever the "
    "check came to: in the same job, or in one that needs it. The CI removes its artifacts after weeks, and an incident is "
    "looked into after months. Where no job asks a vendor every night, the checks of that fail and this one is skipped. "
    "What was really pushed is not looked at.",
)
NIGHTLY_FAILURE_NOTIFIES = Check(
    "readiness_summary.nightly_failure_notifies",
    "A nightly check that fails notifies the person in charge",
    subject=PROJECT,
    about=("mail", "health"),
    fix="Add a step with `if: failure()` that sends a message to a person of health.notify_to, or to NOTIFY_EMAIL.",
    doc="Reads each job of the pack's workflows that checks a vendor every night: a later step of it must run when the job "
    "has failed, and name a person of health.notify_to or NOTIFY_EMAIL. GitHub itself notifies only who last changed the "
    "schedule. Where no job asks a vendor every night, the check of that fails and this one is skipped. "
    "That the message arrives is not tried here: see notify_dry_run_recorded.",
)
NOTIFY_DRY_RUN_RECORDED = Check(
    "readiness_summary.notify_dry_run_recorded",
    "A dry run of the notification is recorded",
    subject="mail",
    about=("health",),
    promotes=False,
    fix="make notify-dry-run ENV=<environment>",
    doc="Sends a message marked as a dry run where all mail stays on this machine; elsewhere it looks for one that "
    "`make notify-dry-run` recorded in the last 30 days. A way that was never tried does not work on the night it is needed. "
    "Delivered to the server is not read by a person.",
)
NOTE_TELLS_MIGRATION_STATUS = Check(
    "readiness_summary.note_tells_migration_status",
    "The readiness note tells how the migrations stand",
    subject=RUN,
    about=("migrations",),
    fix="Open the page of the migrations, fix the cause, and run again.",
    doc="Looks in the draft of the readiness note for a line about each check of the migrations. "
    "The note is what a stakeholder reads before the launch. "
    "Only the titles are looked for, not what is said about them.",
)
FEEDBACK_ENTRY_IS_WHOLE = Check(
    "readiness_summary.feedback_entry_is_whole",
    "The feedback entry says what was run and what is left",
    subject=RUN,
    fix="Check the run's evidence.jsonl, and run again.",
    doc="Looks in the draft of the feedback entry for every task of the run, a link to evidence, and every check that is left. "
    "An entry without what is left reads like a success. "
    "It is a draft from the evidence so far, written when the run ends.",
)
FEEDBACK_ARTIFACTS_AGREE = Check(
    "readiness_summary.feedback_artifacts_agree",
    "What the feedback entries attach is there, as it was",
    subject=PROJECT,
    fix="Put the file back with git, or run `make publish-docs ENV=<environment> RUN=<run> APPLY=1` once more.",
    doc="Looks in the draft of the feedback entry for each command's output that the run kept, by its sha256; then reads the "
    "entries in the project's feedback/devops and the files they name in artifacts/ops: each is there, of the entry's own run, "
    "with that sha256, and no file of a run is named by no entry. An excerpt proves nothing without the whole. "
    "What is in the files is not judged, and folders there that are not called like a run are left alone.",
)
QA_LINKS_ARE_FRESH = Check(
    "readiness_summary.qa_links_are_fresh",
    "QA's links lead to fresh evidence of the vendors' health",
    subject=RUN,
    about=("health",),
    fix="Open the page Vendor health, fix the cause, and run again.",
    doc="Follows QA's links to the evidence of each health check: all there, of this run, and not older than stale_after_h. "
    "QA tests against the vendors, and old evidence sends them after faults that are gone. "
    "Whether the evidence is good or bad is not judged here.",
)
DOCUMENT_LINKS_RESOLVE = Check(
    "readiness_summary.document_links_resolve",
    "Every link from the run's documents to a file leads somewhere",
    subject=RUN,
    fix="Run again; if the link stays broken, correct the document's own text.",
    doc="Follows every relative link of the documents that the run writes, to a file and a heading. "
    "A broken link is evidence that nobody can open. "
    "Links to the web are not followed.",
)
RUNBOOK_TELLS_THE_FLOW = Check(
    "readiness_summary.runbook_tells_the_flow",
    "The deployment runbook tells the whole flow",
    subject=PROJECT,
    about=("deploy_rehearsal",),
    fix="Update docs/runbooks/production_deployment.md.",
    doc="Looks in the pack's runbook for each part of the flow, for every file and link that it names, for who is mailed on "
    "success, failure and rollback, for the deployment window where one is declared, and for a link to the guardrail document "
    "where readiness_summary.documents names one. On the day people follow the runbook, not this workbook. "
    "A part is recognised by its commands and headings, so a wrong sentence beside them is not noticed.",
)
CHECKS: tuple[Check, ...] = (
    EVERY_CHECK_HAS_A_RESULT,
    NO_CREDENTIAL_WAS_KEPT,
    CHATWOOT_IS_ASKED_NIGHTLY,
    PUBLER_IS_ASKED_NIGHTLY,
    NIGHTLY_ANSWERS_OUTLIVE_CI,
    NIGHTLY_FAILURE_NOTIFIES,
    NOTIFY_DRY_RUN_RECORDED,
    NOTE_TELLS_MIGRATION_STATUS,
    FEEDBACK_ENTRY_IS_WHOLE,
    FEEDBACK_ARTIFACTS_AGREE,
    QA_LINKS_ARE_FRESH,
    DOCUMENT_LINKS_RESOLVE,
    RUNBOOK_TELLS_THE_FLOW,
)

TASK = Task(
    name="readiness_summary",
    title="Readiness summary",
    notebook="99_readiness_summary.ipynb",
    checks=CHECKS,
    targets=(),
    settings=ReadinessSummary,
    borrows=(CREDENTIALS, DEPLOY, NOTIFY_SENDER, NOTIFIED_PEOPLE, MAIL_TIMEOUT_S),
)
