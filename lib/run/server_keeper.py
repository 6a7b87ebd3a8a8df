"""The process that keeps one lab's database server: `python -m lib.run.server_keeper <JSON>`, started by `lib.run.shared_server`.

It starts the server, says where it is, and ends it when the lab ends, however that ends. The lock it holds for life makes a
second server of the same kind impossible.
"""

from __future__ import annotations

import fcntl
import json
import shutil
import signal
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from lib.core.errors import WorkbookError
from lib.core.files import write_whole
from lib.core.paths import ROOT
from lib.core.run_mark import marked
from lib.embedded.leftovers import clean_leftovers, process_start
from lib.embedded.postgres.lent import Lent
from lib.embedded.postgres.server import start_postgres
from lib.embedded.state_folders import state_base
from lib.run.shared_server import Kind, Place

LOOK_S = 0.3
"""Seconds between two looks at whether the lab and the server still live."""
TAKE_S = 1.0
"""Seconds after which the lock is another keeper's: who looks whether there is one holds it much shorter."""
HELD, FAILED = 3, 2
"""Exit codes: another keeper has the server; the server could not be started, and `problem.json` says why."""


def main(argv: list[str]) -> int:
    """Keep the server that is described until its lab ends, and return the exit code."""
    kind = Kind.model_validate_json(argv[0])
    place = Place.of(kind)
    with place.lock.open("w") as lock, marked(place.name):
        if not take(lock):
            return HELD
        with ended_by_signal() as ended:
            try:
                keep(kind, place, ended)
            except WorkbookError as exc:
                write_whole(place.problem, json.dumps({"message": exc.message, "fix": exc.fix}))
                return FAILED
            finally:
                place.server.unlink(missing_ok=True)
    shutil.rmtree(place.folder, ignore_errors=True)
    return 0


def take(lock: IO[str]) -> bool:
    """Take the lock for life and return True, or False when another keeper has it. Who only looks has it for a moment."""
    until = time.monotonic() + TAKE_S
    while True:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return True
        except BlockingIOError:
            if time.monotonic() > until:
                return False
            time.sleep(TAKE_S / 20)


def keep(kind: Kind, place: Place, ended: threading.Event) -> None:
    """Start the server, say where it is, and return once it is gone: with the lab, or by itself."""
    base = state_base(ROOT)
    clean_leftovers(base)
    server = start_postgres(
        base / place.name,
        tools=ROOT / ".tools",
        major=kind.major,
        auto_expose_new_tables=kind.auto_expose_new_tables,
        installation=Path(kind.installation) if kind.installation else None,
    )
    with server:
        lent = Lent.of(server)
        lent.write(place.server)
        while process_start(kind.lab_pid) == kind.lab_started and lent.is_alive and not ended.wait(LOOK_S):
            continue


@contextmanager
def ended_by_signal() -> Iterator[threading.Event]:
    """Yield what is set once a signal asks this process to end."""
    ended = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, lambda *_: ended.set())
    yield ended


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
