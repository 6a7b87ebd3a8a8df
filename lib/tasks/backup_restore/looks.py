"""A backup of the target, restored into a fresh database and compared with its source.

The looks run in order: each takes the facts of an earlier one. Without these facts the later ones give errors,
so that one cause gives one `fail`.
"""

from __future__ import annotations

import time
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from lib.clients.npm import has_script
from lib.clients.postgres.digests import compare_tables, open_reading
from lib.clients.postgres.dumps import timed
from lib.clients.postgres.fidelity import rest_on, rest_results_on
from lib.clients.postgres.restores import as_owner, drop_copy, list_copies, make_copy, restore_dump
from lib.clients.postgres.rls.probe import VERBS, observe_matrix
from lib.clients.postgres.schema import compare_schemas
from lib.core.offered import offer_looks
from lib.core.results import Findings, look
from lib.tasks.backup_restore.backup import Backup, DumpFailure, read_damage, read_state, take_backup
from lib.tasks.backup_restore.compare import (
    Definitions,
    RestoredCopy,
    compare_definitions,
    compare_history,
    compare_rows,
    compare_sequences,
    pair_cells,
    prepare_on,
)
from lib.tasks.backup_restore.judge import (
    judge_damage,
    judge_definitions,
    judge_dump,
    judge_history,
    judge_matrix,
    judge_restore,
    judge_rows,
    judge_rto,
    judge_sequences,
    judge_source,
)
from lib.tasks.backup_restore.judge_store import judge_kept, judge_retention, judge_rpo
from lib.tasks.backup_restore.project_backup import COMMAND, describe_proof, judge_proof, prove_backup
from lib.tasks.backup_restore.show import describe_cell_pair, describe_kept, describe_table_pair
from lib.tasks.backup_restore.store import choose_expired, choose_good, delete_backup, hold_store, read_kept_backups
from lib.tasks.backup_restore.task import (
    DUMP_IS_COMPLETE,
    DUMP_TAKEN,
    KEPT_BACKUPS_ARE_INTACT,
    MIGRATION_HISTORY_MATCHES,
    PROJECT_BACKUP_RESTORES,
    RESTORED,
    RETENTION_KEEPS_NEWEST_GOOD,
    RLS,
    RLS_MATRIX_MATCHES,
    ROWS_MATCH,
    SCHEMA_MATCHES,
    SEQUENCES_MATCH,
    SOURCE_UNTOUCHED,
    WITHIN_RPO,
    WITHIN_RTO,
    BackupRestore,
)
from lib.tasks.backup_restore.unlike import FIX, describe_unlike
from lib.transport.context import Context
from lib.transport.control import ControlClock

PROBES = f"{RLS.task}.probes_could_be_made"
"""The check that says of the same database which cells of the matrix could not be determined."""
NOT_TAKEN = "Cannot check: no backup was taken."
SEE_TAKEN = "See backup_restore.dump_taken and fix that first."
NOT_RESTORED = "Cannot check: nothing was restored."
SEE_RESTORED = "See backup_restore.restored and fix that first."
NOT_COMPARED = "Cannot check: the schemas were not compared."
SEE_COMPARED = "See backup_restore.schema_matches and fix that first."


def store_of(context: Context[BackupRestore]) -> Path:
    """Return the folder of the environment's backups."""
    return context.kept / "backups"


@look(DUMP_TAKEN)
def look_at_dump(context: Context[BackupRestore]) -> Findings[Backup]:
    """What the backup holds: every table with its rows in the dump's snapshot."""
    try:
        with hold_store(store_of(context)):
            backup = take_backup(
                context.target,
                store_of(context),
                environment=context.environment,
                programs=context.programs.postgres_bin,
                jobs=context.settings.jobs,
                timeout_s=context.settings.command_timeout_s,
            )
    except DumpFailure as exc:
        result = DUMP_TAKEN.failed(
            observed="no backup",
            expected="a backup",
            detail=f"{exc.message}. No partial backup was kept, and the source was only read.",
            command=exc.run.command,
            exit_code=exc.run.exit_code,
            fix=["Read pg_dump.txt.", "Give pg_dump the privilege, lock or space that its error names, then run again."],
        )
        return Findings(results=[result], artifacts={"pg_dump.txt": exc.run.transcript})
    return Findings(
        results=[judge_dump(backup)],
        rows=[{"table": one.label, "rows": one.rows, "digest": one.digest} for one in backup.source.tables],
        artifacts={"manifest.json": backup.manifest},
        facts=backup,
    )


@look(DUMP_IS_COMPLETE, RESTORED, WITHIN_RTO)
def look_at_restore(context: Context[BackupRestore], *, backup: Backup | None) -> Findings[RestoredCopy]:
    """Each step of the restore and the seconds it took."""
    if backup is None:
        return look_at_restore.errors(NOT_TAKEN, fix=SEE_TAKEN)
    damage = read_damage(backup, programs=context.programs.postgres_bin, timeout_s=context.settings.command_timeout_s)
    if damage:
        backup.close()
        return Findings(results=judge_damage(damage), rows=[{"damage": line} for line in damage])
    copy = restore_backup(context, backup)
    complete = DUMP_IS_COMPLETE.passed(
        observed=0,
        expected=0,
        unit="damaged files",
        detail=f"{len(backup.manifest['files'])} files were read and their sha256 compared right before the restore.",
    )
    lacking = backup.source.unreadable
    in_time = judge_rto(copy.restore, context.settings.rto_s, copy.control, unreadable=lacking)
    restored = [judge_restore(copy.restore), in_time]
    return Findings(
        results=[complete, *rest_results_on(restored, copy.unlike, fix=FIX)],
        rows=[*stages_of(copy), control_of(copy)],
        artifacts={"restore.txt": "\n".join(run.transcript for run in copy.restore.runs)},
        facts=copy if copy.restore.succeeded else None,
    )


def restore_backup(context: Context[BackupRestore], backup: Backup) -> RestoredCopy:
    """Return a restored copy; its database is removed again when the restore failed."""
    stages: dict[str, float] = {}
    with ControlClock() as clock:
        began_s = time.monotonic()
        with timed(stages, "create"):
            database = make_copy(context.scratch)
        is_whole = False
        try:
            restore = restore_dump(
                backup.dump, database, scope=backup.source.scope, tables=backup.source.tables, roles=backup.roles,
                work=context.work, programs=context.programs.postgres_bin, jobs=context.settings.jobs,
                timeout_s=context.settings.command_timeout_s,
            )  # fmt: skip
            unlike = describe_unlike(context.target, database, restore, backup.source.scope.pack)
            is_whole = restore.succeeded
        finally:
            if not is_whole:
                backup.close()
                drop_copy(context.scratch, database)
        control = clock.since(began_s)
    restore = replace(restore, stages={**stages, **restore.stages})
    return RestoredCopy(backup=backup, database=database, restore=restore, control=control, unlike=unlike)


def stages_of(copy: RestoredCopy | None) -> list[dict[str, Any]]:
    """Return the steps of a restore with their seconds, in order; none when there was no restore."""
    stages = copy.restore.stages if copy else {}
    return [{"stage": stage, "seconds": round(seconds, 3)} for stage, seconds in stages.items()]


def control_of(copy: RestoredCopy) -> dict[str, Any]:
    """Return how long the control was held up meanwhile, as a row below the steps."""
    return {"stage": "the control was held up", "seconds": round(copy.control.held_up_s(copy.restore.duration_s), 3)}


@look(SCHEMA_MATCHES)
def look_at_schema(context: Context[BackupRestore], *, copy: RestoredCopy | None) -> Findings[Definitions]:
    """Objects that differ between the restored copy and the source."""
    if copy is None:
        return look_at_schema.errors(NOT_RESTORED, fix=SEE_RESTORED)
    found = compare_definitions(copy)
    rows = [
        {"object": one.object, "in the copy": one.change, "source": one.first, "copy": one.second} for one in found.differences
    ]
    return rest_on(Findings(results=[judge_definitions(found)], rows=rows, facts=found), copy.unlike, fix=SEE_RESTORED)


@look(ROWS_MATCH, SEQUENCES_MATCH, MIGRATION_HISTORY_MATCHES)
def look_at_rows(context: Context[BackupRestore], *, copy: RestoredCopy | None) -> Findings[None]:
    """Each table's rows in the source, under the dump's snapshot, and in the restored copy."""
    if copy is None:
        return look_at_rows.errors(NOT_RESTORED, fix=SEE_RESTORED)
    timeout_s = context.settings.command_timeout_s
    try:
        found = compare_rows(copy, timeout_s=timeout_s)
    finally:
        copy.backup.close()
    places, uncounted = compare_sequences(copy, timeout_s=timeout_s)
    history = compare_history(copy, timeout_s=timeout_s)
    seen = Findings[None](
        results=[
            judge_rows(found, history, len(copy.backup.source.tables)),
            judge_sequences(places, uncounted),
            judge_history(copy.backup, history),
        ],
        rows=[describe_table_pair(ours, theirs) for ours, theirs in zip(found.source, found.copy, strict=True)],
        artifacts={"changed_rows.json": [vars(row) for row in found.rows]} if found.rows else {},
    )
    return rest_on(seen, copy.unlike, fix=SEE_RESTORED)


@look(RLS_MATRIX_MATCHES)
def look_at_rls(context: Context[BackupRestore], *, copy: RestoredCopy | None, schema: Definitions | None) -> Findings[None]:
    """What each role can do, tried on the source and on the restored copy, all of it rolled back."""
    if copy is None:
        return look_at_rls.errors(NOT_RESTORED, fix=SEE_RESTORED)
    if schema is None:
        return look_at_rls.errors(NOT_COMPARED, fix=SEE_COMPARED)
    rls = context.borrow(RLS)
    is_own = "database" in context.embedded
    verbs = VERBS if is_own else ("select",)
    ours, theirs = (
        observe_matrix(database, rls, verbs=verbs, prepare=prepare_on(context, database), makes_rows=is_own)
        for database in (context.target, as_owner(copy.database))
    )
    pairs = pair_cells(ours, theirs, schema.differences)
    rows = [describe_cell_pair(pair) for pair in pairs]
    seen = Findings[None](
        results=[judge_matrix(pairs, verbs, cause=PROBES if "database" in context.embedded else "")],
        rows=[row for row in rows if not row["same"]],
        artifacts={"matrices.json": rows},
    )
    return rest_on(seen, copy.unlike, fix=SEE_RESTORED)


@look(PROJECT_BACKUP_RESTORES)
def look_at_project_backup(context: Context[BackupRestore]) -> Findings[None]:
    """Each table of the project, in its source and restored from what `npm run backup` wrote."""
    if not has_script(context.pack, COMMAND):
        reason = f"The pack's package.json defines no script {COMMAND}, so it has no backup of its own to restore."
        return look_at_project_backup.not_applicable(reason)
    proof = prove_backup(context)
    seen = Findings[None](results=[judge_proof(proof)], rows=describe_proof(proof), artifacts=proof.transcripts)
    return rest_on(seen, proof.unlike, fix=FIX)


@look(SOURCE_UNTOUCHED)
def look_at_source(context: Context[BackupRestore], *, backup: Backup | None, copy: RestoredCopy | None) -> Findings[None]:
    """The source's tables before and after; the restored copy is removed first."""
    if backup is None:
        return look_at_source.errors(NOT_TAKEN, fix=SEE_TAKEN)
    backup.close()
    if copy is not None:
        drop_copy(context.scratch, copy.database)
    with open_reading(context.target, timeout_s=context.settings.command_timeout_s) as connection:
        now = read_state(connection, backup.source.scope)
    tables = compare_tables(backup.source.tables, now.tables)
    schema = compare_schemas(backup.source.definitions, now.definitions)
    leftovers = [name for name in list_copies(context.target) if copy is not None and name == copy.database.name]
    rows = [
        {"table": one.source.label, "rows before": one.source.rows, "rows now": one.copy.rows if one.copy else None}
        for one in tables
    ]
    return Findings(results=[judge_source(backup, schema, tables, leftovers)], rows=rows)


@look(KEPT_BACKUPS_ARE_INTACT, WITHIN_RPO, RETENTION_KEEPS_NEWEST_GOOD)
def look_at_store(context: Context[BackupRestore], *, backup: Backup | None, copy: RestoredCopy | None) -> Findings[None]:
    """Every backup in the store, newest first, and whether it was kept."""
    store, settings, now = store_of(context), context.settings, datetime.now(UTC)
    unproved = [backup.id] if backup is not None and (copy is None or copy.unlike) else []
    with hold_store(store):
        before = read_kept_backups(store)
        chosen = choose_expired(
            before,
            environment=context.environment,
            now=now,
            keep_last=settings.keep_last,
            keep_days=settings.keep_days,
            unproved=unproved,
        )
        for one in chosen:
            delete_backup(one)
        after = read_kept_backups(store)
    good = choose_good(before, context.environment, unproved)
    return Findings(
        results=[
            judge_kept(before, unproved),
            judge_rpo(good, now=now, rpo_s=settings.rpo_s, this_run=backup.id if backup else None),
            judge_retention(before, after, environment=context.environment, chosen=chosen, unproved=unproved),
        ],
        rows=[describe_kept(one, now, chosen, good) for one in before],
    )


offer_looks(__name__, "stages_of")
