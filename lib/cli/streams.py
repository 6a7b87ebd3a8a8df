"""What a run says on its way to a reader who may be gone, or to a file on a full disk: neither may cost the run its end."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, TextIO, cast


class Forgiving:
    """A stream that lets go of what its other end does not take; in everything else it is the stream itself."""

    def __init__(self, stream: TextIO) -> None:
        self.stream = stream

    def __getattr__(self, name: str) -> Any:
        return getattr(self.stream, name)

    def write(self, text: str) -> int:
        """Write, or give up on it."""
        try:
            return self.stream.write(text)
        except OSError:
            return len(text)

    def flush(self) -> None:
        """Flush, or give up on it."""
        try:
            self.stream.flush()
        except OSError:
            return


@contextmanager
def forgiving_output() -> Iterator[None]:
    """Make this process's output forgiving for as long as this lasts."""
    before = sys.stdout, sys.stderr
    sys.stdout, sys.stderr = (cast("TextIO", Forgiving(stream)) for stream in before)
    try:
        yield
    finally:
        sys.stdout, sys.stderr = before
        for stream in before:
            give_up(stream)


def give_up(stream: TextIO) -> None:
    """Let go of what a stream still holds and can't write: Python would end with an exit code of its own over it."""
    try:
        stream.flush()
    except OSError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
