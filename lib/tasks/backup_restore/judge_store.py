"""What the backups that are kept mean: pure, one Result for each check of them."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime

from lib.core.left_out import LeftOut, judge_all
from lib.core.results import Result
from lib.core.wording import format_count, format_duration, name_some
from lib.tasks.backup_restore.store import KeptBackup, choose_good
from lib.tasks.backup_restore.task import (
    DUMP_IS_COMPLETE,
    KEPT_BACKUPS_ARE_INTACT,
    RETENTION_KEEPS_NEWEST_GOOD,
    WITHIN_RPO,
)


def judge_kept(backups: Sequence[KeptBackup], judged_elsewhere: Collection[str]) -> Result:
    """Judge that every backup of the store is intact.

    judged_elsewhere: ids of backups whose damage, if there is any, dump_is_complete already reports.
    """
    check = KEPT_BACKUPS_ARE_INTACT
    if not backups:
        return check.errored("The store holds no backup to verify.", fix="See backup_restore.dump_taken.")
    damaged = [one for one in backups if one.problems and one.id not in judged_elsewhere]
    named = [f"{one.id}: {one.problems[0]}" for one in damaged]
    known = [one.id for one in backups if one.problems and one.id in judged_elsewhere]
    left_out = [LeftOut(reason=f"This run's backup, {name_some(known)}, is damaged.", cause=DUMP_IS_COMPLETE.id)] if known else []
    return judge_all(
        check,
        holds=not damaged,
        left_out=left_out,
        observed=len(backups) - len(damaged) - len(known),
        expected=len(backups),
        unit="backups",
        detail=f"{name_some(named)}." if damaged else "",
        objects=[one.id for one in damaged],
        fix=f"Do not restore from {name_some([one.id for one in damaged])}: find out what damaged the files, then delete them.",
    )


def judge_rpo(good: Sequence[KeptBackup], *, now: datetime, rpo_s: float, this_run: str | None) -> Result:
    """Judge the age of the newest good backup, this run's among them, against the recovery point objective.

    good: the environment's good backups, newest first.
    """
    check = WITHIN_RPO
    if not good:
        return check.errored(
            "There is no good backup whose age could be judged.", fix="See the checks above and fix those first."
        )
    age_s = round(good[0].age_s(now), 1)
    older = next((one for one in good if one.id != this_run), None)
    before = (
        f"Before this run the newest good one was {format_duration(older.age_s(now))} old."
        if older
        else "Before this run there was no good backup."
    )
    holds = age_s <= rpo_s
    fix = f"Take a backup at least every {format_duration(rpo_s)}."
    facts = {"observed": age_s, "expected": rpo_s, "unit": "s", "as_of": good[0].taken_at}
    return check.judge(holds=holds, **facts, detail=before, fix=fix)


def judge_retention(
    before: Sequence[KeptBackup],
    after: Sequence[KeptBackup],
    *,
    environment: str,
    chosen: Sequence[KeptBackup],
    unproved: Collection[str],
) -> Result:
    """Judge what retention did: every chosen backup is gone, no other is, and the newest good one is kept."""
    check = RETENTION_KEEPS_NEWEST_GOOD
    good = choose_good(before, environment, unproved)
    if not good:
        return check.errored("There is no good backup, so nothing may be deleted.", fix="See the checks above.")
    left, gone = {one.id for one in after}, {one.id for one in chosen}
    wrong = [f"{one.id} is gone" for one in before if one.id not in left and one.id not in gone]
    wrong += [f"{one.id} is still there" for one in chosen if one.id in left]
    wrong += [f"the newest good one, {good[0].id}, is gone"] if good[0].id not in left else []
    deleted = f"Deleted {name_some(sorted(gone))}." if gone else "Nothing was old enough to delete."
    ageless = [one.id for one in after if one.taken_at is None]
    reason = f"Nobody knows how old {name_some(ageless)} is, nor whose: the manifest cannot be read."
    return judge_all(
        check,
        holds=not wrong,
        left_out=[LeftOut(reason=reason, cause=KEPT_BACKUPS_ARE_INTACT.id)] if ageless else [],
        observed=f"{format_count(len(after), 'backup')} kept, newest good one {'there' if good[0].id in left else 'gone'}",
        expected="the newest good one there",
        detail=f"{name_some(wrong)}." if wrong else deleted,
        fix="Find out what else deletes backups, and check the store.",
    )
