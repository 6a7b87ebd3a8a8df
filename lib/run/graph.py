"""Execute the tasks of a run as a graph: in parallel where they allow it, each to a clear end.

A failed notebook stops nobody else; who needs what it did not prove is `error: needs ...`. However a
run ends, every check of every selected task has a line of evidence.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from concurrent.futures import FIRST_COMPLETED, Executor, Future, wait
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from threading import Lock
from typing import Any

from lib.core.breakages import note_breakage
from lib.core.errors import WorkbookError
from lib.core.results import Outcome, SkipReason, count_outcomes
from lib.core.wording import format_not_set
from lib.evidence.log import EvidenceLine
from lib.run.endings import TaskRun, keep_errors, keep_notebook
from lib.run.kernels import Execution, KernelSlot, execute_notebook
from lib.run.progress import Progress
from lib.run.run_file import RunFile
from lib.run.signals import Interrupted
from lib.run.stack import fill_target, fills_with_rows, prepare_target
from lib.run.warm_kernels import WarmKernels
from lib.tasks.base import Task

HARMLESS = (SkipReason.NOT_ALLOWED, SkipReason.NOT_APPLICABLE)
"""Why a check that another task needs may have been skipped without hindering that task."""
ROWS = "rehearsal_rows"
"""Among what is prepared: the rows that a project without a seed has for trials."""
POLL_S = 0.2
"""Seconds between two looks at what the kernels say."""


@dataclass(kw_only=True)
class Graph:
    """The tasks of one run while they are executed; `runs` holds how each ended.

    tasks: in the order in which they are started where more than one may be.
    unkept: lines of evidence that no disk would take. prepares: whether the target is embedded, and is brought to where a
    task starts when the tasks before it are not executed here. kept: tasks whose results are there already.
    warm: what kernels are forked from; without it each is started by itself.
    """

    tasks: tuple[Task, ...]
    run: RunFile
    run_file: Path
    parameters: Mapping[str, Mapping[str, Any]]
    timeout_s: float
    progress: Progress
    missing: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    runs: dict[str, TaskRun] = field(default_factory=dict)
    slots: dict[str, KernelSlot] = field(default_factory=dict)
    started: dict[str, datetime] = field(default_factory=dict)
    unkept: list[EvidenceLine] = field(default_factory=list)
    prepares: bool = False
    kept: frozenset[str] = frozenset()
    warm: WarmKernels | None = None
    preparing: Lock = field(default_factory=Lock)
    prepared: set[str] = field(default_factory=set)
    obstacles: dict[str, str] = field(default_factory=dict)

    def keep(self, names: Iterable[str]) -> None:
        """Take these tasks' results as they are: they were found before the run was cut off."""
        self.kept = frozenset(names)
        lines = self.run.read_log().lines
        for task in self.tasks:
            if task.name in self.kept:
                self.runs[task.name] = TaskRun(task=task, ended="kept")
                self.progress.keep(task, count_outcomes(line.result for line in lines if line.task == task.name))

    @property
    def fills(self) -> bool:
        """Whether the target is embedded, and nothing but the rehearsal rows fills it."""
        return self.prepares and fills_with_rows(self.run)

    def execute(self, executor: Executor, *, jobs: int) -> None:
        """Execute every task to an end; Interrupted ends those that run, marks the rest, and goes on up."""
        running: dict[Future[Execution], Task] = {}
        try:
            while len(self.runs) < len(self.tasks):
                self.start_ready(executor, running, room=jobs - len(running))
                done, _ = wait(running, timeout=POLL_S, return_when=FIRST_COMPLETED)
                self.progress.follow()
                for future in done:
                    self.take(running.pop(future), future)
        except Interrupted:
            self.stop(running)
            raise

    def start_ready(self, executor: Executor, running: dict[Future[Execution], Task], *, room: int) -> None:
        """Start what may start now, and end what never can."""
        busy = {task.name for task in running.values()}
        for task in self.tasks:
            if task.name in self.runs or task.name in busy or not self.may_start(task):
                continue
            if task.name not in self.obstacles:  # what it waits for has ended, so that its answer stays the same
                self.obstacles[task.name] = self.obstacle(task)
            obstacle = self.obstacles[task.name]
            if obstacle:
                self.close(task, TaskRun(task=task, ended="blocked", problem=obstacle))
            elif room > 0:
                room -= 1
                running[self.submit(executor, task)] = task

    def may_start(self, task: Task) -> bool:
        """Return whether every selected task that it waits for has ended."""
        selected = {one.name for one in self.tasks}
        before = {*task.waits_for, *(check.partition(".")[0] for check in task.needs)}
        if task.wants_rows and self.fills:
            before |= {one.name for one in self.tasks if "database" in one.targets and not one.wants_rows}
        return all(name in self.runs for name in before & selected)

    def obstacle(self, task: Task) -> str:
        """Return why the task can't be looked at, or ''."""
        if task.name in self.run.not_applicable:
            return ""
        if task.problem:
            return task.problem
        targets = [target for target in task.targets if target not in self.run.not_applicable]
        absent = [target for target in targets if target in self.missing]
        # With some of its targets there, a task looks at those, and says itself which it can't look at.
        if absent and len(absent) == len(targets):
            return format_not_set([name for target in absent for name in self.missing[target]], self.run.environment)
        selected = {one.name for one in self.tasks}
        found = {line.check: line for line in self.run.read_log().lines}
        for check in task.needs:
            line = found.get(check)
            # What does not apply hinders nobody. What may not be done here is said by each of its looks: a good part of a
            # task can be read all the same.
            is_met = line is not None and (line.result is Outcome.PASS or line.skipped_because in HARMLESS)
            if check.partition(".")[0] in selected and not is_met:
                return f"needs {check}, which did not pass"
        return ""

    def submit(self, executor: Executor, task: Task) -> Future[Execution]:
        """Start the task's notebook."""
        self.slots[task.name] = KernelSlot(mark=f"{self.run.run_id}/{task.name}")
        self.started[task.name] = datetime.now(UTC)
        self.progress.begin(task)
        return executor.submit(self.execute_one, task)

    def execute_one(self, task: Task) -> Execution:
        """Execute one notebook to its end, its target brought to where it starts. In a thread of its own."""
        notebook = self.run.work / f"{task.name}.ipynb"
        try:
            self.prepare_for(task)
        except WorkbookError as exc:
            return Execution(notebook=notebook, ended="broken", problem=exc.message.rstrip("."))
        except OSError as exc:
            said = f"its target could not be prepared: {exc.strerror or exc}"
            return Execution(notebook=notebook, ended="broken", problem=said)
        except Exception as exc:  # one task that could not begin must not take the others' results along
            note_breakage(self.run.work, "runner", exc)
            said = f"its target could not be prepared: {type(exc).__name__} (a bug of ours)"
            return Execution(notebook=notebook, ended="broken", problem=said)
        return execute_notebook(
            task,
            self.parameters.get(task.name, {}),
            run_file=self.run_file_of(task),
            folder=self.run.work,
            timeout_s=self.timeout_s,
            slot=self.slots[task.name],
            warm=self.warm,
        )

    def run_file_of(self, task: Task) -> Path:
        """Return the private file by which a task's kernel knows the run; a project's own task knows what it names."""
        if not task.is_own:
            return self.run_file
        path = self.run.work / f"{self.run_file.stem}-{task.name}.json"
        self.run.given_to(task).write(path)
        return path

    def prepare_for(self, task: Task) -> None:
        """Apply to an embedded target what the task relies on and no task of this run applies.

        Raises CommandError when the pack's own migrations or seed do not apply.
        """
        if not self.prepares or task.name in self.run.not_applicable:
            return
        executed = {one.name for one in self.tasks} - self.kept
        relied_on = {check.partition(".")[0] for check in task.needs} | {*task.prepares_with}
        relied_on |= {*task.waits_for} if task.needs else set()
        with self.preparing:
            lacking = relied_on - executed - self.prepared
            if lacking & {"migrations", "seed"}:
                prepare_target(self.run, seeded="seed" in lacking | self.prepared)
                self.prepared |= lacking
            if task.wants_rows and self.fills and ROWS not in self.prepared:
                fill_target(self.run)
                self.prepared.add(ROWS)

    def take(self, task: Task, future: Future[Execution]) -> None:
        """Take in how a notebook ended. A bug of ours is let through."""
        ended = future.result()
        self.close(
            task,
            TaskRun(
                task=task,
                started_at=self.started[task.name],
                ended_at=datetime.now(UTC),
                ended=ended.ended,
                problem=ended.problem,
                notebook=ended.notebook if ended.notebook.exists() else None,
            ),
        )

    def close(self, task: Task, ended: TaskRun) -> None:
        """Keep how a task ended, with an `error` for each of its checks that has no result."""
        self.runs[task.name] = ended
        reasons = {
            "broken": (f"Not determined: {ended.problem.rstrip('.')}.", "open the notebook's page, fix the cause, run again."),
            "blocked": (f"Not determined: {ended.problem.rstrip('.')}.", "fix that first."),
            "stopped": ("Not determined: the run was stopped before it.", "run again."),
        }
        if ended.ended in reasons:
            reason, fix = reasons[ended.ended]
            self.unkept += keep_errors(self.run, task, reason, fix=fix, whole=ended.ended != "blocked")
        if ended.notebook is not None:
            keep_notebook(self.run.run_folder, task, ended.notebook)
        self.progress.end(task, ended.ended, ended.problem, took_s=ended.took_s)

    def interrupt(self, running: Mapping[Future[Execution], Task]) -> None:
        """Ask the notebooks that may leave something half done to say so, and give them their time."""
        asked = {future: task for future, task in running.items() if task.stop_grace_s}
        for task in asked.values():
            self.slots[task.name].interrupt()
        if asked:
            wait(asked, timeout=max(task.stop_grace_s for task in asked.values()))

    def stop(self, running: Mapping[Future[Execution], Task]) -> None:
        """End every running notebook and mark what was not looked at."""
        self.interrupt(running)
        for task in running.values():
            self.slots[task.name].end("the run was stopped")
        wait(running, timeout=30)
        for task in self.tasks:
            if task.name not in self.runs:
                started = self.started.get(task.name)
                output = self.run.work / f"{task.name}.ipynb"
                self.close(
                    task,
                    TaskRun(
                        task=task,
                        started_at=started,
                        ended_at=datetime.now(UTC) if started else None,
                        notebook=output if output.exists() else None,
                    ),
                )


def selected_tasks(tasks: Iterable[Task], only: Iterable[str]) -> tuple[Task, ...]:
    """Return the tasks named, in order, the summary always among them; all of them when none is named."""
    names = set(only)
    return tuple(task for task in tasks if not names or task.name in names or task.name == "readiness_summary")
