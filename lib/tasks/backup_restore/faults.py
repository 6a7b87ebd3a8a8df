"""The faults of this task: a clone of the restored copy changed, a copy of the store damaged, the source changed meanwhile."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from lib.clients.postgres.schema_changes import BODIES_LATER, list_object_changes
from lib.core.results import Check, Look
from lib.tasks.backup_restore import copy_faults as copies
from lib.tasks.backup_restore import store_faults as store
from lib.tasks.backup_restore.backup import Backup
from lib.tasks.backup_restore.looks import (
    look_at_project_backup,
    look_at_restore,
    look_at_rls,
    look_at_rows,
    look_at_schema,
    look_at_source,
    look_at_store,
)
from lib.tasks.backup_restore.task import (
    DUMP_IS_COMPLETE,
    KEPT_BACKUPS_ARE_INTACT,
    MIGRATION_HISTORY_MATCHES,
    PROJECT_BACKUP_RESTORES,
    RESTORED,
    RETENTION_KEEPS_NEWEST_GOOD,
    RLS_MATRIX_MATCHES,
    ROWS_MATCH,
    SCHEMA_MATCHES,
    SEQUENCES_MATCH,
    SOURCE_UNTOUCHED,
    WITHIN_RPO,
    WITHIN_RTO,
)
from lib.tasks.faults import Fault, Faults, Operator, Scene, with_arguments, with_settings, with_statements
from lib.transport.database import quote_name

RESTORE_S = 2.5
"""Seconds of one restore of the sample."""
MATRIX_S = 4.0
"""Seconds in which the sample's matrix is tried on both sides."""
COMMAND_S = 3.0
"""Seconds of the project's own backup and its restore."""


def change_source(scene: Scene) -> Iterator[Fault]:
    """Yield every single change of one object of the project in the source, made while the backup ran."""
    backup = scene.arguments.get("backup")
    if isinstance(backup, Backup):
        for one in list_object_changes(scene.context.target, backup.source.scope.pack):
            yield Fault(place=f"{one.kind}: {one.place}", make=with_statements(BODIES_LATER, one.statement))


def write_to_source(scene: Scene) -> Iterator[Fault]:
    """Yield a backup whose transaction was given an id: it wrote."""
    backup = scene.arguments.get("backup")
    if isinstance(backup, Backup):
        yield Fault(place="our transaction wrote", make=with_arguments(backup=replace(backup, assigned_id=True)))


def work_on_source(scene: Scene) -> Iterator[Fault]:
    """Yield rows that others write meanwhile, and what changes nothing."""
    backup = scene.arguments.get("backup")
    filled = [one for one in backup.source.tables if one.rows and one.kind == "r"] if isinstance(backup, Backup) else []
    own = [one for one in filled if isinstance(backup, Backup) and one.schema in backup.source.scope.pack]
    for one in own[:5]:
        table = quote_name(one.schema, one.name)
        yield Fault(place=f"every row of {table} is gone", make=with_statements(f"truncate {table} cascade"))
    yield Fault(place="fresh statistics", make=with_statements("analyze"))


def be_late(scene: Scene) -> Iterator[Fault]:
    """Yield an objective that the restore did not meet."""
    yield Fault(place="a hundredth of a second", make=with_settings(rto_s=0.01))


def operator(
    name: str, check: Check, look: Look[..., Any], faults: Any, *, takes_s: float = 0, is_harmless: bool = False
) -> Operator:
    """Return one operator of this task."""
    return Operator(name=name, check=check, look=look, faults=faults, takes_s=takes_s, is_harmless=is_harmless)


def harmless(name: str, check: Check, look: Look[..., Any], faults: Any, *, takes_s: float = 0) -> Operator:
    """Return one operator of which nothing may come."""
    return operator(name, check, look, faults, takes_s=takes_s, is_harmless=True)


RESTORE, SCHEMA, ROWS, SOURCE, STORE = look_at_restore, look_at_schema, look_at_rows, look_at_source, look_at_store

FAULTS = Faults(
    operators=(
        operator("this run's backup is damaged", DUMP_IS_COMPLETE, RESTORE, store.damage_backup, takes_s=RESTORE_S),
        operator("a dump that was cut off", RESTORED, RESTORE, store.fail_to_restore, takes_s=RESTORE_S),
        operator("the objective is shorter", WITHIN_RTO, RESTORE, be_late, takes_s=RESTORE_S),
        harmless("a backup with other times", DUMP_IS_COMPLETE, RESTORE, store.touch_backup, takes_s=RESTORE_S),
        operator("an object of the copy is another", SCHEMA_MATCHES, SCHEMA, copies.change_objects),
        operator("a rule of a platform table is another", SCHEMA_MATCHES, SCHEMA, copies.change_platform),
        harmless("no definition of the copy is another", SCHEMA_MATCHES, SCHEMA, copies.build_again),
        operator("rows of the copy are lost", ROWS_MATCH, ROWS, copies.lose_rows),
        operator("a row of the copy is there twice", ROWS_MATCH, ROWS, copies.double_rows),
        operator("a value of the copy is another", ROWS_MATCH, ROWS, copies.change_values),
        operator("nothing and an empty text are confused", ROWS_MATCH, ROWS, copies.confuse_nulls),
        operator("two rows of the copy swap a value", ROWS_MATCH, ROWS, copies.swap_values),
        harmless("rows in another order", ROWS_MATCH, ROWS, copies.move_rows),
        operator("a sequence continues elsewhere", SEQUENCES_MATCH, ROWS, copies.move_sequences),
        harmless("a sequence continues as it did", SEQUENCES_MATCH, ROWS, copies.keep_sequences),
        operator("the record of migrations is another", MIGRATION_HISTORY_MATCHES, ROWS, copies.change_history),
        operator("the record of migrations is missing", MIGRATION_HISTORY_MATCHES, ROWS, copies.drop_schema),
        operator("a role may do less in the copy", RLS_MATRIX_MATCHES, look_at_rls, copies.take_rights, takes_s=MATRIX_S),
        harmless(
            "nothing of the copy's rights is another", RLS_MATRIX_MATCHES, look_at_rls, copies.build_again, takes_s=MATRIX_S
        ),
        operator(
            "the own command makes no whole backup",
            PROJECT_BACKUP_RESTORES,
            look_at_project_backup,
            store.spoil_script,
            takes_s=COMMAND_S,
        ),
        operator("an object of the source is another", SOURCE_UNTOUCHED, SOURCE, change_source),
        operator("the backup wrote to the source", SOURCE_UNTOUCHED, SOURCE, write_to_source),
        harmless("others work on the source", SOURCE_UNTOUCHED, SOURCE, work_on_source),
        operator("a kept backup is damaged", KEPT_BACKUPS_ARE_INTACT, STORE, store.damage_kept),
        operator("no good backup is new enough", WITHIN_RPO, STORE, store.grow_old),
        operator("no good backup is left", RETENTION_KEEPS_NEWEST_GOOD, STORE, store.lose_all),
        harmless("something else in the store", KEPT_BACKUPS_ARE_INTACT, STORE, store.keep_more),
    ),
    around={
        RESTORE.name: store.with_own_backup,
        ROWS.name: copies.read_again,
        STORE.name: store.in_own_store,
    },
)
