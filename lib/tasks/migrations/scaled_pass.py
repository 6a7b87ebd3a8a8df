"""The migrations applied to tables filled at one scale, while their locks are recorded."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from lib.clients.postgres.twin import Twin, clone_twin
from lib.clients.supabase.migration_files import MigrationFile
from lib.tasks.migrations.lock_recorder import open_sessions, record_locks
from lib.tasks.migrations.recordings import Recording
from lib.tasks.migrations.scale_rows import Filled, Reference, RowScaler
from lib.tasks.migrations.timing import TimeLimits, best_recordings


@dataclass(frozen=True, kw_only=True)
class ScaledPass:
    """The files applied to a twin filled at one scale.

    recordings: one a file; a file that failed on filled tables has a second one, on emptied tables.
    fills: the rows put into each table.
    """

    scale: int
    recordings: tuple[Recording, ...]
    fills: tuple[Filled, ...]


def apply_at_scale(
    base: Twin, files: Sequence[MigrationFile], reference: Reference, scale: int, limits: TimeLimits
) -> ScaledPass:
    """Apply the files to a fresh copy of the base at one scale, and record their locks; again while these are unclear."""
    fills: list[tuple[Filled, ...]] = []

    def take() -> list[Recording]:
        with clone_twin(base) as twin, RowScaler(reference=reference, twin=twin, scale=scale) as scaler:
            recordings = record_in_turn(twin, files, scaler)
            fills.append(tuple(scaler.filled.values()))
            return recordings

    recordings = best_recordings(take, limits)
    return ScaledPass(scale=scale, recordings=tuple(recordings), fills=fills[0])


def record_in_turn(twin: Twin, files: Sequence[MigrationFile], scaler: RowScaler) -> list[Recording]:
    """Apply each file to filled tables, and record its locks.

    A file that fails on filled tables is applied once more to emptied ones, so that the next file can be applied.
    """
    recordings: list[Recording] = []
    with open_sessions(twin) as sessions:
        for file in files:
            scaler.top_up()
            recordings.append(record_locks(sessions, file, scale=scaler.scale))
            if recordings[-1].failure:
                scaler.empty()
                recordings.append(record_locks(sessions, file, scale=scaler.scale))
                if recordings[-1].failure:
                    break
    scaler.top_up()
    return recordings
