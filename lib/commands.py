"""The door to other programs: start one, bound it, keep what it said.

Credentials go in by `secret_env` or `stdin`, never by argv: `ps` shows argv to everyone.
"""

from __future__ import annotations

import os
import shlex
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from lib.errors import CommandError
from lib.redact import strike

KEPT_ENVIRONMENT = ("PATH", "HOME", "LANG", "LC_ALL", "TMPDIR", "TERM", "SSL_CERT_FILE", "SSL_CERT_DIR", "NODE_EXTRA_CA_CERTS")
"""What a program inherits; everything else must be handed to it by name, so no credential leaks in."""

GRACE_S = 5
"""Seconds between asking a program to end and ending it."""


@dataclass(frozen=True, kw_only=True)
class CommandRun:
    """One finished program: its redacted argv in one string, exit code, text and wall time."""

    command: str
    exit_code: int
    stdout: str
    stderr: str
    duration_s: float

    @property
    def transcript(self) -> str:
        """The command and everything it said, redacted, as kept in evidence."""
        parts = [f"$ {self.command}", strike(self.stdout).rstrip(), strike(self.stderr).rstrip()]
        return "\n".join(part for part in parts if part) + f"\n[exit {self.exit_code}, {self.duration_s:.2f} s]\n"


def show_argv(argv: Sequence[str | Path]) -> str:
    """Return argv as one line a person could paste, with credentials struck out and folders cut short."""
    words = [Path(argv[0]).name, *map(str, argv[1:])]
    return strike(shlex.join(words))


def run_command(
    argv: Sequence[str | Path],
    *,
    timeout_s: float,
    env: Mapping[str, str] | None = None,
    cwd: Path | None = None,
    stdin: str | None = None,
) -> CommandRun:
    """Run one program to its end and return what it said, whatever its exit code.

    env: added to the few variables a program inherits.
    Raises CommandError when the program is missing, may not be started, or runs out of time; then it
    and all it started are ended first.
    """
    shown = show_argv(argv)
    started = time.monotonic()
    inherited = {name: os.environ[name] for name in KEPT_ENVIRONMENT if name in os.environ}
    try:
        process = subprocess.Popen(
            [str(word) for word in argv],
            env={**inherited, **(env or {})},
            cwd=cwd,
            stdin=subprocess.PIPE if stdin is not None else subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            encoding="utf-8",
            errors="replace",
            start_new_session=True,
        )
    except OSError as exc:
        name = Path(argv[0]).name
        raise CommandError(f"{name} could not be started: {exc.strerror}. Next: run `make setup`, or check the path.") from exc
    try:
        stdout, stderr = process.communicate(stdin, timeout=timeout_s)
    except subprocess.TimeoutExpired as exc:
        end_group(process)
        raise CommandError(
            f"`{shown}` gave no answer within {timeout_s:g} s and was ended. Next: see whether the target is busy or locked."
        ) from exc
    except BaseException:
        end_group(process)
        raise
    return CommandRun(
        command=shown,
        exit_code=process.returncode,
        stdout=stdout,
        stderr=stderr,
        duration_s=time.monotonic() - started,
    )


def end_group(process: subprocess.Popen[str]) -> None:
    """End a program and all it started: first by asking, after GRACE_S by force."""
    for sign in (signal.SIGTERM, signal.SIGKILL):
        try:
            os.killpg(process.pid, sign)
            process.communicate(timeout=GRACE_S)
            return
        except ProcessLookupError:
            return
        except subprocess.TimeoutExpired:
            continue
