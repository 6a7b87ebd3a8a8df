"""Judges a backup and its restore: rows in, one Result out for each check of backup_restore. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from lib.clients.postgres.digests import TableDifference
from lib.clients.postgres.restores import Restore
from lib.clients.postgres.row_differences import RowDifference
from lib.clients.postgres.schema import Difference, name_differences
from lib.core.busyness import Control, Standing, judge_timed, weigh
from lib.core.left_out import LeftOut, judge_all, name_causes
from lib.core.results import Result
from lib.core.wording import format_count, join_words, name_some
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
        detail=detail if source.unreadable else describe_beside(source.beside),
        objects=source.unreadable,
        fix=[f"grant select on {label} to <the user that takes backups>;" for label in source.unreadable[:NAMED]],
        command=backup.run.command,
        exit_code=backup.run.exit_code,
    )


def describe_beside(beside: Sequence[str]) -> str:
    """Return what a dump never holds, so that this backup lacks it, as a sentence; '' when there is nothing of the kind."""
    return f"No dump holds this, so keep it in another way: {name_some(beside)}." if beside else ""


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


def judge_rto(restore: Restore, rto_s: float, control: Control, *, unreadable: Sequence[str] = ()) -> Result:
    """Judge the time from an empty server to a complete copy against the recovery time objective.

    unreadable: tables that are missing from the backup, so that the copy is not complete.
    It is not repeated for a busy machine: a restore that is too slow takes minutes.
    """
    check = WITHIN_RTO
    if not restore.succeeded:
        return check.errored("The restore did not finish.", fix="See backup_restore.restored and fix that first.")
    took_s = round(restore.duration_s, 2)
    if unreadable and took_s <= rto_s:
        reason = f"{format_count(len(unreadable), 'table')} of the source are not in the backup, so less was restored."
        return check.hidden_by(DUMP_TAKEN.id, reason, observed=took_s, expected=rto_s, unit="s")
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
    compared = found.counted - sum(one.change != "extra" for one in found.aside)
    return check.judge(
        holds=not found.differences,
        observed=compared - sum(one.change != "extra" for one in found.differences),
        expected=compared,
        unit="objects",
        detail=detail,
        fix="Find which of these objects the dump does not contain, and create them in the migrations.",
        objects=[one.object for one in found.differences],
    )


def leave_out(aside: Mapping[str, str], *, what: str, fix: str) -> list[LeftOut]:
    """Return objects that could not be compared, by the check that says why. aside: each with it, '' for none. fix: then."""
    return [
        LeftOut(reason=f"{what}: {name_some(names)}.", cause=cause, fix="" if cause else fix)
        for cause, names in name_causes(aside.items()).items()
    ]


def judge_rows(found: RowComparison, history: Sequence[str], tables: int) -> Result:
    """Judge that every table holds the same rows; without a table or a row it is an error.

    history: tables of the migration history that differ, which a check of their own judges. tables: of the backup.
    """
    check = ROWS_MATCH
    if not any(table.rows for table in found.source):
        return check.errored(
            "The source holds no row, so a restore of it proves nothing.",
            fix="Apply the seed, or run again once the database holds rows.",
        )
    detail = ""
    if found.differing:
        rows = name_some([describe_row(row) for row in found.rows])
        detail = f"Rows differ in {name_some(found.differing)}: {rows}."
    aside = {**found.aside, **dict.fromkeys(history, MIGRATION_HISTORY_MATCHES.id)}
    fix = "Compare these tables by hand: the platform of the copy has other columns in them than the target's."
    return judge_all(
        check,
        holds=not found.differing,
        left_out=leave_out(aside, what="Could not be compared row by row", fix=fix),
        detail=detail,
        fix="Read changed_rows.json, and do not rely on this backup.",
        objects=found.differing,
        observed=tables - len(found.differing) - len(aside),
        expected=tables,
        unit="tables",
    )


def describe_row(row: RowDifference) -> str:
    """Return one row that differs, as text."""
    columns = f" in {join_words(row.columns)}" if row.columns else ""
    return f"{row.table} {row.key} is {row.kind}{columns}"


def judge_sequences(places: Sequence[SequencePlace], aside: Mapping[str, str]) -> Result:
    """Judge that every sequence continues from the source's value during the dump.

    aside: those that could not be compared, each with the check that says why, '' for none.
    """
    check = SEQUENCES_MATCH
    if not places and not aside:
        return check.not_applicable("The source has no sequence.")
    wrong = [one for one in places if not one.holds]
    named = [f"{one.name} continues with {one.restored} instead of {one.after}" for one in wrong]
    return judge_all(
        check,
        holds=not wrong,
        left_out=leave_out(aside, what="Could not be compared", fix="Run again; if it stays, compare their next values by hand."),
        detail=f"{name_some(named)}: the next inserts may collide." if wrong else "",
        objects=[one.name for one in wrong],
        fix=[f"After a restore: select setval('{one.name}', {one.after}, false);" for one in wrong[:NAMED]],
        observed=len(places) - len(wrong),
        expected=len(places) + len(aside),
        unit="sequences",
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
        objects=differing,
        fix=[
            "Dump the schema supabase_migrations too.",
            "Or mark the migrations after a restore: supabase migration repair --status applied <version>",
        ],
    )


def judge_matrix(pairs: Sequence[CellPair], verbs: Sequence[str], *, cause: str) -> Result:
    """Judge that each role can do the same in the copy, cell by cell.

    verbs: those that were tried. cause: the check that says why a cell of the source is not known; '' where none does.
    """
    check = RLS_MATRIX_MATCHES
    hidden = [pair for pair in pairs if pair.hidden]
    unknown = [pair for pair in pairs if pair.unknown and not pair.hidden]
    compared = [pair for pair in pairs if not pair.hidden and not pair.unknown]
    if not pairs or (not compared and not hidden):
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
    left_out = []
    if hidden:
        tables = list(dict.fromkeys(pair.source.table for pair in hidden))
        reason = f"{format_count(len(hidden), 'cell')} of {name_some(tables)} differ as the definitions do."
        left_out.append(LeftOut(reason=reason, cause=SCHEMA_MATCHES.id))
    if unknown:
        cells = [f"{pair.source.role} {pair.source.verb} on {pair.source.table}" for pair in unknown]
        fix = "" if cause else "Add rows that tell the scopes of these cells apart, or compare their policies by hand."
        left_out.append(LeftOut(reason=f"Not known on the source: {name_some(cells)}.", cause=cause, fix=fix))
    return judge_all(
        check,
        holds=not wrong,
        left_out=left_out,
        detail=f"{name_some(named)}." if wrong else f"Tried: {join_words(verbs)}.",
        fix="Find which policies, grants and functions of these tables the dump does not contain.",
        objects=[f"{pair.source.table} {pair.source.role} {pair.source.verb}" for pair in wrong],
        observed=len(compared) - len(wrong),
        expected=len(pairs),
        unit="cells",
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
