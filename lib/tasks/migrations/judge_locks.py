"""What the recorded locks and waits of a rehearsal mean: pure, one Result for each check of them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict, replace
from typing import Any, NotRequired, TypedDict

from lib.core.busyness import Control, Standing, judge_timed, worst_of
from lib.core.left_out import judge_all
from lib.core.results import Check, Findings, Outcome, Result
from lib.core.wording import format_count, name_some
from lib.tasks.migrations.judge_rehearsal import is_asked, why_no_rows
from lib.tasks.migrations.patience import is_endless
from lib.tasks.migrations.recordings import Lock, Recording, Wait
from lib.tasks.migrations.rehearsal import Rehearsal
from lib.tasks.migrations.task import (
    BACKGROUND_WORK_NOT_BLOCKED,
    NO_LONG_EXCLUSIVE_LOCK,
)
from lib.tasks.migrations.timing import (
    EXCLUSIVE,
    LOCK_TIMEOUT_S,
    TIMED_OUT,
    exclusive_locks,
    weigh_failure,
    weigh_lock,
    weigh_wait,
)
from lib.tasks.migrations.unrecorded import count_recorded, describe_empty, find_unrecorded, is_clean


class MigrationLock(TypedDict):
    """One migration at one scale; a lock of None or 0 means that none was taken on a table with rows, a wait that nobody waited.

    control_ms: how long the same kind of statement on an untouched table was held up meanwhile, beside the worse of the two.
    """

    migration: str
    scale: int  # multiple of the seed's rows
    time_ms: float
    longest_exclusive_ms: float | None
    table: NotRequired[str | None]  # on which the longest one was held
    longest_wait_ms: NotRequired[float | None]
    control_ms: NotRequired[float]


def judge_locks(rehearsal: Rehearsal, *, limit_ms: float) -> Findings[list[MigrationLock]]:
    """Judge that no file held ACCESS EXCLUSIVE on a table with rows for longer than the limit."""
    timed = [(recording, lock) for recording in rehearsal.recordings for lock in exclusive_locks(recording)]
    if timed or any(recording.tables_with_rows for recording in rehearsal.recordings):
        result = judge_exclusive(timed, limit_ms)
    else:
        result = nothing_recorded(NO_LONG_EXCLUSIVE_LOCK, rehearsal)
    return Findings(
        results=[weigh_whole(NO_LONG_EXCLUSIVE_LOCK, result, rehearsal)],
        rows=lock_rows(rehearsal),
        artifacts={"locks.json": [asdict(recording) for recording in rehearsal.recordings]},
        facts=lock_facts(rehearsal),
    )


def weigh_whole(check: Check, result: Result, rehearsal: Rehearsal) -> Result:
    """Return what a result of the recorded files comes to for all of them: no pass where something was not recorded."""
    left_out = find_unrecorded(rehearsal, own=check.id)
    if left_out and is_clean(result):
        return judge_all(check, holds=True, left_out=left_out, **count_recorded(rehearsal))
    aside = describe_empty(rehearsal)
    return replace(result, detail=f"{result.detail} {aside}".strip()) if aside and result.outcome is Outcome.PASS else result


def judge_exclusive(timed: Sequence[tuple[Recording, Lock]], limit_ms: float) -> Result:
    """Judge the exclusive locks on tables with rows, each beside its control."""
    standing = worst_of([weigh_lock(lock, limit_ms) for _, lock in timed])
    over = [(recording, lock) for recording, lock in timed if weigh_lock(lock, limit_ms) is standing is not Standing.WITHIN]
    named = "; ".join(dict.fromkeys(name_lock(recording, lock) for recording, lock in over))
    return judge_timed(
        NO_LONG_EXCLUSIVE_LOCK,
        standing,
        control_s=held_up_s((lock.held_ms, lock.control) for _, lock in over or timed),
        limit_s=limit_ms / 1000,
        observed=round(max((lock.held_ms for _, lock in timed), default=0.0), 1),
        expected=limit_ms,
        unit="ms",
        detail=f"{named}. Nobody can read or write the table during that time."
        if over
        else f"{format_count(len(timed), 'exclusive lock')} on tables with rows.",
        fix="Split the change into steps that need the lock only briefly.",
        objects=list(dict.fromkeys(f"{recording.migration} {lock.table}" for recording, lock in over)),
    )


def has_unclear_lock(rehearsal: Rehearsal, limit_ms: float) -> bool:
    """Return whether an exclusive lock was beyond the limit on a machine that was too busy to tell."""
    return any(
        weigh_lock(lock, limit_ms) is Standing.UNCLEAR
        for recording in rehearsal.recordings
        for lock in exclusive_locks(recording)
    )


def held_up_s(figures_ms: Iterable[tuple[float, Control]]) -> float:
    """Return how long the controls of these figures were held up at most, in seconds."""
    return max((control.held_up_s(figure_ms / 1000) for figure_ms, control in figures_ms), default=0.0)


def nothing_recorded(check: Check, rehearsal: Rehearsal) -> Result:
    """Return the result when nothing was recorded: an error when no file applied, a skip when no table existed before."""
    if not rehearsal.recordings:
        return check.errored("No migration was applied, so none could be recorded.", fix="See migrations.applies_on_twin.")
    if any(not lock.is_new for recording in rehearsal.recordings for lock in recording.locks):
        return check.errored(
            f"Every table was empty, so waiting could not be measured: {why_no_rows(rehearsal)}.",
            fix="Give the pack a seed that loads.",
        )
    return check.not_due("No table with rows existed before a migration, so nobody could be blocked.")


def name_lock(recording: Recording, lock: Lock) -> str:
    """Return one exclusive lock as a clause."""
    return (
        f"{recording.migration}, line {lock.line} (statement {lock.index}) held ACCESS EXCLUSIVE on {lock.table} "
        f"({lock.rows} rows, {recording.scale}× the seed) for {lock.held_ms:.0f} ms"
    )


def lock_rows(rehearsal: Rehearsal) -> list[dict[str, Any]]:
    """Return one row a table, mode and file: how long the lock was held at each scale, exclusive locks first."""
    found: dict[tuple[str, str, str], dict[str, Any]] = {}
    scales = [one.scale for one in rehearsal.scaled]
    for recording in rehearsal.recordings:
        for lock in recording.locks:
            key = (recording.migration, lock.table, lock.mode)
            row = found.setdefault(
                key,
                {
                    "migration": recording.migration,
                    "table": lock.table,
                    "lock": lock.mode,
                    "taken at line": lock.line,
                    "new table": lock.is_new,
                    **{f"held at {scale}×, ms": None for scale in scales},
                    "rows at most": 0,
                    "control, ms": 0.0,
                },
            )
            cell = f"held at {recording.scale}×, ms"
            row[cell] = round(max(row[cell] or 0, lock.held_ms), 1)
            row["rows at most"] = max(row["rows at most"], lock.rows)
            row["control, ms"] = max(row["control, ms"], round(held_up_s([(lock.held_ms, lock.control)]) * 1000, 1))
    return sorted(found.values(), key=lambda row: (row["new table"], row["lock"] != EXCLUSIVE, -row["rows at most"]))


def lock_facts(rehearsal: Rehearsal) -> list[MigrationLock]:
    """Return one mapping for each file and scale, as `figures.lock_timeline` draws them."""
    facts: list[MigrationLock] = []
    for recording in rehearsal.recordings:
        held = [lock for lock in recording.locks if lock.mode == EXCLUSIVE and lock.rows and not lock.is_new]
        longest = max(held, key=lambda lock: lock.held_ms, default=None)
        worst = max(recording.waits, key=lambda wait: wait.waited_ms, default=None)
        beside = [(longest.held_ms, longest.control)] if longest else []
        beside += [(worst.waited_ms, worst.control)] if worst else []
        facts.append(
            {
                "migration": recording.migration,
                "scale": recording.scale,
                "time_ms": recording.time_ms,
                "longest_exclusive_ms": longest.held_ms if longest else None,
                "table": longest.table if longest else None,
                "longest_wait_ms": worst.waited_ms if worst else None,
                "control_ms": held_up_s(beside or [(recording.time_ms, recording.control)]) * 1000,
            }
        )
    return facts


def judge_background(rehearsal: Rehearsal, *, limit_ms: float, since: str = "") -> Findings[None]:
    """Judge that no background statement waited beyond the limit or was ended by a deadlock.

    since: the version of the first migration whose locks must give up; '' when each one's must.
    """
    recordings = rehearsal.recordings
    ran = sum(recording.background for recording in recordings)
    waited = any(recording.waits for recording in recordings)
    if ran or waited or name_clashes(recordings, Standing.BEYOND) or name_clashes(recordings, Standing.UNCLEAR):
        result = judge_waits(recordings, ran, limit_ms)
    else:
        result = nothing_recorded(BACKGROUND_WORK_NOT_BLOCKED, rehearsal)
    whole = weigh_patience(weigh_whole(BACKGROUND_WORK_NOT_BLOCKED, result, rehearsal), rehearsal, since)
    return Findings(results=[whole], rows=background_rows(rehearsal))


def weigh_patience(result: Result, rehearsal: Rehearsal, since: str) -> Result:
    """Return a fail in the place of a pass where a pending file would wait for its lock without end, behind one long reader.

    A file that the target has already can't be changed any more, nor one older than since: it was launched before.
    One that failed must be changed anyway, and whether the lock of its last statement was seen is chance.
    """
    asked = {
        (one.migration, lock.line, lock.table): None
        for one in rehearsal.recordings
        if one.failure is None
        for lock in exclusive_locks(one)
        if is_endless(lock.patience_s) and is_asked(one.migration, since)
    }
    if rehearsal.from_nothing or not asked or result.outcome is not Outcome.PASS:
        return result
    named = [f"{migration}, line {line} asks for ACCESS EXCLUSIVE on {table}" for migration, line, table in asked]
    files = list(dict.fromkeys(migration for migration, _, _ in asked))
    return BACKGROUND_WORK_NOT_BLOCKED.failed(
        observed=len(asked),
        expected=0,
        unit="locks without a lock_timeout",
        detail=f"{name_some(named)}, and no lock_timeout ends the wait: behind one long reader everybody waits behind it.",
        fix=[f"Begin {name} with: set local lock_timeout = '2s';" for name in files[:5]],
        objects=[f"{migration} {table}" for migration, _, table in asked],
    )


def judge_waits(recordings: Sequence[Recording], ran: int, limit_ms: float) -> Result:
    """Judge the waits of the background statements, each beside its control, and what ended statements. ran: of them."""
    waits = [(recording, wait) for recording in recordings for wait in recording.waits]
    standings = [weigh_wait(wait, limit_ms) for _, wait in waits]
    standings += [one for one in (Standing.BEYOND, Standing.UNCLEAR) if name_clashes(recordings, one)]
    standing = worst_of(standings)
    over = [(recording, wait) for recording, wait in waits if weigh_wait(wait, limit_ms) is standing is not Standing.WITHIN]
    clashes = name_clashes(recordings, standing)
    named = [*dict.fromkeys(name_wait(recording, wait) for recording, wait in over), *clashes]
    figures = [(wait.waited_ms, wait.control) for _, wait in over or waits]
    figures += [(LOCK_TIMEOUT_S * 1000, one.control) for one in recordings if clashes and one.failure]
    return judge_timed(
        BACKGROUND_WORK_NOT_BLOCKED,
        standing,
        control_s=held_up_s(figures),
        limit_s=limit_ms / 1000,
        observed=round(max((wait.waited_ms for _, wait in waits), default=0.0), 1),
        expected=limit_ms,
        unit="ms",
        detail=f"{'; '.join(named)}." if named else f"{len(waits)} of {ran} background statements had to wait.",
        fix="Move the long part of that file into its own file, without a lock that blocks others.",
    )


def name_clashes(recordings: Iterable[Recording], standing: Standing) -> list[str]:
    """Return a clause for each clash of this standing: a deadlock, whichever side was ended, or a lock timeout of a file.

    A deadlock is one however busy the machine was; a lock timeout is unclear beside a control that was held up.
    """
    clashes = []
    for recording in recordings:
        clashes += [
            f"the {key.partition(':')[0]} was ended by a deadlock with {recording.migration} ({recording.scale}× the seed)"
            for key in recording.refused
            if key.endswith("40P01") and standing is Standing.BEYOND
        ]
        stands = Standing.UNCLEAR if weigh_failure(recording) is Standing.UNCLEAR else Standing.BEYOND
        if recording.failure and recording.failure.sqlstate in TIMED_OUT and stands is standing:
            clashes.append(
                f"{recording.failure.display_name}: {TIMED_OUT[recording.failure.sqlstate]}, while others were working"
            )
    return clashes


def name_wait(recording: Recording, wait: Wait) -> str:
    """Return one wait as a clause."""
    return (
        f"the {wait.worker} waited {wait.waited_ms:.0f} ms for {wait.table} while {recording.migration} ran, because of "
        f"line {wait.line} (statement {wait.index}), at {recording.scale}× the seed's rows"
    )


def background_rows(rehearsal: Rehearsal) -> list[dict[str, Any]]:
    """Return one row a file and scale: background statements, how many waited, the worst and its cause."""
    rows = []
    for recording in rehearsal.recordings:
        worst = max(recording.waits, key=lambda wait: wait.waited_ms, default=None)
        rows.append(
            {
                "migration": recording.migration,
                "rows": f"{recording.scale}×",
                "statements": recording.background,
                "waited": len(recording.waits),
                "worst wait, ms": round(worst.waited_ms, 1) if worst else 0.0,
                "control, ms": round(recording.control.late_s * 1000, 1),
                "who, where": f"{worst.worker} on {worst.table}" if worst else "",
                "because of line": worst.line if worst else None,
                "refused": sum(recording.refused.values()),
            }
        )
    return rows
