"""Who may work when passes run beside each other: what is timed has the server to itself, the rest is shared."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import CancelledError
from contextlib import contextmanager


class Turns:
    """Steps of several threads: those that are timed run alone, the others beside each other.

    A migration is applied alone for another reason, too: two at once would change the same roles, which a server has once.
    """

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._shared = 0
        self._waiting = 0
        self._alone = False
        self._ended = False

    def end(self) -> None:
        """Give nobody a turn any more: who asks for one raises CancelledError."""
        with self._changed:
            self._ended = True
            self._changed.notify_all()

    def _wait_until(self, is_free: Callable[[], bool], *, even_after_end: bool = False) -> None:
        self._changed.wait_for(lambda: self._ended or is_free())
        if self._ended and not even_after_end:
            raise CancelledError("what the passes are for has ended")

    @contextmanager
    def shared(self, *, even_after_end: bool = False) -> Iterator[None]:
        """Hold a turn beside others that are shared, once nobody is alone or waits to be. even_after_end: to tidy up."""
        with self._changed:
            self._wait_until(lambda: not self._alone and not self._waiting, even_after_end=even_after_end)
            self._shared += 1
        try:
            yield
        finally:
            with self._changed:
                self._shared -= 1
                self._changed.notify_all()

    @contextmanager
    def alone(self) -> Iterator[None]:
        """Hold the only turn, once every shared one has ended."""
        with self._changed:
            self._waiting += 1
            try:
                self._wait_until(lambda: not self._alone and not self._shared)
                self._alone = True
            finally:
                self._waiting -= 1
                self._changed.notify_all()
        try:
            yield
        finally:
            with self._changed:
                self._alone = False
                self._changed.notify_all()
