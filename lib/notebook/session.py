"""What a notebook holds: open a task, look, show, and require that it is ready.

The same in a run, in JupyterLab and under nbval. Inside a run the runner's private file says what to
touch; outside one, `open_task` starts an embedded stack of its own, which ends with the kernel.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Collection, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from lib.core.breakages import breakages_since, read_breakages
from lib.core.environment import clean_in_place
from lib.core.errors import NotReadyError, ParamsError
from lib.core.faults import KillRate
from lib.core.paths import ROOT
from lib.core.permissions import TARGETS, Act
from lib.core.results import TWIN, Check, Findings, Look, Outcome, Result
from lib.core.section import Section
from lib.core.wording import as_sentence, outcome_word
from lib.display.tables import Table, make_table
from lib.evidence import log as evidence
from lib.evidence.log import EvidenceLine
from lib.notebook.leaning import as_leaning, read_leaning
from lib.notebook.look_result import LookResult
from lib.notebook.proving import Proving, weigh
from lib.notebook.whole import keep_whole
from lib.run import params
from lib.run.own_tasks import pack_around
from lib.run.params_file import parameter_problem
from lib.run.project import find_project
from lib.run.run_file import RunFile, context_of, read_run_file
from lib.tasks.base import Task
from lib.tasks.index import all_tasks, task_named, use_own_tasks
from lib.transport.context import Context

NOTE_S = 0.2
"""Seconds that the note about a part which has just ended may come later than the answer that it never gave."""


NO_RATES: Mapping[str, KillRate] = {}


class TaskSession:
    """One task, opened: its context, and the results found so far."""

    def __init__(self, task: Task, run: RunFile, context: Context[Section | None]) -> None:
        self.task = task
        self.run = run
        self.context = context
        self.lines: list[EvidenceLine] = []
        self.proving = Proving.of(run, task.name)

    def __repr__(self) -> str:
        return f"TaskSession({self.task.name}, run {self.run.run_id})"

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
        declared = tuple(check.id for check in look.checks)
        self.emit("looking", declared[0])
        started_at, started = datetime.now(UTC), time.monotonic()
        known = {one.name for one in read_breakages(self.run.work)}
        found = self._attempt(look, **arguments)
        findings = keep_whole(self._without_broken(found, known))
        duration_s = time.monotonic() - started
        as_lines = partial(self._as_lines, findings, declared, started_at, duration_s, *self._keep_artifacts(findings))
        if self.proving.operators_for(look, findings):
            with suppress(OSError):  # a full disk is said where the final lines are kept
                for line in as_lines():
                    self.run.keep_early(line)
        rates = self.proving.prove(look, self.context, arguments, findings, duration_s)
        lines = self._keep(as_lines(rates))
        whole = next((one.path for one in (lines[0].artifacts if lines else ()) if one.path.endswith(".json")), None)
        titles = [self._check(line.check).title for line in lines]
        table = make_table(findings.rows, look.caption, artifact=whole)
        return LookResult(lines=lines, titles=titles, table=table, facts=findings.facts)

    def _attempt(self, look: Look[..., object], **arguments: Any) -> Findings[object]:
        """Make one look, but for the checks that do not apply to the project; nothing is looked at where no target or task does.

        A look whose checks are left out one by one is made all the same: later looks go on with what it saw.
        """
        apart = {name: reason for name, reason in self.run.not_applicable.items() if "." not in name}
        reasons = {check.id: self.task.why_not(check, self.run.not_applicable) for check in look.checks}
        skipped = {check.id: check.not_applicable(as_sentence(reasons[check.id])) for check in look.checks if reasons[check.id]}
        if all(self.task.why_not(check, apart) for check in look.checks):
            return Findings(results=list(skipped.values()))
        found = look.attempt(self.context, **arguments)
        return replace(found, results=[skipped.get(result.check, result) for result in found.results])

    def _without_broken(self, findings: Findings[object], known: Collection[str]) -> Findings[object]:
        """Return the findings with an `error` in the place of each that rests on a part of ours that broke meanwhile."""
        breakable = self.run.breakable
        if any(result.outcome is Outcome.ERROR for result in findings.results) and breakable:
            time.sleep(NOTE_S)
        broken = {one.target: one.sentence for one in breakages_since(self.run.work, known, breakable)}
        if not broken:
            return findings
        return replace(findings, results=[self._unless_broken(result, broken) for result in findings.results])

    def _unless_broken(self, result: Result, broken: Mapping[str, str]) -> Result:
        subject = self._check(result.check).subject
        own = broken.get("database" if subject == TWIN else subject)
        sentence = own or (next(iter(broken.values())) if result.outcome is Outcome.ERROR else None)
        return self._check(result.check).errored(sentence) if sentence else result

    def verdict_table(self) -> Table:
        """Return one row a check of this task, in the task's own order, whether it was looked at or not."""
        found = {line.check: line for line in self.lines}
        rows = [
            {
                "check": check.id,
                "result": found[check.id].result.value if check.id in found else Outcome.ERROR.value,
                "counts as": "gate" if check.gate else "advisory",
            }
            for check in self.task.checks
        ]
        return make_table(rows, f"Every check of {self.task.name}", limit=len(rows))

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
        """Raise NotReadyError when a gate of this task did not pass; the only place a finding raises."""
        stopped = [line for line in self.lines if line.gate and line.result in (Outcome.FAIL, Outcome.ERROR)]
        if stopped:
            named = "; ".join(f"{line.check} {outcome_word(line.result)}" for line in stopped)
            raise NotReadyError(f"{self.task.title} is not ready: {named}.")

    def show(self, rows: Sequence[Mapping[str, Any]], caption: str) -> Table:
        """Return rows as a table that shows itself."""
        return make_table(rows, caption)

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

    def emit(self, state: str, what: str) -> None:
        """Say what is being done now, for the run's progress display."""
        event = {"task": self.task.name, "state": state, "what": what}
        with suppress(OSError), self.run.events.open("a", encoding="utf-8") as file:
            file.write(json.dumps(event) + "\n")

    def _check(self, check_id: str) -> Check:
        return next(check for check in self.task.checks if check.id == check_id)

    def _as_lines(
        self,
        findings: Findings[object],
        declared: Sequence[str],
        started_at: datetime,
        duration_s: float,
        kept: tuple[evidence.Artifact, ...] = (),
        unkept: str = "",
        rates: Mapping[str, KillRate] = NO_RATES,
    ) -> list[EvidenceLine]:
        """Return the look's results as they count, exactly one for each declared check."""
        given = [result.check for result in findings.results]
        if sorted(given) != sorted(declared):
            raise AssertionError(f"the look declared {sorted(declared)} but gave results for {sorted(given)}")
        weighed = [weigh(one, self._check(one.check), rates.get(one.check), self.proving.floor) for one in findings.results]
        results = [self._unless_unkept(result, unkept) for result in weighed]
        leaning = read_leaning(self.context.target) if "database" in self.context.embedded else ()
        return [
            as_leaning(self._line(result, started_at, duration_s, kept, rates.get(result.check)), leaning) for result in results
        ]

    def _keep(self, lines: list[EvidenceLine]) -> list[EvidenceLine]:
        """Append the lines to the run's evidence, and return them."""
        for line in lines:
            self.run.keep_line(line)
            self.emit(line.result.value, line.check)
        self.lines.extend(lines)
        return lines

    def _keep_artifacts(self, findings: Findings[object]) -> tuple[tuple[evidence.Artifact, ...], str]:
        """Return the artifacts that were kept, and why they could not be, or ''."""
        try:
            return evidence.keep_artifacts(self.run.run_folder, self.task.name, findings.artifacts), ""
        except OSError as exc:
            return (), f"What was seen could not be written into the run's folder: {exc.strerror}."

    def _unless_unkept(self, result: Result, unkept: str) -> Result:
        """Return a result as it may count when nothing can be kept of what it rests on: a pass proves nothing then."""
        if not unkept:
            return result
        if result.outcome is Outcome.PASS:
            fix = "Free some room for rendered/, or correct its permissions; then run again."
            return self._check(result.check).errored(unkept, observed=result.observed, expected=result.expected, fix=fix)
        return replace(result, detail=f"{result.detail} {unkept}".strip())

    def _line(
        self,
        result: Result,
        started_at: datetime,
        duration_s: float,
        kept: tuple[evidence.Artifact, ...],
        rate: KillRate | None,
    ) -> EvidenceLine:
        return evidence.line_of(
            result,
            self._check(result.check),
            run_id=self.run.run_id,
            project=self.run.project,
            environment=self.run.environment,
            provenance=self.run.provenance_of(self._check(result.check)),
            started_at=started_at,
            duration_s=duration_s,
            artifacts=kept,
            faults=rate if rate is not None and rate.tried else None,
        )


def open_task(name: str, *, environment: str, **parameters: Any) -> TaskSession:
    """Return the task, ready to look: in the run this kernel belongs to, else in a stack of its own.

    parameters: the notebook's own, each a field of the task's section; they are what is in force.
    Raises ParamsError when the environment or a parameter can't be understood.
    """
    clean_in_place()
    run_file = params.run_file()
    if run_file is not None:
        run = read_run_file(run_file)
        use_own_tasks(one.task for one in run.own_tasks)
    else:
        from lib.notebook.lab import start_lab  # the embedded stack is known here only outside a run

        run = start_lab(name, environment, pack=pack_around(Path.cwd()))
    task = task_named(name)
    if task.is_own and str(task.folder) not in sys.path:
        sys.path.insert(0, str(task.folder))  # its looks.py, and what that imports
    try:
        context = context_of(run, name, parameters)
    except ValidationError as exc:
        raise ParamsError([parameter_problem(name, problem) for problem in exc.errors()]) from None
    return TaskSession(task, run, context)
