"""The checks that a task of a direction may mean; a guess, so what is not spoken of gets none."""

from __future__ import annotations

import pytest

from lib.onboarding.item_checks import RULES, propose_checks
from lib.tasks.index import every_check


@pytest.mark.parametrize(
    ("words", "check"),
    [
        ("Apply the migrations to staging and capture the output in feedback.", "migrations.pushed_to_target"),
        ("Run supabase test db for the RLS of all tables", "rls.pgtap_tests_pass"),
        ("Seed staging with fixtures", "seed.row_counts_match"),
        ("Ask Chatwoot's health every night", "health.chatwoot_is_alive"),
        ("Notify the owner when a check fails", "health.notification_delivered"),
        ("Sync secrets from the vault", "credentials.every_value_in_vault"),
        ("Audit GitHub secrets vs vault and report drift", "credentials.github_has_nothing_undeclared"),
        ("Rehearse the deploy, keep the rollback command", "deploy_rehearsal.candidate_gets_healthy"),
        ("Implement a rollback script", "deploy_rehearsal.rollback_is_quick"),
        ("Configure Prometheus alerts, link to the runbook", "alerts.rules_are_valid"),
        ("Back up the database and restore it", "backup_restore.restored"),
        ("Update the runbook with the new deploy flow", "readiness_summary.runbook_tells_the_flow"),
        ("Give QA the links for the daily report", "readiness_summary.qa_links_are_fresh"),
        ("See npm run ci and npm run scan pass", "guardrails.project_commands_pass"),
        ("Write feedback to feedback/x.md and clean stray md files", "readiness_summary.feedback_entry_is_whole"),
    ],
)
def test_what_a_task_speaks_of_proposes_its_checks(words: str, check: str) -> None:
    assert check in [one.id for one in propose_checks(words)]


@pytest.mark.parametrize("words", ["Agree with marketing on the day", "Translate the page", ""])
def test_what_is_not_looked_at_here_proposes_nothing(words: str) -> None:
    assert propose_checks(words) == ()


def test_every_proposal_has_a_gate() -> None:
    for _, checks in RULES:
        assert any(every_check()[check.id].gate for check in checks)
