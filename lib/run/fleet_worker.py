"""What a worker of the cluster does for one member of a fleet: start the attempt's own process, and be with it to its end.

Nothing of a project is read in the worker itself, which serves many: it hands on the job, and of its variables those that the
member names. Standard library alone, since every worker imports it.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any

from lib.core.environment import OURS, RUNS_INHERIT, inherited, with_prefixes
from lib.core.paths import ROOT
from lib.core.secret_references import own_variables
from lib.run.attempt_server import WARM, AttemptServerError, ForkedAttempt

ATTEMPT = "lib.run.fleet_attempt"
LOOKS_EVERY_S = 0.2
GOES_WITHIN_S = 60
"""Seconds that an attempt gets to end its run and to leave nothing, once it is let go."""
STORAGE_VARIABLES = ("AWS_", "AZURE_", "GOOGLE_", "GCS_", "FSSPEC_")
"""How the variables begin that libraries of storage read; an attempt has them to upload with, its run has not.
Source: boto3, adlfs, gcsfs and fsspec.config."""


_running: set[int] = set()
"""Process ids of the attempts that this worker is with."""


def running_attempts() -> int:
    """Return how many attempts this worker is with."""
    return len(_running)


def names_set(names: list[str]) -> list[str]:
    """Return which of these variables this worker has; of their values nothing."""
    return [name for name, value in inherited(frozenset(names)).items() if name in names and value]


def do_attempt(job: Mapping[str, Any], is_cancelled: Callable[[], bool], *, module: str = ATTEMPT) -> dict[str, Any]:
    """Return what came of one attempt. job: plain data, no value of any credential in it. module: what its process is."""
    process = start_attempt(variables_for(job["member"]), module)
    assert process.stdin is not None
    assert process.stdout is not None
    _running.add(process.pid)
    with suppress(BrokenPipeError):
        process.stdin.write(json.dumps(job).encode() + b"\n")
        process.stdin.flush()
    try:
        while process.poll() is None and not is_cancelled():
            time.sleep(LOOKS_EVERY_S)
    finally:
        with suppress(BrokenPipeError):
            process.stdin.close()
        answer = end(process)
        process.stdout.close()
        _running.discard(process.pid)
    try:
        return dict(json.loads(answer))
    except ValueError:
        return {"problem": "its process ended and said nothing"}


def start_attempt(env: dict[str, str], module: str) -> subprocess.Popen[bytes] | ForkedAttempt:
    """Start an attempt's process: forked from this worker's warm server, or by itself where there is none."""
    if module == ATTEMPT:
        with suppress(AttemptServerError):
            return WARM.fork(env)
    return subprocess.Popen(
        [sys.executable, "-m", module],
        cwd=ROOT,
        env=env,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )


def end(process: subprocess.Popen[bytes] | ForkedAttempt) -> bytes:
    """Wait for an attempt that was let go, kill one that does not end, and return what it answered."""
    assert process.stdout is not None
    try:
        process.wait(timeout=GOES_WITHIN_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
    return process.stdout.read()


def variables_for(member: Mapping[str, Any]) -> dict[str, str]:
    """Return the variables of an attempt's process: what programs need, the storage's, and those that the member names."""
    named = own_variables(list(member["variables"].values()))
    return {**inherited(RUNS_INHERIT | named), **with_prefixes(STORAGE_VARIABLES), **OURS}
