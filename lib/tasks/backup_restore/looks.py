"""A backup of the target, restored into a fresh database and held against the source it came from.

The looks are made in order: each takes what an earlier one brought back as its facts. Where an earlier one
found nothing the later ones raise, so that one cause gives one `fail`.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from lib.clients.npm import has_script
from lib.clients.postgres.digests import compare_tables, open_reading
from lib.clients.postgres.dumps import timed
from lib.clients.postgres.restores import drop_copy, list_copies, make_copy, restore_dump
from lib.clients.postgres.rls.probe import VERBS, observe_matrix
from lib.clients.postgres.schema import compare_schemas
from lib.core.errors import TargetError
from lib.core.results import Findings, failed, looks_at, passed, skipped
from lib.tasks.backup_restore.backup import Backup, DumpFailure, read_damage, read_state, take_backup
from lib.tasks.backup_restore.compare import (
    Definitions,
    RestoredCopy,
    compare_definitions,
    compare_history,
    compare_rows,
    compare_sequences,
    pair_cells,
)
from lib.tasks.backup_restore.judge import (
    judge_damage,
    judge_definitions,
    judge_dump,
    judge_history,
    judge_kept,
    judge_matrix,
    judge_restore,
    judge_retention,
    judge_rows,
    judge_rpo,
    judge_rto,
    judge_sequences,
    judge_source,
)
from lib.tasks.backup_restore.project_backup import COMMAND, describe_proof, judge_proof, prove_backup
from lib.tasks.backup_restore.show import describe_cell_pair, describe_kept, describe_table_pair
from lib.tasks.backup_restore.store import choose_expired, choose_good, delete_backup, hold_store, read_kept_backups
from lib.transport.context import World

NOT_TAKEN = "no backup was taken: see backup_restore.dump_taken"
NOT_RESTORED = "nothing was restored: see backup_restore.restored"


def store_of(world: World) -> Path:
    """Return the folder of the environment's backups."""
    return world.kept / "backups"


def require(thing: Any, reason: str) -> Any:
    """Return what an earlier look brought back. Raises TargetError when it brought nothing."""
    if thing is None:
        raise TargetError(f"There is nothing to look at here, for {reason}. Next: mend that first.")
    return thing


@looks_at("backup_restore.dump_taken")
def look_at_dump(world: World) -> Findings:
    """What the backup holds: every table with its rows as the dump's snapshot has them."""
    try:
        with hold_store(store_of(world)):
            backup = take_backup(
                world.target,
                store_of(world),
                environment=world.environment,
                programs=world.programs.postgres_bin,
                jobs=world.settings.jobs,
                timeout_s=world.settings.command_timeout_s,
            )
    except DumpFailure as exc:
        result = failed(
            "backup_restore.dump_taken",
            observed="no backup",
            expected="a backup",
            detail=f"{exc}. Nothing half-made was kept, and the source was only read. Next: give it what that line asks for.",
            command=exc.run.command,
            exit_code=exc.run.exit_code,
        )
        return Findings(results=[result], artifacts={"pg_dump.txt": exc.run.transcript})
    return Findings(
        results=[judge_dump(backup)],
        rows=[{"table": one.label, "rows": one.rows, "digest": one.digest} for one in backup.source.tables],
        artifacts={"manifest.json": backup.manifest},
        facts=backup,
    )


@looks_at("backup_restore.dump_is_complete", "backup_restore.restored", "backup_restore.within_rto")
def look_at_restore(world: World, *, backup: Backup | None) -> Findings:
    """Each step of the restore and the seconds it took."""
    backup = require(backup, NOT_TAKEN)
    damage = read_damage(backup, programs=world.programs.postgres_bin, timeout_s=world.settings.command_timeout_s)
    if damage:
        backup.close()
        return Findings(results=judge_damage(damage), rows=[{"damage": line} for line in damage])
    copy = restore_backup(world, backup)
    complete = passed(
        "backup_restore.dump_is_complete", observed=0, expected=0, unit="damaged files",
        detail=f"{len(backup.manifest['files'])} files were read and their sha256 compared, right before the restore.",
    )  # fmt: skip
    return Findings(
        results=[complete, judge_restore(copy.restore), judge_rto(copy.restore, world.settings.rto_s)],
        rows=stages_of(copy),
        artifacts={"restore.txt": "\n".join(run.transcript for run in copy.restore.runs)},
        facts=copy if copy.restore.succeeded else None,
    )


def restore_backup(world: World, backup: Backup) -> RestoredCopy:
    """Return a restored copy; its database is gone again when the restore did not go through."""
    stages: dict[str, float] = {}
    with timed(stages, "create"):
        database = make_copy(world.scratch)
    is_whole = False
    try:
        restore = restore_dump(
            backup.dump,
            database,
            scope=backup.source.scope,
            tables=backup.source.tables,
            roles=backup.roles,
            work=world.work,
            programs=world.programs.postgres_bin,
            jobs=world.settings.jobs,
            timeout_s=world.settings.command_timeout_s,
        )
        is_whole = restore.succeeded
    finally:
        if not is_whole:
            backup.close()
            drop_copy(world.scratch, database)
    restore = replace(restore, stages={**stages, **restore.stages})
    return RestoredCopy(backup=backup, database=database, restore=restore)


def stages_of(copy: RestoredCopy | None) -> list[dict[str, Any]]:
    """Return the steps of a restore with their seconds, in order; none when there was no restore."""
    stages = copy.restore.stages if copy else {}
    return [{"stage": stage, "seconds": round(seconds, 3)} for stage, seconds in stages.items()]


@looks_at("backup_restore.schema_matches")
def look_at_schema(world: World, *, copy: RestoredCopy | None) -> Findings:
    """Objects that the restored copy has otherwise than the source."""
    found = compare_definitions(require(copy, NOT_RESTORED))
    rows = [
        {"object": one.object, "in the copy": one.change, "source": one.first, "copy": one.second} for one in found.differences
    ]
    return Findings(results=[judge_definitions(found)], rows=rows, facts=found)


@looks_at("backup_restore.rows_match", "backup_restore.sequences_match", "backup_restore.migration_history_matches")
def look_at_rows(world: World, *, copy: RestoredCopy | None) -> Findings:
    """Each table's rows in the source, under the dump's snapshot, and in the restored copy."""
    copy = require(copy, NOT_RESTORED)
    timeout_s = world.settings.command_timeout_s
    try:
        found = compare_rows(copy, timeout_s=timeout_s)
    finally:
        copy.backup.close()
    sequences = compare_sequences(copy, timeout_s=timeout_s)
    history = compare_history(copy, timeout_s=timeout_s)
    return Findings(
        results=[judge_rows(found), judge_sequences(sequences), judge_history(copy.backup, history)],
        rows=[describe_table_pair(ours, theirs) for ours, theirs in zip(found.source, found.copy, strict=True)],
        artifacts={"changed_rows.json": [vars(row) for row in found.rows]} if found.rows else {},
    )


@looks_at("backup_restore.rls_matrix_matches")
def look_at_rls(world: World, *, copy: RestoredCopy | None, schema: Definitions | None) -> Findings:
    """What each role may do, tried on the source and on the restored copy, all of it rolled back."""
    copy, schema = (
        require(copy, NOT_RESTORED),
        require(schema, "schemas were not compared: see backup_restore.schema_matches"),
    )
    rls = world.sections["rls"]
    verbs = VERBS if world.writes_allowed else ("select",)
    ours, theirs = (observe_matrix(database, rls, verbs=verbs) for database in (world.target, copy.database))
    pairs = pair_cells(ours, theirs, schema.differences)
    rows = [describe_cell_pair(pair) for pair in pairs]
    return Findings(
        results=[judge_matrix(pairs, verbs)],
        rows=[row for row in rows if not row["same"]],
        artifacts={"matrices.json": rows},
    )


@looks_at("backup_restore.project_backup_restores")
def look_at_project_backup(world: World) -> Findings:
    """Each table of the project, in its source and restored from what `npm run backup` left."""
    if not has_script(world.pack, COMMAND):
        reason = f"The pack's package.json defines no script {COMMAND}, so it has no backup of its own to restore."
        return Findings(results=[skipped("backup_restore.project_backup_restores", reason)])
    proof = prove_backup(world)
    return Findings(results=[judge_proof(proof)], rows=describe_proof(proof), artifacts=proof.transcripts)


@looks_at("backup_restore.source_untouched")
def look_at_source(world: World, *, backup: Backup | None, copy: RestoredCopy | None) -> Findings:
    """The source's tables before and after; the restored copy is removed first."""
    backup = require(backup, NOT_TAKEN)
    backup.close()
    if copy is not None:
        drop_copy(world.scratch, copy.database)
    with open_reading(world.target, timeout_s=world.settings.command_timeout_s) as connection:
        now = read_state(connection, backup.source.scope)
    tables = compare_tables(backup.source.tables, now.tables)
    schema = compare_schemas({**backup.source.platform, **backup.source.own}, {**now.platform, **now.own})
    left_behind = [name for name in list_copies(world.target) if copy is not None and name == copy.database.name]
    rows = [
        {"table": one.source.label, "rows before": one.source.rows, "rows now": one.copy.rows if one.copy else None}
        for one in tables
    ]
    return Findings(results=[judge_source(backup, schema, tables, left_behind)], rows=rows)


@looks_at(
    "backup_restore.kept_backups_are_intact",
    "backup_restore.within_rpo",
    "backup_restore.retention_keeps_newest_good",
)
def look_at_store(world: World, *, backup: Backup | None, copy: RestoredCopy | None) -> Findings:
    """Every backup in the store, newest first, and what became of it."""
    store, settings, now = store_of(world), world.settings, datetime.now(UTC)
    unproved = [backup.id] if backup is not None and copy is None else []
    with hold_store(store):
        before = read_kept_backups(store)
        chosen = choose_expired(
            before,
            environment=world.environment,
            now=now,
            keep_last=settings.keep_last,
            keep_days=settings.keep_days,
            unproved=unproved,
        )
        for one in chosen:
            delete_backup(one)
        after = read_kept_backups(store)
    good = choose_good(before, world.environment, unproved)
    return Findings(
        results=[
            judge_kept(before, unproved),
            judge_rpo(good, now=now, rpo_s=settings.rpo_s, this_run=backup.id if backup else None),
            judge_retention(before, after, environment=world.environment, chosen=chosen, unproved=unproved),
        ],
        rows=[describe_kept(one, now, chosen, good) for one in before],
    )
