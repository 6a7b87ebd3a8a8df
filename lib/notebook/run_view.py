"""What a notebook sees of the whole run that it is part of; outside a run, of the environment's newest finished one."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from lib.core.paths import ROOT
from lib.evidence import log as evidence
from lib.evidence.log import EvidenceLine
from lib.run import params
from lib.run.project import find_project
from lib.run.run_file import RunFile
from lib.tasks.base import Task
from lib.tasks.index import all_tasks


class RunView:
    """The run of one task, seen from its notebook."""

    def __init__(self, task: Task, run: RunFile) -> None:
        self.task = task
        self.run = run

    def run_tasks(self) -> tuple[Task, ...]:
        """Return the tasks of this run but the summary itself; outside a run, all there are."""
        selected = self.run.tasks if params.run_file() else tuple(task.name for task in all_tasks())
        return tuple(task for task in all_tasks() if task.name in selected and task != self.task)

    @property
    def is_whole(self) -> bool:
        """Whether every task is part of this run."""
        return len(self.run_tasks()) == len(all_tasks()) - 1

    def expected_checks(self) -> dict[str, list[str]]:
        """Return the ids of every check that this run's tasks declare, by task."""
        return {task.name: [check.id for check in task.checks] for task in self.run_tasks()}

    def changes(self, lines: Sequence[EvidenceLine]) -> list[dict[str, Any]]:
        """Return the checks whose result differs from the environment's last finished run before this one."""
        from lib.evidence.history import changes_since, last_run, open_history  # SQLAlchemy: the summary alone needs it

        past = last_run(open_history(self.run.rendered, self.run.history_url), self.run.project, self.run.environment)
        return changes_since(past, lines)

    @property
    def run_folder(self) -> Path:
        """The folder of the whole run; outside a run, that of the environment's newest finished one."""
        if params.run_file():
            return self.run.run_folder
        rendered = ROOT / "rendered"
        return rendered / find_project(rendered, self.run.pack) / self.run.environment / "latest"

    def run_lines(self) -> list[EvidenceLine]:
        """Return the evidence of the whole run; outside a run, that of the environment's newest finished one."""
        return list(self.run.read_log().lines) if params.run_file() else evidence.read_evidence(self.run_folder)
