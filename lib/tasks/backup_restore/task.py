"""The contract of this task on one page: its section of params, its checks, and what it needs."""

from __future__ import annotations

from pydantic import Field

from lib.core.results import Check
from lib.core.section import Section
from lib.tasks.base import Task


class BackupRestore(Section):
    """What 08_backup_restore holds a backup and its restore to."""

    rto_s: float = Field(gt=0)  # longest a restore may take, s
    rpo_s: float = Field(gt=0)  # oldest the newest good backup may be, s
    jobs: int = Field(ge=1)  # parallel workers of pg_dump and pg_restore
    keep_last: int = Field(ge=1)  # this many newest good backups are always kept
    keep_days: float = Field(gt=0)  # older ones go
    command_timeout_s: float = Field(gt=0)  # longest one dump or restore may take, s


CHECKS: tuple[Check, ...] = (
    Check(id="backup_restore.dump_taken", title="The database can be dumped while it is in use"),
    Check(id="backup_restore.dump_is_complete", title="Every file of the backup is there and unchanged"),
    Check(id="backup_restore.restored", title="The backup restores into a fresh project without an error"),
    Check(id="backup_restore.within_rto", title="Restoring takes no longer than the recovery time objective"),
    Check(id="backup_restore.schema_matches", title="Every object of the restored schema equals the source's"),
    Check(id="backup_restore.rows_match", title="Every table of the restored copy holds the same rows"),
    Check(id="backup_restore.sequences_match", title="Every sequence goes on where the source's stood"),
    Check(id="backup_restore.migration_history_matches", title="The restored copy knows which migrations were applied"),
    Check(id="backup_restore.rls_matrix_matches", title="The restored copy lets each role do what the source lets it do"),
    Check(id="backup_restore.project_backup_restores", title="What the project's own backup command makes can be restored"),
    Check(id="backup_restore.source_untouched", title="Backing up and restoring changed nothing in the source"),
    Check(id="backup_restore.kept_backups_are_intact", title="Every backup that is kept is whole and unchanged"),
    Check(id="backup_restore.within_rpo", title="The newest good backup is younger than the recovery point objective"),
    Check(id="backup_restore.retention_keeps_newest_good", title="Old backups go, and the newest good one never does"),
)

TASK = Task(
    name="backup_restore",
    title="Backup and restore",
    notebook="08_backup_restore.ipynb",
    checks=CHECKS,
    needs=("migrations.nothing_left_to_push",),
    waits_for=("seed",),
)
