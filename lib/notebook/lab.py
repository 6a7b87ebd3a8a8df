"""Outside a run: the stack that one notebook starts for itself, in JupyterLab or under nbval."""

from __future__ import annotations

import atexit
import shutil
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path

from lib.core.errors import ParamsError
from lib.core.paths import ROOT
from lib.run.params import load_params
from lib.run.project import spell_name
from lib.run.run_file import RunFile
from lib.run.stack import clean_up_leftovers, new_run_id, prepare_target, start_stack
from lib.tasks.base import Task
from lib.tasks.index import all_tasks, task_named

EXPLORED = ROOT / ".run" / "explored"
"""Where notebooks run by hand keep what they found; not part of any run's evidence."""


def start_lab(name: str, environment: str, *, pack: Path | None = None) -> RunFile:
    """Return the run file of a stack that lives as long as this kernel, ready for the task of this name.

    An embedded target is brought to where the task starts: what it needs is applied first.
    pack: the project in which the notebook lies, when it is one of a project's own.
    """
    params = load_params(environment, pack=str(pack) if pack else None)
    task = find_task(name)
    clean_up_leftovers()
    folder = EXPLORED / environment / task.name
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    standing = ExitStack()
    atexit.register(standing.close)
    run = standing.enter_context(
        start_stack(
            params,
            run_id=new_run_id(datetime.now(UTC)),
            project=spell_name(params.name or params.pack.name),
            run_folder=folder,
            rendered=EXPLORED,
            tasks=(task.name,),
        )
    )
    if params.rehearsal and (task.needs or task.prepares_with):
        prepare_target(run, seeded="seed" in task.waits_for)
    return run


def find_task(name: str) -> Task:
    """Return the task of this name. Raises ParamsError when there is none."""
    try:
        return task_named(name)
    except KeyError:
        known = ", ".join(task.name for task in all_tasks())
        raise ParamsError(f"There is no task {name} here. Fix: Open one of {known}.") from None
