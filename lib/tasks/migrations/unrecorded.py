"""Migrations and tables that a rehearsal could not record, and what that makes of a sentence about every one of them. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from lib.core.left_out import LeftOut
from lib.core.results import Outcome, Result
from lib.core.wording import format_count, name_some
from lib.tasks.migrations.recordings import Recording
from lib.tasks.migrations.rehearsal import Rehearsal
from lib.tasks.migrations.scaled_pass import ScaledPass
from lib.tasks.migrations.task import APPLIES_ON_TWIN, APPLIES_WITH_ROWS, BACKGROUND_WORK_NOT_BLOCKED
from lib.tasks.migrations.timing import TIMED_OUT

TAKE_LESS = "Run again when this machine is less busy, rehearse at fewer migrations.scales, or push in more than one release."
GIVE_ROWS = "Give the pack a seed that loads, with rows that can be copied for every table."


def find_unrecorded(rehearsal: Rehearsal, *, own: str = "") -> list[LeftOut]:
    """Return the files and tables of which nothing was recorded, and why.

    own: id of the check that asks: what it judges itself is not left out of it.
    """
    return [
        *find_unapplied(rehearsal),
        *find_failing(rehearsal, own),
        *find_late(rehearsal),
        *find_timed_out(rehearsal),
        *find_unfilled(rehearsal),
    ]


def find_unapplied(rehearsal: Rehearsal) -> list[LeftOut]:
    """Return the files that did not apply to the twin, and those after them."""
    rest = [name for name in rehearsal.files if name not in rehearsal.first.applied]
    return [LeftOut(reason=f"Not applied to the twin: {name_some(rest)}.", cause=APPLIES_ON_TWIN.id)] if rest else []


def find_failing(rehearsal: Rehearsal, own: str) -> list[LeftOut]:
    """Return the files that failed beside work of others or on rows, so that they were not recorded to their end."""
    clashing, broken = sort_failures(rehearsal.recordings)
    found = []
    if clashing and own != BACKGROUND_WORK_NOT_BLOCKED.id:
        reason = f"Ended by the work of others: {name_some(clashing)}."
        found.append(LeftOut(reason=reason, cause=BACKGROUND_WORK_NOT_BLOCKED.id))
    if broken and own != APPLIES_WITH_ROWS.id and rehearsal.target_has_rows:
        found.append(LeftOut(reason=f"Not applied to tables with rows: {name_some(broken)}.", cause=APPLIES_ON_TWIN.id))
    return found


def sort_failures(recordings: Sequence[Recording]) -> tuple[list[str], list[str]]:
    """Return the files that concurrent work ended, and those that failed by themselves."""
    clashing = dict.fromkeys(one.migration for one in recordings if one.failure and one.failure.sqlstate in TIMED_OUT)
    broken = dict.fromkeys(one.migration for one in recordings if one.failure and one.failure.sqlstate not in TIMED_OUT)
    return list(clashing), list(broken)


def find_late(rehearsal: Rehearsal) -> list[LeftOut]:
    """Return the files that a scale never came to, because one before them failed on emptied tables as well."""
    late: dict[str, None] = {}
    causes = []
    for scaled in rehearsal.scaled:
        missing = find_missing(rehearsal, scaled)
        if missing and not scaled.timed_out:
            late |= dict.fromkeys(missing)
            clashing, _ = sort_failures(scaled.recordings[-1:])
            causes.append(BACKGROUND_WORK_NOT_BLOCKED.id if clashing else APPLIES_WITH_ROWS.id)
    return [LeftOut(reason=f"After a file that failed: {name_some(list(late))}.", cause=causes[0])] if late else []


def find_missing(rehearsal: Rehearsal, scaled: ScaledPass) -> list[str]:
    """Return the files that applied to the twin and were not recorded at one scale."""
    recorded = {one.migration for one in scaled.recordings}
    return [name for name in rehearsal.first.applied if name not in recorded]


def find_timed_out(rehearsal: Rehearsal) -> list[LeftOut]:
    """Return the files whose turn at a scale did not come in the time that there is."""
    found = []
    for scaled in rehearsal.scaled:
        missing = find_missing(rehearsal, scaled) if scaled.timed_out else []
        if missing:
            count = f"{len(missing):,} of {format_count(len(rehearsal.first.applied), 'migration')}"
            why = f"Not recorded at {scaled.scale}× the seed's rows, because the time for it was over"
            reason = f"{why}: {count}, {name_some(missing)}."
            found.append(LeftOut(reason=reason, fix=TAKE_LESS))
    return found


def find_unfilled(rehearsal: Rehearsal) -> list[LeftOut]:
    """Return the tables that a file locked and that no rows could be put into, though the seed has some."""
    found = []
    if rehearsal.seed_problem and rehearsal.first.failure is None and any(one.tables_with_rows for one in rehearsal.recordings):
        found.append(LeftOut(reason=f"Not all of the seed could be loaded: {rehearsal.seed_problem}.", fix=GIVE_ROWS))
    problems = {fill.table: fill.problem for one in rehearsal.scaled for fill in one.fills if fill.problem and not fill.rows}
    tables = [table for table in find_empty(rehearsal) if table in problems]
    if tables:
        named = [f"{table} ({problems[table]})" for table in tables]
        found.append(LeftOut(reason=f"Locked without rows: {name_some(named)}.", fix=GIVE_ROWS))
    return found


def find_empty(rehearsal: Rehearsal) -> list[str]:
    """Return the tables that were there before a file, had no row, and were locked by it."""
    locks = [lock for one in rehearsal.recordings if not one.failure for lock in one.locks if not lock.is_new]
    filled = {lock.table for lock in locks if lock.rows}
    return list(dict.fromkeys(lock.table for lock in locks if not lock.rows and lock.table not in filled))


def describe_empty(rehearsal: Rehearsal) -> str:
    """Return which locked tables hold no row, in the seed or, for a file that rows break, on the target; '' for none."""
    problems = {fill.table for one in rehearsal.scaled for fill in one.fills if fill.problem}
    without = [table for table in find_empty(rehearsal) if table not in problems]
    _, broken = sort_failures(rehearsal.recordings)
    said = [f"The seed has no row for {name_some(without)}."] if without else []
    if broken and not rehearsal.target_has_rows:
        said.append(f"The target holds no row, and on rows {name_some(broken)} fails, so it was recorded on emptied tables.")
    return " ".join(said)


def is_clean(result: Result) -> bool:
    """Return whether a result would claim more than was recorded, were something left out: a pass, or nothing due."""
    return result.outcome in (Outcome.PASS, Outcome.SKIP)


def count_recorded(rehearsal: Rehearsal) -> dict[str, Any]:
    """Return how many files were recorded to their end at every scale, and how many there are, as facts of a result."""
    failed = {one.migration for one in rehearsal.recordings if one.failure}
    scales = [{one.migration for one in scaled.recordings} for scaled in rehearsal.scaled]
    whole = [name for name in rehearsal.files if name not in failed and all(name in one for one in scales) and scales]
    return {"observed": len(whole), "expected": len(rehearsal.files), "unit": "migrations"}
