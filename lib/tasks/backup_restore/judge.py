"""Judges a backup and its restore: rows in, one Result out for each check of backup_restore. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from lib.clients.postgres.digests import TableDifference
from lib.clients.postgres.restores import Restore
from lib.clients.postgres.row_differences import RowDifference
from lib.clients.postgres.schema import Difference, name_differences
from lib.core.busyness import Control, Standing, judge_timed, weigh
from lib.core.results import Result
from lib.core.wording import join_words, name_some
from lib.tasks.backup_restore.backup import Backup, first_error
from lib.tasks.backup_restore.compare import CellPair, Definitions, RowComparison, SequencePlace
from lib.tasks.backup_restore.task import (
    DUMP_IS_COMPLETE,
    DUMP_TAKEN,
    MIGRATION_HISTORY_MATCHES,
    RESTORED,
    RLS_MATRIX_MATCHES,
    ROWS_MATCH,
    SCHEMA_MATCHES,
    SEQUENCES_MATCH,
    SOURCE_UNTOUCHED,
    WITHIN_RTO,
)

NAMED = 5
"""Objects named in a detail; the table below it lists all."""


def judge_dump(backup: Backup) -> Result:
    """Judge that the dump holds every table of the source."""
    check, source = DUMP_TAKEN, backup.source
    if not source.tables:
        return check.errored("The source has no table to back up.", fix="Push the migrations, or check the database's name.")
    detail = f"This user may not read {name_some(source.unreadable)}, so they are missing from the backup."
    return check.judge(
        holds=not source.unreadable,
        observed=len(source.tables) - len(source.unreadable),
        expected=len(source.tables),
        unit="tables",
        detail=detail if source.unreadable else "",
        fix=[f"grant select on {label} to <the user that takes backups>;" for label in source.unreadable[:NAMED]],
        command=backup.run.command,
        exit_code=backup.run.exit_code,
    )


def judge_damage(damage: Sequence[str]) -> list[Result]:
    """Return the results of a damaged backup, which is not restored."""
    detail = f"{name_some(damage)}. Nothing was restored from it."
    reason = "The backup is damaged, so it was not restored."
    see = "See backup_restore.dump_is_complete and fix that first."
    fix = "Take a new backup, and check the disk that holds the store."
    return [
        DUMP_IS_COMPLETE.failed(observed=len(damage), expected=0, unit="damaged files", detail=detail, fix=fix),
        RESTORED.errored(reason, fix=see),
        WITHIN_RTO.errored(reason, fix=see),
    ]


def judge_restore(restore: Restore) -> Result:
    """Judge that pg_restore restored every section without an error."""
    check, last = RESTORED, restore.runs[-1]
    if restore.succeeded:
        notes = [f"created as in the source: {name}" for name in restore.replaced]
        notes += [f"only on the hosted platform: {name}" for name in restore.left_out]
        detail = "; ".join(notes)
        return check.passed(observed=0, expected=0, unit="errors", detail=detail, command=last.command, exit_code=last.exit_code)
    errors = [line for line in last.stderr.splitlines() if "error:" in line]
    ended = f"was ended by signal {-last.exit_code}" if last.exit_code < 0 else f"ended with code {last.exit_code}"
    return check.failed(
        observed=max(len(errors), 1),
        expected=0,
        unit="errors",
        detail=f"pg_restore {ended}: {first_error(last.stderr)}. The partial copy was removed; the source was not touched.",
        fix="Read restore.txt from its first error.",
        command=last.command,
        exit_code=last.exit_code,
    )


def judge_rto(restore: Restore, rto_s: float, control: Control) -> Result:
    """Judge the time from an empty server to a complete copy against the recovery time objective.

    It is not repeated for a busy machine: a restore that is too slow takes minutes.
    """
    check = WITHIN_RTO
    if not restore.succeeded:
        return check.errored("The restore did not finish.", fix="See backup_restore.restored and fix that first.")
    took_s = round(restore.duration_s, 2)
    slowest = max(restore.stages, key=restore.stages.__getitem__)
    standing = weigh(took_s, rto_s, control)
    return judge_timed(
        check,
        standing,
        control_s=control.held_up_s(took_s),
        limit_s=rto_s,
        observed=took_s,
        expected=rto_s,
        unit="s",
        detail="" if standing is Standing.WITHIN else f"The slowest step is {slowest}.",
        fix="Raise backup_restore.jobs in the params file, or agree on another objective (backup_restore.rto_s).",
    )


def judge_definitions(found: Definitions) -> Result:
    """Judge that no object of the copy differs."""
    check = SCHEMA_MATCHES
    if not found.counted:
        return check.errored("The source has no object to compare.", fix="Push the migrations.")
    detail = f"Not judged, because they belong to the platform: {name_differences(found.aside)}." if found.aside else ""
    if found.differences:
        detail = f"Different from the source: {name_differences(found.differences)}."
    return check.judge(
        holds=not found.differences,
        observed=found.counted - sum(one.change != "extra" for one in found.differences),
        expected=found.counted,
        unit="objects",
        detail=detail,
        fix="Find which of these objects the dump does not contain, and create them in the migrations.",
    )


def judge_rows(found: RowComparison) -> Result:
    """Judge that every compared table holds the same rows; without a table or a row it is an error."""
    check = ROWS_MATCH
    if not any(table.rows for table in found.source):
        return check.errored("The source holds no row, so a restore of it proves nothing.", fix="Apply the seed.")
    detail = ""
    if found.differing:
        rows = name_some([describe_row(row) for row in found.rows])
        detail = f"Rows differ in {name_some(found.differing)}: {rows}."
    return check.judge(
        holds=not found.differing,
        observed=len(found.source) - len(found.differing),
        expected=len(found.source),
        unit="tables",
        detail=detail,
        fix="Read changed_rows.json, and do not rely on this backup.",
    )


def describe_row(row: RowDifference) -> str:
    """Return one row that differs, as text."""
    columns = f" in {join_words(row.columns)}" if row.columns else ""
    return f"{row.table} {row.key} is {row.kind}{columns}"


def judge_sequences(places: Sequence[SequencePlace]) -> Result:
    """Judge that every sequence continues from the source's value during the dump."""
    check = SEQUENCES_MATCH
    if not places:
        return check.passed(observed=0, expected=0, unit="sequences", detail="The source has no sequence.")
    wrong = [one for one in places if not one.holds]
    named = [f"{one.name} continues with {one.restored} instead of {one.after}" for one in wrong]
    return check.judge(
        holds=not wrong,
        observed=len(places) - len(wrong),
        expected=len(places),
        unit="sequences",
        detail=f"{name_some(named)}: the next inserts may collide." if wrong else "",
        fix=[f"After a restore: select setval('{one.name}', {one.after}, false);" for one in wrong[:NAMED]],
    )


def judge_history(backup: Backup, differing: Sequence[str]) -> Result:
    """Judge that the copy records the same migrations and seeds as applied."""
    check, applied = MIGRATION_HISTORY_MATCHES, len(backup.source.history)
    if not applied:
        return check.errored("The source has no migration history.", fix="Push the migrations with the CLI: supabase db push")
    detail = (
        f"Different from the source: {join_words(differing)}. After such a restore `supabase db push` applies migrations again."
    )
    return check.judge(
        holds=not differing,
        observed="differs" if differing else f"{applied} applied",
        expected=f"{applied} applied",
        detail=detail if differing else "",
        fix=[
            "Dump the schema supabase_migrations too.",
            "Or mark the migrations after a restore: supabase migration repair --status applied <version>",
        ],
    )


def judge_matrix(pairs: Sequence[CellPair], verbs: Sequence[str]) -> Result:
    """Judge that each role can do the same in the copy, cell by cell."""
    check = RLS_MATRIX_MATCHES
    compared = [pair for pair in pairs if pair.compared]
    if not compared:
        return check.errored(
            "No cell of the matrix could be compared.",
            fix=["Declare rls.matrix in the params file.", "See backup_restore.schema_matches and 02_rls."],
        )
    wrong = [pair for pair in compared if not pair.same]
    named = [
        f"{pair.source.role} {pair.source.verb} on {pair.source.table} is {pair.copy.observed if pair.copy else 'missing'} "
        f"instead of {pair.source.observed}"
        for pair in wrong
    ]
    return check.judge(
        holds=not wrong,
        observed=len(compared) - len(wrong),
        expected=len(compared),
        unit="cells",
        detail=f"{name_some(named)}." if wrong else f"Tried: {join_words(verbs)}.",
        fix="Find which policies, grants and functions of these tables the dump does not contain.",
    )


def judge_source(
    backup: Backup, schema: Sequence[Difference], tables: Sequence[TableDifference], leftovers: Sequence[str]
) -> Result:
    """Judge that the workbook did not change the source; rows that others wrote meanwhile are named, not judged.

    leftovers: databases of ours that still exist.
    """
    check = SOURCE_UNTOUCHED
    wrong = ["our transaction was assigned an id, so it wrote"] if backup.assigned_id else []
    wrong += [f"{one.object} is {one.change}" for one in schema]
    wrong += [f"database {name} still exists" for name in leftovers]
    notes = "The backup opened only read-only transactions."
    if tables:
        notes += f" Others wrote meanwhile to {name_some([one.source.label for one in tables])}."
    return check.judge(
        holds=not wrong,
        observed=len(wrong),
        expected=0,
        unit="changes",
        detail=f"While the backup ran: {name_some(wrong)}." if wrong else notes,
        fix="Do not run migrations while a backup runs, then run again.",
    )
