"""Migrations: found, valid, rehearsed on a twin, pushed by the real CLI, and nothing left over.

The looks only observe: `judge` judges files, history, push and advisors, `judge_rehearsal` the twin.
The linter only advises: the locks that its rules predict are measured on the twin, which is the gate.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from lib.clients.postgres.dumps import read_server_major
from lib.clients.postgres.fidelity import Fidelity, measure_fidelity
from lib.clients.supabase.cli import SupabaseCli, open_cli, stage_project
from lib.clients.supabase.migration_files import MigrationFile, MigrationSet, find_migrations
from lib.clients.supabase.migration_history import find_edited, find_uncompared, read_history
from lib.clients.supabase.seed_files import find_seed_files
from lib.clients.supabase.squawk import lint_migrations
from lib.clients.supabase.unpushed import format_lacking, refuse_lacking
from lib.core.errors import TargetError
from lib.core.offered import offer_looks
from lib.core.permissions import Act
from lib.core.results import Findings, Outcome, look
from lib.core.wording import name_some
from lib.tasks.migrations.drift import find_drift
from lib.tasks.migrations.judge import (
    NONE_FOUND,
    POINT_AT_PACK,
    judge_advice,
    judge_dry_run,
    judge_files,
    judge_history,
    judge_lint,
    judge_versions,
)
from lib.tasks.migrations.judge_drift import judge_drift
from lib.tasks.migrations.judge_locks import MigrationLock, has_unclear_lock, judge_background, judge_locks
from lib.tasks.migrations.judge_push import judge_push, plan_push
from lib.tasks.migrations.judge_rehearsal import judge_applied, judge_rollbacks
from lib.tasks.migrations.judge_twin import SEE_TWIN, judge_match, judge_twin, rest_on_twin
from lib.tasks.migrations.push import push_under_lock
from lib.tasks.migrations.rehearsal import Place, Rehearsal, copy_target, read_target, rehearse
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
    NOTHING_LEFT_TO_PUSH,
    ONE_RUN_AT_A_TIME,
    PUSHED_TO_TARGET,
    REHEARSAL_ROWS,
    ROLLBACKS_RESTORE_SCHEMA,
    TARGET_IS_AS_BUILT,
    TARGET_MATCHES_TWIN,
    TWIN_IS_FAITHFUL,
    VERSIONS_ARE_UNIQUE,
    Migrations,
)
from lib.tasks.migrations.timing import TimeLimits
from lib.transport.context import Context


@look(FOUND, NAMES_ARE_VALID, VERSIONS_ARE_UNIQUE, FILES_ARE_ATOMIC)
def look_at_files(context: Context[Migrations]) -> Findings[None]:
    """Every file in supabase/migrations, in the order the CLI applies them."""
    return judge_files(find_migrations(context.pack))


@look(LINT_IS_CLEAN)
def look_at_lint(context: Context[Migrations]) -> Findings[None]:
    """What the linter says about the migrations; locks are left to the twin."""
    files = require_files(context)
    major, timeout_s = read_server_major(context.target), context.settings.command_timeout_s
    answer = lint_migrations(context.programs.squawk, context.pack, files, postgres_major=major, timeout_s=timeout_s)
    found = judge_lint(answer.findings, len(files))
    return Findings(results=found.results, rows=found.rows, artifacts={"squawk.txt": answer.run.transcript})


@look(HISTORY_HAS_NO_DRIFT)
def look_at_history(context: Context[Migrations]) -> Findings[None]:
    """Every version, in the pack and on the target, before anything is pushed."""
    files, history = require_files(context), read_history(context.target)
    listed = open_staged_cli(context).list_migrations(context.target)
    words = {True: "yes", False: "no"}
    rows = [{"version": one.version, "in the pack": words[one.local], "on the target": words[one.remote]} for one in listed]
    unknown = [one.version for one in listed if not one.local]
    applied = [one.version for one in history]
    late = [file.name for file in files if applied and file.version not in applied and file.version < max(applied)]
    unrecorded, shared = find_uncompared(files, history)
    edited = find_edited(files, history)
    result = judge_history(unknown, edited, late, len(listed), unrecorded=unrecorded, shared=shared)
    return Findings(results=[result], rows=rows)


@look(TARGET_IS_AS_BUILT)
def look_at_drift(context: Context[Migrations]) -> Findings[None]:
    """Every object of a live target that its applied migrations do not build, or build otherwise."""
    files = require_files(context)
    if "database" in context.embedded:
        return look_at_drift.not_due("The database was started for this run, so nobody could change it by hand.")
    history = {one.version for one in read_history(context.target)}
    if unknown := sorted(history - {file.version for file in files}):
        said = f"The target has versions without a file: {name_some(unknown)}. So what they build is not known."
        return look_at_drift.errors(said, fix=f"See {HISTORY_HAS_NO_DRIFT.id}.")
    return judge_drift(find_drift(place_of(context), [file for file in files if file.version in history]))


@look(DRY_RUN_LISTS_PENDING)
def look_at_dry_run(context: Context[Migrations]) -> Findings[None]:
    """What the CLI says it would push."""
    pending = [file.name for file in pending_files(context)]
    answer = open_staged_cli(context).push(context.target, dry_run=True)
    return judge_dry_run(answer, pending)


@look(TWIN_IS_FAITHFUL)
def look_at_twin(context: Context[Migrations]) -> Findings[Fidelity]:
    """What was compared between the target and a twin of it, and every difference."""
    pending = pending_files(context)
    with copy_target(place_of(context)) as twin:
        texts = read_texts(context.pack, pending or require_files(context))
        found = measure_fidelity(context.target, twin, schemas=context.settings.schemas, texts=texts)
    return judge_twin(found)


@look(APPLIES_ON_TWIN, APPLIES_WITH_ROWS)
def look_at_rehearsal(context: Context[Migrations], *, twin: Fidelity | None) -> Findings[Rehearsal]:
    """Every pending migration, applied to a twin of the target."""
    require_files(context)
    if twin is None:
        return look_at_rehearsal.errors("The twin could not be compared with the target.", fix=SEE_TWIN)
    migrations = find_migrations(context.pack)
    settings = context.settings
    limits = TimeLimits(exclusive_ms=settings.max_exclusive_lock_ms, blocked_ms=settings.max_blocked_ms)
    place = place_of(context)
    rehearsal = rehearse(place, context.pack, migrations, pending_files(context), settings.scales, limits=limits, twin=twin)
    return rest_on_twin(judge_applied(rehearsal), rehearsal)


@look(NO_LONG_EXCLUSIVE_LOCK)
def look_at_locks(context: Context[Migrations], *, rehearsal: Rehearsal | None) -> Findings[list[MigrationLock]]:
    """Every lock a migration held on a table, at each scale of the seed's rows."""
    rehearsal = require_rehearsal(rehearsal)
    return rest_on_twin(judge_locks(rehearsal, limit_ms=context.settings.max_exclusive_lock_ms), rehearsal)


@look(BACKGROUND_WORK_NOT_BLOCKED)
def look_at_background(context: Context[Migrations], *, rehearsal: Rehearsal | None) -> Findings[None]:
    """How long a reader and a writer waited while the migrations ran."""
    rehearsal = require_rehearsal(rehearsal)
    settings = context.settings
    found = judge_background(rehearsal, limit_ms=settings.max_blocked_ms, since=settings.rollbacks_from)
    return rest_on_twin(found, rehearsal)


@look(ROLLBACKS_RESTORE_SCHEMA)
def look_at_rollbacks(context: Context[Migrations], *, rehearsal: Rehearsal | None) -> Findings[None]:
    """Each migration applied and rolled back on the twin."""
    rehearsal = require_rehearsal(rehearsal)
    return rest_on_twin(judge_rollbacks(rehearsal, since=context.settings.rollbacks_from), rehearsal)


@look(ONE_RUN_AT_A_TIME, PUSHED_TO_TARGET, NOTHING_LEFT_TO_PUSH)
def push_to_target(context: Context[Migrations], *, rehearsal: Rehearsal | None) -> Findings[None]:
    """What the CLI pushed to the target, and what was left after it."""
    pending, migrations = pending_files(context), find_migrations(context.pack)
    if refusal := context.refusals.get(Act.MIGRATIONS):
        return plan_push([file.name for file in pending], refusal, migrations)
    rehearsal = require_rehearsal(rehearsal)
    require_good_rehearsal(rehearsal, migrations, limit_ms=context.settings.max_exclusive_lock_ms)
    cli = open_staged_cli(context)
    rehearsed = [] if rehearsal.from_nothing else [name.partition("_")[0] for name in rehearsal.files]
    pushed = push_under_lock(cli, place_of(context), migrations.files, rehearsed=rehearsed, wait_s=context.settings.lock_wait_s)
    return judge_push(pushed, [file.name for file in pending], migrations)


@look(TARGET_MATCHES_TWIN)
def look_at_match(context: Context[Migrations], *, rehearsal: Rehearsal | None) -> Findings[None]:
    """Every object that differs between the target and the twin after the push."""
    rehearsal = require_rehearsal(rehearsal)
    if rehearsal.first.failure:
        return look_at_match.errors("A migration failed on the twin, so it is incomplete.", fix="See migrations.applies_on_twin.")
    pending = pending_files(context)
    if pending:
        refusal = refuse_lacking(context, len(pending))
        return (
            look_at_match.not_allowed(refusal) if refusal else look_at_match.errors(format_lacking(len(pending)), fix=SEE_PUSHED)
        )
    found = judge_match(rehearsal, read_target(place_of(context)), context.settings.schemas)
    return rest_on_twin(found, rehearsal)


@look(ADVISORS_REPORT_NO_ERRORS, ADVISORS_REPORT_NO_WARNINGS)
def look_at_advisors(context: Context[Migrations]) -> Findings[None]:
    """What Supabase's own advisors say about the target as it is now."""
    pending = pending_files(context)
    if pending:
        refusal = refuse_lacking(context, len(pending))
        if refusal:
            return look_at_advisors.not_allowed(refusal)
        return look_at_advisors.errors(format_lacking(len(pending)), fix=SEE_PUSHED)
    workdir = stage_project(context.pack, context.work / "advised", with_config=False)
    answer = open_cli(context.programs.supabase, workdir, timeout_s=context.settings.command_timeout_s).advise(context.target)
    found = judge_advice(answer.data["results"])
    return Findings(results=found.results, rows=found.rows, artifacts={"advisors.json": answer.data["results"]})


SEE_PUSHED = f"See {PUSHED_TO_TARGET.id}."


def require_files(context: Context[Migrations]) -> tuple[MigrationFile, ...]:
    """Return the pack's migrations. Raises TargetError when there is none."""
    files = find_migrations(context.pack).files
    if not files:
        raise TargetError(NONE_FOUND, fix=POINT_AT_PACK)
    return files


def pending_files(context: Context[Migrations]) -> list[MigrationFile]:
    """Return the files that the target's history does not have."""
    migrations = find_migrations(context.pack)
    if not migrations.files:
        raise TargetError(NONE_FOUND, fix=POINT_AT_PACK)
    return migrations.pending(one.version for one in read_history(context.target))


def read_texts(pack: Path, files: Sequence[MigrationFile]) -> dict[str, str]:
    """Return what will be run on the twins, by file name: migrations, their rollbacks, and the seed."""
    rollbacks = find_migrations(pack).rollbacks
    texts = {file.name: file.text for file in files}
    texts |= {f"the rollback of {file.name}": rollbacks[file.name].text for file in files if file.name in rollbacks}
    try:
        return {**texts, **{file.path: file.text for file in find_seed_files(pack)}}
    except TargetError:
        return texts  # the look at the rehearsal says why there are no rows


def require_rehearsal(rehearsal: Rehearsal | None) -> Rehearsal:
    """Return the rehearsal. Raises TargetError when there was none."""
    if rehearsal is None:
        raise TargetError("The migrations could not be rehearsed.", fix="See migrations.applies_on_twin.")
    return rehearsal


def require_good_rehearsal(rehearsal: Rehearsal, migrations: MigrationSet, *, limit_ms: float) -> None:
    """Raise TargetError unless the migrations may be pushed.

    Long locks stop the push only when the target has rows: on an empty target nobody can be blocked.
    """
    if not rehearsal.twin.is_faithful:
        raise TargetError(f"Not pushed: rehearsed on a twin that is not like the target. {rehearsal.twin.account}", fix=SEE_TWIN)
    applied = judge_applied(rehearsal).results[0]
    if applied.outcome is not Outcome.PASS:
        raise TargetError(f"Not pushed: not every migration applied to the twin. {applied.detail}", fix=applied.fix)
    if migrations.duplicates:
        versions = judge_versions(migrations)
        raise TargetError(f"Not pushed: {versions.detail}", fix=versions.fix)
    locks = judge_locks(rehearsal, limit_ms=limit_ms).results[0]
    is_unknown = has_unclear_lock(rehearsal, limit_ms) or any(one.timed_out for one in rehearsal.scaled)
    if rehearsal.target_has_rows and (locks.outcome is Outcome.FAIL or is_unknown):
        raise TargetError(f"Not pushed: the target holds rows that somebody may be using. {locks.detail}", fix=locks.fix)


def place_of(context: Context[Migrations]) -> Place:
    """Return where this context's migrations are rehearsed."""
    return Place(
        target=context.target,
        scratch=context.scratch,
        schemas=context.settings.schemas,
        postgres_bin=context.programs.postgres_bin,
        work=context.work,
        timeout_s=context.settings.command_timeout_s,
        rehearsal_rows=context.borrow(REHEARSAL_ROWS),
    )


def open_staged_cli(context: Context[Migrations]) -> SupabaseCli:
    """Return the CLI, with the pack staged for it."""
    workdir = stage_project(context.pack, context.work / "supabase_project")
    return open_cli(
        context.programs.supabase,
        workdir,
        timeout_s=context.settings.command_timeout_s,
        older=context.programs.supabase_before,
    )


offer_looks(__name__)
