"""What a notebook holds: open a task, look, show, and require that it is ready.

The same in a run, in JupyterLab and under nbval. Inside a run the runner's private file says what to
touch; outside one, `open_task` starts an embedded stack of its own, which ends with the kernel.
"""

from __future__ import annotations

from lib.notebook.telling import Tell, telling  # first: it says at once that something is under way

# isort: split

import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from lib.core.breakages import read_breakages
from lib.core.environment import clean_in_place
from lib.core.errors import NotReadyError, ParamsError
from lib.core.offered import complete_only, no_such_name
from lib.core.permissions import TARGETS, Act
from lib.core.results import Findings, Look, Outcome
from lib.core.section import Section
from lib.core.under_way import listening
from lib.display.checks import checks_table
from lib.display.tables import Table, make_table
from lib.evidence import log as evidence
from lib.notebook.asked import check_look, check_opening
from lib.notebook.keeping import Keeping
from lib.notebook.look_result import LookResult
from lib.notebook.verdict import standing_out, verdict_table
from lib.notebook.whole import keep_whole
from lib.run import params
from lib.run.own_tasks import pack_around
from lib.run.params_file import parameter_problem
from lib.run.run_file import RunFile, context_of, read_run_file
from lib.tasks.base import Task
from lib.tasks.index import task_named, use_own_tasks
from lib.transport.context import Context

OFFERED = ("about", "checks_table", "context", "look", "record", "require_ready", "settings", "show", "verdict_table")
"""What completion shows of a session."""
BAND = "Embedded parts stand in for the live services of {}; what is found here can't be a GO."


class TaskSession(Keeping):
    """One task, opened: its context, and the results found so far.

    `task.about` says where it looks. `task.look(<a look>)` looks and shows what was found; its `.frame` is every row as a pandas
    DataFrame, its `.facts` what the next look or a figure takes. `task.show(rows, caption)` shows rows, also with a `.frame`.
    `task.settings` is what is in force. `task.verdict_table()`, `task.record()` and `task.require_ready()` end a notebook.
    """

    def __init__(self, task: Task, run: RunFile, context: Context[Section | None]) -> None:
        super().__init__(task, run, context)
        complete_only(type(self), OFFERED)

    def __repr__(self) -> str:
        return f"TaskSession({self.task.name}, run {self.run.run_id})"

    def __dir__(self) -> list[str]:
        return list(OFFERED)

    if not TYPE_CHECKING:

        def __getattr__(self, name: str) -> Any:
            """Raise what a wrong name comes to, as one sentence."""
            if name.startswith("_"):  # Python and its tools look for such names by themselves
                raise AttributeError(name)
            raise no_such_name("task", name, OFFERED)

    @property
    def settings(self) -> Any:
        """The task's section of the settings, the notebook's parameters in their places."""
        return self.context.settings

    @property
    def about(self) -> Table:
        """Where this notebook looks: the header every page starts with."""
        rows = [
            {"what": "environment", "value": self.run.environment},
            {"what": "run", "value": self.run.run_id},
            {"what": "pack", "value": self.run.pack.name},
            *self._target_rows(),
            {"what": "may be changed here", "value": self._allowed_acts()},
        ]
        return make_table(rows, "What this notebook looks at")

    def _allowed_acts(self) -> str:
        """Return the acts that write to this task's targets and are allowed."""
        acts = [act for act in Act if set(TARGETS[act]) & set(self.task.targets)]
        return ", ".join(act.value for act in acts if act not in self.context.refusals) or "nothing"

    def _target_rows(self) -> list[dict[str, str]]:
        """Return one row for each target of this task: where it is, and how real."""
        rows = []
        for name in self.task.targets or sorted(self.run.provenances):
            shown = self.context.target.display_name if name == "database" else ""
            if name in self.context.services:
                shown = self.context.services[name].display_name
            if name not in self.run.provenances:
                reason = self.run.not_applicable.get(name) or self.run.not_applicable.get(self.task.name)
                rows.append({"what": name, "value": f"does not apply: {reason}" if reason else "not set"})
                continue
            rows.append({"what": name, "value": f"{shown} ({self.run.provenances[name].value})"})
        return rows

    def look(self, look: Look[..., object], **arguments: Any) -> LookResult:
        """Make one look, keep its results and artifacts, and return what to show.

        A look that can't be made becomes an `error` of each check it declared; a bug is let through.
        """
        check_look(self.task, look, arguments)
        with telling(f"Looking: {look.caption.rstrip('.')}") as tell:

            def tell_share(said: str) -> None:
                tell(f"Looking: {look.caption.rstrip('.')}: {said}")
                self.emit("under way", said)

            with listening(tell_share):
                return self._look(look, arguments, tell)

    def _look(self, look: Look[..., object], arguments: Mapping[str, Any], tell: Tell) -> LookResult:
        declared = tuple(check.id for check in look.checks)
        self.emit("looking", declared[0])
        started_at, started = datetime.now(UTC), time.monotonic()
        known = {one.name for one in read_breakages(self.run.work)}
        found = self.task.attempt(look, self.context, **arguments)
        findings = keep_whole(self._without_broken(found, known))
        duration_s = time.monotonic() - started
        as_lines = partial(self._as_lines, findings, declared, started_at, duration_s, *self._keep_artifacts(findings))
        if self.proving.operators_for(look, findings):
            tell(f"Trying what its passes are worth: {look.caption.rstrip('.')}")
            with suppress(OSError):  # a full disk is said where the final lines are kept
                for line in as_lines():
                    self.run.keep_early(line)
        rates = self.proving.prove(look, self.context, arguments, findings, duration_s)
        lines = self._keep(as_lines(rates))
        whole = next((one.path for one in (lines[0].artifacts if lines else ()) if one.path.endswith(".json")), None)
        titles = [self._check(line.check).title for line in lines]
        table = make_table(findings.rows, look.caption, artifact=whole)
        by_hand = params.run_file() is None
        band = BAND.format(self.run.environment) if by_hand and self.run.rehearsal else ""
        return LookResult(lines=lines, titles=titles, table=table, facts=findings.facts, band=band, is_whole=by_hand)

    def verdict_table(self) -> Table:
        """Return one row a check of this task, in the task's own order, whether it was looked at or not."""
        return verdict_table(self.task, self.found)

    def checks_table(self) -> Table:
        """Return one row a check of this task, without a result, but for those that stand out."""
        return checks_table(self.task.name, self.task.checks, standing_out(self.task.checks, self.found))

    def record(self) -> Table:
        """Give every check without a result an `error`, and return how the results add up."""
        found = {line.check for line in self.lines}
        never = [check.id for check in self.task.checks if check.id not in found]
        reason, fix = "No look of the notebook gave a result for it.", "see the notebook's cells above."
        results = [self._check(check).errored(reason, fix=fix) for check in never]
        self._keep(self._as_lines(Findings[None](results=results), tuple(never), datetime.now(UTC), 0.0))
        rows = [{"result": one.value, "checks": sum(line.result is one for line in self.lines)} for one in Outcome]
        return make_table(rows, f"Results kept in {evidence.FILE}")

    def require_ready(self) -> None:
        """Raise NotReadyError when a gate of this task did not pass, or was not looked at; the only place a finding raises."""
        stopped = standing_out([check for check in self.task.checks if check.gate], self.found)
        if stopped:
            named = "; ".join(f"{check} {word}" for check, word in stopped.items())
            raise NotReadyError(f"{self.task.title} is not ready: {named}.")

    def show(self, rows: Sequence[Mapping[str, Any]], caption: str) -> Table:
        """Return rows as a table that shows itself."""
        return make_table(rows, caption)


def open_task(name: str, environment: str | None = None, **parameters: Any) -> TaskSession:
    """Return the task, ready to look: in the run this kernel belongs to, else in a stack of its own.

    parameters: the notebook's own, each a field of the task's section; they are what is in force.
    Raises ParamsError when the environment or a parameter can't be understood; nothing was started then.
    """
    clean_in_place()
    with telling("Reading the settings") as tell:
        name, environment = check_opening(name, environment, parameters)
        run_file = params.run_file()
        if run_file is not None:
            run = read_run_file(run_file)
            use_own_tasks(one.task for one in run.own_tasks)
        else:
            from lib.notebook import lab  # the embedded stack is known here only outside a run

            run = lab.start_lab(*lab.understand(name, environment, parameters, pack=pack_around(Path.cwd())), tell)
    task = task_named(name)
    if task.is_own and str(task.folder) not in sys.path:
        sys.path.insert(0, str(task.folder))  # its looks.py, and what that imports
    try:
        context = context_of(run, name, parameters)
    except ValidationError as exc:
        raise ParamsError([parameter_problem(name, problem) for problem in exc.errors()]) from None
    return TaskSession(task, run, context)
