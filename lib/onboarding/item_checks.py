"""Which checks a task of a direction may mean, by what it speaks of: a guess, for a person to confirm."""

from __future__ import annotations

import re

from lib.core.results import Check
from lib.tasks.alerts import task as alerts
from lib.tasks.backup_restore import task as backup
from lib.tasks.credentials import task as credentials
from lib.tasks.deploy_rehearsal import task as deploy
from lib.tasks.guardrails import task as guardrails
from lib.tasks.health import task as health
from lib.tasks.migrations import task as migrations
from lib.tasks.readiness_summary import task as summary
from lib.tasks.rls import task as rls
from lib.tasks.seed import task as seed

FEEDBACK = r"\bfeedback\b"
DEPLOY = (deploy.CONFIG_IS_VALID, deploy.WAY_BACK_IS_KNOWN, deploy.CANDIDATE_GETS_HEALTHY, deploy.ERRORS_WITHIN_LIMIT)
SEED = (seed.APPLIED_WITH_CLI, seed.ROW_COUNTS_MATCH, seed.APPLIED_TWICE_CHANGES_NOTHING)
MIGRATIONS = (
    migrations.APPLIES_ON_TWIN,
    migrations.PUSHED_TO_TARGET,
    migrations.NOTHING_LEFT_TO_PUSH,
    migrations.TARGET_MATCHES_TWIN,
)
RULES: tuple[tuple[str, tuple[Check, ...]], ...] = (
    (
        rf"{FEEDBACK}[^.;]*\bmd\b|^(?:write|record|log|file|add|leave)\b[^.;]*{FEEDBACK}|\bstray\b",
        (summary.FEEDBACK_ENTRY_IS_WHOLE, guardrails.MARKDOWN_IN_ALLOWED_FOLDERS),
    ),
    (r"\breadiness note\b|\bexecution_summary\b", (summary.NOTE_TELLS_MIGRATION_STATUS,)),
    (r"\bqa\b[^.;]*\b(?:link|report|artifact)|\bdaily report\b", (summary.QA_LINKS_ARE_FRESH,)),
    (r"\bnpm run (?!backup\b)\w|\b(?:pnpm|yarn) \w+|\bci\b[^.;]*\bpass", (guardrails.PROJECT_COMMANDS_PASS,)),
    (
        r"\bguardrail\w*\.ya?ml|\bci guard|\bwide[- ]change|\bbatch policy",
        (
            guardrails.BRANCH_NAME_ALLOWED,
            guardrails.CHANGE_SMALL_OR_OPTED_IN,
            guardrails.PATHS_ALLOWED,
            guardrails.SCOPE_CARD_KEPT,
        ),
    ),
    (r"\brunbook\w*/|\brunbook\b[^.;]*\b(?:flow|deploy|rollback)|^update\b[^.;]*\brunbook", (summary.RUNBOOK_TELLS_THE_FLOW,)),
    (
        r"\b(?:prometheus|alert)",
        (alerts.RULES_ARE_VALID, alerts.REQUIRED_ALERTS_EXIST, alerts.RUNBOOKS_RESOLVE, alerts.TESTED_FIRING_QUIET_AND_RESOLVING),
    ),
    (
        r"\broll(?:ing)?[- ]?back\b|\bway back\b",
        (deploy.ROLLBACK_IS_QUICK, deploy.OLD_VERSION_ANSWERS, deploy.EVERYTHING_CAME_BACK, backup.RESTORED),
    ),
    (
        r"\bback(?:ing)?[- ]?up|\brestor",
        (backup.DUMP_TAKEN, backup.RESTORED, backup.ROWS_MATCH, backup.PROJECT_BACKUP_RESTORES),
    ),
    (r"\bdeploy", DEPLOY),
    (
        r"\bnotif|\be-?mail\b",
        (health.MAIL_SERVER_ACCEPTS_US, health.NOTIFICATION_DELIVERED, summary.NIGHTLY_FAILURE_NOTIFIES),
    ),
    (
        r"\bdrift\b|\baudit\w*\b[^.;]*\bsecret",
        (credentials.GITHUB_HAS_NOTHING_UNDECLARED, credentials.GITHUB_AS_NEW_AS_VAULT, credentials.ENVIRONMENTS_SHARE_NO_VALUE),
    ),
    (
        r"\bsecrets?\b[^.;]*\b(?:vault|sync|fly)|\bcredential|\bvault\b",
        (credentials.EVERY_VALUE_IN_VAULT, credentials.FLY_HAS_EVERY_CREDENTIAL, credentials.GITHUB_HAS_EVERY_CREDENTIAL),
    ),
    (r"\bchatwoot\b", (health.CHATWOOT_IS_ALIVE, health.CHATWOOT_AVAILABLE, summary.CHATWOOT_IS_ASKED_NIGHTLY)),
    (r"\bpubler\b", (health.PUBLER_TOKEN_ACCEPTED, health.PUBLER_AVAILABLE, summary.PUBLER_IS_ASKED_NIGHTLY)),
    (
        r"\brls\b|\brow[- ]level|\bpolic(?:y|ies)\b|\btest db\b|\bpgtap\b",
        (rls.EVERY_TABLE_ENABLED, rls.MATRIX_MATCHES_DECLARED, rls.PGTAP_TESTS_PASS),
    ),
    (r"\bseed|\bfixture", SEED),
    (r"\bmigrat|\bdb push\b", MIGRATIONS),
)
"""What a task speaks of -> the checks that look at it; the first that fits, so the narrower ones stand first."""
DATABASE_FIRST = re.compile(r"^\W*(?:apply|push|run|deploy)\b[^.;]*\bmigrat", re.IGNORECASE)
"""A task that begins so is about migrations, whatever else it says to keep."""
DEPLOY_FIRST = re.compile(r"^\W*(?:rehearse|practi[cs]e|try)\b[^.;]*\bdeploy", re.IGNORECASE)
"""About the deploy, whatever it says of the way back."""
SEEDS_FIRST = re.compile(r"^\W*(?:re)?seed", re.IGNORECASE)


def propose_checks(words: str) -> tuple[Check, ...]:
    """Return the checks that may prove a task, () where nothing that is looked at here is spoken of."""
    for begins, checks in ((DATABASE_FIRST, MIGRATIONS), (SEEDS_FIRST, SEED), (DEPLOY_FIRST, DEPLOY)):
        if begins.search(words):
            return checks
    return next((checks for pattern, checks in RULES if re.search(pattern, words, re.IGNORECASE)), ())
