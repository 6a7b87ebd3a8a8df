"""A whole run in a process of its own: forked where a test is about what it finds, else started as a person starts one."""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass, replace
from pathlib import Path

from lib.evidence.log import read_evidence
from tests.support.forked_commands import run_command, start_command


@dataclass(frozen=True, kw_only=True)
class Done:
    """One finished command: its exit code, what it said, and the newest run's folder."""

    exit_code: int
    said: str
    folder: Path

    @property
    def results(self) -> dict[str, str]:
        return {line.check: line.result.value for line in read_evidence(self.folder)}


@dataclass(frozen=True, kw_only=True)
class Whole(Done):
    """One whole run, and the folder in which it kept its servers: another worker's, where that made it."""

    states: Path


def command(*words: str, rendered: Path) -> list[str]:
    """Return how a person starts a run."""
    return [sys.executable, "-m", "lib", *words_of_run(*words, rendered=rendered)]


def words_of_run(*words: str, rendered: Path) -> list[str]:
    return ["run", *words, "--rendered", str(rendered)]


def resume_lib(folder: Path) -> Done:
    """Finish a run that was cut off, as `make resume` does."""
    return carry_out(["resume", str(folder)], folder)


def newest(rendered: Path, environment: str) -> Path:
    folders = sorted((path for path in rendered.glob(f"*/{environment}/2*") if path.is_dir()), key=lambda path: path.name)
    return folders[-1] if folders else rendered / environment


def run_lib(*words: str, rendered: Path, **variables: str) -> Done:
    """Return a finished run, which was forked."""
    done = carry_out(words_of_run(*words, rendered=rendered), rendered, **variables)
    return replace(done, folder=newest(rendered, words[0]))


def start_lib(*words: str, rendered: Path) -> Done:
    """Return a finished run, which was started."""
    done = start_command(*words_of_run(*words, rendered=rendered))
    return Done(exit_code=done.returncode, said=done.stdout + done.stderr, folder=newest(rendered, words[0]))


def carry_out(words: list[str], folder: Path, **variables: str) -> Done:
    """Return a finished command about a folder, which was forked."""
    done = run_command(*words, env={**os.environ, **variables})
    return Done(exit_code=done.returncode, said=done.stdout + done.stderr, folder=folder)
