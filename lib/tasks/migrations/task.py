"""The contract of this task on one page: its section of params, its checks, and what it needs."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from lib.core.results import PROJECT, TWIN, Check
from lib.core.section import Borrowed, Section
from lib.tasks.base import Task


class Migrations(Section):
    """What 01_migrations holds the pack's migrations to."""

    max_exclusive_lock_ms: float = Field(gt=0)  # longest ACCESS EXCLUSIVE on a table with rows, ms
    max_blocked_ms: float = Field(gt=0)  # longest a background statement may wait, ms
    scales: list[Annotated[int, Field(ge=1, le=10_000)]] = Field(min_length=1)  # rehearse at these multiples of the seed's rows
    schemas: list[str] = Field(min_length=1)  # schemas the pack owns
    rollbacks_from: str = Field(pattern=r"^\d{0,20}$")  # no rollback or lock_timeout is asked of older versions
    lock_wait_s: float = Field(gt=0)  # how long to wait for another run on the same target, s
    command_timeout_s: float = Field(gt=0)  # longest one CLI call may take, s


REHEARSAL_ROWS = Borrowed("seed", "rehearsal_rows", str)
"""The file with rows that the project's seed lacks, for tables whose locks would else be measured without a row."""

FOUND = Check(
    "migrations.found",
    "The pack has migrations",
    subject=PROJECT,
    fix="Set PACK to the project under launch.",
    doc="Counts the files in supabase/migrations that the CLI would apply. Without a file every later check would be "
    "empty, so this is an error, never a pass. It is wrong only when PACK names another folder than the one that is "
    "launched.",
)
NAMES_ARE_VALID = Check(
    "migrations.names_are_valid",
    "Every migration file has a name the CLI does not skip",
    subject=PROJECT,
    fix="Rename each file to <digits>_<words>.sql, or move it out of supabase/migrations.",
    doc="Compares every file name in supabase/migrations with the pattern that the CLI applies. The CLI skips any other "
    "name with one line on stderr and still reports success. Hidden files are ignored, and a new CLI may use another "
    "pattern.",
)
VERSIONS_ARE_UNIQUE = Check(
    "migrations.versions_are_unique",
    "No two migration files have the same version",
    subject=PROJECT,
    fix="Give each file its own version.",
    doc="Compares the versions, the digits at the start of each file name. The history can record only one file a version, so "
    "the other one would never be applied. Where the CLI skips a file, names_are_valid fails and this is skipped.",
)
FILES_ARE_ATOMIC = Check(
    "migrations.files_are_atomic",
    "Every migration file is applied whole or not at all",
    subject=PROJECT,
    fix="Put each CONCURRENTLY statement alone in a file, and remove BEGIN and COMMIT.",
    doc="Splits each file into statements and looks for CONCURRENTLY beside other statements, and for statements that "
    "open or close a transaction or that none can hold (VACUUM, DISCARD ALL, ALTER SYSTEM, a call of one of the project's "
    "procedures that commits). Such a file stays half applied when a later statement fails, and the history does "
    "not show it. What a function runs is not examined. Where the CLI skips a file, names_are_valid "
    "fails and this is skipped.",
)
LINT_IS_CLEAN = Check(
    "migrations.lint_is_clean",
    "The linter reports nothing beyond what other checks judge",
    subject=PROJECT,
    gate=False,
    fix="Correct each finding in the table, or accept its rule in .squawk.toml.",
    doc="Runs squawk on every file, with the settings in the pack's .squawk.toml, and counts the findings that no other "
    "check judges; how many those are and which check judges them is said. It advises only: a linter reads text and knows "
    "neither the rows nor the load. A rule that the pack switches off is not reported.",
)
HISTORY_HAS_NO_DRIFT = Check(
    "migrations.history_has_no_drift",
    "The applied migrations are the ones in the files",
    subject="database",
    fix="Bring the pack and the target to one history before pushing.",
    doc="Compares the target's history with the files: versions without a file, files edited after they were applied, and "
    "pending files older than the newest applied one. The CLI keeps no checksum, so it does not notice an edited "
    "file. An edit that changes only spacing, comments or case is not counted. A version whose statements were not recorded "
    "can't be compared, which is an error.",
)
TARGET_IS_AS_BUILT = Check(
    "migrations.target_is_as_built",
    "The target has what its applied migrations build, and nothing made by hand",
    subject="database",
    fix="Add what was made by hand as a migration, or undo it, so that files and target are the same.",
    doc="Builds a fresh project from the files that a live target's history has, and compares the target with it, object by "
    "object: schemas, tables, columns, constraints, indexes, functions, triggers, policies (those on the platform's tables, "
    "too), views, grants, owners, publications, extensions, default privileges, and the settings of roles. What is only on "
    "the target was made by hand, and the next fresh project lacks it. Rows are not compared, nor the values of settings "
    "that the dashboard writes. Not due where the database was started for the run: nobody could change it.",
)
DRY_RUN_LISTS_PENDING = Check(
    "migrations.dry_run_lists_pending",
    "A dry run lists exactly the pending migrations",
    subject="database",
    fix="Read dry_run.txt: it names each file that the CLI skips, and why.",
    doc="Compares the files that `supabase db push --dry-run` lists with the files that the target's history lacks, in "
    "order. A difference means that the CLI would apply something else than was rehearsed. The answer holds only "
    "until somebody else changes the target.",
)
TWIN_IS_FAITHFUL = Check(
    "migrations.twin_is_faithful",
    "The twin is the target in everything that is looked at on it",
    subject=TWIN,
    fix="Do what the detail says is lacking, or rehearse on a project that has it.",
    doc="Compares a twin with its target: the major version, extensions with their versions, the pack's objects one by "
    "one, roles with their attributes, default privileges, settings. A result of a twin that is not like the target "
    "says nothing about it, so a difference on which something rests makes this an error, and with it every check of "
    "the rehearsal. An extension that nothing here uses does not count; a use by an operator alone, inside a "
    "function's text, is not seen.",
)
APPLIES_ON_TWIN = Check(
    "migrations.applies_on_twin",
    "Every pending migration applies to a twin of the target",
    subject=TWIN,
    fix="Correct the statement that the detail names, then run again.",
    doc="Applies every pending file to a scratch copy of the target's schema, with the launch user's rights and in the CLI's "
    "order; when nothing is pending, every file to a fresh project. A failure here would be a failed push. Where the target "
    "holds rows, a failure on the filled twins counts too, and so does a new key or condition that the target's own rows "
    "break, which is asked of it by reading; where a pending file changes rows itself, that is not asked. The twin has the "
    "target's schema but not its rows, and an extension that the scratch server lacks makes this an error.",
)
APPLIES_WITH_ROWS = Check(
    "migrations.applies_with_rows",
    "Every migration applies to tables that hold rows",
    subject=TWIN,
    gate=False,
    fix="Give the statement a default, a backfill or `not valid` before it reaches a database with rows.",
    doc="Applies the same files to twins filled with the pack's seed at each declared scale. A statement such as a new NOT NULL "
    "column applies to an empty table and fails on one with rows. A file that adds a unique key is tried with the seed "
    "loaded right before it, too. It advises only, because the seed's rows are not the target's. Where a file did not apply "
    "at all, or the work of others ended it, the check of that fails and this one is skipped.",
)
NO_LONG_EXCLUSIVE_LOCK = Check(
    "migrations.no_long_exclusive_lock",
    "No migration locks a table with rows for long",
    measured=True,
    subject=TWIN,
    fix="Split the change into steps that need the lock only briefly.",
    doc="Records every lock of each file on the filled twins, and compares the longest ACCESS EXCLUSIVE lock on a table with "
    "rows with max_exclusive_lock_ms. While it is held, nobody can read or write the table. The times are of the scratch "
    "server and the seed's rows: a larger or busier table takes longer, so compare the scales. A time that a control on an "
    "untouched table explains is recorded again, then an error. Where a file could not be recorded to its end, the check of "
    "that says why and this one is skipped; tables for which the seed has no row are named.",
)
BACKGROUND_WORK_NOT_BLOCKED = Check(
    "migrations.background_work_not_blocked",
    "Readers and writers are not blocked while migrations run",
    measured=True,
    subject=TWIN,
    fix="Move the long part of the file into its own file, without a lock that blocks others.",
    doc="Runs a reader and a writer on every table with rows while each file is applied, and compares their longest wait with "
    "max_blocked_ms; a deadlock or lock timeout fails too, and so does a pending file that asks for ACCESS EXCLUSIVE on a "
    "table with rows without a lock_timeout, unless it is older than migrations.rollbacks_from: behind one long reader "
    "everybody would wait behind it. It shows what users "
    "would notice, whatever the lock is called. Two workers are a light load. A wait that a control on an untouched table "
    "explains is recorded again, then an error: this machine was too busy to tell. Where a file could not be recorded to "
    "its end, the check of that says why and this one is skipped.",
)
ROLLBACKS_RESTORE_SCHEMA = Check(
    "migrations.rollbacks_restore_schema",
    "Every rollback restores the schema before its migration",
    subject=TWIN,
    fix="Write or correct the file of the same name in supabase/rollbacks.",
    doc="Runs each migration's file in supabase/rollbacks on the twin, without rows and with the seed's, and compares the "
    "schema, object by object, with the one before the migration. A rollback that fails during an incident makes the "
    "incident longer. Only definitions are compared: tables and columns that go with what is in them are named, and the "
    "order of columns is left out. A migration older than migrations.rollbacks_from needs none, but one that is there is "
    "tried all the same.",
)
ONE_RUN_AT_A_TIME = Check(
    "migrations.one_run_at_a_time",
    "No other run changes the target meanwhile",
    subject="database",
    fix="Wait until the other run has ended, then run again.",
    doc="Takes an advisory lock on the target before the push and holds it until the push has been checked. Two runs at "
    "once could each push what the other one has not rehearsed. The lock stops only other runs of this workbook, not "
    "a person with psql.",
)
PUSHED_TO_TARGET = Check(
    "migrations.pushed_to_target",
    "The pending migrations are pushed to the target",
    subject="database",
    fix="Read push.txt, correct the file that the CLI names, then run again.",
    doc="Pushes the rehearsed files with the real CLI and compares what it applied with what was pending. It runs only "
    "after a good rehearsal, and is skipped where writing is not allowed. When the CLI stops half way, the files "
    "before the failing one stay applied and are named.",
)
NOTHING_LEFT_TO_PUSH = Check(
    "migrations.nothing_left_to_push",
    "Nothing is left to push",
    subject="database",
    fix="Push again, and read what the CLI says about the versions that are left.",
    doc="Pushes a second time and lists both sides: the second push must do nothing, and pack and target must have the same "
    "versions. Where writing is not allowed, only the history is read. It compares versions, not contents: "
    "history_has_no_drift and target_matches_twin do that. A file that no push would apply, by its name or version, is "
    "judged by the checks of these, and this one is skipped.",
)
TARGET_MATCHES_TWIN = Check(
    "migrations.target_matches_twin",
    "The target equals the rehearsed twin, but for what differed before the push",
    subject="database",
    fix="Find who changed the objects outside the migrations, then add the change as a migration or revert it.",
    doc="Compares the target's schema after the push with the twin's, object by object. A difference means that the "
    "target is not what was rehearsed: somebody changed it by hand, or a statement behaves differently there. "
    "Differences that existed before the push, because the twin could not have the object, are named but not judged.",
)
ADVISORS_REPORT_NO_ERRORS = Check(
    "migrations.advisors_report_no_errors",
    "The database advisors report no error beyond what 02_rls judges",
    subject="database",
    fix="Follow the page of each lint that the table names.",
    doc="Runs `supabase db advisors` on the target and counts findings of level ERROR that 02_rls does not judge itself. "
    "They are Supabase's own checks for security and performance. New versions of the CLI bring new lints, so a "
    "result can change without a change of the database.",
)
ADVISORS_REPORT_NO_WARNINGS = Check(
    "migrations.advisors_report_no_warnings",
    "The database advisors report no warning beyond what 02_rls judges",
    subject="database",
    gate=False,
    fix="Follow the page of each lint that the table names.",
    doc="Counts the advisors' findings of level WARN that 02_rls does not judge itself. They advise only, because many "
    "are a matter of design, such as an index that is not used yet. Statistics of an empty or new database can cause "
    "such a finding.",
)
CHECKS: tuple[Check, ...] = (
    FOUND,
    NAMES_ARE_VALID,
    VERSIONS_ARE_UNIQUE,
    FILES_ARE_ATOMIC,
    LINT_IS_CLEAN,
    HISTORY_HAS_NO_DRIFT,
    TARGET_IS_AS_BUILT,
    DRY_RUN_LISTS_PENDING,
    TWIN_IS_FAITHFUL,
    APPLIES_ON_TWIN,
    APPLIES_WITH_ROWS,
    NO_LONG_EXCLUSIVE_LOCK,
    BACKGROUND_WORK_NOT_BLOCKED,
    ROLLBACKS_RESTORE_SCHEMA,
    ONE_RUN_AT_A_TIME,
    PUSHED_TO_TARGET,
    NOTHING_LEFT_TO_PUSH,
    TARGET_MATCHES_TWIN,
    ADVISORS_REPORT_NO_ERRORS,
    ADVISORS_REPORT_NO_WARNINGS,
)

TASK = Task(
    name="migrations",
    title="Migrations",
    notebook="01_migrations.ipynb",
    checks=CHECKS,
    settings=Migrations,
    borrows=(REHEARSAL_ROWS,),
)
