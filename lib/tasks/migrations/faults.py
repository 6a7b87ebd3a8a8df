"""The faults of this task: changed files, changed recordings of a rehearsal, and a clone of the target changed by hand."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

from lib.clients.postgres.advisory_lock import hold_run_lock
from lib.clients.postgres.schema_changes import BODIES_LATER, list_object_changes
from lib.clients.supabase.migration_files import ROLLBACKS
from lib.core.results import Check, Look
from lib.tasks.faults import Change, Fault, Faults, Operator, Scene, clone_database, with_files, with_section, with_statements
from lib.tasks.migrations import file_faults as files
from lib.tasks.migrations import rehearsal_faults as rehearsed
from lib.tasks.migrations.looks import (
    look_at_advisors,
    look_at_background,
    look_at_dry_run,
    look_at_files,
    look_at_history,
    look_at_lint,
    look_at_locks,
    look_at_match,
    look_at_rehearsal,
    look_at_rollbacks,
    push_to_target,
)
from lib.tasks.migrations.task import (
    ADVISORS_REPORT_NO_ERRORS,
    ADVISORS_REPORT_NO_WARNINGS,
    APPLIES_ON_TWIN,
    APPLIES_WITH_ROWS,
    BACKGROUND_WORK_NOT_BLOCKED,
    DRY_RUN_LISTS_PENDING,
    FILES_ARE_ATOMIC,
    FOUND,
    HISTORY_HAS_NO_DRIFT,
    LINT_IS_CLEAN,
    NAMES_ARE_VALID,
    NO_LONG_EXCLUSIVE_LOCK,
    NOTHING_LEFT_TO_PUSH,
    ONE_RUN_AT_A_TIME,
    PUSHED_TO_TARGET,
    ROLLBACKS_RESTORE_SCHEMA,
    TARGET_MATCHES_TWIN,
    VERSIONS_ARE_UNIQUE,
)

CLI_S = 2.0
"""Seconds of a look that asks the CLI once."""
PUSH_S = 4.0
"""Seconds of two pushes and a list."""
ROLLBACK_S = 3.0
"""Seconds of a twin, all migrations before one, and its rollback."""
REHEARSAL_S = 16.0
"""Seconds of a whole rehearsal at one scale."""
IMPATIENT_S = 0.3
"""Seconds that a run on a copy waits for the lock."""


@contextmanager
def push_again(scene: Scene) -> Iterator[Scene]:
    """Yield the scene of a second push: to a clone of the target, as it is now."""
    rehearsal = rehearsed.rehearsal_of(scene)
    with clone_database(scene) as context:
        context = with_section(context, lock_wait_s=IMPATIENT_S)
        again = replace(rehearsal, from_nothing=True) if rehearsal else None
        yield replace(scene, context=context, arguments={**scene.arguments, "rehearsal": again})


def on_clone(*statements: str) -> Change:
    """Return the change that these statements make to the target of a scene that is a clone already."""

    @contextmanager
    def change(scene: Scene) -> Iterator[Scene]:
        with scene.context.target.connect(autocommit=True) as connection:
            for statement in statements:
                connection.execute(statement.encode())
        yield scene

    return change


@contextmanager
def hold_lock(scene: Scene) -> Iterator[Scene]:
    """Yield the scene while another run changes the same target."""
    with hold_run_lock(scene.context.target, wait_s=IMPATIENT_S):
        yield scene


def run_twice(scene: Scene) -> Iterator[Fault]:
    yield Fault(place="another run holds the target", make=hold_lock)


def refuse_push(scene: Scene) -> Iterator[Fault]:
    """Yield pushes that the CLI or the server refuses."""
    yield from files.break_pending(scene)


def leave_versions(scene: Scene) -> Iterator[Fault]:
    """Yield a target with a version that the files lack."""
    for version in (files.EARLIEST, files.LATEST):
        yield Fault(place=version, make=on_clone(files.record(version)))


def rest(scene: Scene) -> Iterator[Fault]:
    yield Fault(place="fresh statistics", make=on_clone("analyze"))


def drift_by_hand(scene: Scene) -> Iterator[Fault]:
    """Yield every single change of one object of the pack's schemas, made after the push."""
    context = scene.context
    for one in list_object_changes(context.target, context.settings.schemas):
        yield Fault(place=f"{one.kind}: {one.place}", make=with_statements(BODIES_LATER, one.statement))


def touch(scene: Scene) -> Iterator[Fault]:
    """Yield what changes no definition: statistics, indexes built again, and names of temporary things."""
    for what, statement in {
        "fresh statistics": "analyze",
        "indexes built again": "reindex schema public",
        "a temporary table": "create temporary table launch_fault (id integer)",
        "a schema that is not the project's": "create schema launch_fault",
    }.items():
        yield Fault(place=what, make=with_statements(statement))


def add_migration(text: str, rollback: str = "select 1;\n") -> Change:
    """Return the change that gives the project one more migration, rehearsed at the smallest scale alone."""
    name = f"{files.LATEST}_launch_fault.sql"
    change = with_files({f"{files.FOLDER}/{name}": text, f"{ROLLBACKS.as_posix()}/{name}": rollback})

    @contextmanager
    def made(scene: Scene) -> Iterator[Scene]:
        with change(scene) as changed:
            yield replace(changed, context=with_section(changed.context, scales=[min(changed.context.settings.scales)]))

    return made


def fail_to_apply(scene: Scene) -> Iterator[Fault]:
    """Yield one more migration that the server refuses."""
    for said in ("select 1/0", "drop table public.launch_fault", "set session authorization supabase_admin", "create role anon"):
        yield Fault(place=said, make=add_migration(f"{said};\n"))


def filled_tables(scene: Scene) -> list[str]:
    """Return the tables with rows that the rehearsal found."""
    rehearsal = scene.found.facts
    fills = [fill for scaled in getattr(rehearsal, "scaled", ()) for fill in scaled.fills if fill.rows]
    return list(dict.fromkeys(fill.table for fill in fills if fill.table.startswith("public.")))


BREAKING = {
    "a column that may not be empty": "add column launch_fault integer not null",
    "a condition that no row meets": "add constraint launch_fault check (false)",
}


def break_on_rows(scene: Scene) -> Iterator[Fault]:
    """Yield one more migration that applies to empty tables, and to none with rows."""
    for table in filled_tables(scene):
        for what, words in BREAKING.items():
            yield Fault(place=f"{what}: {table}", make=add_migration(f"alter table {table} {words};\n"))


def apply_well(scene: Scene) -> Iterator[Fault]:
    """Yield one more migration that applies, with rows as well."""
    for table in filled_tables(scene):
        text = f"set local lock_timeout = '2s';\nalter table {table} add column launch_fault integer;\n"
        yield Fault(place=table, make=add_migration(text, f"alter table {table} drop column launch_fault;\n"))


ADVICE = {
    ADVISORS_REPORT_NO_ERRORS: {
        "accounts in a view": ("create view public.launch_fault as select id, email from auth.users",
                               "grant select on public.launch_fault to authenticated"),
        "what a user writes decides": ("create table public.launch_fault (id bigint primary key)",
                                       "alter table public.launch_fault enable row level security",
                                       "create policy by_claim on public.launch_fault for select to authenticated using "
                                       "((auth.jwt() -> 'user_metadata' ->> 'role') = 'admin')"),
    },
    ADVISORS_REPORT_NO_WARNINGS: {
        "a materialized view of the API": ("create materialized view public.launch_fault as select 1 as one",
                                           "grant select on public.launch_fault to anon"),
        "two policies for one verb": ("create table public.launch_fault (id bigint primary key)",
                                      "alter table public.launch_fault enable row level security",
                                      "create policy one on public.launch_fault for select to authenticated using (id > 1)",
                                      "create policy two on public.launch_fault for select to authenticated using (id > 2)"),
        "two equal indexes": ("create table public.launch_fault (id bigint primary key, word text)",
                              "alter table public.launch_fault enable row level security",
                              "create index launch_fault_one on public.launch_fault (word)",
                              "create index launch_fault_two on public.launch_fault (word)"),
    },
}  # fmt: skip
"""Check -> what the advisors report at its level. Source: https://supabase.com/docs/guides/database/database-advisors"""


def deserve_advice(check: Check) -> Any:
    """Return what yields each thing that the advisors report at a check's level."""

    def faults(scene: Scene) -> Iterator[Fault]:
        for what, statements in ADVICE[check].items():
            yield Fault(place=what, make=with_statements(*statements))

    return faults


def deserve_none(scene: Scene) -> Iterator[Fault]:
    """Yield a table that is as it should be."""
    make = with_statements(
        "create table public.launch_fault (id bigint primary key)",
        "alter table public.launch_fault enable row level security",
        "create policy one on public.launch_fault for select to authenticated using (id > 1)",
    )
    yield Fault(place="a closed table", make=make)


def operator(
    name: str, check: Check, look: Look[..., Any], faults: Any, *, takes_s: float = 0, is_harmless: bool = False
) -> Operator:
    """Return one operator of this task."""
    return Operator(name=name, check=check, look=look, faults=faults, takes_s=takes_s, is_harmless=is_harmless)


def harmless(name: str, check: Check, look: Look[..., Any], faults: Any, *, takes_s: float = 0) -> Operator:
    """Return one operator of which nothing may come."""
    return operator(name, check, look, faults, takes_s=takes_s, is_harmless=True)


FILES, ROLLBACK, PUSH = look_at_files, look_at_rollbacks, push_to_target

FAULTS = Faults(
    operators=(
        operator("no migration is left", FOUND, FILES, files.remove_files),
        operator("a name that the CLI skips", NAMES_ARE_VALID, FILES, files.misname),
        harmless("a file that is no migration", NAMES_ARE_VALID, FILES, files.add_other_files),
        operator("two files of one version", VERSIONS_ARE_UNIQUE, FILES, files.share_versions),
        harmless("the same words under another version", VERSIONS_ARE_UNIQUE, FILES, files.repeat_words),
        operator("a file that may stay half applied", FILES_ARE_ATOMIC, FILES, files.tear_files),
        harmless("the words of such a statement", FILES_ARE_ATOMIC, FILES, files.mention_words),
        operator("a statement that the linter reports", LINT_IS_CLEAN, look_at_lint, files.add_lint, takes_s=0.12),
        harmless("a comment", LINT_IS_CLEAN, look_at_lint, files.comment_files, takes_s=0.12),
        operator("a version that no file has", HISTORY_HAS_NO_DRIFT, look_at_history, files.apply_unknown, takes_s=CLI_S),
        operator("another text was applied", HISTORY_HAS_NO_DRIFT, look_at_history, files.apply_otherwise, takes_s=CLI_S),
        operator("an applied file is edited", HISTORY_HAS_NO_DRIFT, look_at_history, files.edit_applied, takes_s=CLI_S),
        operator("a file that comes too late", HISTORY_HAS_NO_DRIFT, look_at_history, files.come_late, takes_s=CLI_S),
        harmless("a comment in a file", HISTORY_HAS_NO_DRIFT, look_at_history, files.comment_files, takes_s=CLI_S),
        operator("the CLI does not know a version", DRY_RUN_LISTS_PENDING, look_at_dry_run, files.apply_unknown, takes_s=CLI_S),
        harmless("a comment in a pending file", DRY_RUN_LISTS_PENDING, look_at_dry_run, files.comment_files, takes_s=CLI_S),
        operator("a migration that does not apply", APPLIES_ON_TWIN, look_at_rehearsal, fail_to_apply, takes_s=REHEARSAL_S),
        operator("a migration that rows break", APPLIES_WITH_ROWS, look_at_rehearsal, break_on_rows, takes_s=REHEARSAL_S),
        harmless("a migration that applies", APPLIES_WITH_ROWS, look_at_rehearsal, apply_well, takes_s=REHEARSAL_S),
        operator("a lock held for long", NO_LONG_EXCLUSIVE_LOCK, look_at_locks, rehearsed.hold_long),
        operator("a file that was not recorded", NO_LONG_EXCLUSIVE_LOCK, look_at_locks, rehearsed.forget_recordings),
        harmless("a lock that stops nobody", NO_LONG_EXCLUSIVE_LOCK, look_at_locks, rehearsed.hold_harmlessly),
        operator("others are blocked", BACKGROUND_WORK_NOT_BLOCKED, look_at_background, rehearsed.block_others),
        operator("nobody saw a file", BACKGROUND_WORK_NOT_BLOCKED, look_at_background, rehearsed.forget_recordings),
        harmless("others wait for a moment", BACKGROUND_WORK_NOT_BLOCKED, look_at_background, rehearsed.block_briefly),
        operator("a rollback that came out otherwise", ROLLBACKS_RESTORE_SCHEMA, ROLLBACK, rehearsed.spoil_rollbacks),
        operator("a rollback forgets", ROLLBACKS_RESTORE_SCHEMA, ROLLBACK, rehearsed.forget_statements, takes_s=ROLLBACK_S),
        operator("a rollback does too much", ROLLBACKS_RESTORE_SCHEMA, ROLLBACK, rehearsed.undo_too_much, takes_s=ROLLBACK_S),
        harmless(
            "a rollback in other words", ROLLBACKS_RESTORE_SCHEMA, ROLLBACK, rehearsed.undo_in_other_words, takes_s=ROLLBACK_S
        ),
        operator("two runs at once", ONE_RUN_AT_A_TIME, PUSH, run_twice, takes_s=PUSH_S),
        operator("a push that is refused", PUSHED_TO_TARGET, PUSH, refuse_push, takes_s=PUSH_S),
        operator("a version is left over", NOTHING_LEFT_TO_PUSH, PUSH, leave_versions, takes_s=PUSH_S),
        harmless("nothing of the files changed", NOTHING_LEFT_TO_PUSH, PUSH, rest, takes_s=PUSH_S),
        operator("an object is changed by hand", TARGET_MATCHES_TWIN, look_at_match, drift_by_hand),
        harmless("no definition is changed", TARGET_MATCHES_TWIN, look_at_match, touch),
        operator(
            "what is an error",
            ADVISORS_REPORT_NO_ERRORS,
            look_at_advisors,
            deserve_advice(ADVISORS_REPORT_NO_ERRORS),
            takes_s=CLI_S,
        ),
        operator(
            "what is a warning",
            ADVISORS_REPORT_NO_WARNINGS,
            look_at_advisors,
            deserve_advice(ADVISORS_REPORT_NO_WARNINGS),
            takes_s=CLI_S,
        ),
        harmless("a table as it should be", ADVISORS_REPORT_NO_ERRORS, look_at_advisors, deserve_none, takes_s=CLI_S),
    ),
    around={PUSH.name: push_again},
)
