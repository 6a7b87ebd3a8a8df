"""What a person asked a session for, checked before anything is looked at: each mistake is one sentence."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from difflib import get_close_matches
from typing import Any

from lib.core.errors import ParamsError, WorkbookError
from lib.core.results import Look
from lib.tasks.base import Task

ENVIRONMENT = "environment"


def check_opening(name: object, environment: object, parameters: Mapping[str, Any]) -> tuple[str, str]:
    """Return the task's name and the environment's. Raises ParamsError when one can't be one, or none was said."""
    if environment is None:
        near = get_close_matches(ENVIRONMENT, parameters, n=1)
        hint = f"did you mean {ENVIRONMENT} by {near[0]}?" if near else 'say one, such as environment="local".'
        raise ParamsError(f"open_task was not told the environment; {hint}")
    for what, value in (("the task's name", name), (ENVIRONMENT, environment)):
        if not isinstance(value, str):
            raise ParamsError(f"open_task: {what} must be text; saw {value!r:.80} ({type(value).__name__}).")
    return str(name), str(environment)


def check_look(task: Task, look: object, arguments: Mapping[str, Any]) -> None:
    """Raise WorkbookError when something is no look of this task, or is given what it does not take."""
    module = f"lib.tasks.{task.name}.looks" if not task.is_own else "looks.py"
    if not isinstance(look, Look):
        kind = type(look).__name__
        fix = f"Pass one of {module} by its name, without calling it."
        raise WorkbookError(f"task.look takes a look; it was given {look!r:.60} ({kind}).", fix=fix)
    foreign = [check.id for check in look.checks if check.id not in {one.id for one in task.checks}]
    if foreign:
        raise WorkbookError(
            f"{look.name} looks at {foreign[0]}, which is no check of {task.name}, the task that this notebook opened.",
            fix=f"Pass a look of {module}, or open that task.",
        )
    try:
        inspect.signature(look.function).bind(object(), **arguments)
    except TypeError as exc:
        takes = [name for name in inspect.signature(look.function).parameters][1:]
        fix = f"It takes {', '.join(takes)}." if takes else "It takes nothing besides."
        raise WorkbookError(f"{look.name}: {exc}.", fix=fix) from None
