"""The database server that benchmarks share, and what it and we have used of the processors."""

from __future__ import annotations

import os
import secrets
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import psutil

from lib.core.paths import ROOT
from lib.embedded.leftovers import clean_leftovers
from lib.embedded.postgres.server import EmbeddedPostgres, start_postgres
from lib.embedded.state_folders import state_base

SETTLE_S = 0.3
"""Seconds after which a session that was closed has ended on the server, which only then counts what it used."""


@contextmanager
def open_server() -> Iterator[EmbeddedPostgres]:
    """Yield a server of the default version, removed at the end."""
    base = state_base(ROOT)
    clean_leftovers(base)
    with start_postgres(base / f"bench-{secrets.token_hex(4)}", tools=ROOT / ".tools") as server:
        yield server


def cpu_of_us() -> float:
    """Return the processor seconds that we and what we ran to its end have used so far."""
    own = os.times()
    return own.user + own.system + own.children_user + own.children_system


def cpu_with(server: EmbeddedPostgres) -> float:
    """Return the processor seconds that we, what we ran, and the server have used so far."""
    time.sleep(SETTLE_S)
    with suppress(psutil.NoSuchProcess):
        postmaster = psutil.Process(server.pid)
        backends = 0.0
        for backend in postmaster.children(recursive=True):
            with suppress(psutil.NoSuchProcess):
                backends += sum(backend.cpu_times()[:2])
        used = postmaster.cpu_times()
        return cpu_of_us() + used.user + used.system + used.children_user + used.children_system + backends
    return cpu_of_us()
