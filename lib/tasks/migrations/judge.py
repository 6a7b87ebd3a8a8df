"""Judges files, history, push and advisors: results, and rows as a page shows them. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from lib.clients.supabase.cli import CliAnswer
from lib.clients.supabase.migration_files import MigrationSet
from lib.clients.supabase.squawk import LintFinding
from lib.core.left_out import LeftOut, judge_all
from lib.core.results import Check, Findings, Result
from lib.core.wording import join_words, name_some
from lib.tasks.migrations.task import (
    ADVISORS_REPORT_NO_ERRORS,
    ADVISORS_REPORT_NO_WARNINGS,
    APPLIES_ON_TWIN,
    APPLIES_WITH_ROWS,
    BACKGROUND_WORK_NOT_BLOCKED,
    DRY_RUN_LISTS_PENDING,
    FILES_ARE_ATOMIC,
    FOUND,
    HISTORY_HAS_NO_DRIFT,
    LINT_IS_CLEAN,
    NAMES_ARE_VALID,
    NO_LONG_EXCLUSIVE_LOCK,
    VERSIONS_ARE_UNIQUE,
)

NONE_FOUND = "No migration was found in supabase/migrations."
POINT_AT_PACK = "Set PACK to the project under launch."

JUDGED_BY_RLS = (
    "rls_disabled_in_public",
    "policy_exists_rls_disabled",
    "rls_enabled_no_policy",
    "rls_policy_always_true",
    "security_definer_view",
    "function_search_path_mutable",
)
"""Advisor lints that 02_rls judges itself, object by object."""

LOCK_RULES = (
    "adding-field-with-default",
    "adding-foreign-key-constraint",
    "adding-serial-primary-key-field",
    "changing-column-type",
    "constraint-missing-not-valid",
    "disallowed-unique-constraint",
    "require-concurrent-index-creation",
    "require-concurrent-index-deletion",
    "require-concurrent-partition-detach",
    "require-concurrent-reindex",
    "require-statement-timeout",
    "require-timeout-settings",
)
"""Linter rules that predict a lock; the rehearsal on the twin measures it."""

JUDGED_ELSEWHERE: Mapping[str, Check] = {
    "syntax-error": APPLIES_ON_TWIN,
    "adding-required-field": APPLIES_WITH_ROWS,
    "adding-not-nullable-field": APPLIES_WITH_ROWS,
    "ban-concurrent-index-creation-in-transaction": FILES_ARE_ATOMIC,
    "ban-uncommitted-transaction": FILES_ARE_ATOMIC,
    "transaction-nesting": FILES_ARE_ATOMIC,
    "require-lock-timeout": BACKGROUND_WORK_NOT_BLOCKED,
    **dict.fromkeys(LOCK_RULES, NO_LONG_EXCLUSIVE_LOCK),
}
"""Linter rule -> the check that judges it instead of the linter. Source: https://squawkhq.com/docs/rules"""


def judge_files(migrations: MigrationSet) -> Findings[None]:
    """Judge that there are migrations, and that their names, versions and contents may be pushed."""
    files, results = migrations.files, [judge_names(migrations)]
    if files:
        results.append(FOUND.passed(observed=len(files), unit="files"))
        results += [judge_versions(migrations), judge_atomic(migrations)]
    else:
        results += [check.errored(NONE_FOUND, fix=POINT_AT_PACK) for check in (FOUND, VERSIONS_ARE_UNIQUE, FILES_ARE_ATOMIC)]
    rows = [
        {
            "migration": file.name,
            "statements": len(file.statements),
            "applied": "whole or not at all" if file.is_atomic else "may stay half applied",
            "rollback": "yes" if file.name in migrations.rollbacks else "no file",
        }
        for file in files
    ]
    return Findings(results=results, rows=rows)


def judge_names(migrations: MigrationSet) -> Result:
    """Judge that the CLI skips no file because of its name."""
    check, unfit = NAMES_ARE_VALID, migrations.unfit
    if not migrations.files and not unfit:
        return check.errored(NONE_FOUND, fix=POINT_AT_PACK)
    detail = f"The CLI skips {name_some(unfit)} without an error." if unfit else ""
    fix = f"Rename {name_some(unfit)} to <digits>_<words>.sql, or move it out of supabase/migrations."
    return count_check(check, unfit, "files", detail, fix=fix, objects=unfit)


def judge_versions(migrations: MigrationSet) -> Result:
    """Judge that no two files have the same version."""
    shared = migrations.duplicates
    named = "; ".join(f"{version} is the version of {' and '.join(names)}" for version, names in shared.items())
    detail = f"{named}. The history can record only one of them." if shared else ""
    fix = [f"Give {' and '.join(names)} different versions." for names in shared.values()]
    left_out = find_skipped(migrations)
    return count_check(VERSIONS_ARE_UNIQUE, shared, "versions", detail, left_out=left_out, fix=fix, objects=list(shared))


def find_skipped(migrations: MigrationSet) -> list[LeftOut]:
    """Return the files that the CLI skips, which names_are_valid judges: nobody looked into them."""
    if not migrations.unfit:
        return []
    return [LeftOut(reason=f"The CLI skips {name_some(migrations.unfit)}.", cause=NAMES_ARE_VALID.id)]


def judge_atomic(migrations: MigrationSet) -> Result:
    """Judge that no file can stay half applied; a file with a single CONCURRENTLY statement passes and is named."""
    files = migrations.files
    torn = [file for file in files if not file.is_atomic]
    alone = [file.name for file in files if file.is_atomic and file.concurrent]
    if not torn:
        detail = f"CONCURRENTLY is alone in its file, as required: {name_some(alone)}." if alone else ""
    else:
        causes = [(file, (file.transaction_control + file.concurrent + file.never_held)[0]) for file in torn]
        named = "; ".join(f"{file.name}, line {one.line}: {one.summary}" for file, one in causes)
        detail = f"{named}. A later failure leaves half the file applied and no history row."
    fix = "Put each CONCURRENTLY or VACUUM statement alone in a file, and remove BEGIN and COMMIT: the CLI adds them."
    names = [file.name for file in torn]
    return count_check(FILES_ARE_ATOMIC, torn, "files", detail, left_out=find_skipped(migrations), fix=fix, objects=names)


def judge_lint(findings: Sequence[LintFinding], files: int) -> Findings[None]:
    """Judge that the linter found nothing but what other checks judge."""
    counted = [one for one in findings if one.rule not in JUDGED_ELSEWHERE]
    rows = [
        {
            "migration": one.file,
            "line": one.line,
            "rule": one.rule,
            "says": one.message,
            "judged by": JUDGED_ELSEWHERE[one.rule].id if one.rule in JUDGED_ELSEWHERE else "this check",
        }
        for one in findings
    ]
    elsewhere = dict.fromkeys(JUDGED_ELSEWHERE[one.rule].id for one in findings if one.rule in JUDGED_ELSEWHERE)
    noted = f" {len(findings) - len(counted)} findings are judged by {join_words(list(elsewhere))}." if elsewhere else ""
    detail = f"{files} files linted.{noted}"
    if counted:
        first = counted[0]
        detail = f"The first is in {first.file}, line {first.line}: {first.message}"
    fix = "Correct each finding in the table, or accept its rule in .squawk.toml."
    keys = [f"{one.file}:{one.line} {one.rule}" for one in counted]
    return Findings(results=[count_check(LINT_IS_CLEAN, counted, "findings", detail, fix=fix, objects=keys)], rows=rows)


def judge_history(
    unknown: Sequence[str],
    edited: Sequence[str],
    late: Sequence[str],
    versions: int,
    *,
    unrecorded: Sequence[str] = (),
    shared: Sequence[str] = (),
) -> Result:
    """Judge that the target's history agrees with the files.

    unknown: applied versions without a file. edited: files changed after they were applied.
    late: pending files with a version older than the newest applied one. unrecorded: applied files whose statements the
    history does not have. shared: applied files of one version. Neither can be compared with what was applied.
    """
    kinds = {
        "Applied to the target but not in the pack": unknown,
        "Changed after they were applied": edited,
        "Pending but older than what is applied": late,
    }
    said = "; ".join(f"{kind}: {name_some(names)}" for kind, names in kinds.items() if names)
    drifted = [*unknown, *edited, *late]
    detail = f"{said}." if drifted else f"{versions} versions compared."
    fix = "Bring the pack and the target to one history before pushing."
    left_out = []
    if unrecorded:
        again = [f"supabase migration repair --status applied {name.partition('_')[0]}" for name in unrecorded[:5]]
        reason = f"The history does not say what was applied of {name_some(unrecorded)}."
        fixes = f"Where the files are what was applied, record their statements: {'; '.join(again)}"
        left_out.append(LeftOut(reason=reason, fix=fixes))
    if shared:
        reason = f"Nobody can tell which of {name_some(shared)} was applied."
        left_out.append(LeftOut(reason=reason, cause=VERSIONS_ARE_UNIQUE.id))
    return count_check(HISTORY_HAS_NO_DRIFT, drifted, "versions", detail, left_out=left_out, fix=fix, objects=drifted)


def judge_dry_run(answer: CliAnswer, pending: Sequence[str]) -> Findings[None]:
    """Judge that the CLI would push exactly the pending files."""
    listed = list(answer.data["migrations"])
    same = listed == list(pending)
    detail = "" if same else f"The CLI would push {list_names(listed)}; the history lacks {list_names(pending)}."
    result = DRY_RUN_LISTS_PENDING.judge(
        holds=same,
        observed=len(listed),
        expected=len(pending),
        unit="migrations",
        detail=detail,
        fix="Read dry_run.txt: it names each file that the CLI skips, and why.",
        command=answer.run.command,
        exit_code=answer.run.exit_code,
    )
    rows = [{"would be pushed": name} for name in listed]
    return Findings(results=[result], rows=rows, artifacts={"dry_run.txt": answer.run.transcript})


def judge_advice(lints: Sequence[Mapping[str, Any]]) -> Findings[None]:
    """Judge that the advisors found no error and no warning except those that 02_rls judges."""
    rows = [
        {
            "level": one["level"],
            "lint": one["name"],
            "says": one["detail"],
            "read more": one["remediation"],
            "judged by": "02_rls" if one["name"] in JUDGED_BY_RLS else "this check",
        }
        for one in lints
    ]
    levels = {ADVISORS_REPORT_NO_ERRORS: "ERROR", ADVISORS_REPORT_NO_WARNINGS: "WARN"}
    return Findings(results=[judge_level(check, level, rows) for check, level in levels.items()], rows=rows)


def judge_level(check: Check, level: str, rows: Sequence[Mapping[str, Any]]) -> Result:
    """Judge that no finding of this level is left that 02_rls does not judge."""
    ours = [row for row in rows if row["level"] == level and row["judged by"] == "this check"]
    elsewhere = sum(row["level"] == level for row in rows) - len(ours)
    detail = f"{elsewhere} more are judged by 02_rls." if elsewhere else ""
    if ours:
        said = " ".join(row["says"] for row in ours[:5])
        detail = said
    fix = list(dict.fromkeys(f"{row['lint']}: see {row['read more']}" for row in ours[:5] if row["read more"]))
    keys = [f"{row['lint']}: {row['says']}" for row in ours]
    return count_check(check, ours, "findings", detail, fix=fix or check.fix, objects=keys)


def count_check(
    check: Check,
    wrong: Sequence[Any] | Mapping[str, Any],
    unit: str,
    detail: str,
    *,
    left_out: Sequence[LeftOut] = (),
    **facts: Any,
) -> Result:
    """Return `fail` with how many are wrong, else what is left out makes of it, else `pass`."""
    facts |= {"observed": len(wrong), "expected": 0, "unit": unit}
    return judge_all(check, holds=not wrong, left_out=left_out, detail=detail, **facts)


def list_names(names: Sequence[str]) -> str:
    """Return the first names in words and how many more there are, or "none"; the table below has all."""
    return name_some(names) or "none"
