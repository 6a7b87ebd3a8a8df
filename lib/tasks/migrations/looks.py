"""Migrations: found, fit, rehearsed on a twin, pushed by the real CLI, and nothing left over.

This module looks; what is seen is judged in `targets.migration_judgements` and, for the twin, in
`targets.rehearsal_report`. The linter only advises: what its rules on locks foresee is measured
on the twin, which is the gate.
"""

from __future__ import annotations

from lib.clients.supabase.cli import SupabaseCli, open_cli, stage_project
from lib.clients.supabase.migration_files import MigrationFile, MigrationSet, find_migrations
from lib.clients.supabase.migration_history import find_edited, read_history
from lib.clients.supabase.squawk import lint_migrations
from lib.core.errors import TargetError
from lib.core.results import Findings, Outcome, looks_at, skipped, unseen
from lib.tasks.migrations.judge import (
    NONE_FOUND,
    judge_advice,
    judge_dry_run,
    judge_files,
    judge_history,
    judge_lint,
    judge_match,
    judge_push,
    judge_versions,
    plan_push,
)
from lib.tasks.migrations.judge_rehearsal import judge_applied, judge_background, judge_locks, judge_rollbacks
from lib.tasks.migrations.push import push_under_lock
from lib.tasks.migrations.rehearsal import Place, Rehearsal, read_major, read_target, rehearse
from lib.transport.context import World


@looks_at("migrations.found", "migrations.names_are_valid", "migrations.versions_are_unique", "migrations.files_are_atomic")
def look_at_files(world: World) -> Findings:
    """Every file in supabase/migrations, in the order the CLI applies them."""
    return judge_files(find_migrations(world.pack))


@looks_at("migrations.lint_is_clean")
def look_at_lint(world: World) -> Findings:
    """What the linter says of the migrations; what only the twin can tell is left to it."""
    files = require_files(world)
    major, timeout_s = read_major(world.target), world.settings.command_timeout_s
    answer = lint_migrations(world.programs.squawk, world.pack, files, postgres_major=major, timeout_s=timeout_s)
    found = judge_lint(answer.findings, len(files))
    return Findings(results=found.results, rows=found.rows, artifacts={"squawk.txt": answer.run.transcript})


@looks_at("migrations.history_has_no_drift")
def look_at_history(world: World) -> Findings:
    """Every version, in the pack and on the target, before anything is pushed."""
    files, history = require_files(world), read_history(world.target)
    listed = open_staged_cli(world).list_migrations(world.target)
    words = {True: "yes", False: "no"}
    rows = [{"version": one.version, "in the pack": words[one.local], "on the target": words[one.remote]} for one in listed]
    unknown = [one.version for one in listed if not one.local]
    applied = [one.version for one in history]
    late = [file.name for file in files if applied and file.version not in applied and file.version < max(applied)]
    return Findings(results=[judge_history(unknown, find_edited(files, history), late, len(listed))], rows=rows)


@looks_at("migrations.dry_run_lists_pending")
def look_at_dry_run(world: World) -> Findings:
    """What the CLI says it would push."""
    pending = [file.name for file in pending_files(world)]
    answer = open_staged_cli(world).push(world.target, dry_run=True)
    return judge_dry_run(answer, pending)


@looks_at("migrations.applies_on_twin", "migrations.applies_with_rows")
def look_at_rehearsal(world: World) -> Findings:
    """Every pending migration, applied to a twin of the target."""
    require_files(world)
    migrations = find_migrations(world.pack)
    rehearsal = rehearse(place_of(world), world.pack, migrations, pending_files(world), world.settings.scales)
    return judge_applied(rehearsal)


@looks_at("migrations.no_long_exclusive_lock")
def look_at_locks(world: World, *, rehearsal: Rehearsal | None) -> Findings:
    """Every lock a migration held on a table, at each scale of the seed's rows."""
    return judge_locks(require_rehearsal(rehearsal), limit_ms=world.settings.max_exclusive_lock_ms)


@looks_at("migrations.background_work_not_blocked")
def look_at_background(world: World, *, rehearsal: Rehearsal | None) -> Findings:
    """What a reader and a writer suffered while the migrations ran."""
    return judge_background(require_rehearsal(rehearsal), limit_ms=world.settings.max_blocked_ms)


@looks_at("migrations.rollbacks_restore_schema")
def look_at_rollbacks(world: World, *, rehearsal: Rehearsal | None) -> Findings:
    """Each migration applied and rolled back on the twin."""
    return judge_rollbacks(require_rehearsal(rehearsal))


@looks_at("migrations.one_run_at_a_time", "migrations.pushed_to_target", "migrations.nothing_left_to_push")
def push_to_target(world: World, *, rehearsal: Rehearsal | None) -> Findings:
    """What the CLI pushed to the target, and what was left after it."""
    pending = pending_files(world)
    if not world.writes_allowed:
        return plan_push([file.name for file in pending], world.environment)
    rehearsal = require_rehearsal(rehearsal)
    require_good_rehearsal(rehearsal, find_migrations(world.pack), limit_ms=world.settings.max_exclusive_lock_ms)
    cli = open_staged_cli(world)
    rehearsed = [] if rehearsal.from_nothing else [name.partition("_")[0] for name in rehearsal.files]
    pushed = push_under_lock(cli, place_of(world), rehearsed=rehearsed, wait_s=world.settings.lock_wait_s)
    return judge_push(pushed, [file.name for file in pending])


@looks_at("migrations.target_matches_twin")
def look_at_match(world: World, *, rehearsal: Rehearsal | None) -> Findings:
    """Every object that the target and the twin do not agree on after the push."""
    rehearsal = require_rehearsal(rehearsal)
    check = "migrations.target_matches_twin"
    if rehearsal.first.failure:
        reason = "The twin is not whole, for a migration failed on it. Next: see migrations.applies_on_twin."
        return Findings(results=[unseen(check, reason)])
    pending = pending_files(world)
    if pending:
        reason = f"The target still lacks {len(pending)} migrations. Next: see migrations.pushed_to_target."
        return Findings(results=[unseen(check, reason) if world.writes_allowed else skipped(check, reason)])
    return judge_match(rehearsal, read_target(place_of(world)), world.settings.schemas)


@looks_at("migrations.advisors_report_no_errors", "migrations.advisors_report_no_warnings")
def look_at_advisors(world: World) -> Findings:
    """What Supabase's own advisors say of the target as it is now."""
    pending = pending_files(world)
    if pending:
        reason = f"The target still lacks {len(pending)} migrations: it is not yet what will be launched. "
        reason += "Next: see migrations.pushed_to_target."
        give = unseen if world.writes_allowed else skipped
        return Findings(results=[give(one, reason) for one in look_at_advisors.check_ids])  # type: ignore[attr-defined]
    workdir = stage_project(world.pack, world.work / "advised", with_config=False)
    answer = open_cli(world.programs.supabase, workdir, timeout_s=world.settings.command_timeout_s).advise(world.target)
    found = judge_advice(answer.data["results"])
    return Findings(results=found.results, rows=found.rows, artifacts={"advisors.json": answer.data["results"]})


def require_files(world: World) -> tuple[MigrationFile, ...]:
    """Return the pack's migrations. Raises TargetError when there is none."""
    files = find_migrations(world.pack).files
    if not files:
        raise TargetError(NONE_FOUND)
    return files


def pending_files(world: World) -> list[MigrationFile]:
    """Return the files that the target's history does not have."""
    migrations = find_migrations(world.pack)
    require_files(world)
    return migrations.pending(one.version for one in read_history(world.target))


def require_rehearsal(rehearsal: Rehearsal | None) -> Rehearsal:
    """Return the rehearsal. Raises TargetError when there was none to look at."""
    if rehearsal is None:
        raise TargetError("The migrations could not be rehearsed. Next: see migrations.applies_on_twin.")
    return rehearsal


def require_good_rehearsal(rehearsal: Rehearsal, migrations: MigrationSet, *, limit_ms: float) -> None:
    """Let go on only what may be pushed. Raises TargetError saying why not.

    Long locks stop the push only where rows are: on an empty target nobody is there to wait.
    """
    applied = judge_applied(rehearsal).results[0]
    if applied.outcome is not Outcome.PASS:
        raise TargetError(f"Not pushed: the twin did not take every migration. {applied.detail}")
    if migrations.duplicates:
        raise TargetError(f"Not pushed: {judge_versions(migrations).detail}")
    locks = judge_locks(rehearsal, limit_ms=limit_ms).results[0]
    if rehearsal.target_has_rows and locks.outcome is Outcome.FAIL:
        raise TargetError(f"Not pushed: the target holds rows that somebody may be using. {locks.detail}")


def place_of(world: World) -> Place:
    """Return where this world's migrations are rehearsed."""
    return Place(
        target=world.target,
        scratch=world.scratch,
        schemas=world.settings.schemas,
        postgres_bin=world.programs.postgres_bin,
        work=world.work,
        timeout_s=world.settings.command_timeout_s,
    )


def open_staged_cli(world: World) -> SupabaseCli:
    """Return the CLI, with the pack staged for it."""
    workdir = stage_project(world.pack, world.work / "supabase_project")
    return open_cli(world.programs.supabase, workdir, timeout_s=world.settings.command_timeout_s)
