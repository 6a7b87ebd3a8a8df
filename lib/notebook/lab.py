"""Outside a run: the stack that one notebook starts for itself, in JupyterLab or under nbval."""

from __future__ import annotations

import atexit
import shutil
from contextlib import ExitStack
from datetime import UTC, datetime

from lib.core.paths import ROOT
from lib.run.params import load_params
from lib.run.project import spell_name
from lib.run.run_file import RunFile
from lib.run.stack import clean_up_leftovers, new_run_id, prepare_target, start_stack
from lib.tasks.base import Task

EXPLORED = ROOT / ".run" / "explored"
"""Where notebooks run by hand keep what they found; not part of any run's evidence."""


def start_lab(task: Task, environment: str) -> RunFile:
    """Return the run file of a stack that lives as long as this kernel, ready for the task.

    An embedded target is brought to where the task starts: what it needs is applied first.
    """
    params = load_params(environment)
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
