"""The contract of this task on one page: its section of params, its checks, and what it needs."""

from __future__ import annotations

from pydantic import Field

from lib.clients.postgres.rls.declared import Rls
from lib.core.results import TWIN, Check
from lib.core.section import Borrowed, Section
from lib.tasks.base import Task


class BackupRestore(Section):
    """The limits of 08_backup_restore for a backup and its restore."""

    rto_s: float = Field(gt=0)  # longest a restore may take, s
    rpo_s: float = Field(gt=0)  # oldest the newest good backup may be, s
    jobs: int = Field(ge=1, le=64)  # parallel workers of pg_dump and pg_restore
    keep_last: int = Field(ge=1)  # this many newest good backups are always kept
    keep_days: float = Field(gt=0)  # older ones go
    command_timeout_s: float = Field(gt=0)  # longest one dump or restore may take, s; 1 s more for each 10 MB of rows


RLS = Borrowed("rls", "", Rls)
REHEARSAL_ROWS = Borrowed("seed", "rehearsal_rows", str)
"""The declared matrix: its cells are tried on the source and on the copy."""

DUMP_TAKEN = Check(
    "backup_restore.dump_taken",
    "The database can be dumped while it is in use",
    subject="database",
    fix="Read pg_dump.txt, and give pg_dump the privilege, lock or space that its error names.",
    doc="Runs pg_dump under a snapshot that is held open, on a connection that can only read, and compares the dumped tables "
    "with all tables of the source. A table that the user may not read is missing from the backup. What no dump holds is "
    "named: roles of the project, their settings, and the bytes of stored files. The platform's internal schemas are not "
    "part of the backup.",
)
DUMP_IS_COMPLETE = Check(
    "backup_restore.dump_is_complete",
    "Every file of the backup is there and unchanged",
    subject="database",
    fix="Take a new backup, and check the disk that holds the store.",
    doc="Compares the size and sha256 of every file with the manifest right before the restore, and looks for every "
    "table's rows in the table of contents. A backup on a bad disk is found before it is needed. It proves that the "
    "files are as written, not that they can be restored.",
)
RESTORED = Check(
    "backup_restore.restored",
    "The backup restores into a fresh project without an error",
    subject=TWIN,
    fix="Read restore.txt from its first error.",
    doc="Runs pg_restore into a new database that looks like a fresh hosted project, section by section. Only a restore "
    "proves a backup. The scratch server is not the hosted platform: extensions that exist only there are left out "
    "and named. Where the project uses one of them, or the server is of another major version than the target, this "
    "and every check of the copy is an error.",
)
WITHIN_RTO = Check(
    "backup_restore.within_rto",
    "Restoring takes no longer than the recovery time objective",
    measured=True,
    subject=TWIN,
    fix="Raise backup_restore.jobs in the params file, or agree on another objective (backup_restore.rto_s).",
    doc="Compares the seconds from an empty server to a complete copy with backup_restore.rto_s. It answers how long an "
    "outage would last once somebody has decided to restore. The time is of this machine and network: finding the "
    "backup, switching over and a slower server come on top. A time that a control on this machine explains is an error; "
    "where the backup lacks tables, too little was restored and it is skipped.",
)
SCHEMA_MATCHES = Check(
    "backup_restore.schema_matches",
    "Every object of the project equals the source's in the restored copy",
    subject=TWIN,
    fix="Find which of these objects the dump does not contain, and create them in the migrations.",
    doc="Compares every object of the pack's schemas in source and copy, every large object by its bytes, and of the platform's "
    "schemas what is missing in the copy, every policy, and whether row level security is on. A lost trigger, policy or "
    "grant changes the application without an error. Versions of extensions, and what belongs to the platform, are shown "
    "but not judged.",
)
ROWS_MATCH = Check(
    "backup_restore.rows_match",
    "Every table of the restored copy holds the same rows",
    subject=TWIN,
    fix="Read changed_rows.json, and do not rely on this backup.",
    doc="Counts and digests every table inside both servers, the source's under the snapshot of the dump, and narrows a "
    "difference down to rows and columns. The digest finds accidents, not forgery. Materialized views and the platform's "
    "records of its own migrations are left out. Where a table can't be read, or is not the same table in the copy, the "
    "check of that says so and this one is skipped.",
)
SEQUENCES_MATCH = Check(
    "backup_restore.sequences_match",
    "Every sequence continues from the source's value",
    subject=TWIN,
    fix="Set each sequence with setval() after a restore.",
    doc="Compares the next value of each sequence in the copy with the source's values before and after the dump, because a "
    "sequence is not part of a snapshot. A sequence that fell back makes the next inserts collide. Where one is missing or "
    "counts otherwise in the copy, schema_matches says so and this one is skipped.",
)
MIGRATION_HISTORY_MATCHES = Check(
    "backup_restore.migration_history_matches",
    "The restored copy records which migrations were applied",
    subject=TWIN,
    fix="Dump the schema supabase_migrations too, or mark the migrations with `supabase migration repair`.",
    doc="Compares the tables of supabase_migrations in source and copy by digest. Without them the next `supabase db "
    "push` applies every migration again. A source that was never pushed with the CLI has no history, which is an "
    "error.",
)
RLS_MATRIX_MATCHES = Check(
    "backup_restore.rls_matrix_matches",
    "Each role can do the same in the restored copy as in the source, in all that may be tried there",
    subject=TWIN,
    fix="Find which policies, grants and functions of these tables the dump does not contain.",
    doc="Tries the declared matrix of 02_rls on the source and on the copy, all of it rolled back, and compares the "
    "cells. Equal definitions can still behave differently, for example when a role has other rights. On a live source only "
    "reading is tried. Where cells differ as the definitions of their tables do, it is skipped: schema_matches fails.",
)
PROJECT_BACKUP_RESTORES = Check(
    "backup_restore.project_backup_restores",
    "What the project's own backup command makes can be restored",
    subject="database",
    fix="Read npm-backup.txt and project_restore.txt, and fix the script.",
    doc="Runs `npm run backup` as an operator would, on a connection that can only read, restores the archive it writes, "
    "and compares every table and object. A backup script that nobody has restored is not a backup. Where others wrote to a "
    "table meanwhile it can't be compared, which is an error; a pack without the script is skipped.",
)
SOURCE_UNTOUCHED = Check(
    "backup_restore.source_untouched",
    "Backing up and restoring changed nothing in the source",
    subject="database",
    fix="Do not run migrations while a backup runs, then run again.",
    doc="Compares the source's definitions before and after, checks that our transaction was never assigned an id, and "
    "looks for databases that we left. A backup must never harm what it protects. A migration that somebody else runs "
    "meanwhile fails it too; rows that others write are named, not judged.",
)
KEPT_BACKUPS_ARE_INTACT = Check(
    "backup_restore.kept_backups_are_intact",
    "Every kept backup is complete and unchanged",
    subject="database",
    fix="Do not restore from a damaged backup: find out what damaged the files, then delete it.",
    doc="Compares every file of every backup in the store with its sealed manifest. An old backup that has become damaged "
    "is noticed only when it is needed. It proves that the files are as written; only this run's backup was also "
    "restored.",
)
WITHIN_RPO = Check(
    "backup_restore.within_rpo",
    "The newest good backup is younger than the recovery point objective",
    measured=True,
    subject="database",
    fix="Take backups at least as often as backup_restore.rpo_s says.",
    doc="Compares the age of the newest good backup of this environment with backup_restore.rpo_s. The age is the work "
    "that would be lost. A backup that lacks a table is not a good one. A successful run has just taken a backup, so the "
    "detail also gives the age of the newest one before it.",
)
RETENTION_KEEPS_NEWEST_GOOD = Check(
    "backup_restore.retention_keeps_newest_good",
    "Old backups are deleted, and the newest good one never is",
    subject="database",
    fix="Find out what else deletes backups, and check the store.",
    doc="Deletes this environment's backups that are older than keep_days and not among the keep_last newest good ones, "
    "then lists the store again. Retention that deletes the only good backup is worse than none. A backup whose "
    "manifest can't be read may not be ours, so it is kept and must be deleted by hand; then this check is skipped.",
)
CHECKS: tuple[Check, ...] = (
    DUMP_TAKEN,
    DUMP_IS_COMPLETE,
    RESTORED,
    WITHIN_RTO,
    SCHEMA_MATCHES,
    ROWS_MATCH,
    SEQUENCES_MATCH,
    MIGRATION_HISTORY_MATCHES,
    RLS_MATRIX_MATCHES,
    PROJECT_BACKUP_RESTORES,
    SOURCE_UNTOUCHED,
    KEPT_BACKUPS_ARE_INTACT,
    WITHIN_RPO,
    RETENTION_KEEPS_NEWEST_GOOD,
)

TASK = Task(
    name="backup_restore",
    title="Backup and restore",
    notebook="08_backup_restore.ipynb",
    checks=CHECKS,
    settings=BackupRestore,
    waits_for=("seed",),
    wants_rows=True,
    borrows=(RLS, REHEARSAL_ROWS),
)
