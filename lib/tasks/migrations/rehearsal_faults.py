"""Faults of what a rehearsal recorded: locks and waits added to it, and rollbacks that are run again, changed."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace

from lib.clients.postgres.schema import Difference, read_schema
from lib.clients.postgres.schema_changes import BODIES_LATER, list_object_changes
from lib.clients.postgres.statements import Statement
from lib.clients.supabase.migration_files import ROLLBACKS, MigrationFile, MigrationSet, find_migrations
from lib.core.errors import TargetError
from lib.tasks.faults import Change, Fault, Scene, with_arguments
from lib.tasks.migrations.apply import ApplyFailure, apply_file
from lib.tasks.migrations.judge_rehearsal import is_asked
from lib.tasks.migrations.looks import place_of
from lib.tasks.migrations.recordings import Lock, Recording, Wait
from lib.tasks.migrations.rehearsal import Rehearsal, copy_target
from lib.tasks.migrations.rollbacks import TriedRollback, try_rollback
from lib.tasks.migrations.scaled_pass import ScaledPass
from lib.tasks.migrations.timing import EXCLUSIVE, LOCK_TIMEOUT

Rewrite = Callable[[Recording], Recording]
SHORT, LONG = 0.5, 1.5
"""Parts of a limit: one that is within it, one that is beyond it."""
UNDONE_WITH_ITS_TABLE = {"trigger", "policy", "index", "rule"}
"""What goes with its table, so that a rollback that drops the table needs no statement of its own for it."""


def rehearsal_of(scene: Scene) -> Rehearsal | None:
    """Return what the rehearsal brought back, as the look got it; None when there was none."""
    found = scene.arguments.get("rehearsal")
    return found if isinstance(found, Rehearsal) else None


def with_recording(rehearsal: Rehearsal, migration: str, scale: int, rewrite: Rewrite) -> Change:
    """Return the change that gives the look another recording of one file at one scale."""

    def change(one: Recording) -> Recording:
        return rewrite(one) if (one.migration, one.scale) == (migration, scale) else one

    scaled = [replace(one, recordings=tuple(map(change, one.recordings))) for one in rehearsal.scaled]
    return with_arguments(rehearsal=replace(rehearsal, scaled=tuple(scaled)))


def each_recording(scene: Scene) -> Iterator[tuple[Rehearsal, Recording, str]]:
    """Yield each recording on tables with rows, and the name of one of these tables."""
    rehearsal = rehearsal_of(scene)
    for one in rehearsal.recordings if rehearsal else ():
        tables = [lock.table for lock in one.locks if lock.rows and not lock.is_new]
        if rehearsal and one.tables_with_rows and not one.failure:
            yield rehearsal, one, tables[0] if tables else "public.launch_fault"


def hold(
    table: str, held_ms: float, *, mode: str = EXCLUSIVE, rows: int = 100, is_new: bool = False, patience_s: float = 2
) -> Rewrite:
    """Return what adds a lock to a recording."""
    lock = Lock(table=table, mode=mode, index=0, line=1, held_ms=held_ms, rows=rows, is_new=is_new, patience_s=patience_s)
    return lambda one: replace(one, locks=(*one.locks, lock))


def hold_long(scene: Scene) -> Iterator[Fault]:
    """Yield each recorded file with an exclusive lock on rows beyond the limit."""
    limit_ms = scene.context.settings.max_exclusive_lock_ms
    for rehearsal, one, table in each_recording(scene):
        for part in (LONG, 1.01):
            make = with_recording(rehearsal, one.migration, one.scale, hold(table, part * limit_ms))
            yield Fault(place=f"{part:.0%} of the limit by {one.migration} at {one.scale}×", make=make)


def hold_harmlessly(scene: Scene) -> Iterator[Fault]:
    """Yield locks that stop nobody for long: short, of another kind, on a table without rows, or on one of the file's own."""
    limit_ms = scene.context.settings.max_exclusive_lock_ms
    for rehearsal, one, table in each_recording(scene):
        held = {
            "a short one": hold(table, SHORT * limit_ms),
            "one that readers and writers pass": hold(table, 10 * limit_ms, mode="ShareUpdateExclusive"),
            "one on an empty table": hold("public.launch_fault", 10 * limit_ms, rows=0),
            "one on its own new table": hold("public.launch_fault", 10 * limit_ms, is_new=True),
        }
        for what, rewrite in held.items():
            make = with_recording(rehearsal, one.migration, one.scale, rewrite)
            yield Fault(place=f"{what} by {one.migration} at {one.scale}×", make=make)


def forget_recordings(scene: Scene) -> Iterator[Fault]:
    """Yield each scale without the recording of its last file, whose turn never came."""
    rehearsal = rehearsal_of(scene)
    for number, scaled in enumerate(rehearsal.scaled if rehearsal else ()):
        if rehearsal and scaled.recordings:
            shorter: ScaledPass = replace(scaled, recordings=scaled.recordings[:-1], timed_out=True)
            passes = (*rehearsal.scaled[:number], shorter, *rehearsal.scaled[number + 1 :])
            make = with_arguments(rehearsal=replace(rehearsal, scaled=passes))
            yield Fault(place=f"{scaled.recordings[-1].migration} at {scaled.scale}×", make=make)


def wait(table: str, waited_ms: float) -> Rewrite:
    """Return what adds a wait of the reader's to a recording."""
    waited = Wait(worker="reader", table=table, waited_ms=waited_ms, index=0, line=1)
    return lambda one: replace(one, waits=(*one.waits, waited), background=one.background + 1)


def refuse(sqlstate: str) -> Rewrite:
    """Return what adds a background statement that the server refused."""
    return lambda one: replace(one, refused={**one.refused, f"writer: {sqlstate}": 1}, background=one.background + 1)


def time_out(one: Recording) -> Recording:
    """Return a recording whose file gave up waiting for a lock."""
    failure = ApplyFailure(
        file=one.migration, index=0, statement="alter table", line=1, sqlstate=LOCK_TIMEOUT, said="canceling statement"
    )
    return replace(one, failure=failure)


def block_others(scene: Scene) -> Iterator[Fault]:
    """Yield each recorded file with a wait beyond the limit, a deadlock, and a lock that it did not get."""
    limit_ms = scene.context.settings.max_blocked_ms
    for rehearsal, one, table in each_recording(scene):
        kinds = {"a long wait": wait(table, LONG * limit_ms), "a deadlock": refuse("40P01"), "a lock timeout": time_out}
        if not rehearsal.from_nothing and is_asked(one.migration, scene.context.settings.rollbacks_from):
            kinds["a lock without a lock_timeout"] = hold(table, 1, patience_s=0)
        for what, rewrite in kinds.items():
            make = with_recording(rehearsal, one.migration, one.scale, rewrite)
            yield Fault(place=f"{what} by {one.migration} at {one.scale}×", make=make)


def block_briefly(scene: Scene) -> Iterator[Fault]:
    """Yield each recorded file with a short wait, and with a writer's row that a constraint refused."""
    limit_ms = scene.context.settings.max_blocked_ms
    for rehearsal, one, table in each_recording(scene):
        kinds = {"a short wait": wait(table, SHORT * limit_ms), "a refused row": refuse("23505"), "a lock": hold(table, 1)}
        for what, rewrite in kinds.items():
            make = with_recording(rehearsal, one.migration, one.scale, rewrite)
            yield Fault(place=f"{what} by {one.migration} at {one.scale}×", make=make)


def with_tried(rehearsal: Rehearsal, tried: TriedRollback) -> Rehearsal:
    """Return the rehearsal with another outcome of one rollback."""
    every = tuple(tried if one.migration == tried.migration else one for one in rehearsal.first.rollbacks)
    return replace(rehearsal, first=replace(rehearsal.first, rollbacks=every))


def spoil_rollbacks(scene: Scene) -> Iterator[Fault]:
    """Yield each rollback that restores something less, more, or otherwise, that fails, or that was never written or tried."""
    rehearsal = rehearsal_of(scene)
    for one in rehearsal.first.rollbacks if rehearsal and not scene.context.settings.rollbacks_from else ():
        less, more = (Difference(object="index public.launch_fault", first=a, second=b) for a, b in (("it", None), (None, "it")))
        failure = ApplyFailure(file=one.migration, index=0, statement="drop", line=1, sqlstate="42P01", said="does not exist")
        ends = {
            "undoes too much": replace(one, differences=(less,)),
            "undoes too little": replace(one, differences=(more,)),
            "fails": replace(one, failure=failure),
            "fails on rows": replace(one, with_rows=failure),
            "is not there": replace(one, found=False),
            "was not tried": replace(one, timed_out=True),
        }
        for what, tried in ends.items():
            if rehearsal:
                yield Fault(place=f"of {one.migration} {what}", make=with_arguments(rehearsal=with_tried(rehearsal, tried)))


def with_rollback(name: str, edit: Callable[[str], str], *, ending: str = "") -> Change:
    """Return the change that runs one rollback again, its text edited, on a twin as it is right after its migration.

    ending: a kind of change to an object of the state before the migration, which the rollback makes besides.
    Raises TargetError when there is no such object, or a migration does not apply any more.
    """

    @contextmanager
    def change(scene: Scene) -> Iterator[Scene]:
        rehearsal = rehearsal_of(scene)
        assert rehearsal is not None
        migrations, place = find_migrations(scene.context.pack), place_of(scene.context)
        with copy_target(place, empty=rehearsal.from_nothing) as twin:
            for file in chosen(migrations, rehearsal, before=name):
                if failure := apply_file(twin, file):
                    raise TargetError(failure.display_name)
            before = read_schema(twin.database, place.compared)
            more = [one for one in list_object_changes(twin.database, place.schemas) if one.kind == ending] if ending else []
            if ending and not more:
                raise TargetError(f"Nothing was there before {name} of which could be said: {ending}.")
            file = next(one for one in migrations.files if one.name == name)
            if failure := apply_file(twin, file):
                raise TargetError(failure.display_name)
            rollback = migrations.rollbacks[name]
            added = "".join(f"\n;\n{BODIES_LATER};\n{one.statement};\n" for one in more[:1])
            text = edit(rollback.text) + added
            tried = try_rollback(twin, file, MigrationFile(rollback.path, text), before, {}, place.compared)
        yield replace(scene, arguments={**scene.arguments, "rehearsal": with_tried(rehearsal, tried)})

    return change


def chosen(migrations: MigrationSet, rehearsal: Rehearsal, *, before: str) -> list[MigrationFile]:
    """Return the files that were rehearsed before this one, in order."""
    names = rehearsal.files[: rehearsal.files.index(before)]
    return [file for file in migrations.files if file.name in names]


def rollbacks_of(scene: Scene) -> list[MigrationFile]:
    """Return the rollbacks that were tried with a good end."""
    rehearsal = rehearsal_of(scene)
    there = find_migrations(scene.context.pack).rollbacks
    tried = rehearsal.first.rollbacks if rehearsal else ()
    return [there[one.migration] for one in tried if one.found and not one.timed_out and one.migration in there]


def forget_statements(scene: Scene) -> Iterator[Fault]:
    """Yield each rollback without one of its statements that undo something."""
    for file in rollbacks_of(scene):
        for statement in file.statements:
            if is_needed(statement, file.statements):
                place = f"{statement.summary[:100]} in {ROLLBACKS.as_posix()}/{file.name}"
                yield Fault(place=place, make=with_rollback(file.name, without(statement)))


def is_needed(statement: Statement, every: list[Statement]) -> bool:
    """Return whether a statement undoes something that no other statement of the rollback undoes as well."""
    verb, kind = (*statement.words, "", "")[:2]
    drops_table = any(one.words[:2] == ("drop", "table") for one in every)
    if verb == "drop":
        return not (drops_table and kind in UNDONE_WITH_ITS_TABLE)
    return verb in ("create", "alter") and not drops_table and not re.search(r"\brename\b", statement.text, re.I)


def without(statement: Statement) -> Callable[[str], str]:
    """Return what takes one statement out of a text."""
    return lambda text: text[: statement.start] + "select 1" + text[statement.start + len(statement.text) :]


BESIDES = (
    "a column is gone", "a default is gone", "a column may be empty", "a constraint is gone", "an index is gone",
    "a trigger is gone", "a trigger is switched off", "a policy is gone", "a policy is for another role",
    "row level security is off", "a view is gone", "a function is gone", "a function has another body",
    "a function has other rights", "a right is taken", "a right is given", "a comment is another",
    "a type has another value", "a sequence counts otherwise", "a table is gone", "an owner is another",
)  # fmt: skip
"""Kinds of objects that a rollback may change though its migration did not make them."""


def undo_too_much(scene: Scene) -> Iterator[Fault]:
    """Yield each rollback with a statement that changes what was there before its migration."""
    for file in rollbacks_of(scene)[1:]:
        for kind in BESIDES:
            make = with_rollback(file.name, lambda text: text, ending=kind)
            yield Fault(place=f"{kind} after {ROLLBACKS.as_posix()}/{file.name}", make=make)


def undo_in_other_words(scene: Scene) -> Iterator[Fault]:
    """Yield each rollback with a comment more, and in a transaction of its own."""
    for file in rollbacks_of(scene):
        yield Fault(place=f"a comment in {file.name}", make=with_rollback(file.name, "-- One more comment.\n{}".format))
        if not any(one.is_transaction_control or one.is_concurrent for one in file.statements):
            whole = with_rollback(file.name, lambda text: f"begin;\n{text.rstrip()}\n;\ncommit;\n")
            yield Fault(place=f"begin and commit around {file.name}", make=whole)
