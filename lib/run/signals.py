"""How a person or the system asks us to end: Ctrl-C and SIGTERM, heeded once."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType


class Interrupted(BaseException):
    """A person or the system asked the run to end; `exit_code` is 130 or 143."""

    def __init__(self, exit_code: int) -> None:
        self.exit_code = exit_code
        super().__init__(exit_code)


def finish_first() -> None:
    """Heed no more signals: what is left to do takes seconds, and half of it is worse than all of it."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)


@contextmanager
def handle_signals() -> Iterator[None]:
    """Turn Ctrl-C and SIGTERM into Interrupted in the main thread; once only, so that cleaning up is not cut off."""

    def stop(number: int, _frame: FrameType | None) -> None:
        finish_first()
        raise Interrupted(128 + number)

    before = {number: signal.signal(number, stop) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            if signal.getsignal(number) is not signal.SIG_IGN:  # once we finish first, that holds to the process's end
                signal.signal(number, handler)
