"""The mark by which every process that a run starts is known, however deep its family goes and whoever its parent is now.

It is a variable that programs hand on by themselves. Standard library only.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

VARIABLE = "LAUNCH_RUN"
"""Names the run that a process belongs to, and the task; a run within a run has both names."""


def run_mark(environment: Mapping[str, str] = os.environ) -> dict[str, str]:
    """Return the variable that a program is to be started with, so that it is known as this process's run's; {} outside one."""
    return {VARIABLE: environment[VARIABLE]} if VARIABLE in environment else {}


def mark_with(name: str, environment: Mapping[str, str] = os.environ) -> dict[str, str]:
    """Return the variable of processes that this one starts for a part of its run. name: `<run>/<task>`."""
    return {VARIABLE: f"{environment.get(VARIABLE, '')} {name}".strip()}


def has_mark(environment: Mapping[str, str], mark: str) -> bool:
    """Return whether a process with these variables belongs to a run, or to a task of it. mark: `<run>` or `<run>/<task>`."""
    return mark in environment.get(VARIABLE, "").split()


@contextmanager
def marked(run_id: str) -> Iterator[None]:
    """Mark this process, and so all that it starts, as a run's for as long as this lasts."""
    before = os.environ.get(VARIABLE)
    os.environ[VARIABLE] = f"{before} {run_id}" if before else run_id
    try:
        yield
    finally:
        if before is None:
            os.environ.pop(VARIABLE, None)
        else:
            os.environ[VARIABLE] = before


def unmark() -> None:
    """Let what this process starts from here on carry no mark of a run before."""
    os.environ.pop(VARIABLE, None)
