"""What a migration's locks and waits come to beside their controls, and when its rehearsal is repeated. Pure."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from lib.core.busyness import MOST_LOOKS, Standing, weigh, weigh_timeout, worst_of
from lib.tasks.migrations.recordings import Lock, Recording, Wait

EXCLUSIVE = "AccessExclusive"
"""The only lock mode that blocks readers too."""

TIMED_OUT = {"40P01": "a deadlock", "55P03": "a lock timeout"}
"""SQLSTATEs of a file that failed because of concurrent work."""

LOCK_TIMEOUT, LOCK_TIMEOUT_S = "55P03", 1.0
"""A file's own lock_timeout is not known here; those of migrations are a second or more."""


@dataclass(frozen=True, kw_only=True)
class TimeLimits:
    """The longest exclusive lock on a table with rows, and the longest wait, in milliseconds."""

    exclusive_ms: float
    blocked_ms: float


def exclusive_locks(recording: Recording) -> list[Lock]:
    """Return the exclusive locks on tables that existed before the file and held rows."""
    return [lock for lock in recording.locks if lock.mode == EXCLUSIVE and lock.rows and not lock.is_new]


def weigh_lock(lock: Lock, limit_ms: float) -> Standing:
    """Return where a lock's time stands beside its control."""
    return weigh(lock.held_ms / 1000, limit_ms / 1000, lock.control)


def weigh_wait(wait: Wait, limit_ms: float) -> Standing:
    """Return where a wait stands beside its control."""
    return weigh(wait.waited_ms / 1000, limit_ms / 1000, wait.control)


def weigh_failure(recording: Recording) -> Standing:
    """Return whether a lock timeout of the file counts: beside a control that was held up it says nothing of the file."""
    if recording.failure is None or recording.failure.sqlstate != LOCK_TIMEOUT:
        return Standing.WITHIN
    return weigh_timeout(LOCK_TIMEOUT_S, recording.control)


def weigh_recording(recording: Recording, limits: TimeLimits) -> Standing:
    """Return where one file stands: its locks, the waits for it, and its own lock timeout."""
    locks = [weigh_lock(lock, limits.exclusive_ms) for lock in exclusive_locks(recording)]
    waits = [weigh_wait(wait, limits.blocked_ms) for wait in recording.waits]
    return worst_of([*locks, *waits, weigh_failure(recording)])


def worst_part(recording: Recording, limits: TimeLimits) -> float:
    """Return the largest part of a limit that the file used."""
    locks = [lock.held_ms / limits.exclusive_ms for lock in exclusive_locks(recording)]
    return max([*locks, *(wait.waited_ms / limits.blocked_ms for wait in recording.waits)], default=0.0)


def best_recordings(
    take: Callable[[], Sequence[Recording]], limits: TimeLimits, *, may_repeat: Callable[[], bool] = lambda: True
) -> list[Recording]:
    """Record until every file is clear, MOST_LOOKS times at most, and return the best recording of each file.

    may_repeat: asked before each further pass.
    A later pass that took another course, because a file failed in one of them, is not mixed with the first.
    """
    passes = [list(take())]
    while is_unclear(passes[-1], limits) and len(passes) < MOST_LOOKS and may_repeat():
        again = list(take())
        if names(again) != names(passes[0]):
            break
        passes.append(again)
    return [min(tried, key=lambda one: rank(one, limits)) for tried in zip(*passes, strict=True)]


def is_unclear(recordings: Sequence[Recording], limits: TimeLimits) -> bool:
    """Return whether a pass decides nothing: no file is beyond its limits, and one may be."""
    return worst_of([weigh_recording(one, limits) for one in recordings]) is Standing.UNCLEAR


def rank(recording: Recording, limits: TimeLimits) -> tuple[bool, bool, float]:
    """Return how good a recording is, the best first: one that is clear, one without a failure, the smallest figure."""
    unclear = weigh_recording(recording, limits) is Standing.UNCLEAR
    return unclear, recording.failure is not None, worst_part(recording, limits)


def names(recordings: Sequence[Recording]) -> list[str]:
    return [one.migration for one in recordings]
