"""One run, added up once: every reporter takes a RunReport and nothing else, so that no two can tell it differently."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Any

from lib.core.flips import Flip, find_flips
from lib.core.results import Outcome, count_outcomes
from lib.core.verdict import GateInput, Verdict
from lib.core.wording import as_sentence, verdict_sentence
from lib.evidence.findings import finding_keys, name_keys
from lib.evidence.history import PastRun, changes_since, in_utc
from lib.evidence.log import EvidenceLine
from lib.evidence.trust import Standing
from lib.reporters.html.model import LaunchRow
from lib.reporters.launch_list import count_items, judge_items
from lib.reporters.promotion import NO_PROMOTION, Promotion
from lib.reporters.reused import name_reused, tell_reused
from lib.reporters.summary import TaskSummary, rules_of, standing_out, summarize_task
from lib.run.endings import RunOutcome
from lib.run.run_file import RunFile
from lib.run.waivers import NO_WAIVERS, AppliedWaivers, apply_waivers
from lib.tasks.base import Task
from lib.tasks.index import in_order

NOT_TIMED: Mapping[str, float] = MappingProxyType({})
"""How long each task took, when none was timed: then its evidence says it."""


@dataclass(frozen=True, kw_only=True)
class RunReport:
    """What a run came to.

    run: what was asked, and where it lies. tasks: in their order. found: its evidence, in the order found. lines: the same as it
    counts and is told: what is too old is an error, and a line says whether it is reused, proved elsewhere, or waived.
    items: the launch list's, tally: the same in one line. standing_out: what a person must read, worst first.
    gates: how many gates came to what. commit: the pack's, with `+` when it had changes; None outside version control.
    previous: the run compared with, begun at previous_at; changes: None without one.
    promotion: what another environment's run proved for it.
    waived: what the project's waivers come to. flips: the smallest sets of results that would make the verdict better.
    signed_by: what the project says of the key that signs it; None: not asked.
    """

    run: RunFile
    outcome: RunOutcome
    verdict: Verdict
    lines: tuple[EvidenceLine, ...]
    tasks: tuple[TaskSummary, ...]
    items: tuple[LaunchRow, ...]
    commit: str | None = None
    previous: str | None = None
    previous_at: datetime | None = None
    changes: tuple[Mapping[str, Any], ...] | None = None
    promotion: Promotion = NO_PROMOTION
    waived: AppliedWaivers = NO_WAIVERS
    flips: tuple[Flip, ...] = ()
    found: tuple[EvidenceLine, ...] = ()
    signed_by: Standing | None = None

    @property
    def is_vouched(self) -> bool:
        """Whether the project trusts the key that signs the run, as far as that was asked."""
        return self.signed_by is None or self.signed_by.is_trusted

    @property
    def gate_ids(self) -> list[str]:
        """The gates that the tasks of the run declare."""
        return [check.id for one in self.tasks for check in one.task.checks if check.gate]

    @property
    def proved(self) -> Mapping[str, GateInput]:
        """What counts in the place of a line, by its check: it was proved in another environment, or is waived."""
        return {**self.promotion.proved, **waived_inputs(self.lines, self.waived)}

    @property
    def tally(self) -> str:
        return count_items(self.items)

    @property
    def gates(self) -> dict[str, int]:
        return count_gates(self.lines, self.proved)

    @property
    def untried(self) -> list[EvidenceLine]:
        """The gates that would have to write where they may not, and that no other run proved."""
        return [line for line in self.lines if line.gate and line.judged.is_untried and line.check not in self.proved]

    @property
    def standing_out(self) -> list[EvidenceLine]:
        return standing_out(self.lines)

    @property
    def sentence(self) -> str:
        """What the verdict means."""
        return verdict_sentence(
            self.verdict,
            self.gates,
            partial=self.outcome.partial,
            finished=self.outcome.finished,
            untried=len(self.untried),
            unconfirmed=len(self.run.unconfirmed),
            waived=len(self.waived.covered),
            reused=count_reused(self.lines),
            unvouched=not self.is_vouched,
            promoted=self.promotion.sentence if self.promotion.proved else "",
        )

    @property
    def reused(self) -> str:
        """Which tasks' results were taken over from which run, and how long ago that looked; '' when each was looked at here."""
        return name_reused({one.task.title: one.reused for one in self.tasks if one.reused})

    @property
    def ended_at(self) -> datetime:
        return self.outcome.ended_at

    def summary_of(self, task: Task) -> TaskSummary:
        """Return what one task of the run came to."""
        return next(one for one in self.tasks if one.task == task)

    def lines_of(self, task: Task) -> list[EvidenceLine]:
        """Return one task's evidence."""
        return [line for line in self.lines if line.task == task.name]

    @property
    def results(self) -> dict[str, Outcome]:
        """What each check came to, by its id."""
        return {line.check: line.result for line in self.lines}


def count_reused(lines: Iterable[EvidenceLine]) -> int:
    """Return how many gates were taken over from an earlier run."""
    return sum(line.gate and line.reused_from is not None for line in lines)


def count_gates(lines: Sequence[EvidenceLine], proved: Mapping[str, GateInput]) -> dict[str, int]:
    """Return how many gates came to what; what was proved elsewhere counts in a line's place."""
    judged = [proved.get(line.check, line.judged) for line in lines]
    return count_outcomes(one.outcome for one in judged if one.gate)


def report_run(
    run: RunFile,
    tasks: Sequence[Task],
    lines: Sequence[EvidenceLine],
    outcome: RunOutcome,
    *,
    past: PastRun | None = None,
    commit: str | None = None,
    promotion: Promotion = NO_PROMOTION,
    took_s: Mapping[str, float] = NOT_TIMED,
    signed_by: Standing | None = None,
) -> RunReport:
    """Add a run's evidence up.

    past: the run to compare with, if there is one. promotion: what another environment's run proved.
    took_s: task -> seconds, of those that were timed. signed_by: what the project says of the key that signs it.
    """
    found = tuple(lines)
    lines = [name_objects(run.shelf_life.judge(line, outcome.ended_at)) for line in found]
    waived = apply_waivers(run.waivers, lines, outcome.started_at.astimezone(UTC).date())
    proved = {**promotion.proved, **waived_inputs(lines, waived)}
    gates = [check.id for task in tasks for check in task.checks if check.gate]
    told = tuple(tell_waiver(promotion.tell(tell_reused(line, outcome.ended_at)), waived) for line in lines)
    judged = [proved.get(line.check, line.judged) for line in lines]
    rules = rules_of(
        gates=gates,
        partial=outcome.partial,
        finished=outcome.finished,
        unconfirmed=bool(run.unconfirmed),
        vouched=signed_by is None or signed_by.is_trusted,
    )
    return RunReport(
        run=run,
        outcome=outcome,
        verdict=rules(judged),
        found=found,
        flips=find_flips(judged, rules, gates=gates, hidden_by={line.check: line.see for line in lines if line.see}),
        lines=told,
        tasks=tuple(
            summarize_task(task, lines, promotion.proved, took_s=took_s.get(task.name), now=outcome.ended_at)
            for task in in_order(tasks)
        ),
        items=judge_items(run.launch_list, told, promotion.proved),
        commit=commit,
        previous=past.run_id if past else None,
        previous_at=in_utc(past.started_at) if past else None,
        changes=None if past is None else tuple(changes_since(past, lines)),
        promotion=promotion,
        waived=waived,
        signed_by=signed_by,
    )


def name_objects(line: EvidenceLine) -> EvidenceLine:
    """Return a failing line with the keys of what is wrong, also where they are read from its words."""
    return line.model_copy(update={"objects": finding_keys(line)}) if line.result is Outcome.FAIL else line


def tell_waiver(line: EvidenceLine, waived: AppliedWaivers) -> EvidenceLine:
    """Return a line with what the project says of its failure; its result stays what it is."""
    said = line.detail
    for one in waived.covered.get(line.check, ()):
        said += f" Waived until {one.until} by {one.who}: {as_sentence(one.reason)}"
    if keys := waived.partly.get(line.check):
        said += f" Waived in part: no waiver covers {name_keys(keys)}."
    if said == line.detail:
        return line
    return line.model_copy(update={"detail": said.strip()})


def waived_inputs(lines: Sequence[EvidenceLine], waived: AppliedWaivers) -> dict[str, GateInput]:
    """Return what the verdict takes for each line that a waiver covers; its result stays what it is."""
    names = {*waived.covered, *waived.hidden}
    return {line.check: replace(line.judged, is_waived=True) for line in lines if line.check in names}
