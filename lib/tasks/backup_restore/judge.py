"""What the findings about a backup mean: pure, rows in, one Result out for each check of backup_restore."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime

from lib.clients.postgres.digests import TableDifference
from lib.clients.postgres.restores import Restore
from lib.clients.postgres.row_differences import RowDifference
from lib.clients.postgres.schema import Difference, name_differences
from lib.core.results import Result, failed, judge, passed, unseen
from lib.core.wording import join_words, show_count, show_duration
from lib.tasks.backup_restore.backup import Backup, first_error
from lib.tasks.backup_restore.compare import CellPair, Definitions, RowComparison, SequencePlace
from lib.tasks.backup_restore.store import KeptBackup, choose_good

NAMED = 5
"""Objects named in a detail; the table below it has all."""


def name_some(names: Sequence[str]) -> str:
    """Return the first names, and how many more there are."""
    more = [f"{len(names) - NAMED} more"] if len(names) > NAMED else []
    return join_words([*names[:NAMED], *more])


def judge_dump(backup: Backup) -> Result:
    """Judge that the dump holds every table of the source."""
    check, source = "backup_restore.dump_taken", backup.source
    if not source.tables:
        return unseen(check, "The source has no table to back up. Next: push the migrations, or check the database's name.")
    detail = (
        f"This user may not read {name_some(source.unreadable)}, so the backup is without them. "
        "Next: grant select on them to the user that takes backups."
    )
    return judge(
        check,
        holds=not source.unreadable,
        observed=len(source.tables) - len(source.unreadable),
        expected=len(source.tables),
        unit="tables",
        detail=detail if source.unreadable else "",
        command=backup.run.command,
        exit_code=backup.run.exit_code,
    )


def judge_damage(damage: Sequence[str]) -> list[Result]:
    """Return the results of a backup that is not worth restoring."""
    detail = f"{name_some(damage)}. Nothing was restored from it. Next: take a new backup, and look after the disk it lay on."
    reason = "The backup is damaged, so it was not restored: see backup_restore.dump_is_complete. Next: mend that first."
    return [
        failed("backup_restore.dump_is_complete", observed=len(damage), expected=0, unit="damaged files", detail=detail),
        unseen("backup_restore.restored", reason),
        unseen("backup_restore.within_rto", reason),
    ]


def judge_restore(restore: Restore) -> Result:
    """Judge that pg_restore went through every section without an error."""
    check, last = "backup_restore.restored", restore.runs[-1]
    if restore.succeeded:
        notes = [f"made as the source has it: {name}" for name in restore.replaced]
        notes += [f"only on the hosted platform: {name}" for name in restore.left_out]
        detail = "; ".join(notes)
        return passed(check, observed=0, expected=0, unit="errors", detail=detail, command=last.command, exit_code=last.exit_code)
    errors = [line for line in last.stderr.splitlines() if "error:" in line]
    ended = f"was ended by signal {-last.exit_code}" if last.exit_code < 0 else f"ended with code {last.exit_code}"
    detail = (
        f"pg_restore {ended}: {first_error(last.stderr)}. The half-made copy was removed; the source was not touched. "
        "Next: read restore.txt from its first error."
    )
    return failed(
        check,
        observed=max(len(errors), 1),
        expected=0,
        unit="errors",
        detail=detail,
        command=last.command,
        exit_code=last.exit_code,
    )


def judge_rto(restore: Restore, rto_s: float) -> Result:
    """Judge the time from an empty server to a whole copy against the recovery time objective."""
    check = "backup_restore.within_rto"
    if not restore.succeeded:
        return unseen(check, "The restore did not finish: see backup_restore.restored. Next: mend that first.")
    took_s = round(restore.duration_s, 2)
    slowest = max(restore.stages, key=restore.stages.__getitem__)
    detail = f"The slowest step is {slowest}. Next: raise `jobs`, or agree on another objective."
    holds = took_s <= rto_s
    return judge(check, holds=holds, observed=took_s, expected=rto_s, unit="s", detail="" if holds else detail)


def judge_definitions(found: Definitions) -> Result:
    """Judge that no object of the copy differs."""
    check = "backup_restore.schema_matches"
    if not found.counted:
        return unseen(check, "The source has no object to compare. Next: push the migrations.")
    detail = f"Left aside as the platform's own: {name_differences(found.aside)}." if found.aside else ""
    if found.differences:
        detail = (
            f"Not as in the source: {name_differences(found.differences)}. "
            "Next: see which of them the dump does not carry, and make them part of the migrations."
        )
    same = found.counted - sum(one.change != "extra" for one in found.differences)
    return judge(check, holds=not found.differences, observed=same, expected=found.counted, unit="objects", detail=detail)


def judge_rows(found: RowComparison) -> Result:
    """Judge that every compared table holds the same rows; no table or no row at all is nothing seen."""
    check = "backup_restore.rows_match"
    if not any(table.rows for table in found.source):
        return unseen(check, "The source holds no row, so a restore of it proves nothing. Next: apply the seed.")
    detail = ""
    if found.differing:
        rows = name_some([describe_row(row) for row in found.rows])
        detail = f"Rows differ in {name_some(found.differing)}: {rows}. Next: see changed_rows.json; don't rely on this backup."
    return judge(
        check,
        holds=not found.differing,
        observed=len(found.source) - len(found.differing),
        expected=len(found.source),
        unit="tables",
        detail=detail,
    )


def describe_row(row: RowDifference) -> str:
    """Return one row that differs, in words."""
    columns = f" in {join_words(row.columns)}" if row.columns else ""
    return f"{row.table} {row.key} is {row.kind}{columns}"


def judge_sequences(places: Sequence[SequencePlace]) -> Result:
    """Judge that every sequence goes on from where the source's stood while the dump was made."""
    check = "backup_restore.sequences_match"
    if not places:
        return passed(check, observed=0, expected=0, unit="sequences", detail="The source has no sequence.")
    wrong = [f"{one.name} goes on with {one.restored} instead of {one.after}" for one in places if not one.holds]
    detail = f"{name_some(wrong)}: the next inserts may collide. Next: set them with setval() after a restore."
    return judge(
        check,
        holds=not wrong,
        observed=len(places) - len(wrong),
        expected=len(places),
        unit="sequences",
        detail=detail if wrong else "",
    )


def judge_history(backup: Backup, differing: Sequence[str]) -> Result:
    """Judge that the copy knows the same migrations and seeds as applied."""
    check, applied = "backup_restore.migration_history_matches", len(backup.source.history)
    if not applied:
        return unseen(check, "The source has no migration history. Next: push the migrations with the CLI.")
    detail = (
        f"Not as in the source: {join_words(differing)}. After such a restore `supabase db push` applies migrations "
        "again. Next: dump the schema supabase_migrations too, or mark them with `supabase migration repair`."
    )
    return judge(
        check,
        holds=not differing,
        observed="differs" if differing else f"{applied} applied",
        expected=f"{applied} applied",
        detail=detail if differing else "",
    )


def judge_matrix(pairs: Sequence[CellPair], verbs: Sequence[str]) -> Result:
    """Judge that each role may do the same in the copy, cell by cell."""
    check = "backup_restore.rls_matrix_matches"
    compared = [pair for pair in pairs if pair.compared]
    if not compared:
        return unseen(
            check,
            "No cell of the matrix could be compared. Next: declare rls.matrix in the params file, or see "
            "backup_restore.schema_matches and 02_rls.",
        )
    wrong = [pair for pair in compared if not pair.same]
    named = [
        f"{pair.source.role} {pair.source.verb} on {pair.source.table} is {pair.copy.observed if pair.copy else 'missing'} "
        f"instead of {pair.source.observed}"
        for pair in wrong
    ]
    detail = (
        f"Tried: {join_words(verbs)}."
        if not wrong
        else f"{name_some(named)}. Next: see what of its policies the dump does not carry."
    )
    same = len(compared) - len(wrong)
    return judge(check, holds=not wrong, observed=same, expected=len(compared), unit="cells", detail=detail)


def judge_source(
    backup: Backup, schema: Sequence[Difference], tables: Sequence[TableDifference], left_behind: Sequence[str]
) -> Result:
    """Judge that nothing of ours changed the source; rows that others wrote meanwhile are named, not held against it.

    left_behind: databases of ours that are still there.
    """
    check = "backup_restore.source_untouched"
    wrong = ["our transaction was given an id to write with"] if backup.assigned_id else []
    wrong += [f"{one.object} is {one.change}" for one in schema]
    wrong += [f"database {name} was left behind" for name in left_behind]
    notes = "The backup opened read-only transactions alone."
    if tables:
        notes += f" Others wrote meanwhile to {name_some([one.source.label for one in tables])}."
    detail = f"While the backup ran: {name_some(wrong)}. Next: keep migrations out of the backup's window, then run again."
    return judge(check, holds=not wrong, observed=len(wrong), expected=0, unit="changes", detail=detail if wrong else notes)


def judge_kept(backups: Sequence[KeptBackup], judged_elsewhere: Collection[str]) -> Result:
    """Judge that every backup of the store is intact.

    judged_elsewhere: ids of backups whose damage dump_is_complete already tells.
    """
    check = "backup_restore.kept_backups_are_intact"
    looked = [one for one in backups if one.id not in judged_elsewhere]
    if not looked:
        return unseen(check, "The store holds no backup to verify. Next: see backup_restore.dump_taken.")
    damaged = [one for one in looked if one.problems]
    named = [f"{one.id}: {one.problems[0]}" for one in damaged]
    detail = f"{name_some(named)}. Next: do not restore from these; find out what the disk did, then delete them."
    return judge(
        check,
        holds=not damaged,
        observed=len(looked) - len(damaged),
        expected=len(looked),
        unit="backups",
        detail=detail if damaged else "",
    )


def judge_rpo(good: Sequence[KeptBackup], *, now: datetime, rpo_s: float, this_run: str | None) -> Result:
    """Judge the age of the newest good backup, this run's among them, against the recovery point objective.

    good: the environment's good backups, newest first.
    """
    check = "backup_restore.within_rpo"
    if not good:
        return unseen(check, "There is no good backup to tell the age of: see the checks above. Next: mend those first.")
    age_s = round(good[0].age_s(now), 1)
    older = next((one for one in good if one.id != this_run), None)
    before = (
        f"Before this run the newest good one was {show_duration(older.age_s(now))} old."
        if older
        else "Before this run there was none."
    )
    holds = age_s <= rpo_s
    detail = f"{before} Next: take backups at least every {show_duration(rpo_s)}." if not holds else before
    return judge(check, holds=holds, observed=age_s, expected=rpo_s, unit="s", detail=detail)


def judge_retention(
    before: Sequence[KeptBackup],
    after: Sequence[KeptBackup],
    *,
    environment: str,
    chosen: Sequence[KeptBackup],
    unproved: Collection[str],
) -> Result:
    """Judge what retention did: all that was chosen is gone, nothing else is, and the newest good one stands."""
    check = "backup_restore.retention_keeps_newest_good"
    good = choose_good(before, environment, unproved)
    if not good:
        return unseen(check, "There is no good backup, so nothing may be deleted. Next: see the checks above.")
    left, gone = {one.id for one in after}, {one.id for one in chosen}
    wrong = [f"{one.id} is gone" for one in before if one.id not in left and one.id not in gone]
    wrong += [f"{one.id} is still there" for one in chosen if one.id in left]
    wrong += [f"the newest good one, {good[0].id}, is gone"] if good[0].id not in left else []
    deleted = f"Deleted {name_some(sorted(gone))}." if gone else "Nothing was old enough to delete."
    detail = f"{name_some(wrong)}. Next: stop whatever else deletes backups, and look at the store." if wrong else deleted
    return judge(
        check,
        holds=not wrong,
        observed=f"{show_count(len(after), 'backup')} kept, newest good one {'there' if good[0].id in left else 'gone'}",
        expected="the newest good one there",
        detail=detail,
    )
