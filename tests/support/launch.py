"""A whole run in a process of its own, as a person starts one."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import dataclass, replace
from pathlib import Path

from lib.core.paths import ROOT
from lib.evidence.log import read_evidence


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
    return [sys.executable, "-m", "lib", "run", *words, "--rendered", str(rendered)]


def resume_lib(folder: Path) -> Done:
    """Finish a run that was cut off, as `make resume` does."""
    return carry_out([sys.executable, "-m", "lib", "resume", str(folder)], folder)


def newest(rendered: Path, environment: str) -> Path:
    folders = sorted((path for path in rendered.glob(f"*/{environment}/2*") if path.is_dir()), key=lambda path: path.name)
    return folders[-1] if folders else rendered / environment


def run_lib(*words: str, rendered: Path, **variables: str) -> Done:
    done = carry_out(command(*words, rendered=rendered), rendered, **variables)
    return replace(done, folder=newest(rendered, words[0]))


def carry_out(argv: list[str], folder: Path, **variables: str) -> Done:
    done = subprocess.run(argv, cwd=ROOT, env={**os.environ, **variables}, capture_output=True, text=True, timeout=280)
    return Done(exit_code=done.returncode, said=done.stdout + done.stderr, folder=folder)
