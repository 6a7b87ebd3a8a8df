"""Perform tasks once more in a throw-away folder: nothing is published, remembered, or written to the project or to rendered/."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import psutil

from lib.cli.run import Plan, execute_graph, warm_kernels, with_staged_tasks
from lib.cli.streams import forgiving_output
from lib.core.errors import ParamsError
from lib.core.redact import register_secrets
from lib.embedded.strays import adopt_orphans, end_adopted
from lib.evidence.log import EvidenceLine
from lib.run.notebook_parameters import check_parameters
from lib.run.params import Params
from lib.run.project import open_project
from lib.run.run_file import RunFile
from lib.run.signals import handle_signals
from lib.run.stack import RUN_FILE, new_run_id, start_stack
from lib.tasks.base import Task

PREFIX = "launch-readiness-look-"


def look_anew(
    params: Params, tasks: Sequence[Task], *, backups: Iterable[Path] = (), makes_faults: bool = False
) -> dict[str, list[EvidenceLine]]:
    """Return check -> the lines that these tasks give now.

    backups: what earlier runs had kept, which the tasks find as they did then. makes_faults: also make faults on purpose, for a
    result that speaks of them.
    Raises ParamsError when it was stopped.
    """
    if not makes_faults:
        params = replace(params, run=params.run.model_copy(update={"kill_rate_s": 0}))
    with tempfile.TemporaryDirectory(prefix=PREFIX) as folder:
        rendered = Path(folder)
        now = datetime.now(UTC)
        plan = Plan(
            params=params,
            tasks=tuple(tasks),
            parameters=check_parameters(tasks, params),
            rendered=rendered,
            strict=False,
            run_id=new_run_id(now),
            started_at=now,
            inputs={},
        )
        project = open_project(rendered, params.pack)
        for one in backups:
            shutil.copytree(one, rendered / project / params.environment / "kept" / "backups" / one.name, symlinks=True)
        found: dict[str, list[EvidenceLine]] = {}
        for line in perform(plan, project):
            found.setdefault(line.check, []).append(line)
        return found


def perform(plan: Plan, project: str) -> tuple[EvidenceLine, ...]:
    """Execute a plan's tasks on a stack of their own, and return what they found. Raises ParamsError when it was stopped."""
    run_folder = plan.rendered / project / plan.params.environment / plan.run_id
    run_folder.mkdir(parents=True)
    adopt_orphans()
    known = {one.pid for one in psutil.Process().children()}
    try:
        with (
            forgiving_output(),
            handle_signals(),
            warm_kernels(plan) as warm,
            start_stack(
                plan.params,
                run_id=plan.run_id,
                project=project,
                run_folder=run_folder,
                rendered=plan.rendered,
                tasks=tuple(task.name for task in plan.tasks),
                reused=(),
            ) as run,
        ):
            run = without_history(run)
            _, stopped_with = execute_graph(with_staged_tasks(plan, run), run, warm, expected={})
            if stopped_with is not None:
                raise ParamsError("Stopped before all was looked at again: nothing was compared.")
            return run.read_log().lines
    finally:
        end_adopted(known)


def without_history(run: RunFile) -> RunFile:
    """Return the run as one that remembers itself beside its own folder alone, and hand it to its kernels so."""
    register_secrets(run.secrets)
    own = run.model_copy(update={"history_url": None})
    own.write(run.work / RUN_FILE)
    return own
