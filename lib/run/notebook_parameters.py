"""The notebooks' parameters cells, checked against params by name and type, before anything starts.

papermill itself only warns of a name it does not know, and takes any type.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable
from difflib import get_close_matches
from pathlib import Path
from typing import Any

import nbformat

from lib.core.errors import ParamsError
from lib.core.section import parameter_names
from lib.run.own_tasks import FOLDER, OwnTask
from lib.run.params import Params
from lib.tasks.base import Task
from lib.tasks.index import SECTIONS

TAG = "parameters"


def parameters_of(task: Task, params: Params) -> dict[str, Any]:
    """Return what is injected into the task's notebook: the environment and its section's scalars."""
    given: dict[str, Any] = {"environment": params.environment}
    own = next((one for one in params.own_tasks if one.name == task.name), None)
    if own is not None:
        given.update(own.parameters)
    elif task.name in SECTIONS:
        section = params.sections[task.name]
        given.update({name: getattr(section, name) for name in parameter_names(SECTIONS[task.name])})
    return given


def check_parameters(tasks: Iterable[Task], params: Params) -> dict[str, dict[str, Any]]:
    """Return each task's parameters by name. Raises ParamsError with a line for each that does not fit."""
    given = {task.name: parameters_of(task, params) for task in tasks}
    ours = [task for task in tasks if not task.is_own]
    problems = [line for task in ours for line in misfits(task.path, read_defaults(task.path), given[task.name])]
    if problems:
        raise ParamsError(problems)
    return given


def own_problem(one: OwnTask) -> str:
    """Return what is wrong with the notebook of a project's own task, one line, or ''."""
    path = one.task.path
    try:
        wrong = misfits(path, read_defaults(path), {"environment": "", **one.parameters})
    except ParamsError as exc:
        wrong = list(exc.problems)
    return wrong[0].replace(f"notebooks/{path.name}", f"{FOLDER}/{one.name}/{path.name}") if wrong else ""


def read_defaults(notebook: Path) -> dict[str, Any]:
    """Return the literals of the notebook's parameters cell by name.

    Raises ParamsError when the notebook is missing or has no such cell, or it holds more than literals.
    """
    try:
        cells = nbformat.read(notebook, as_version=4).cells
    except (OSError, ValueError, nbformat.reader.NotJSONError) as exc:
        raise ParamsError(f"notebooks/{notebook.name} can't be read: {exc}. Fix: Restore it from version control.") from exc
    tagged = [cell for cell in cells if TAG in cell.metadata.get("tags", [])]
    if len(tagged) != 1:
        raise ParamsError(f"notebooks/{notebook.name} has {len(tagged)} cells tagged '{TAG}'; it must have one.")
    try:
        lines = ast.parse(tagged[0].source).body
        return {line.targets[0].id: ast.literal_eval(line.value) for line in lines}
    except (SyntaxError, ValueError, AttributeError, IndexError) as exc:
        raise ParamsError(f"notebooks/{notebook.name}: its parameters cell may hold only lines like `name = literal`.") from exc


def misfits(notebook: Path, defaults: dict[str, Any], given: dict[str, Any]) -> list[str]:
    """Return one line for each parameter that the notebook does not know, lacks, or has as another type."""
    where = f"notebooks/{notebook.name}"
    problems = []
    for name in sorted(given.keys() - defaults.keys()):
        near = get_close_matches(name, defaults, n=1)
        hint = f"; did its cell mean '{name}' by '{near[0]}'?" if near else "."
        problems.append(f"{where} has no parameter '{name}', which params give{hint}")
    problems += [f"{where}: params give no value for its parameter '{name}'." for name in sorted(defaults.keys() - given.keys())]
    for name in sorted(defaults.keys() & given.keys()):
        if not same_type(defaults[name], given[name]):
            problems.append(
                f"{where}: parameter '{name}' is {type_word(defaults[name])} there, but params give "
                f"{type_word(given[name])} ({given[name]!r})."
            )
    return problems


def same_type(default: Any, value: Any) -> bool:
    """Return whether a value may stand where the default does; a whole number may stand for a fraction."""
    if isinstance(default, bool) or isinstance(value, bool):
        return isinstance(default, bool) and isinstance(value, bool)
    if isinstance(default, int | float):
        return isinstance(value, int | float)
    return isinstance(value, type(default))


def type_word(value: Any) -> str:
    return type(value).__name__
