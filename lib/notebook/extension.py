"""What a project's own tasks build on, version 1: `from lib.notebook.extension import ...`, and nothing else of this package.

A task is a folder `launch/tasks/<name>/` of the project: `task.yaml`, `<name>.ipynb` and `looks.py`; docs/own-tasks.md shows one.
Names here are only ever added within a version.
"""

from __future__ import annotations

import lib.notebook.telling  # noqa: F401  # first: it says at once that something is under way

# isort: split

from lib.core.errors import TargetError as TargetError
from lib.core.results import Check as Check
from lib.core.results import Findings as Findings
from lib.core.results import Result as Result
from lib.core.results import look as look
from lib.notebook.session import open_task as open_task
from lib.run.own_tasks import VERSION as VERSION
from lib.tasks.index import every_check
from lib.transport.context import Context as Context

__all__ = ["VERSION", "Check", "Context", "Findings", "Result", "TargetError", "check", "look", "open_task"]


def check(check_id: str) -> Check:
    """Return a check of the project's own task, as task.yaml declares it. Raises KeyError for an unknown one."""
    return every_check()[check_id]
