"""The door to other programs: start one, bound it, keep what it said.

Credentials go in by `secret_env` or `stdin`, never by argv: `ps` shows argv to everyone.
"""

from __future__ import annotations

import contextlib
import os
import shlex
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from lib.core.environment import PROGRAMS_INHERIT, inherited
from lib.core.errors import CommandError, CommandTimeout
from lib.core.run_mark import run_mark
from lib.core.visible import plain_line, whole_text
from lib.transport.conversation import Kept, KeptLines, Take, converse, end_stragglers, shorten

GRACE_S = 5
"""Seconds between asking a program to end and ending it."""
LONGEST_TRANSCRIPT = 1_000_000
"""Characters kept as evidence of one channel: as much as a person can search through."""


@dataclass(frozen=True, kw_only=True)
class CommandRun:
    """One finished program: its redacted argv in one string, exit code, text and wall time.

    left_out: bytes that it said beyond what is kept of a channel; a line in the text says where.
    """

    command: str
    exit_code: int
    stdout: str
    stderr: str
    duration_s: float
    left_out: int = 0

    @property
    def whole_stdout(self) -> str:
        """All of its standard output, for who reads an answer in it. Raises CommandError when some is left out."""
        if self.left_out:
            raise CommandError(
                f"`{self.command}` said too much to be read: {self.left_out:,} bytes were left out.",
                fix="Run it by hand to see what it says.",
            )
        return self.stdout

    @property
    def transcript(self) -> str:
        """The command and everything it said, redacted and inert, as kept in evidence."""
        said = [whole_text(shorten(text, most=LONGEST_TRANSCRIPT)).rstrip() for text in (self.stdout, self.stderr)]
        parts = [f"$ {self.command}", *said]
        return "\n".join(part for part in parts if part) + f"\n[exit {self.exit_code}, {self.duration_s:.2f} s]\n"


def format_argv(argv: Sequence[str | Path]) -> str:
    """Return argv as one line a person could paste, with credentials redacted and folders cut short."""
    words = [Path(argv[0]).name, *map(str, argv[1:])]
    return plain_line(shlex.join(words))


def path_after(*folders: str | Path) -> str:
    """Return what PATH is for a program that looks into these folders first."""
    return os.pathsep.join([*map(str, folders), os.environ.get("PATH", os.defpath)])


def run_command(
    argv: Sequence[str | Path],
    *,
    timeout_s: float,
    env: Mapping[str, str] | None = None,
    cwd: Path | None = None,
    stdin: str | None = None,
) -> CommandRun:
    """Run one program to its end and return what it said, whatever its exit code.

    env: added to the few variables a program inherits. Of what it says, head and tail are kept.
    Raises CommandError when the program is missing, may not be started, or runs out of time; then it
    and all it started are ended first. What it leaves running when it ends is ended, too.
    """
    started = time.monotonic()
    process = start_program(argv, env=env, cwd=cwd, stdin=subprocess.PIPE if stdin is not None else subprocess.DEVNULL)
    out, err = Kept(), Kept()
    assert process.stdout
    assert process.stderr
    channels = {process.stdout: out.take, process.stderr: err.take}
    attend(process, argv, channels, (stdin or "").encode("utf-8", "replace"), timeout_s=timeout_s)
    return CommandRun(
        command=format_argv(argv),
        exit_code=process.returncode,
        stdout=out.text,
        stderr=err.text,
        duration_s=time.monotonic() - started,
        left_out=out.left_out + err.left_out,
    )


def attend(
    process: subprocess.Popen[bytes],
    argv: Sequence[str | Path],
    channels: Mapping[IO[bytes], Take],
    stdin: bytes = b"",
    *,
    timeout_s: float,
) -> None:
    """Be with a program until it has ended, by itself or by us; nothing of it is left then. Raises as `run_command` does."""
    try:
        converse(process, channels, stdin, timeout_s=timeout_s)
    except subprocess.TimeoutExpired as exc:
        end_group(process)
        raise no_answer(format_argv(argv), timeout_s) from exc
    except BaseException:
        end_group(process)
        raise
    finally:
        end_stragglers(process)
        close_pipes(process)


@dataclass(frozen=True, kw_only=True)
class FollowedRun(CommandRun):
    """One finished program with every line as it came: seconds since its start, and the line.

    What it said on both channels is in `stdout`, in the order it came.
    """

    lines: tuple[tuple[float, str], ...]

    @property
    def timed_transcript(self) -> str:
        """The command and each line with its time, redacted, as kept in evidence."""
        said = [f"{at:8.2f} s  {plain_line(line)}" for at, line in self.lines]
        return "\n".join([f"$ {self.command}", *said, f"[exit {self.exit_code}, {self.duration_s:.2f} s]"]) + "\n"


def follow_command(
    argv: Sequence[str | Path], *, timeout_s: float, env: Mapping[str, str] | None = None, cwd: Path | None = None
) -> FollowedRun:
    """Run one program to its end and return what it said line by line, each with its time.

    Raises CommandError as `run_command` does; whatever ends the wait, the program is ended first.
    """
    started = time.monotonic()
    process = start_program(argv, env=env, cwd=cwd, stderr=subprocess.STDOUT)
    kept = KeptLines(lambda: time.monotonic() - started)
    assert process.stdout
    attend(process, argv, {process.stdout: kept.take}, timeout_s=timeout_s)
    kept.take(b"", final=True)
    return FollowedRun(
        command=format_argv(argv),
        exit_code=process.returncode,
        stdout="\n".join(line for _, line in kept.lines),
        stderr="",
        duration_s=time.monotonic() - started,
        left_out=kept.left_out,
        lines=kept.lines,
    )


def start_program(
    argv: Sequence[str | Path],
    *,
    env: Mapping[str, str] | None,
    cwd: Path | None,
    stdin: int = subprocess.DEVNULL,
    stderr: int = subprocess.PIPE,
) -> subprocess.Popen[bytes]:
    """Return the started program, in a session of its own. Raises CommandError when it can't be started."""
    try:
        return subprocess.Popen(
            [str(word) for word in argv],
            env={**inherited(PROGRAMS_INHERIT), **run_mark(), **(env or {})},
            cwd=cwd,
            stdin=stdin,
            stdout=subprocess.PIPE,
            stderr=stderr,
            bufsize=0,
            start_new_session=True,
        )
    except OSError as exc:
        name = Path(argv[0]).name
        raise CommandError(f"{name} could not be started: {exc.strerror}.", fix="Run `make setup`, or check the path.") from exc


def no_answer(shown: str, timeout_s: float) -> CommandTimeout:
    """Return the sentence for a program that ran out of time."""
    return CommandTimeout(
        f"`{shown}` did not end within {timeout_s:g} s, so it was ended.", fix="Run it by hand to see what it waits for."
    )


def end_group(process: subprocess.Popen[bytes]) -> None:
    """End a program and all it started: first by asking, after GRACE_S by force."""
    for sign in (signal.SIGTERM, signal.SIGKILL):
        try:
            os.killpg(process.pid, sign)
            process.wait(timeout=GRACE_S)
            break
        except ProcessLookupError:
            break
        except subprocess.TimeoutExpired:
            continue


def close_pipes(process: subprocess.Popen[bytes]) -> None:
    """Let go of what an ended program's pipes still hold."""
    for pipe in (process.stdin, process.stdout, process.stderr):
        if pipe is not None:
            with contextlib.suppress(OSError, ValueError):
                pipe.close()
