"""What files, history, push and advisors mean for the launch: rows as a page shows them, and results. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from lib.clients.postgres.schema import Difference, Schema, compare_schemas, name_differences
from lib.clients.supabase.cli import CliAnswer
from lib.clients.supabase.migration_files import MigrationFile, MigrationSet
from lib.clients.supabase.squawk import LintFinding
from lib.core.results import Findings, Result, failed, judge, passed, skipped, unseen
from lib.tasks.migrations.push import Pushed
from lib.tasks.migrations.rehearsal import Rehearsal

NONE_FOUND = "No migration was found in supabase/migrations. Next: point PACK at the project under launch."

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
    "require-lock-timeout",
    "require-statement-timeout",
    "require-timeout-settings",
)
"""Rules of the linter that foresee a lock, which the twin measures."""

JUDGED_ELSEWHERE = {
    "syntax-error": "migrations.applies_on_twin",
    "adding-required-field": "migrations.applies_with_rows",
    "adding-not-nullable-field": "migrations.applies_with_rows",
    "ban-concurrent-index-creation-in-transaction": "migrations.files_are_atomic",
    "ban-uncommitted-transaction": "migrations.files_are_atomic",
    "transaction-nesting": "migrations.files_are_atomic",
    **dict.fromkeys(LOCK_RULES, "migrations.no_long_exclusive_lock"),
}
"""Rules of the linter whose question another check answers. Source: https://squawkhq.com/docs/rules"""

SERVER_WIDE = ("extension ", "publication ", "event_trigger ", "default_privileges ")
"""Objects that belong to a project as a whole; a fresh project has its own."""


def judge_files(migrations: MigrationSet) -> Findings:
    """Judge that there are migrations, and that their names, versions and contents are fit to be pushed."""
    files, results = migrations.files, [judge_names(migrations)]
    if files:
        results.append(passed("migrations.found", observed=len(files), unit="files"))
        results += [judge_versions(migrations), judge_atomic(files)]
    else:
        results += [unseen(f"migrations.{one}", NONE_FOUND) for one in ("found", "versions_are_unique", "files_are_atomic")]
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
    """Judge that the CLI would skip no file for its name."""
    check, unfit = "migrations.names_are_valid", migrations.unfit
    if not migrations.files and not unfit:
        return unseen(check, NONE_FOUND)
    next_move = "name each <digits>_<words>.sql, or move it away."
    detail = f"The CLI skips {', '.join(unfit)} without an error. Next: {next_move}" if unfit else ""
    return count_check(check, unfit, "files", detail)


def judge_versions(migrations: MigrationSet) -> Result:
    """Judge that each version stands for one file."""
    shared = migrations.duplicates
    named = "; ".join(f"{version} is carried by {' and '.join(names)}" for version, names in shared.items())
    detail = f"{named}. The history has room for one of them. Next: give each file a version of its own." if shared else ""
    return count_check("migrations.versions_are_unique", shared, "versions", detail)


def judge_atomic(files: Sequence[MigrationFile]) -> Result:
    """Judge that no file can stay half applied; one that is a single CONCURRENTLY may, and is only named."""
    torn = [file for file in files if not file.is_atomic]
    alone = [file.name for file in files if file.is_atomic and file.concurrent]
    if not torn:
        detail = f"Alone in its file, as it must be: CONCURRENTLY in {', '.join(alone)}." if alone else ""
    else:
        causes = [(file, (file.transaction_control + file.concurrent)[0]) for file in torn]
        named = "; ".join(f"{file.name}, line {one.line}: {one.summary}" for file, one in causes)
        next_move = "put CONCURRENTLY alone in a file, and leave BEGIN and COMMIT to the CLI."
        detail = f"{named}. A later failure leaves half the file applied and no history row. Next: {next_move}"
    return count_check("migrations.files_are_atomic", torn, "files", detail)


def judge_lint(findings: Sequence[LintFinding], files: int) -> Findings:
    """Judge that the linter found nothing but what other checks answer."""
    counted = [one for one in findings if one.rule not in JUDGED_ELSEWHERE]
    rows = [
        {
            "migration": one.file,
            "line": one.line,
            "rule": one.rule,
            "says": one.message,
            "judged by": JUDGED_ELSEWHERE.get(one.rule, "this check"),
        }
        for one in findings
    ]
    detail = f"{files} files looked at."
    if counted:
        first = counted[0]
        detail = f"The first is in {first.file}, line {first.line}: {first.message} Next: correct or accept each in the table."
    return Findings(results=[count_check("migrations.lint_is_clean", counted, "findings", detail)], rows=rows)


def judge_history(unknown: Sequence[str], edited: Sequence[str], late: Sequence[str], versions: int) -> Result:
    """Judge that the target's history and the files tell one story.

    unknown: versions applied that no file carries. edited: files changed after they were applied.
    late: pending files with a version older than the newest applied one.
    """
    kinds = {
        "Applied to the target but not in the pack": unknown,
        "Changed after they were applied": edited,
        "Pending but older than what is applied": late,
    }
    said = "; ".join(f"{kind}: {', '.join(names)}" for kind, names in kinds.items() if names)
    drifted = [*unknown, *edited, *late]
    next_move = "bring the pack and the target to one history before pushing."
    detail = f"{said}. Next: {next_move}" if drifted else f"{versions} versions compared."
    return count_check("migrations.history_has_no_drift", drifted, "versions", detail)


def judge_dry_run(answer: CliAnswer, pending: Sequence[str]) -> Findings:
    """Judge that the CLI would push exactly the files that the history lacks."""
    listed = list(answer.data["migrations"])
    detail = ""
    if listed != pending:
        detail = (
            f"The CLI would push {list_names(listed)}; the history lacks {list_names(pending)}. "
            "Next: find which file it leaves out, and why."
        )
    result = judge(
        "migrations.dry_run_lists_pending",
        holds=listed == list(pending),
        observed=len(listed),
        expected=len(pending),
        unit="migrations",
        detail=detail,
        command=answer.run.command,
        exit_code=answer.run.exit_code,
    )
    rows = [{"would be pushed": name} for name in listed]
    return Findings(results=[result], rows=rows, artifacts={"dry_run.txt": answer.run.transcript})


def plan_push(pending: Sequence[str], environment: str) -> Findings:
    """Say what would be pushed, where the target may not be changed."""
    reason = f"Changes to {environment} are not allowed in this run. Next: allow them with ALLOW_WRITES={environment}."
    check = "migrations.nothing_left_to_push"
    if pending:
        left = skipped(check, f"{len(pending)} migrations are pending: {', '.join(pending)}. {reason}")
    else:
        left = count_check(check, (), "migrations", "The target's history has every file.")
    results = [skipped("migrations.one_run_at_a_time", reason), skipped("migrations.pushed_to_target", reason), left]
    return Findings(results=results, rows=[{"would be pushed": name} for name in pending])


def judge_push(pushed: Pushed, pending: Sequence[str]) -> Findings:
    """Judge that the push went through as rehearsed, and that a second one finds nothing to do."""
    waited = f"The lock was free after {pushed.waited_s:.1f} s." if pushed.waited_s >= 1 else ""
    states = {name: "applied" if name.partition("_")[0] in pushed.after else "still pending" for name in pending}
    results = refuse_push(pushed, states) if pushed.refusal else [judge_pushed(pushed, pending), judge_left(pushed)]
    runs = [run for run in (pushed.first, pushed.second) if run is not None]
    return Findings(
        results=[passed("migrations.one_run_at_a_time", detail=waited), *results],
        rows=[{"migration": name, "on the target": state} for name, state in states.items()],
        artifacts={"push.txt": "\n".join(run.transcript for run in runs)},
    )


def refuse_push(pushed: Pushed, states: Mapping[str, str]) -> list[Result]:
    """Return the results of a push that the CLI did not carry through: what is applied, what is still pending."""
    applied = [name for name, state in states.items() if state == "applied"]
    rest = [name for name in states if name not in applied]
    account = f"Applied: {list_names(applied)}; still pending: {list_names(rest)}."
    return [
        failed(
            "migrations.pushed_to_target",
            observed=len(applied),
            expected=len(states),
            unit="migrations",
            detail=f"{account} {pushed.refusal}",
            command=pushed.first.command,
            exit_code=pushed.first.exit_code,
        ),
        unseen("migrations.nothing_left_to_push", f"{account} Next: see migrations.pushed_to_target."),
    ]


def judge_pushed(pushed: Pushed, pending: Sequence[str]) -> Result:
    """Judge that exactly the rehearsed files were pushed."""
    right = sorted(pushed.names) == sorted(pending)
    detail = "" if pending else "Nothing was pending, which the CLI confirms."
    if not right:
        detail = (
            f"The CLI pushed {list_names(pushed.names)} instead of {list_names(pending)}. "
            "Next: compare supabase/migrations with the target's history."
        )
    return judge(
        "migrations.pushed_to_target",
        holds=right,
        observed=len(pushed.names),
        expected=len(pending),
        unit="migrations",
        detail=detail,
        command=pushed.first.command,
        exit_code=pushed.first.exit_code,
    )


def judge_left(pushed: Pushed) -> Result:
    """Judge that after the push both sides list the same versions, and a second push did nothing."""
    apart = [one.version for one in pushed.listed if one.local != one.remote]
    left = sorted({*apart, *pushed.left})
    detail = "A second push found nothing to do."
    if left:
        detail = f"Not the same on both sides: {', '.join(left)}. Next: push again, and see what the CLI says of them."
    run = pushed.second or pushed.first
    return count_check(
        "migrations.nothing_left_to_push", left, "migrations", detail, command=run.command, exit_code=run.exit_code
    )


def judge_match(rehearsal: Rehearsal, target: Schema, schemas: Sequence[str]) -> Findings:
    """Judge that the target's schema equals the twin's, but for what the twin could not have from the start."""
    differences = compare_schemas(rehearsal.first.after, target)
    if rehearsal.from_nothing:
        known = {one for one in differences if not is_within(one.object, schemas)}
    else:
        known = set(compare_schemas(rehearsal.first.before, rehearsal.target_before))
    unexplained = [one for one in differences if one not in known]
    detail = f"{len(rehearsal.first.after)} objects compared."
    if unexplained:
        detail = f"{name_differences(unexplained)}. Next: find who changed the target beside the migrations."
    return Findings(
        results=[count_check("migrations.target_matches_twin", unexplained, "objects", detail)],
        rows=difference_rows(differences, known),
        artifacts={"target_schema.json": dict(target)},
    )


def is_within(key: str, schemas: Sequence[str]) -> bool:
    """Return whether an object lies in the pack's schemas, and not in the project around them."""
    words = f"{key} "
    return not key.startswith(SERVER_WIDE) and any(f" {name}." in words or f"schema {name} " in words for name in schemas)


def difference_rows(differences: Iterable[Difference], known: set[Difference]) -> list[dict[str, Any]]:
    """Return one row a difference; those that were there before the push are told apart."""
    return [
        {
            "object": one.object,
            "on the twin": one.first or "not there",
            "on the target": one.second or "not there",
            "judged": "no: the twin could not have it" if one in known else "here",
        }
        for one in differences
    ]


def judge_advice(lints: Sequence[Mapping[str, Any]]) -> Findings:
    """Judge that the advisors found no error and no warning but what 02_rls judges itself."""
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
    levels = {"migrations.advisors_report_no_errors": "ERROR", "migrations.advisors_report_no_warnings": "WARN"}
    return Findings(results=[judge_level(check, level, rows) for check, level in levels.items()], rows=rows)


def judge_level(check: str, level: str, rows: Sequence[Mapping[str, Any]]) -> Result:
    """Judge that no finding of this level is ours to judge."""
    ours = [row for row in rows if row["level"] == level and row["judged by"] == "this check"]
    elsewhere = sum(row["level"] == level for row in rows) - len(ours)
    detail = f"{elsewhere} more are judged by 02_rls." if elsewhere else ""
    if ours:
        said = " ".join(row["says"] for row in ours[:5])
        detail = f"{said} Next: follow the lint's own page, named in the table."
    return count_check(check, ours, "findings", detail)


def count_check(check: str, wrong: Sequence[Any] | Mapping[str, Any], unit: str, detail: str, **facts: Any) -> Result:
    """Return `pass` when nothing is wrong, else `fail` with how many are."""
    return judge(check, holds=not wrong, observed=len(wrong), expected=0, unit=unit, detail=detail, **facts)


def list_names(names: Sequence[str]) -> str:
    """Return names as a list in words, or "none"."""
    return ", ".join(names) or "none"
