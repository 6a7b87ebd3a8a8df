"""The migrations applied to tables filled at one scale, while their locks are recorded."""

from __future__ import annotations

import math
import re
import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field

from lib.clients.postgres.twin import Twin, clone_twin
from lib.clients.supabase.migration_files import MigrationFile
from lib.tasks.migrations.apply import ApplyFailure
from lib.tasks.migrations.lock_recorder import open_sessions, record_locks
from lib.tasks.migrations.recordings import Recording
from lib.tasks.migrations.rollbacks import try_on_rows
from lib.tasks.migrations.scale_rows import Filled, Reference, RowScaler
from lib.tasks.migrations.timing import TimeLimits, best_recordings
from lib.tasks.migrations.turns import Turns

OF_THE_SERVER = re.compile(r"\b(?:create|alter|drop)\s+(?:role|user|group|database|tablespace|system|subscription)\b", re.I)
"""What changes something that all databases of a server share: a role made at one scale is in the way of the other."""

SCALES_AT_A_TIME = 2
"""One pass fills tables while the other one is recorded or waits for that; a third would find nothing left to do beside them."""


@dataclass(frozen=True, kw_only=True)
class ScaledPass:
    """The files applied to a twin filled at one scale.

    recordings: one a file; a file that failed on filled tables has a second one, on emptied tables.
    fills: the rows put into each table. timed_out: whether the time was over before the last file's turn came.
    rollback_failures: by migration, where its rollback stopped on these tables.
    """

    scale: int
    recordings: tuple[Recording, ...]
    fills: tuple[Filled, ...]
    timed_out: bool = False
    rollback_failures: Mapping[str, ApplyFailure] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Period:
    """The time in which files may still be recorded. until: by `time.monotonic`."""

    until: float

    @staticmethod
    def of(seconds: float) -> Period:
        """Return the period that begins now."""
        return Period(until=time.monotonic() + seconds)

    @property
    def left_s(self) -> float:
        return self.until - time.monotonic()

    def share(self, parts: int) -> Period:
        """Return the period that is one of so many equal parts of what is left."""
        return Period.of(self.left_s / parts)


@dataclass(frozen=True, kw_only=True)
class RowRollbacks:
    """Rollbacks to try on filled tables, by migration, and where those stopped that rows stop."""

    files: Mapping[str, MigrationFile]
    stopped: dict[str, ApplyFailure] = field(default_factory=dict)

    def try_one(self, twin: Twin, migration: str) -> None:
        """Roll the newest migration back, and undo that."""
        if failure := try_on_rows(twin, self.files[migration]):
            self.stopped[migration] = failure


def apply_at_scales(
    base: Twin,
    files: Sequence[MigrationFile],
    reference: Reference,
    scales: Sequence[int],
    limits: TimeLimits,
    period: Period,
    *,
    rollbacks: Mapping[str, MigrationFile],
) -> list[ScaledPass]:
    """Apply the files at each scale, and record their locks: two scales at a time, of which one fills what it records next.

    rollbacks: by migration, those that are tried on the tables of the first scale.
    """
    turns = Turns()
    at_a_time = 1 if any(OF_THE_SERVER.search(file.text) for file in files) else SCALES_AT_A_TIME

    def apply(number: int) -> ScaledPass:
        own = period.share(math.ceil((len(scales) - number) / at_a_time))
        tried = rollbacks if not number else {}
        return apply_at_scale(base, files, reference, scales[number], limits, own, turns=turns, rollbacks=tried)

    with ThreadPoolExecutor(max_workers=at_a_time) as executor:
        try:
            return list(executor.map(apply, range(len(scales))))
        except BaseException:
            turns.end()  # so that nobody waits for a pass whose outcome nobody asks for any more
            raise


def apply_at_scale(
    base: Twin,
    files: Sequence[MigrationFile],
    reference: Reference,
    scale: int,
    limits: TimeLimits,
    period: Period,
    *,
    turns: Turns | None = None,
    rollbacks: Mapping[str, MigrationFile] | None = None,
) -> ScaledPass:
    """Apply the files to a fresh copy of the base at one scale, and record their locks; again while these are unclear.

    period: no file begins after it, and no pass that would not end in it, going by the slowest before.
    turns: shared with the passes beside this one. rollbacks: by migration, those that are tried on the filled tables, once.
    """
    on_rows = RowRollbacks(files=rollbacks or {})
    turns = turns or Turns()
    fills: list[tuple[Filled, ...]] = []
    took_s: list[float] = []

    def take() -> list[Recording]:
        left_s = period.left_s
        with clone_in_turn(base, turns) as twin, RowScaler(reference=reference, twin=twin, scale=scale) as scaler:
            recordings = record_in_turn(twin, files, scaler, period, None if took_s else on_rows, turns=turns)
            fills.append(tuple(scaler.filled.values()))
            took_s.append(left_s - period.left_s)
            return recordings

    recordings = best_recordings(take, limits, may_repeat=lambda: max(took_s) < period.left_s)
    is_whole = {one.migration for one in recordings} == {file.name for file in files}
    broke_off = bool(recordings) and recordings[-1].failure is not None
    timed_out = not is_whole and not broke_off
    return ScaledPass(
        scale=scale, recordings=tuple(recordings), fills=fills[0], timed_out=timed_out, rollback_failures=on_rows.stopped
    )


@contextmanager
def clone_in_turn(base: Twin, turns: Turns) -> Iterator[Twin]:
    """Yield a copy of a twin, made and dropped while nothing is timed: both write to the disk."""
    with ExitStack() as stack:
        with turns.shared():
            twin = stack.enter_context(clone_twin(base))
        try:
            yield twin
        finally:
            with turns.shared(even_after_end=True):
                stack.close()


def record_in_turn(
    twin: Twin,
    files: Sequence[MigrationFile],
    scaler: RowScaler,
    period: Period,
    rollbacks: RowRollbacks | None = None,
    *,
    turns: Turns | None = None,
) -> list[Recording]:
    """Apply each file to filled tables, and record its locks, until the period is over.

    turns: shared with the passes beside this one.
    rollbacks: those that are tried right after their migration, and learn which of them rows stop.
    A file that fails on filled tables is applied once more to emptied ones, so that the next file can be applied.
    """
    recordings: list[Recording] = []
    turns = turns or Turns()
    with open_sessions(twin) as sessions:
        for file in files:
            if period.left_s <= 0:
                break
            with turns.shared():
                scaler.top_up()
            with turns.alone():
                recordings.append(record_locks(sessions, file, scale=scaler.scale))
            if recordings[-1].failure:
                with turns.shared():
                    scaler.empty()
                with turns.alone():
                    recordings.append(record_locks(sessions, file, scale=scaler.scale))
                if recordings[-1].failure:
                    break
            elif rollbacks and file.name in rollbacks.files:
                with turns.shared():
                    scaler.top_up()
                with turns.alone():
                    rollbacks.try_one(twin, file.name)
    with turns.shared():
        scaler.top_up()
    return recordings
