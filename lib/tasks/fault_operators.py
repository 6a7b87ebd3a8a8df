"""Every task's faults, read when a task is first proved: most commands never need them."""

from __future__ import annotations

import importlib
import importlib.util

from lib.tasks.faults import Faults
from lib.tasks.index import WORKING

NONE = Faults()


def faults_of(task: str) -> Faults:
    """Return a task's faults; none of a task that has no such module, such as a project's own."""
    name = f"lib.tasks.{task}.faults"
    if task not in {one.name for one in WORKING} or importlib.util.find_spec(name) is None:
        return NONE
    found: Faults = importlib.import_module(name).FAULTS
    return found
