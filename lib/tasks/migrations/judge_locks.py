"""What the recorded locks and waits of a rehearsal mean: pure, one Result for each check of them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict
from typing import Any, NotRequired, TypedDict

from lib.core.results import Check, Findings, Result
from lib.tasks.migrations.judge_rehearsal import EXCLUSIVE, TIMED_OUT, why_no_rows
from lib.tasks.migrations.lock_recorder import Lock, Recording, Wait
from lib.tasks.migrations.rehearsal import Rehearsal
from lib.tasks.migrations.task import (
    BACKGROUND_WORK_NOT_BLOCKED,
    NO_LONG_EXCLUSIVE_LOCK,
)


class MigrationLock(TypedDict):
    """One migration at one scale; a lock of None or 0 means that none was taken on a table with rows."""

    migration: str
    scale: int  # multiple of the seed's rows
    time_ms: float
    longest_exclusive_ms: float | None
    table: NotRequired[str | None]  # on which the longest one was held


def judge_locks(rehearsal: Rehearsal, *, limit_ms: float) -> Findings[list[MigrationLock]]:
    """Judge that no file held ACCESS EXCLUSIVE on a table with rows for longer than the limit."""
    check = NO_LONG_EXCLUSIVE_LOCK
    locks = [(recording, lock) for recording in rehearsal.recordings for lock in recording.locks]
    exclusive = [(recording, lock) for recording, lock in locks if lock.mode == EXCLUSIVE and not lock.is_new]
    over = [(recording, lock) for recording, lock in exclusive if lock.rows and lock.held_ms > limit_ms]
    worst = max((lock.held_ms for _, lock in exclusive if lock.rows), default=0.0)
    facts = {"observed": round(worst, 1), "expected": limit_ms, "unit": "ms"}
    met_rows = any(recording.tables_with_rows for recording in rehearsal.recordings)
    if over:
        named = "; ".join(dict.fromkeys(name_lock(recording, lock) for recording, lock in over))
        result = check.failed(
            **facts,
            detail=f"{named}. Nobody can read or write the table during that time.",
            fix="Split the change into steps that need the lock only briefly.",
        )
    elif met_rows:
        result = check.passed(**facts, detail=f"{len(exclusive)} exclusive locks on tables that existed before.")
    else:
        result = nothing_recorded(check, rehearsal)
    return Findings(
        results=[result],
        rows=lock_rows(rehearsal),
        artifacts={"locks.json": [asdict(recording) for recording in rehearsal.recordings]},
        facts=lock_facts(rehearsal),
    )


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
                },
            )
            cell = f"held at {recording.scale}×, ms"
            row[cell] = round(max(row[cell] or 0, lock.held_ms), 1)
            row["rows at most"] = max(row["rows at most"], lock.rows)
    return sorted(found.values(), key=lambda row: (row["new table"], row["lock"] != EXCLUSIVE, -row["rows at most"]))


def lock_facts(rehearsal: Rehearsal) -> list[MigrationLock]:
    """Return one mapping for each file and scale, as `figures.lock_timeline` draws them."""
    facts: list[MigrationLock] = []
    for recording in rehearsal.recordings:
        held = [lock for lock in recording.locks if lock.mode == EXCLUSIVE and lock.rows and not lock.is_new]
        longest = max(held, key=lambda lock: lock.held_ms, default=None)
        facts.append(
            {
                "migration": recording.migration,
                "scale": recording.scale,
                "time_ms": recording.time_ms,
                "longest_exclusive_ms": longest.held_ms if longest else None,
                "table": longest.table if longest else None,
            }
        )
    return facts


def judge_background(rehearsal: Rehearsal, *, limit_ms: float) -> Findings[None]:
    """Judge that no background statement waited beyond the limit or was ended by a deadlock."""
    check = BACKGROUND_WORK_NOT_BLOCKED
    waits = [(recording, wait) for recording in rehearsal.recordings for wait in recording.waits]
    over = [(recording, wait) for recording, wait in waits if wait.waited_ms > limit_ms]
    clashes = name_clashes(rehearsal.recordings)
    ran = sum(recording.background for recording in rehearsal.recordings)
    facts = {"observed": round(max((wait.waited_ms for _, wait in waits), default=0.0), 1), "expected": limit_ms, "unit": "ms"}
    if over or clashes:
        named = [*dict.fromkeys(name_wait(recording, wait) for recording, wait in over), *clashes]
        result = check.failed(
            **facts,
            detail=f"{'; '.join(named)}.",
            fix="Move the long part of that file into its own file, without a lock that blocks others.",
        )
    elif ran:
        result = check.passed(**facts, detail=f"{len(waits)} of {ran} background statements had to wait.")
    else:
        result = nothing_recorded(check, rehearsal)
    return Findings(results=[result], rows=background_rows(rehearsal))


def name_clashes(recordings: Iterable[Recording]) -> list[str]:
    """Return a clause for each deadlock, whichever side was ended, and each lock timeout of a file."""
    clashes = []
    for recording in recordings:
        clashes += [
            f"the {key.partition(':')[0]} was ended by a deadlock with {recording.migration} ({recording.scale}× the seed)"
            for key in recording.refused
            if key.endswith("40P01")
        ]
        if recording.failure and recording.failure.sqlstate in TIMED_OUT:
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
                "who, where": f"{worst.worker} on {worst.table}" if worst else "",
                "because of line": worst.line if worst else None,
                "refused": sum(recording.refused.values()),
            }
        )
    return rows
