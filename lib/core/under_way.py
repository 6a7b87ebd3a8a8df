"""How far something long has come. Whoever does it says so here, and whoever shows it listens; without a listener nobody does."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from lib.core.wording import format_duration

Tell = Callable[[str], object]
"""Shows one line: what is done, how much of it, how long it still takes."""

EVERY_S = 1.0
"""Seconds between two lines."""

_listener: ContextVar[Tell | None] = ContextVar("listener", default=None)


@contextmanager
def listening(tell: Tell) -> Iterator[None]:
    """Hear of everything long that is done in this block."""
    token = _listener.set(tell)
    try:
        yield
    finally:
        _listener.reset(token)


@contextmanager
def under_way(what: str, total: float) -> Iterator[Callable[[float], None]]:
    """Yield what takes note that so much more of the total is done.

    what: a few words, such as `reading rows`. total: in any unit that grows evenly with the time it takes, such as bytes.
    """
    tell, began, done, told = _listener.get(), time.monotonic(), 0.0, time.monotonic()

    def add(more: float) -> None:
        nonlocal done, told
        done += more
        now = time.monotonic()
        if tell is not None and now - told >= EVERY_S:
            told = now
            tell(describe_share(what, done / total if total else 1.0, now - began))

    yield add


def describe_share(what: str, share: float, elapsed_s: float) -> str:
    """Return how far it is: its share, and by how long that took the time that is left."""
    share = min(max(share, 0.0), 1.0)
    left = f", about {format_duration(elapsed_s / share * (1 - share))} left" if share else ""
    return f"{what}, {share:.0%}{left}"
