"""One attempt at one member of a fleet, as a process of its own: resolve its references, run it, commit what it found.

Started by a worker as `python -m lib.run.fleet_attempt`, which hands the job to its standard input and keeps that open: when the
worker ends, however it ends, the input ends too, and so do the run and all that it started. One line of JSON is the answer.
"""

from __future__ import annotations

import json
import os
import secrets
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from typing import IO, Any

from lib.core.environment import OURS, RUNS_INHERIT, inherited
from lib.core.errors import WorkbookError
from lib.core.paths import ROOT
from lib.core.redact import redact, register_secrets
from lib.core.run_mark import marked, run_mark
from lib.core.secret_references import own_variables
from lib.embedded.leftovers import clean_leftovers, new_lease, remove_folder, write_lease
from lib.embedded.state_folders import own_folder, temp_root
from lib.embedded.strays import adopt_orphans, end_adopted, end_strays
from lib.run.fleet_commit import MANIFEST, commit, describe_run, find_committed
from lib.run.fleet_secrets import resolve
from lib.run.forked_process import ForkedProcess
from lib.transport.storage import open_storage

StartRun = Callable[[Sequence[str], Mapping[str, str], Path], "subprocess.Popen[bytes] | ForkedProcess"]
"""How a run is started: as a program, or by an attempt that was forked with it (`lib.run.fleet_server`)."""
GRACE_S = 20
"""Seconds that a run gets to put back what it changed and to end its parts, once it is asked to stop."""
LOOKS_EVERY_S = 0.2
LONGEST_SAID = 600
"""Characters of what a run that left nothing said at its end."""


def attempts_folder() -> Path:
    """Return the folder that holds every attempt's own, on this machine; its name is short, since others are put below it."""
    return own_folder(temp_root() / f"launch-fleet-{os.geteuid()}")


def main(start: StartRun | None = None) -> int:
    """Do one attempt and answer what came of it. start: how its run is started, where not as a program."""
    job = json.loads(sys.stdin.buffer.readline())
    is_over = threading.Event()
    threading.Thread(target=wait_for_end, args=(sys.stdin.buffer, is_over), daemon=True).start()
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the fleet's to heed: it lets go of us
    signal.signal(signal.SIGTERM, lambda *_: is_over.set())
    try:
        answer = attempt(job, is_over, start or start_run)
    except (WorkbookError, OSError, ValueError) as exc:
        answer = {"problem": redact(str(exc))}
    with suppress(BrokenPipeError):
        sys.stdout.buffer.write(json.dumps(answer).encode() + b"\n")  # for the worker, which reads it
        sys.stdout.buffer.flush()
    return 0


def wait_for_end(stream: IO[bytes], is_over: threading.Event) -> None:
    """Note when the worker has let go of us, or is gone."""
    while stream.read(4096):
        continue
    is_over.set()


def attempt(job: Mapping[str, Any], is_over: threading.Event, start: StartRun) -> dict[str, Any]:
    """Return what counts of this member, or what went wrong; nothing of the attempt is left on this machine."""
    storage, member = open_storage(job["results"]), job["member"]
    counted = find_committed(storage, job["fleet"], member["project"], member["environment"])
    if counted is not None:
        return {"committed": asdict(counted)}
    base = attempts_folder()
    clean_leftovers(base)
    number = secrets.token_hex(4)
    folder = base / number
    folder.mkdir(mode=0o711)
    write_lease(folder, new_lease(os.getpid(), folder / "data"))
    adopt_orphans()
    try:
        with marked(number):
            return carry_out(job, number, folder, is_over, start)
    finally:
        end_adopted()
        end_strays(number, places=[folder])
        remove_folder(folder)


def carry_out(job: Mapping[str, Any], number: str, folder: Path, is_over: threading.Event, start: StartRun) -> dict[str, Any]:
    """Run one member and commit its run. number: the attempt's."""
    member = job["member"]
    values = resolve(member["variables"], optional=member["optional"], values=worker_variables(member))
    register_secrets(values.values())
    rendered, log = folder / "rendered", folder / "log"
    code = run_to_end(member, values, folder=folder, log=log, strict=job["strict"], is_over=is_over, start=start)
    if is_over.is_set():
        return {"problem": "it was stopped"}
    sealed = sorted(rendered.glob(f"*/{member['environment']}/2*/{MANIFEST}"))
    if not sealed:
        return {"problem": last_words(log), "exit_code": code}
    result = describe_run(
        sealed[-1].parent, fleet=job["fleet"], attempt=number, member=member, exit_code=code, is_live=bool(values)
    )
    return {"committed": asdict(commit(open_storage(job["results"]), sealed[-1].parent, result))}


def worker_variables(member: Mapping[str, Any]) -> dict[str, str]:
    """Return the worker's variables that this member's references name: no other's reached this process."""
    return inherited(own_variables(list(member["variables"].values())))


def run_to_end(
    member: Mapping[str, Any],
    values: Mapping[str, str],
    *,
    folder: Path,
    log: Path,
    strict: bool,
    is_over: threading.Event,
    start: StartRun,
) -> int:
    """Start the run and wait for its end, or bring it about when the attempt is over; return its exit code."""
    words = ["run", member["environment"], "--pack", member["pack"], "--rendered", str(folder / "rendered")]
    words += ["--only", ",".join(member["only"])] if member["only"] else []
    own = {**OURS, **run_mark(), "TMPDIR": str(folder), **({"STRICT": "1"} if strict else {})}
    run = start(words, {**inherited(RUNS_INHERIT), **own, **values}, log)
    while run.poll() is None and not is_over.wait(LOOKS_EVERY_S):
        continue
    if run.poll() is None:
        run.terminate()
        with suppress(subprocess.TimeoutExpired):
            run.wait(timeout=GRACE_S)
    if run.poll() is None:
        run.kill()
    code = run.wait()
    assert code is not None
    return code


def start_run(words: Sequence[str], env: Mapping[str, str], log: Path) -> subprocess.Popen[bytes] | ForkedProcess:
    """Start `python -m lib` with these words. log: a file that is not there yet, for what it says."""
    with log.open("xb") as said:
        return subprocess.Popen(
            [*job_command(), *words],
            cwd=ROOT,
            env=dict(env),
            stdin=subprocess.DEVNULL,
            stdout=said,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )


def job_command() -> list[str]:
    """Return how a run is started: by this Python, from this checkout."""
    return [sys.executable, "-m", "lib"]


def last_words(log: Path) -> str:
    """Return the end of what a run said that left no sealed folder, redacted."""
    lines = [line.strip() for line in log.read_text(encoding="utf-8", errors="replace").splitlines() if line.strip()]
    return redact(" ".join(lines[-4:]))[-LONGEST_SAID:] or "it said nothing and left no run"


if __name__ == "__main__":
    sys.exit(main())
