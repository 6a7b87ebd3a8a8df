"""One run at a time on one target, and one trial at a time on one database: advisory locks in the database itself.

They are gone with the connection, so a run that is killed leaves nothing to clean up.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from lib.core.errors import TargetError
from lib.transport.database import Database, read_query

LOCK_KEY = 7203514896200117
"""Our own lock number, the same in every run: it stands for the right to change the target."""

TRY_EVERY_S = 0.1
"""Seconds between two tries; short compared with the seconds that a push or a trial takes."""

TRIAL_KEY = 7203514896200118
"""The lock of trials: each adds rows and tries every verb in a transaction of its own, so that two would wait for each other's
rows, one attempt after the other, until a statement timeout ends them."""

TRY_TRIAL_LOCK = f"select pg_catalog.pg_try_advisory_xact_lock({TRIAL_KEY})::text as taken"
"""Takes the lock of trials for the rest of the open transaction; answers whether it did."""

TRIAL_WAIT_S = 120.0
"""Seconds to wait for other trials of one database: they take a few. Then we go on, and a cell may be undetermined."""


def wait_for_trials(begin: Callable[[], bool], *, wait_s: float = TRIAL_WAIT_S) -> bool:
    """Return whether no other trial is under way in the database; False when one still was after `wait_s`.

    begin: begins our transaction, or begins it anew, and returns whether it took the lock: see TRY_TRIAL_LOCK.
    """
    deadline = time.monotonic() + wait_s
    while not begin():
        if time.monotonic() >= deadline:
            return False
        time.sleep(TRY_EVERY_S)
    return True


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
