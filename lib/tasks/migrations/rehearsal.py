"""The rehearsal of pending migrations on twins: do they apply, what do they lock, do they roll back.

The first pass has no rows, like a fresh target: each file is applied, its rollback run and undone, and the
schema read. Then the pack's seed is loaded, and its rows fill further twins at each scale. On these every
file is applied again while its locks are recorded.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psycopg

from lib.clients.postgres.bounded import Limit, StatementTimeout, run_statement
from lib.clients.postgres.dumps import PLATFORM_SCHEMAS
from lib.clients.postgres.fidelity import Fidelity
from lib.clients.postgres.schema import Difference, Schema, compare_schemas, read_schema, read_schema_on
from lib.clients.postgres.statements import Statement
from lib.clients.postgres.twin import Twin, clone_twin, make_twin
from lib.clients.supabase.migration_files import MigrationFile, MigrationSet
from lib.clients.supabase.rehearsal_rows import load_rows
from lib.clients.supabase.seed_files import load_fixtures
from lib.tasks.migrations.apply import ApplyFailure, apply_file, read_failure, refuse_file, too_slow
from lib.tasks.migrations.recordings import Recording
from lib.tasks.migrations.scale_rows import Reference, mark_seeding, read_reference
from lib.tasks.migrations.scaled_pass import Period, ScaledPass, apply_at_scale
from lib.tasks.migrations.timing import TimeLimits
from lib.transport.database import Database, read_query

RECORD_S = 150.0
"""Seconds in which files are recorded, all scales together: half of what a notebook has. 500 files took 60 on two cores."""


ROLL_BACK_S = 80.0
"""Seconds in which files are applied and rolled back; one comparison of 300 tables takes half a second on a busy machine."""


@dataclass(frozen=True, kw_only=True)
class Place:
    """Where a rehearsal runs: the target it copies, the scratch server, programs and limits.

    rehearsal_rows: the project's file with rows that its seed lacks, or ''; only ever applied to twins.
    """

    target: Database
    scratch: Database
    schemas: Sequence[str]
    postgres_bin: Path
    work: Path
    timeout_s: float
    rehearsal_rows: str = ""

    @property
    def compared(self) -> list[str]:
        """The schemas that are compared: the pack's, and the platform's, on which packs keep triggers and policies."""
        return [*self.schemas, *(name for name in PLATFORM_SCHEMAS if name not in self.schemas)]


@dataclass(frozen=True, kw_only=True)
class TriedRollback:
    """One migration rolled back: found is False without a rollback file; differences from the schema before.

    timed_out: whether it was not rolled back, because the time for that was over.
    """

    migration: str
    found: bool
    failure: ApplyFailure | None = None
    differences: tuple[Difference, ...] = ()
    timed_out: bool = False


@dataclass(frozen=True, kw_only=True)
class FirstPass:
    """The files applied in turn to a twin without rows.

    applied: names of files that applied; failure: where it stopped. before, after: the twin's schema.
    """

    applied: tuple[str, ...]
    failure: ApplyFailure | None
    before: Schema
    after: Schema
    rollbacks: tuple[TriedRollback, ...]


@dataclass(frozen=True, kw_only=True)
class Rehearsal:
    """What one rehearsal observed.

    files: names, in order. from_nothing: nothing was pending, so every file was applied to a fresh project.
    missing: what of the target could not be made on the twin. seed_problem: why there are no rows, or ''.
    target_has_rows: whether the pack's schemas hold any row on the target itself.
    twin: how like the target its twins are.
    """

    files: tuple[str, ...]
    from_nothing: bool
    missing: tuple[str, ...]
    target_before: Schema
    target_has_rows: bool
    first: FirstPass
    seed_problem: str
    scaled: tuple[ScaledPass, ...]
    twin: Fidelity

    @property
    def recordings(self) -> list[Recording]:
        return [recording for one in self.scaled for recording in one.recordings]


def rehearse(
    place: Place,
    pack: Path,
    migrations: MigrationSet,
    pending: Sequence[MigrationFile],
    scales: Sequence[int],
    *,
    limits: TimeLimits,
    twin: Fidelity,
) -> Rehearsal:
    """Apply the pending files to twins of the target, or all files to a fresh project when none is pending.

    limits: a file beyond them, on a machine that was too busy to tell, is recorded again.
    Raises TargetError when the target can't be read or a twin can't be made; a file that fails is a finding.
    """
    files = list(pending) or list(migrations.files)
    before = read_target(place)
    with copy_target(place, empty=not pending) as base:
        with clone_twin(base) as reference_twin:
            first = apply_in_turn(reference_twin, files, migrations, place.compared)
            with seeded(reference_twin, pack, place) as (reference, seed_problem):
                applied = [file for file in files if file.name in first.applied]
                period = Period.of(RECORD_S)
                scaled = [
                    apply_at_scale(base, applied, reference, scale, limits, period.share(len(scales) - number))
                    for number, scale in enumerate(scales)
                ]
        return Rehearsal(
            files=tuple(file.name for file in files),
            from_nothing=not pending,
            missing=base.missing,
            target_before=before,
            target_has_rows=has_rows(place),
            first=first,
            seed_problem=seed_problem,
            scaled=tuple(scaled),
            twin=twin,
        )


@contextmanager
def copy_target(place: Place, *, empty: bool = False) -> Iterator[Twin]:
    """Yield a twin of the target, or with `empty` a fresh project."""
    with make_twin(
        place.target,
        place.scratch,
        schemas=place.schemas,
        postgres_bin=place.postgres_bin,
        work=place.work,
        timeout_s=place.timeout_s,
        empty=empty,
    ) as twin:
        yield twin


def read_target(place: Place) -> Schema:
    """Return the target's schema: the pack's, and the platform's on which packs keep something."""
    return read_schema(place.target, place.compared)


def has_rows(place: Place) -> bool:
    """Return whether any table in the pack's schemas holds a row on the target."""
    names = [row["name"] for row in place.target.rows(read_query(__package__, "pack_tables"), schemas=list(place.schemas))]
    asked = " or ".join(f"exists (select from {name})" for name in names)
    return bool(asked and place.target.value(f"select {asked}"))


def apply_in_turn(twin: Twin, files: Sequence[MigrationFile], migrations: MigrationSet, schemas: Sequence[str]) -> FirstPass:
    """Apply each file in order until one fails, trying its rollback right after it.

    The schema is read only where something is compared with it: at both ends, and around a rollback.
    """
    before = read_schema(twin.database, schemas)
    current: Schema | None = before
    period = Period.of(ROLL_BACK_S)
    applied: list[str] = []
    rollbacks: list[TriedRollback] = []
    failure = None
    for file in files:
        rollback = migrations.rollbacks.get(file.name)
        is_late = rollback is not None and period.left_s <= 0
        if rollback and current is None and not is_late:
            current = read_schema(twin.database, schemas)
        failure = apply_file(twin, file)
        if failure:
            break
        applied.append(file.name)
        if is_late:
            rollbacks.append(TriedRollback(migration=file.name, found=True, timed_out=True))
        else:
            rollbacks.append(try_rollback(twin, file, rollback, current or {}, schemas))
        current = None
    after = read_schema(twin.database, schemas) if current is None else current
    return FirstPass(applied=tuple(applied), failure=failure, before=before, after=after, rollbacks=tuple(rollbacks))


def try_rollback(
    twin: Twin, file: MigrationFile, rollback: MigrationFile | None, before: Schema, schemas: Sequence[str]
) -> TriedRollback:
    """Roll the newest migration back, compare with the schema before it, and leave the twin as it was."""
    if rollback is None:
        return TriedRollback(migration=file.name, found=False)
    if refusal := refuse_file(rollback):
        return TriedRollback(migration=file.name, found=True, failure=refusal)
    statements = unwrap(rollback.statements)
    if any(one.is_concurrent or one.is_transaction_control for one in statements):
        with clone_twin(twin) as copy:
            failure = apply_file(copy, rollback)
            after: Schema = read_schema(copy.database, schemas)
    else:
        failure, after = roll_back_and_undo(twin, rollback, statements, schemas)
    differences = () if failure else tuple(compare_schemas(before, after, ordered=False))
    return TriedRollback(migration=file.name, found=True, failure=failure, differences=differences)


def unwrap(statements: list[Statement]) -> list[Statement]:
    """Return the statements without a `begin` and `commit` that hold all of them."""
    if len(statements) > 1 and statements[0].is_transaction_control and statements[-1].is_transaction_control:
        return statements[1:-1]
    return statements


def roll_back_and_undo(
    twin: Twin, rollback: MigrationFile, statements: Sequence[Statement], schemas: Sequence[str]
) -> tuple[ApplyFailure | None, Schema]:
    """Run a rollback in a transaction that is undone; return where it failed, and the schema inside."""
    with twin.connect_as_launcher() as connection:
        connection.execute("begin")
        for statement in statements:
            try:
                run_statement(connection, statement.text, limit=Limit.after(twin.launcher, twin.timeout_s))
            except psycopg.Error as exc:
                return read_failure(rollback, statement, exc), {}
            except StatementTimeout as exc:
                raise too_slow(rollback, statement, exc) from exc
        # Back to the launch, whatever it has become, with what the transaction sees.
        connection.execute("reset role")
        seen = read_schema_on(connection, schemas)
        connection.execute("rollback")
    return None, seen


@contextmanager
def seeded(twin: Twin, pack: Path, place: Place) -> Iterator[tuple[Reference, str]]:
    """Yield the twin, seeded, as a source of rows, and why it could not be seeded, or ''."""
    marker = mark_seeding(twin.database)
    problem = load_fixtures(twin, pack, timeout_s=place.timeout_s, may_lack=bool(place.rehearsal_rows))
    problem = problem or load_rows(twin, pack, place.rehearsal_rows, timeout_s=place.timeout_s)
    yield read_reference(twin.worker, marker), problem
