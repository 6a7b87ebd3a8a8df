"""The contract of this task on one page: its checks, and what it waits for; it has no section of params."""

from __future__ import annotations

from lib.core.results import Check
from lib.tasks.base import Task

CHECKS: tuple[Check, ...] = (
    Check(id="readiness_summary.every_check_has_a_result", title="Every check of every selected task has a result"),
    Check(id="readiness_summary.no_credential_was_kept", title="No credential is in any file that the run wrote"),
    Check(id="readiness_summary.chatwoot_is_asked_nightly", title="A workflow asks Chatwoot every night, and keeps what it got"),
    Check(id="readiness_summary.publer_is_asked_nightly", title="A workflow asks Publer every night, and keeps what it got"),
    Check(id="readiness_summary.notify_dry_run_recorded", title="A dry run of the notification is recorded", target="mail"),
    Check(id="readiness_summary.note_tells_migration_status", title="The readiness note tells how the migrations stand"),
    Check(id="readiness_summary.feedback_entry_is_whole", title="The feedback entry says what was run and what is left"),
    Check(id="readiness_summary.qa_links_are_fresh", title="QA's links lead to fresh evidence of the vendors' health"),
    Check(id="readiness_summary.document_links_resolve", title="Every link in the run's documents leads somewhere"),
    Check(id="readiness_summary.runbook_tells_the_flow", title="The deployment runbook tells the whole flow"),
)

TASK = Task(
    name="readiness_summary",
    title="Readiness summary",
    notebook="99_readiness_summary.ipynb",
    checks=CHECKS,
    targets=(),
    waits_for=(
        "migrations",
        "seed",
        "rls",
        "health",
        "backup_restore",
        "credentials",
        "deploy_rehearsal",
        "alerts",
        "guardrails",
    ),
)
