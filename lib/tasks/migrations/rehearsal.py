"""The rehearsal of pending migrations on twins: do they apply, what do they lock, do they roll back.

The first pass has no rows, like a fresh target: each file is applied, its rollback run and undone, and the
schema read. Then the pack's seed is loaded, and its rows fill further twins at each scale. On these every
file is applied again while its locks are recorded.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from lib.clients.postgres.dumps import PLATFORM_SCHEMAS
from lib.clients.postgres.fidelity import Fidelity
from lib.clients.postgres.schema import Schema, read_schema, read_schema_on
from lib.clients.postgres.twin import Twin, clone_twin, make_twin
from lib.clients.supabase.migration_files import MigrationFile, MigrationSet
from lib.clients.supabase.rehearsal_rows import load_rows
from lib.clients.supabase.seed_files import load_fixtures
from lib.tasks.migrations.apply import ApplyFailure, apply_file
from lib.tasks.migrations.recordings import Recording
from lib.tasks.migrations.rollbacks import TriedRollback, try_rollback
from lib.tasks.migrations.scale_rows import Reference, mark_seeding, read_reference
from lib.tasks.migrations.scaled_pass import Period, ScaledPass, apply_at_scales
from lib.tasks.migrations.target_rows import find_breaking_rows
from lib.tasks.migrations.timing import TimeLimits
from lib.transport.database import Database, KeptSession, as_database_error, read_query

RECORD_S = 150.0
"""Seconds in which files are recorded, all scales together: half of what a notebook has. 500 files took 60 on two cores."""


ROLL_BACK_S = 80.0
"""Seconds in which files are applied and rolled back; one comparison of 300 tables takes half a second on a busy machine."""


STEPS_BACK = 3
"""How many of the newest files are left out to find a state that the seed can be loaded into."""


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
    twin: how like the target its twins are. stage_failures: of files that the seed's rows stop when they are there before it.
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
    stage_failures: tuple[ApplyFailure, ...] = ()

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
            applied = [file for file in files if file.name in first.applied]
            with seeded_at_best(base, reference_twin, applied, pack, place) as (reference, seed_problem):
                scaled = apply_at_scales(
                    base, applied, reference, scales, limits, Period.of(RECORD_S), rollbacks=migrations.rollbacks
                )
        stage_failures = try_narrowing(base, applied, pack, place)
        if pending and not stage_failures:
            asked = find_breaking_rows(place.target, applied, before, first.after, timeout_s=place.timeout_s)
            stage_failures = tuple(asked)
        return Rehearsal(
            files=tuple(file.name for file in files),
            from_nothing=not pending,
            missing=base.missing,
            target_before=before,
            target_has_rows=has_rows(place),
            first=with_row_failures(first, scaled),
            seed_problem=seed_problem,
            scaled=tuple(scaled),
            stage_failures=stage_failures,
            twin=twin,
        )


def with_row_failures(first: FirstPass, scaled: Sequence[ScaledPass]) -> FirstPass:
    """Return the first pass with what its rollbacks came to on tables that hold rows."""
    failures = {name: failure for one in scaled for name, failure in one.rollback_failures.items()}
    return replace(first, rollbacks=tuple(replace(one, with_rows=failures.get(one.migration)) for one in first.rollbacks))


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

    The schema is read only where something is compared with it: at both ends, and around a rollback. One session reads it
    each time: a new one would first read the server's whole catalogue again.
    """
    with KeptSession(twin.database) as observer:
        return apply_beside(observer, twin, files, migrations, schemas)


def apply_beside(
    observer: KeptSession, twin: Twin, files: Sequence[MigrationFile], migrations: MigrationSet, schemas: Sequence[str]
) -> FirstPass:
    """Apply each file in turn. observer: the session that reads the twin's schema."""
    before = read_schema_kept(observer, schemas)
    current: Schema | None = before
    period = Period.of(ROLL_BACK_S)
    applied: list[str] = []
    rollbacks: list[TriedRollback] = []
    failure = None
    for file in files:
        rollback = migrations.rollbacks.get(file.name)
        is_late = rollback is not None and period.left_s <= 0
        if rollback and current is None and not is_late:
            current = read_schema_kept(observer, schemas)
        failure = apply_file(twin, file)
        if failure:
            break
        applied.append(file.name)
        if is_late:
            rollbacks.append(TriedRollback(migration=file.name, found=True, timed_out=True))
        now = read_schema_kept(observer, schemas) if rollback and not is_late else None
        if not is_late:
            rollbacks.append(try_rollback(twin, file, rollback, current or {}, now or {}, schemas, observer=observer))
        current = now
    after = read_schema_kept(observer, schemas) if current is None else current
    return FirstPass(applied=tuple(applied), failure=failure, before=before, after=after, rollbacks=tuple(rollbacks))


def read_schema_kept(observer: KeptSession, schemas: Sequence[str]) -> Schema:
    """Return the same as `read_schema`, by a session that goes on. Raises DatabaseError."""
    with as_database_error(observer.database):
        connection = observer.open()
        with connection.transaction():
            return read_schema_on(connection, schemas)


@contextmanager
def seeded_at_best(
    base: Twin, twin: Twin, applied: Sequence[MigrationFile], pack: Path, place: Place
) -> Iterator[tuple[Reference, str]]:
    """Yield the twin, seeded, or one that lacks the newest files, where the seed can't be loaded after them.

    A file after which no row of the seed can be written is one that such rows may stop: they have to be there before it.
    """
    with ExitStack() as stack:
        reference, problem = stack.enter_context(seeded(twin, pack, place))
        earlier, said = reference, problem
        for back in range(1, min(STEPS_BACK, len(applied) - 1) + 1) if problem else ():
            stage = stack.enter_context(clone_twin(base))
            if any(apply_file(stage, file) for file in applied[:-back]):
                break
            earlier, said = stack.enter_context(seeded(stage, pack, place))
            if not said:
                break
        yield (reference, problem) if said else (earlier, said)


def try_narrowing(base: Twin, applied: Sequence[MigrationFile], pack: Path, place: Place) -> tuple[ApplyFailure, ...]:
    """Return where files stop that let fewer rows be side by side than before, with the seed's rows there before them.

    A seed that is loaded after such a file may pass over the rows that would have stopped it (`on conflict do nothing`).
    """
    failures = []
    for number in [number for number, file in enumerate(applied) if number and file.narrows][-STEPS_BACK:]:
        with clone_twin(base) as stage:
            if any(apply_file(stage, file) for file in applied[:number]):
                continue
            with seeded(stage, pack, place) as (_, problem):
                failure = None if problem else apply_file(stage, applied[number])
            failures += [failure] if failure else []
    return tuple(failures)


@contextmanager
def seeded(twin: Twin, pack: Path, place: Place) -> Iterator[tuple[Reference, str]]:
    """Yield the twin, seeded, as a source of rows, and why it could not be seeded, or ''."""
    marker = mark_seeding(twin.database)
    problem = load_fixtures(twin, pack, timeout_s=place.timeout_s, may_lack=bool(place.rehearsal_rows))
    problem = problem or load_rows(twin, pack, place.rehearsal_rows, timeout_s=place.timeout_s)
    yield read_reference(twin.worker, marker), problem
