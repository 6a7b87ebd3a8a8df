"""What the push to the target means: pure, one Result for each check of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from lib.clients.supabase.cli import CliRefusal
from lib.clients.supabase.migration_files import MigrationSet
from lib.core.left_out import LeftOut
from lib.core.permissions import Refusal
from lib.core.results import Findings, Result
from lib.core.wording import format_count, name_some
from lib.tasks.migrations.judge import count_check, find_skipped, list_names
from lib.tasks.migrations.push import Pushed
from lib.tasks.migrations.task import (
    NOTHING_LEFT_TO_PUSH,
    ONE_RUN_AT_A_TIME,
    PUSHED_TO_TARGET,
    VERSIONS_ARE_UNIQUE,
)


def plan_push(pending: Sequence[str], refusal: Refusal, migrations: MigrationSet) -> Findings[None]:
    """Return what would be pushed, where the target may not be changed: nothing, where it has every file."""
    if not pending:
        none = "The target's history has every file, so there was nothing to push."
        said, left_out = "The target's history has every file.", find_unpushed(migrations)
        left = count_check(NOTHING_LEFT_TO_PUSH, (), "migrations", said, left_out=left_out)
        return Findings(results=[ONE_RUN_AT_A_TIME.not_due(none), PUSHED_TO_TARGET.not_due(none), left])
    more = f"{format_count(len(pending), 'migration')} pending: {name_some(pending)}. {refusal.reason}"
    results = [
        ONE_RUN_AT_A_TIME.not_allowed(refusal),
        PUSHED_TO_TARGET.not_allowed(refusal),
        NOTHING_LEFT_TO_PUSH.not_allowed(Refusal(reason=more, fix=refusal.fix)),
    ]
    return Findings(results=results, rows=[{"would be pushed": name} for name in pending])


def find_unpushed(migrations: MigrationSet) -> list[LeftOut]:
    """Return the files that no push would ever apply, and that no list of versions shows as left."""
    found = find_skipped(migrations)
    shared = [name for names in migrations.duplicates.values() for name in names]
    if shared:
        reason = f"Of {name_some(shared)} the history can record only one a version."
        found.append(LeftOut(reason=reason, cause=VERSIONS_ARE_UNIQUE.id))
    return found


def judge_push(pushed: Pushed, pending: Sequence[str], migrations: MigrationSet) -> Findings[None]:
    """Judge that the push succeeded as rehearsed, and that a second push finds nothing to do."""
    waited = f"The lock was free after {pushed.waited_s:.1f} s." if pushed.waited_s >= 1 else ""
    states = {name: "applied" if name.partition("_")[0] in pushed.after else "still pending" for name in pending}
    results = [judge_pushed(pushed, pending), judge_left(pushed, migrations)]
    if pushed.refusal:
        results = judge_refused(pushed, pushed.refusal, states)
    runs = [run for run in (pushed.first, pushed.second) if run is not None]
    return Findings(
        results=[ONE_RUN_AT_A_TIME.passed(detail=waited), *results],
        rows=[{"migration": name, "on the target": state} for name, state in states.items()],
        artifacts={"push.txt": "\n".join(run.transcript for run in runs)},
    )


def judge_refused(pushed: Pushed, refusal: CliRefusal, states: Mapping[str, str]) -> list[Result]:
    """Return the results of a push that the CLI refused: what is applied, what is still pending."""
    applied = [name for name, state in states.items() if state == "applied"]
    rest = [name for name in states if name not in applied]
    account = f"Applied: {list_names(applied)}; still pending: {list_names(rest)}."
    return [
        PUSHED_TO_TARGET.failed(
            observed=len(applied),
            expected=len(states),
            unit="migrations",
            detail=f"{account} {refusal.message}",
            fix=refusal.fix,
            command=pushed.first.command,
            exit_code=pushed.first.exit_code,
        ),
        NOTHING_LEFT_TO_PUSH.errored(account, fix="See migrations.pushed_to_target."),
    ]


def judge_pushed(pushed: Pushed, pending: Sequence[str]) -> Result:
    """Judge that exactly the rehearsed files were pushed."""
    right = sorted(pushed.names) == sorted(pending)
    detail = "" if pending else "Nothing was pending; the CLI confirms this."
    if not right:
        detail = f"The CLI pushed {list_names(pushed.names)} instead of {list_names(pending)}."
    return PUSHED_TO_TARGET.judge(
        holds=right,
        observed=len(pushed.names),
        expected=len(pending),
        unit="migrations",
        detail=detail,
        fix="Compare supabase/migrations with the target's history in supabase_migrations.schema_migrations.",
        command=pushed.first.command,
        exit_code=pushed.first.exit_code,
    )


def judge_left(pushed: Pushed, migrations: MigrationSet) -> Result:
    """Judge that both sides list the same versions after the push, and that a second push did nothing."""
    apart = [one.version for one in pushed.listed if one.local != one.remote]
    left = sorted({*apart, *pushed.left})
    detail = "A second push found nothing to do."
    if left:
        detail = f"Not the same on both sides: {name_some(left)}."
    run = pushed.second or pushed.first
    return count_check(
        NOTHING_LEFT_TO_PUSH,
        left,
        "migrations",
        detail,
        left_out=find_unpushed(migrations),
        objects=left,
        command=run.command,
        exit_code=run.exit_code,
        fix="Push again, and read what the CLI says about these versions in push.txt.",
    )
