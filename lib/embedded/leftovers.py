"""What a killed run leaves behind is found and removed by the next one; nothing else is touched.

Each state folder carries `owner.json`, its lease: which process owns it and which server runs in it.
A process is known by its pid *and* its start, since the system gives pids away again.
"""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import signal
import socket
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from itertools import pairwise
from pathlib import Path

import psutil

from lib.embedded.memory import free_memory_of, sweep_memory
from lib.embedded.strays import end_strays

LEASE = "owner.json"

STOP_TIMEOUT_S = 10
"""Seconds a server gets to end by itself; a clean end of a throw-away server takes well under one."""

POLL_S = 0.01
"""Seconds between two looks at a server that is ending."""


@dataclass(frozen=True, kw_only=True)
class Lease:
    """Who owns a state folder, and the server that runs in it (None until it is started)."""

    host: str
    owner_pid: int
    owner_started: str
    data_dir: str
    server_pid: int | None = None
    server_started: str | None = None


def new_lease(owner_pid: int, data_dir: Path) -> Lease:
    """Return the lease of a living owner, before its server is started."""
    return Lease(
        host=socket.gethostname(),
        owner_pid=owner_pid,
        owner_started=process_start(owner_pid) or "unknown",
        data_dir=str(data_dir),
    )


def write_lease(state_dir: Path, lease: Lease) -> None:
    """Replace the folder's lease in one step, so that a reader never sees half of one."""
    beside = state_dir / f"{LEASE}.new"
    with beside.open("w", encoding="utf-8") as file:
        json.dump(asdict(lease), file)
        file.flush()
        os.fsync(file.fileno())
    beside.replace(state_dir / LEASE)


def read_lease(state_dir: Path) -> Lease | None:
    """Return the folder's lease, or None if the folder isn't one of ours."""
    try:
        lease = Lease(**json.loads((state_dir / LEASE).read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError):
        return None
    return lease if Path(lease.data_dir).parent == state_dir else None


def clean_leftovers(base: Path, *, before: Callable[[Path], object] = lambda _: None) -> list[Path]:
    """Remove every state folder under `base` whose owner is dead, after ending its server and all that the run started.

    before: what is done with a folder once nothing runs in it, before it is removed.
    Returns the folders removed. Folders of living owners, of other machines and without a lease stay.
    """
    base, removed = base.resolve(), []
    with only_cleaner(base):
        for state_dir in sorted(path for path in base.iterdir() if path.is_dir() and not path.is_symlink()):
            lease = read_lease(state_dir)
            if lease is not None and is_abandoned(lease):
                stop_server(lease)
                end_strays(state_dir.name, places=[state_dir])
                before(state_dir)
                remove_folder(state_dir)
                removed.append(state_dir)
        sweep_memory()
    return removed


@contextmanager
def only_cleaner(base: Path) -> Iterator[None]:
    """Hold the lock of the folder: a second cleaner waits, then finds nothing left to do."""
    with (base / ".lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def is_abandoned(lease: Lease) -> bool:
    """Return whether the owner has ended. One on another machine can't be judged from here."""
    return lease.host == socket.gethostname() and process_start(lease.owner_pid) != lease.owner_started


def stop_server(lease: Lease) -> None:
    """End the server of a lease and everything it started; returns when no process of it is left."""
    for server in find_servers(lease):
        end_process(server)


def find_servers(lease: Lease) -> list[psutil.Process]:
    """Return the running server of a lease: its recorded pid, or one started but not yet recorded.

    Only a process whose command line names the lease's data folder counts, whatever its pid.
    """
    candidates = [
        process
        for process in psutil.process_iter()
        if lease.server_pid in (None, process.pid) and names_data_dir(process, lease.data_dir)
    ]
    if lease.server_pid is None:
        return candidates
    return [process for process in candidates if process_start(process.pid) == lease.server_started]


def names_data_dir(process: psutil.Process, data_dir: str) -> bool:
    """Return whether the process was started as a server of that data folder."""
    try:
        command = process.cmdline()
    except psutil.Error:
        return False
    return ("-D", data_dir) in pairwise(command)


def end_process(server: psutil.Process) -> None:
    """Ask the server to end at once, then kill what is left of it after STOP_TIMEOUT_S."""
    try:
        family = [server, *server.children(recursive=True)]
        server.send_signal(signal.SIGINT)
    except psutil.NoSuchProcess:
        return
    for process in wait_ended(family):
        with suppress(psutil.NoSuchProcess):
            process.kill()
    wait_ended(family)


def wait_ended(processes: Sequence[psutil.Process]) -> list[psutil.Process]:
    """Wait until the processes have ended, STOP_TIMEOUT_S at most, and return those that have not."""
    deadline = time.monotonic() + STOP_TIMEOUT_S
    alive = [process for process in processes if not has_ended(process)]
    while alive and time.monotonic() < deadline:
        time.sleep(POLL_S)
        alive = [process for process in alive if not has_ended(process)]
    return alive


def has_ended(process: psutil.Process) -> bool:
    """Return whether the process runs no more; a zombie has ended, and in a container it may stay for ever."""
    try:
        return not process.is_running() or bool(process.status() == psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return True


def remove_folder(state_dir: Path) -> None:
    """Remove the folder and what it has in memory; its lease goes last, so that a removal cut short is taken up again."""
    free_memory_of(state_dir)
    for path in state_dir.iterdir():
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path, ignore_errors=True)
        elif path.name != LEASE:
            path.unlink(missing_ok=True)
    shutil.rmtree(state_dir, ignore_errors=True)


def process_start(pid: int) -> str | None:
    """Return what tells this process from any other that had or will have its pid; None if it has ended."""
    try:
        if Path("/proc/self/stat").exists():
            return linux_process_start(pid)
        process = psutil.Process(pid)
        return None if process.status() == psutil.STATUS_ZOMBIE else f"{process.create_time():.6f}"
    except (OSError, psutil.NoSuchProcess):
        return None


def linux_process_start(pid: int) -> str | None:
    """Return boot id and start tick: unlike a time of day, they stand when the clock is set."""
    # Source: proc_pid_stat(5); the name in brackets may itself hold spaces and brackets.
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    state, start_tick = fields[0], fields[19]
    boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    return None if state in "ZX" else f"{boot}/{start_tick}"
