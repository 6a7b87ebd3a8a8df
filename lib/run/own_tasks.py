"""A project's own launch tasks: folders in `launch/tasks/`, which join the graph, the evidence, the pages and the launch list.

`launch/tasks/<name>/` holds `task.yaml`, the contract, `<name>.ipynb`, the story, and `looks.py` with whatever it imports. The
contract is data, so that the runner knows every check without executing anything of the project's. The notebook is executed
from a copy, in a kernel that is given the targets which the contract names, and no other credential. A task that can't be
understood is an error of its own, and stops nobody else.
"""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from lib.core.errors import ParamsError, TargetError
from lib.core.pack_files import is_folder, list_files, read_file
from lib.core.results import PROJECT, RUN, TWIN, Check
from lib.run.layers import LAUNCH, read_yaml
from lib.run.targets import PARTS
from lib.tasks.base import Task
from lib.tasks.index import TASKS

FOLDER = f"{LAUNCH}/tasks"
CONTRACT = "task.yaml"
VERSION = 1
"""Of the contract and of `lib.notebook.extension`, which a project's looks import."""
NAME = re.compile(r"[a-z][a-z0-9]*(_[a-z0-9]+)*")
CHECK_NAME = r"^[a-z][a-z0-9]*(_[a-z0-9]+)*$"
LONGEST_NAME = 30
LARGEST_TASK = 20_000_000
"""Bytes that a task's folder may have, all files together."""
MOST_FILES = 500
READABLE = "contract_can_be_read"
Value = str | int | float | bool | list[str] | list[int] | list[float]


class OwnCheck(BaseModel):
    """One check of a project's own task, as `lib.core.results.Check` has it; its id is `<task>.<name>`.

    subject: what it speaks about.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    title: str = Field(min_length=5, max_length=160)  # the good state, as a sentence
    gate: bool = True  # whether its failure stops the launch
    subject: Literal[PROJECT, RUN, TWIN, *PARTS] = PROJECT  # type: ignore[valid-type]
    fix: str = Field(min_length=5, max_length=400)  # what to do when it fails
    doc: str = Field(default="", max_length=2000)  # what it looks at, why, and how it can be wrong


class OwnTask(BaseModel):
    """One task of the project's, as its contract says.

    name, folder: of its folder; problem: why it can't be understood, '' when it can. needs: ids of checks that must have passed.
    waits_for: tasks that must have ended. parameters: what its notebook is given.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str
    folder: Path
    problem: str = ""
    title: str
    targets: tuple[str, ...] = ()
    needs: tuple[str, ...] = ()
    waits_for: tuple[str, ...] = ()
    parameters: dict[str, Value] = Field(default_factory=dict)
    checks: dict[str, OwnCheck]

    @property
    def task(self) -> Task:
        """The task as the graph takes it."""
        return Task(
            name=self.name,
            title=self.title,
            notebook=f"{self.name}.ipynb",
            folder=self.folder,
            is_own=True,
            problem=self.problem,
            checks=tuple(
                Check(f"{self.name}.{name}", one.title, gate=one.gate, subject=one.subject, fix=one.fix, doc=one.doc)
                for name, one in self.checks.items()
            ),
            targets=self.targets,
            needs=self.needs,
            waits_for=self.waits_for,
        )


class Contract(BaseModel):
    """What `task.yaml` may say.

    targets: those that it is given, with their credentials.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    version: Literal[1]  # of this form
    title: str = Field(min_length=3, max_length=60)  # what people read
    targets: list[Literal[*PARTS]] = Field(default=[])  # type: ignore[valid-type]
    needs: list[str] = Field(default=[])  # ids of checks that must have passed, else this task is an error
    waits_for: list[str] = Field(default=[])  # tasks that must have ended, however they ended
    parameters: dict[str, Value] = Field(default={})  # what the notebook is given, with its defaults
    checks: dict[str, OwnCheck] = Field(min_length=1)  # name -> the check; its id is `<task>.<name>`


def read_own_tasks(pack: Path, given: Mapping[str, Mapping[str, Value]] | None = None) -> tuple[OwnTask, ...]:
    """Return the project's own tasks, by name; one that can't be understood has a `problem`.

    given: task -> parameter -> value, what an environment says in the place of the contract's own.
    Raises ParamsError for a folder whose name can't be a task's, and for parameters of a task that is not there.
    """
    names = find_names(pack)
    given = given or {}
    problems = [bad_name(name) for name in names if not is_name(name)]
    problems += [
        f"{LAUNCH}/: own_tasks names {name}, and there is no {FOLDER}/{name}. Fix: Correct the name."
        for name in given.keys() - set(names)
    ]
    if problems:
        raise ParamsError(problems)
    read = [read_own_task(pack, name, given.get(name, {})) for name in names]
    ours = {task.name: [check.id for check in task.checks] for task in TASKS}
    own = {one.name: [f"{one.name}.{check}" for check in one.checks] for one in read}
    return tuple(with_problem(one, relation_problem(one, {**ours, **own})) for one in read)


def find_names(pack: Path) -> list[str]:
    """Return the names of the folders in `launch/tasks/`, hidden ones left out."""
    folder = pack / FOLDER
    if not is_folder(folder):
        return []
    try:
        with os.scandir(folder) as entries:
            return sorted(one.name for one in entries if one.is_dir(follow_symlinks=False) and one.name[0] not in "._")
    except OSError as exc:
        raise ParamsError(f"{FOLDER} can't be read: {exc.strerror}. Fix: Correct its permissions.") from exc


def is_name(name: str) -> bool:
    """Return whether a folder's name can be a task's: none of ours, and words of lower-case letters joined by _."""
    return bool(NAME.fullmatch(name)) and len(name) <= LONGEST_NAME and name not in {task.name for task in TASKS}


def bad_name(name: str) -> str:
    """Return the line for a folder that can't be a task."""
    shown = ascii(name)[1:-1][:60]
    return (
        f"{FOLDER}/{shown}: a task's name is lower-case words joined by _, {LONGEST_NAME} characters at most, and none of the "
        "workbook's own. Fix: Rename the folder."
    )


def read_own_task(pack: Path, name: str, given: Mapping[str, Value]) -> OwnTask:
    """Return one task; with a problem when its contract can't be read or its notebook is missing."""
    folder = pack / FOLDER / name
    where = f"{FOLDER}/{name}/{CONTRACT}"
    try:
        _, document = read_yaml(folder / CONTRACT, where, root=pack)
        contract = Contract.model_validate(document)
    except ParamsError as exc:
        return unreadable(name, folder, exc.problems[0])
    except ValidationError as exc:
        first = exc.errors()[0]
        place = ".".join(str(part) for part in first["loc"])
        return unreadable(name, folder, f"{where}: {place or 'the file'}: {first['msg'].lower()}")
    unknown = sorted(given.keys() - contract.parameters.keys())
    bad = next((check for check in contract.checks if not re.fullmatch(CHECK_NAME, check)), None)
    problem = ""
    if unknown:
        problem = f"{where} has no parameter {unknown[0]}, which own_tasks gives"
    elif bad is not None:
        problem = f"{where}: a check's name is lower-case words joined by _; saw {ascii(bad)[:60]}"
    elif not (folder / f"{name}.ipynb").is_file():
        problem = f"{FOLDER}/{name} has no notebook {name}.ipynb"
    if problem:
        return unreadable(name, folder, problem)
    return OwnTask(
        name=name,
        folder=folder,
        title=contract.title,
        targets=tuple(contract.targets),
        needs=tuple(contract.needs),
        waits_for=tuple(contract.waits_for),
        parameters={**contract.parameters, **given},
        checks=contract.checks,
    )


def unreadable(name: str, folder: Path, problem: str) -> OwnTask:
    """Return a task of which only the name is known: its one check is the error that says why."""
    check = OwnCheck(
        title="The task's contract and notebook can be read",
        fix=f"Correct {FOLDER}/{name}: docs/own-tasks.md shows a task.",
        doc="A task of the project's own that can't be understood proves nothing, and must not fall silent.",
    )
    return OwnTask(name=name, folder=folder, problem=problem, title=name.replace("_", " ").capitalize(), checks={READABLE: check})


def with_problem(one: OwnTask, problem: str) -> OwnTask:
    """Return the task, unreadable when there is a problem."""
    return unreadable(one.name, one.folder, problem) if problem and not one.problem else one


def relation_problem(one: OwnTask, known: Mapping[str, Iterable[str]]) -> str:
    """Return what is wrong with what a task needs and waits for, '' when nothing is. known: task -> ids of its checks."""
    where = f"{FOLDER}/{one.name}/{CONTRACT}"
    checks = {check for ids in known.values() for check in ids}
    unknown = [check for check in one.needs if check not in checks or check.startswith(f"{one.name}.")]
    unknown += [task for task in one.waits_for if task not in known or task in (one.name, "readiness_summary")]
    return f"{where}: it needs or waits for {unknown[0]}, which it can't" if unknown else ""


def stage_own_task(one: OwnTask, pack: Path, place: Path) -> OwnTask:
    """Return the task as a copy in a private folder, from which it is executed: nothing is written to the project.

    Raises TargetError for a folder that is too large, or that holds what is no file.
    """
    left = LARGEST_TASK
    for path in list_files(one.folder, root=pack, recursive=True, limit=MOST_FILES):
        if "__pycache__" in path.parts or ".ipynb_checkpoints" in path.parts:
            continue
        content = read_file(path, root=pack, limit_bytes=left)
        left -= len(content)
        target = place / path.relative_to(one.folder)
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(content)
    return one.model_copy(update={"folder": place})


def stage_own_tasks(tasks: Iterable[OwnTask], pack: Path, work: Path, *, judge: Callable[[OwnTask], str]) -> tuple[OwnTask, ...]:
    """Return the tasks as copies; one that can't be copied, or whose notebook is judged wrong, has a problem."""
    staged = []
    for one in tasks:
        place = work / "own" / one.name
        try:
            copy = one if one.problem else stage_own_task(one, pack, place)
            staged.append(copy if copy.problem else with_problem(copy, judge(copy)))
        except (TargetError, OSError) as exc:
            shutil.rmtree(place, ignore_errors=True)
            staged.append(with_problem(one, exc.message if isinstance(exc, TargetError) else str(exc.strerror)))
    return tuple(staged)


def pack_around(folder: Path) -> Path | None:
    """Return the project in whose `launch/tasks/` a folder lies, None when it does not."""
    inside = folder.parent.name == "tasks" and folder.parent.parent.name == LAUNCH
    return folder.parent.parent.parent if inside else None


def settings_of(parameters: Mapping[str, Any]) -> Any:
    """Return a task's parameters as an object: `context.settings.files`."""
    return OwnSettings.model_validate(dict(parameters))


class OwnSettings(BaseModel):
    """The parameters of a project's own task, by name."""

    model_config = ConfigDict(extra="allow", frozen=True)
