"""What a pass may not look like: a sentence about every object, said over fewer of them."""

from __future__ import annotations

import re

from lib.core.results import Outcome, Result

SHRUNK = re.compile(
    r"\bnot (?:\w+ )?(?:judged|compared|sampled|tried|looked at|read|scanned|timed|recorded|counted|checked|tested|linted)\b"
    r"|\b(?:left|leaves) out\b|\bsee [a-z_]+\.[a-z_]+|\ball others\b|\bcould not be\b|\bmay not read\b|\bexcept(?:ed|ing)?\b"
    r"|\bapart from\b|\bskipped\b|\bdo not count\b|\bjudged by\b|\bwithout (?:a |an )?(?:row|value|threshold)",
    re.IGNORECASE,
)
"""Words by which a result says that it speaks of fewer objects than its title."""

COUNTED = frozenset(
    {
        "alerts", "backups", "cells", "checks", "constraints", "copies", "credentials", "environments", "files", "metrics",
        "migrations", "objects", "rollbacks", "rows of the matrix", "sequences", "tables", "tests", "values",
    }
)  # fmt: skip
"""Units of objects that a sentence speaks of; a time, or a number of faults, is no count of them."""

LEGITIMATE: dict[str, str] = {
    "alerts.thresholds_as_declared": "its title speaks of alerts with an agreed threshold; the others are named",
    "alerts.tested_firing_quiet_and_resolving": "`up == 0` has no threshold that a part of it can be added to, and is named",
    "guardrails.change_small_or_opted_in": "it counts files against a limit, and quotes the reason that somebody wrote",
    "guardrails.no_secrets_in_diff": "its title speaks of text, but where the policy allows one; what is neither is named",
    "health.chatwoot_available": "samples that the service's limit of requests refuses are no answers; they are named",
    "health.publer_available": "the same",
    "migrations.advisors_report_no_errors": "its title says: beyond what 02_rls judges",
    "migrations.advisors_report_no_warnings": "its title says: beyond what 02_rls judges",
    "migrations.lint_is_clean": "its title says: beyond what other checks judge",
    "migrations.target_matches_twin": "its title says: but for what differed before the push; that is named",
    "backup_restore.schema_matches": "its title speaks of the project's objects; the platform's that differ are named",
    "seed.applied_twice_changes_nothing": "it says that a file's own COMMIT was not undone; every table was compared",
    "rls.pgtap_tests_pass": "tests that the project itself skips or has still to do are out of the count, and named",
}
"""Check -> why its pass may name what it did not look at. The title must be true all the same."""


def find_shrinking(result: Result) -> str:
    """Return why a result is a pass over fewer objects than its sentence speaks of, '' when it is not."""
    if result.outcome is not Outcome.PASS:
        return ""
    said = " ".join(str(part) for part in (result.detail, result.observed) if part is not None)
    word = SHRUNK.search(said)
    if word and result.check not in LEGITIMATE:
        return f"{result.check} passes and says '{word.group()}': {said}"
    observed, expected = result.observed, result.expected
    if (
        not isinstance(observed, int)
        or not isinstance(expected, int)
        or result.unit not in COUNTED
        or result.check in COUNTS_FAULTS
    ):
        return ""
    if observed < expected:
        return f"{result.check} passes with {observed} of {expected} {result.unit}"
    return (
        f"{result.check} passes over nothing: 0 {result.unit}" if expected == 0 and observed == 0 and counts_all(result) else ""
    )


def counts_all(result: Result) -> bool:
    """Return whether its numbers count what was looked at, and not what is wrong: those are rightly none."""
    return result.check not in COUNTS_FAULTS


COUNTS_FAULTS = frozenset(
    {
        "migrations.files_are_atomic",
        "migrations.names_are_valid",
        "migrations.dry_run_lists_pending",
        "migrations.nothing_left_to_push",
        "migrations.pushed_to_target",
        "migrations.target_matches_twin",
        "guardrails.change_small_or_opted_in",
    }
)
"""Checks whose numbers are of faults, of what there was to do, or beside a limit: none of them is rightly a pass."""
