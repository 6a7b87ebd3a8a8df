"""How a session keeps what its looks found: as lines of evidence, each as it counts."""

from __future__ import annotations

import json
import time
from collections.abc import Collection, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import datetime

from lib.core.breakages import breakages_since
from lib.core.faults import KillRate
from lib.core.make_commands import complete_commands
from lib.core.results import TWIN, Check, Findings, Outcome, Result
from lib.core.section import Section
from lib.evidence import log as evidence
from lib.evidence.log import EvidenceLine
from lib.notebook.leaning import as_leaning, may_lean, read_leaning
from lib.notebook.proving import Proving, weigh
from lib.notebook.run_view import RunView
from lib.notebook.verdict import GOOD
from lib.run import params
from lib.run.run_file import RunFile
from lib.tasks.base import Task
from lib.transport.context import Context

NOTE_S = 0.2
"""Seconds that the note about a part which has just ended may come later than the answer that it never gave."""


NO_RATES: Mapping[str, KillRate] = {}


class Keeping(RunView):
    """The results of one task found so far. proving: what may still be spent on showing what a pass is worth."""

    def __init__(self, task: Task, run: RunFile, context: Context[Section | None]) -> None:
        super().__init__(task, run)
        self.context = context
        self.lines: list[EvidenceLine] = []
        self.proving = Proving.of(run, task.name)

    @property
    def found(self) -> dict[str, EvidenceLine]:
        """Check -> its result so far; one that was found twice counts as the worse."""
        found: dict[str, EvidenceLine] = {}
        for line in self.lines:
            if line.check not in found or found[line.check].result in GOOD:
                found[line.check] = line
        return found

    def emit(self, state: str, what: str) -> None:
        """Say what is being done now, for the run's progress display."""
        event = {"task": self.task.name, "state": state, "what": what}
        with suppress(OSError), self.run.events.open("a", encoding="utf-8") as file:
            file.write(json.dumps(event) + "\n")

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
        lines = [self._line(result, started_at, duration_s, kept, rates.get(result.check)) for result in results]
        is_asked = "database" in self.context.embedded and any(map(may_lean, lines))
        leaning = read_leaning(self.context.target) if is_asked else ()
        return [as_leaning(line, leaning) for line in lines]

    def _keep(self, lines: list[EvidenceLine]) -> list[EvidenceLine]:
        """Append the lines to the run's evidence, and return them."""
        for line in lines:
            self.run.keep_line(line)
            self.emit(line.result.value, line.check)
        if params.run_file() is None:  # who looks again by hand has changed something, and asks how it is now
            again = {line.check for line in lines}
            self.lines = [line for line in self.lines if line.check not in again]
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
        fix = (complete_commands(one, environment=self.run.environment, pack=self.run.pack) for one in result.fix)
        return evidence.line_of(
            replace(result, fix=tuple(fix)),
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
