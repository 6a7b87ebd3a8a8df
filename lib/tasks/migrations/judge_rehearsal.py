"""Judges a rehearsal: one result for each check it answers, and its rows as a page shows them. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from lib.clients.postgres.platform_statements import WAYS_OUT, find_lacking
from lib.clients.postgres.schema import name_differences
from lib.core.left_out import LeftOut, judge_all
from lib.core.results import Findings, Result
from lib.core.wording import name_some
from lib.tasks.migrations.apply import ApplyFailure
from lib.tasks.migrations.judge import list_names
from lib.tasks.migrations.recordings import Recording
from lib.tasks.migrations.rehearsal import Rehearsal
from lib.tasks.migrations.rollbacks import TriedRollback, find_lost
from lib.tasks.migrations.task import (
    APPLIES_ON_TWIN,
    APPLIES_WITH_ROWS,
    ROLLBACKS_RESTORE_SCHEMA,
)
from lib.tasks.migrations.timing import TIMED_OUT
from lib.tasks.migrations.unrecorded import count_recorded, describe_empty, find_unapplied, find_unrecorded

WAIT = "Run again when this machine is less busy, or push in more than one release."
HINTS = {
    "42704": "Create the role, type or object it names in an earlier migration, or guard the statement.",
    "42P07": "The object already exists: find what created it, or write `if not exists`.",
    "42710": "The object already exists: find what created it, or guard the statement.",
    "42P01": "Create the table or view it names in an earlier migration, or correct the name.",
    "42501": "The launch user may not do this on a hosted project: remove the statement, or ask the project's owner to run it.",
    "42601": "Correct the syntax at that line.",
}
"""SQLSTATE -> the usual fix. Source: https://www.postgresql.org/docs/current/errcodes-appendix.html"""


def judge_applied(rehearsal: Rehearsal) -> Findings[Rehearsal]:
    """Judge that every file applied to the twin and, as advice, that it also applies to tables with rows."""
    results = [judge_first_pass(rehearsal), judge_with_rows(rehearsal)]
    return Findings(results=results, rows=applied_rows(rehearsal), facts=rehearsal)


def judge_first_pass(rehearsal: Rehearsal) -> Result:
    """Judge that every file applied to a twin of the target as it is now."""
    check, failure = APPLIES_ON_TWIN, rehearsal.first.failure
    if failure is None and rehearsal.target_has_rows:
        failure = next(iter(row_failures(rehearsal)), None)
    facts = {"observed": len(rehearsal.first.applied), "expected": len(rehearsal.files), "unit": "migrations"}
    if failure is None:
        where = "a fresh project, because none is pending on the target" if rehearsal.from_nothing else "a twin of the target"
        lost = find_lost(rehearsal.first.before, rehearsal.first.after)
        dropped = f" What is in {name_some(lost)} goes with them." if lost else ""
        return check.passed(**facts, detail=f"All were applied to {where}.{dropped}")
    done = rehearsal.files.index(failure.file)
    rest = rehearsal.files[done + 1 :]
    account = f"Applied: {list_names(rehearsal.files[:done])}; failed: {failure.file}; still pending: {list_names(rest)}."
    if is_lacking_here(failure):
        return check.errored(
            f"{failure.display_name}. The scratch server lacks this, so the file can't be tested here. {account}",
            **facts,
            fix=WAYS_OUT,
        )
    fix = HINTS.get(failure.sqlstate or "", "Correct the statement, then run again.")
    return check.failed(**facts, detail=f"{failure.display_name}. {account}", fix=fix, objects=[failure.file])


def judge_with_rows(rehearsal: Rehearsal) -> Result:
    """Judge, as advice, that no file failed on tables that hold the seed's rows."""
    check = APPLIES_WITH_ROWS
    failures = [one for one in row_failures(rehearsal) if one.sqlstate not in TIMED_OUT]
    filled = {recording.migration for recording in rehearsal.recordings if recording.tables_with_rows}
    facts = count_recorded(rehearsal)
    if failures:
        named = "; ".join(dict.fromkeys(one.display_name for one in failures))
        return check.failed(
            **facts,
            detail=f"Applies to empty tables, but not to tables that hold the seed's rows: {named}.",
            fix="Give the statement a default, a backfill or `not valid` before it reaches a database with rows.",
            objects=list(dict.fromkeys(one.file for one in failures)),
        )
    left_out = find_unrecorded(rehearsal, own=check.id)
    if not filled and not find_unapplied(rehearsal):
        return check.not_due(f"No migration ran on a table with rows: {why_no_rows(rehearsal)}.", **facts)
    detail = f"{len(filled)} of {len(rehearsal.files)} migrations ran on tables with rows. {describe_empty(rehearsal)}".strip()
    return judge_all(check, holds=True, left_out=left_out, detail=detail, **facts)


def row_failures(rehearsal: Rehearsal) -> list[ApplyFailure]:
    """Return the failures of files that applied without rows."""
    recorded = [recording.failure for recording in rehearsal.recordings if recording.failure is not None]
    known = {one.file for one in recorded}
    return [*recorded, *(one for one in rehearsal.stage_failures if one.file not in known)]


def is_lacking_here(failure: ApplyFailure) -> bool:
    """Return whether a file failed only because this server lacks what hosted has: an extension, or a part of the platform."""
    return failure.sqlstate in ("0A000", "58P01") and bool(find_lacking(failure.said))


def why_no_rows(rehearsal: Rehearsal) -> str:
    """Return why tables were empty, as the end of a sentence."""
    if rehearsal.first.failure and rehearsal.seed_problem:
        return f"the seed has no tables to fill, because {rehearsal.first.failure.file} failed"
    problems = [f"{one.table}: {one.problem}" for scaled in rehearsal.scaled for one in scaled.fills if one.problem]
    return rehearsal.seed_problem or "; ".join(dict.fromkeys(problems)) or "no table existed before its migration"


def applied_rows(rehearsal: Rehearsal) -> list[dict[str, Any]]:
    """Return one row a file: its outcome, and its time at each scale."""
    failure = rehearsal.first.failure
    rows = []
    for name in rehearsal.files:
        if failure and name == failure.file:
            state = f"failed at line {failure.line}: {failure.said}"
        else:
            state = "applied" if name in rehearsal.first.applied else "still pending"
        times = {f"{one.scale}× rows, ms": time_of(one.recordings, name) for one in rehearsal.scaled}
        rows.append({"migration": name, "on the twin": state, **times})
    return rows


def time_of(recordings: Iterable[Recording], name: str) -> float | None:
    """Return how long a file took in its last recording, in ms; None when it did not apply."""
    taken = [round(recording.time_ms, 1) for recording in recordings if recording.migration == name and not recording.failure]
    return taken[-1] if taken else None


def judge_rollbacks(rehearsal: Rehearsal, *, since: str) -> Findings[None]:
    """Judge that each file has a rollback, and that the rollback restores the schema before it.

    since: the version of the first migration that needs one; '' when each does. One that is there is judged anyway.
    """
    check, every = ROLLBACKS_RESTORE_SCHEMA, rehearsal.first.rollbacks
    rows = [{"migration": one.migration, "rollback": format_rollback(one, since)} for one in every]
    if not every:
        reason = "No migration was applied, so none could be rolled back."
        return Findings(results=[check.errored(reason, fix="See migrations.applies_on_twin.")])
    late = [one.migration for one in every if one.timed_out]
    tried = [one for one in every if (one.found or is_asked(one.migration, since)) and not one.timed_out]
    if not tried and not late:
        reason = f"Every migration is older than {since} (migrations.rollbacks_from), and none of them has a rollback."
        return Findings(results=[check.not_applicable(reason)], rows=rows)
    good = sum(is_good(one) for one in tried)
    unapplied = [name for name in rehearsal.files if name not in {one.migration for one in every} and is_asked(name, since)]
    facts: dict[str, Any] = {"observed": good, "expected": len(tried) + len(late) + len(unapplied), "unit": "rollbacks"}
    if good == len(tried):
        left_out = find_unapplied(rehearsal)
        if late:
            left_out.append(LeftOut(reason=f"Not rolled back, because the time for it was over: {name_some(late)}.", fix=WAIT))
        result = judge_all(check, holds=True, left_out=left_out, **facts)
    else:
        lacking = [one.migration for one in tried if not one.found]
        named = [f"no rollback file for {list_names(lacking)}"] if lacking else []
        named += [f"{one.migration}: {format_rollback(one)}" for one in tried if one.found and not is_good(one)]
        wrong = [one.migration for one in tried if not is_good(one)]
        fix = [f"Write or correct supabase/rollbacks/{name}." for name in wrong]
        result = check.failed(**facts, detail=f"{'; '.join(named)}.", fix=fix, objects=wrong)
    return Findings(results=[result], rows=rows)


def is_good(tried: TriedRollback) -> bool:
    """Return whether a rollback is there, runs on tables with rows as well, and restores the schema."""
    return tried.found and not tried.failure and not tried.differences and not tried.with_rows


def is_asked(name: str, since: str) -> bool:
    """Return whether a migration needs a rollback: its version is not before the first that does. name: of its file."""
    version = name.partition("_")[0]
    return (len(version), version) >= (len(since), since) if since else True


def format_rollback(tried: TriedRollback, since: str = "") -> str:
    """Return the outcome of one rollback as text."""
    if tried.timed_out:
        return "not tried: the time for it was over"
    if not tried.found:
        return "no file in supabase/rollbacks" if is_asked(tried.migration, since) else f"none, and none asked for before {since}"
    if tried.failure:
        return f"failed at {tried.failure.display_name}"
    if tried.differences:
        return f"left {name_differences(tried.differences)}"
    if tried.with_rows:
        return f"works on empty tables, and fails on tables with rows at {tried.with_rows.display_name}"
    lost = f"; what is in {name_some(tried.loses)} goes with it" if tried.loses else ""
    return f"schema as before{lost}"
