"""The door to dask.distributed: a cluster that is there already, or one of two workers on this machine, as an executor.

A cluster of our own listens on loopback alone, by TLS with a certificate of its own: whoever reaches a scheduler can have it run
anything. It has no dashboard.
"""

from __future__ import annotations

import signal
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Executor
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import dask
from distributed import Client, LocalCluster, Security, get_worker
from distributed.worker import thread_state

from lib.core.errors import WorkbookError
from lib.core.visible import plain_line
from lib.run.fleet_worker import ATTEMPT, do_attempt, running_attempts

LOCAL_WORKERS = 2
"""Runs at once on one machine: each is parallel in itself, and has about half a gigabyte."""
ASK_TIMEOUT_S = 20
"""Seconds that workers get to answer a question; one that is ending never does."""
CONNECT_TIMEOUT_S = 20
"""Seconds that a scheduler gets to answer."""
IDLE_WITHIN_S = 90
"""Seconds that runs get to put back what they changed once they are cancelled."""
LOOKS_EVERY_S = 0.2
SETTINGS: Mapping[str, Any] = {
    "distributed.worker.preload": ["lib.run.cluster"],
    "distributed.worker.memory.terminate": False,
    "distributed.worker.memory.pause": False,
    "distributed.scheduler.work-stealing": True,
    "distributed.scheduler.http.routes": [],
    "distributed.worker.http.routes": [],
    "logging": {"distributed": "critical", "distributed.worker": "critical", "distributed.nanny": "critical"},
}
"""Of our own cluster. What workers lose is told by the fleet, in a line a person can act on."""


@dataclass(frozen=True, kw_only=True)
class Cluster:
    """A cluster that takes tasks. executor: what they are submitted to. client: what it is asked by.

    keep_up: starts workers of our own cluster anew whose nanny was lost with them; a cluster elsewhere has others for that.
    """

    executor: Executor
    client: Any
    keep_up: Callable[[], None]

    @property
    def workers(self) -> int:
        """How many tasks run at once, one at least."""
        return max(1, sum(int(threads) for threads in self.client.nthreads().values()))

    def ask(self, function: Callable[..., Any], *given: Any) -> list[Any]:
        """Return what a function says in each worker that answers."""
        try:
            said = self.client.sync(self.client._run, function, *given, on_error="ignore", callback_timeout=ASK_TIMEOUT_S)
        except (TimeoutError, OSError):  # a worker went while it was asked
            return []
        return list(said.values())

    def wait_until_idle(self) -> bool:
        """Wait until no attempt runs on any worker, IDLE_WITHIN_S at most; return whether that is so."""
        until = time.monotonic() + IDLE_WITHIN_S
        while not (said := self.ask(running_attempts)) or any(said):
            if time.monotonic() > until:
                return False
            time.sleep(LOOKS_EVERY_S)
        return True


@contextmanager
def open_cluster(scheduler: str) -> Iterator[Cluster]:
    """Yield the cluster at an address, or for '' one of our own, which ends with this. Raises WorkbookError without one."""
    if scheduler:
        with open_client(scheduler) as client:
            yield as_cluster(client, keep_up=lambda: None)
        return
    with (
        tempfile.TemporaryDirectory(prefix="launch-fleet-cluster-") as folder,
        dask.config.set(SETTINGS),
        LocalCluster(
            n_workers=LOCAL_WORKERS,
            threads_per_worker=1,
            processes=True,
            host="127.0.0.1",
            protocol="tls://",
            security=Security.temporary(),
            dashboard_address="127.0.0.1:0",
            scheduler_kwargs={"dashboard": False},
            memory_limit=0,
            local_directory=folder,
            silence_logs=50,
        ) as own,
        Client(own, set_as_default=False) as client,
    ):
        yield as_cluster(client, keep_up=lambda: own.scale(LOCAL_WORKERS))


def open_client(scheduler: str) -> Any:
    """Return a client of a scheduler. For tls:// dask's own settings name the certificates."""
    try:
        return Client(scheduler, timeout=CONNECT_TIMEOUT_S, set_as_default=False)
    except (OSError, ValueError, TypeError) as exc:
        said = plain_line(str(exc)).rstrip(".")
        raise WorkbookError(
            f"SCHEDULER={scheduler} did not answer: {said}.", fix="Check its address, and that it runs dask of our version."
        ) from exc


def as_cluster(client: Any, *, keep_up: Callable[[], None]) -> Cluster:
    """Return a client as the fleet sees it. Each submission is a task of its own, however alike two are."""
    return Cluster(executor=client.get_executor(pure=False), client=client, keep_up=keep_up)


def in_worker(job: Mapping[str, Any], module: str = ATTEMPT) -> dict[str, Any]:
    """Do one attempt in a worker, until it ends or its task is cancelled; also when who asked for it is gone.

    module: what the attempt's process is.
    """
    worker, key = get_worker(), thread_state.key

    def is_cancelled() -> bool:
        task = worker.state.tasks.get(key)
        return task is None or task.state == "cancelled"

    return do_attempt(job, is_cancelled, module=module)


def dask_setup(_worker: Any) -> None:
    """Leave Ctrl-C to the fleet, which cancels its tasks: a terminal sends it to each of its processes."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
