"""One run on a storage that fails: `python -m tests.resilience.faulty_run <n> <kind> <root> <counter> <run's words>`.

Every call by which this process or a kernel of it changes something below the root is counted; the n-th fails.
n = 0: none fails, the calls are only counted.
"""

from __future__ import annotations

import builtins
import errno
import fcntl
import io
import os
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

KINDS = {"full": errno.ENOSPC, "fails": errno.EIO, "read-only": errno.EROFS, "short": 0}
"""full and read-only last from the n-th call on; a failing one is one call; a short write takes one byte of many."""
LASTING = {"full", "read-only"}
UNTOUCHED: dict[str, Callable[..., Any]] = {"mkdir": os.mkdir, "open": os.open, "write": os.write}
"""For what the experiment itself writes: it is no part of the run."""
CREATING = os.O_CREAT | os.O_WRONLY | os.O_RDWR


class Fault:
    """The count of calls over all processes of a run, and what happens at the n-th."""

    def __init__(self, at: int, kind: str, root: str, counter: str) -> None:
        self.at, self.kind, self.root, self.counter = at, kind, os.path.realpath(root), counter
        self.open, self.write = os.open, os.write
        self.log = os.open(counter, os.O_RDWR | os.O_CREAT)

    def is_below(self, where: Any) -> bool:
        """Return whether a path, or what a descriptor is open on, is below the root."""
        try:
            path = os.path.realpath(f"/proc/self/fd/{where}" if isinstance(where, int) else os.fspath(where))
        except (OSError, TypeError):
            return False
        return isinstance(path, str) and (path == self.root or path.startswith(self.root + "/"))

    def is_due(self, where: Any) -> bool:
        """Count a call; return whether it is one that fails."""
        if not self.is_below(where):
            return False
        fcntl.lockf(self.log, fcntl.LOCK_EX)
        try:
            count = int(os.pread(self.log, 20, 0) or b"0") + 1
            os.pwrite(self.log, str(count).encode(), 0)
        finally:
            fcntl.lockf(self.log, fcntl.LOCK_UN)
        return bool(self.at) and (count == self.at or (count > self.at and self.kind in LASTING))

    def strike(self, where: Any) -> None:
        """Raise the error of a call that fails; a short write is no error."""
        if self.is_due(where) and self.kind != "short":
            raise OSError(KINDS[self.kind], os.strerror(KINDS[self.kind]))

    def install(self) -> None:
        """Put the fault into every way by which Python changes files."""
        for name in ("replace", "rename", "link", "symlink", "mkdir", "unlink", "fsync", "ftruncate"):
            setattr(os, name, self.wrapped(getattr(os, name), place=1 if name in ("link", "symlink") else 0))
        real_open, real_write, real_io = os.open, os.write, io.open

        def faulty_open(path: Any, flags: int, *more: Any, **named: Any) -> int:
            if flags & CREATING:
                self.strike(path)
            return real_open(path, flags, *more, **named)

        def faulty_write(descriptor: int, data: Any) -> int:
            if self.is_due(descriptor):
                if self.kind == "short":
                    return real_write(descriptor, bytes(data)[:1])
                raise OSError(KINDS[self.kind], os.strerror(KINDS[self.kind]))
            return real_write(descriptor, data)

        def faulty_io(file: Any, mode: str = "r", *more: Any, **named: Any) -> Any:
            if set(mode) & set("wax+"):
                self.strike(file)
            return real_io(file, mode, *more, **named)

        os.open, os.write = faulty_open, faulty_write
        io.open = builtins.open = faulty_io  # type: ignore[assignment]
        self.into_sqlite()

    def wrapped(self, real: Callable[..., Any], *, place: int) -> Callable[..., Any]:
        """Return a call of the system that fails when its time comes. place: of the argument that it changes."""

        def faulty(*given: Any, **named: Any) -> Any:
            self.strike(given[place])
            return real(*given, **named)

        return faulty

    def into_sqlite(self) -> None:
        """Let a connection to a database below the root fail, too: SQLite writes by itself."""
        import sqlite3.dbapi2 as driver

        real = driver.connect

        def faulty(path: Any, *more: Any, **named: Any) -> Any:
            if self.is_due(path) and self.kind != "short":
                raise driver.OperationalError("database or disk is full" if self.kind == "full" else "disk I/O error")
            return real(path, *more, **named)

        driver.connect = faulty


def into_kernels(words: list[str]) -> None:
    """Let every kernel of the run begin with the same fault."""
    from lib.run import graph

    real = graph.execute_notebook
    line = f"from tests.resilience.faulty_run import Fault; Fault({int(words[0])}, *{words[1:]!r}).install()\n"

    def begin(task: Any, parameters: Any, **named: Any) -> Any:
        place = Path(named["folder"])
        for part in ("ipython", "profile_default", "startup"):
            place /= part
            with suppress(FileExistsError):  # another task's thread may be as far
                UNTOUCHED["mkdir"](place)
        descriptor = UNTOUCHED["open"](place / "00-fault.py", os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
        UNTOUCHED["write"](descriptor, line.encode())
        os.close(descriptor)
        return real(task, parameters, **named)

    graph.execute_notebook = begin


def main() -> None:
    """Install the fault and do what `python -m lib` does."""
    words, rest = sys.argv[1:5], sys.argv[5:]
    into_kernels(words)
    Fault(int(words[0]), *words[1:]).install()
    sys.argv = ["lib", *rest]
    from lib.__main__ import main as run

    sys.exit(run(rest))


if __name__ == "__main__":
    main()
