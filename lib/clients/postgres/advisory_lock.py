"""One run at a time on one target: an advisory lock in the target itself, held by our connection.

It is gone with the connection, so a run that is killed leaves nothing to clean up.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager

from lib.core.errors import TargetError
from lib.transport.database import Database, read_query

LOCK_KEY = 7203514896200117
"""Our own lock number, the same in every run: it stands for the right to change the target."""

TRY_EVERY_S = 0.1
"""Seconds between two tries; short compared with the seconds a push takes."""


@contextmanager
def hold_run_lock(target: Database, *, wait_s: float) -> Iterator[float]:
    """Hold the right to change this target while inside; yields the seconds waited for it.

    Raises TargetError naming the holder when the lock is not free within wait_s.
    """
    started = time.monotonic()
    with target.connect(autocommit=True) as connection:
        while True:
            taken = connection.execute("select pg_try_advisory_lock(%s) as taken", [LOCK_KEY]).fetchone()
            waited = time.monotonic() - started
            if taken and taken["taken"]:
                break
            if waited >= wait_s:
                raise lock_error(target, wait_s)
            time.sleep(min(TRY_EVERY_S, max(wait_s - waited, 0.01)))
        try:
            yield waited
        finally:
            # Closing would release it too; but a pooled connection would keep the lock.
            if not connection.closed:
                connection.execute("select pg_advisory_unlock(%s)", [LOCK_KEY])


def lock_error(target: Database, wait_s: float) -> TargetError:
    """Return the error for a target that another run is changing."""
    holders = target.rows(read_query(__package__, "lock_holder"), high=LOCK_KEY >> 32, low=LOCK_KEY & 0xFFFFFFFF)
    who = ", ".join(
        f"server process {row['pid']} ({row['application']}, since {row['since']:%Y-%m-%d %H:%M:%S} UTC)" for row in holders
    )
    return TargetError(
        f"Another run is changing {target.display_name}: the lock is held by {who or 'a session that has just ended'} "
        f"and was not free within {wait_s:g} s.",
        fix="Wait until that run has ended, then run again.",
    )
