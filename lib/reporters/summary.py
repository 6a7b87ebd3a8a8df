"""What a run's evidence adds up to, as plain rows: for the page, the terminal and the paper trail alike.

Pure: lines of evidence in, rows out.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from types import MappingProxyType
from typing import Any

from lib.core.flips import Rules
from lib.core.results import Outcome, Provenance, count_outcomes, least_real
from lib.core.verdict import GateInput, State, Verdict, decide, sum_up
from lib.core.wording import WORST_FIRST
from lib.evidence.log import EvidenceLine
from lib.reporters.reused import describe_reused
from lib.tasks.base import Task
from lib.tasks.index import every_check
from lib.tasks.migrations.task import TWIN_IS_FAITHFUL

NOTHING: Mapping[str, GateInput] = MappingProxyType({})
"""What was proved in another environment, when nothing was."""


@dataclass(frozen=True, kw_only=True)
class TaskSummary:
    """One task of a run: what its gates came to together, counts of all its checks, provenance, and when it looked.

    reused: where and when its results were found, when they were taken over from an earlier run.
    """

    task: Task
    state: State
    counts: dict[str, int]
    provenance: Provenance | None
    started_at: datetime | None
    ended_at: datetime | None
    took_s: float | None = None
    reused: str = ""

    @property
    def duration_s(self) -> float | None:
        """Seconds that it took, its notebook's start and end included; where only its evidence is left, as of a killed run, from
        its first look to the end of its last. None when it never looked."""
        if self.took_s is not None:
            return self.took_s
        if self.started_at is None or self.ended_at is None:
            return None
        return (self.ended_at - self.started_at).total_seconds()


def rules_of(
    *,
    gates: Collection[str] = (),
    partial: bool = False,
    finished: bool = True,
    unconfirmed: bool = False,
    vouched: bool = True,
) -> Rules:
    """Return the rules of one run: what its results come to, all else being as it is."""
    return lambda judged: decide(
        judged,
        gates=gates,
        partial=partial,
        finished=finished,
        unconfirmed=unconfirmed,
        vouched=vouched,
        twin_proof=TWIN_IS_FAITHFUL.id,
    )


def verdict_of(
    lines: Iterable[EvidenceLine],
    *,
    gates: Collection[str] = (),
    proved: Mapping[str, GateInput] = NOTHING,
) -> Verdict:
    """Return what lines of a run come to by themselves; what was proved elsewhere counts in a line's place."""
    return rules_of(gates=gates)([proved.get(line.check, line.judged) for line in lines])


def summarize_task(
    task: Task,
    lines: Sequence[EvidenceLine],
    proved: Mapping[str, GateInput] = NOTHING,
    *,
    took_s: float | None = None,
    now: datetime | None = None,
) -> TaskSummary:
    """Return one task's summary; without a line it is not determined, never a pass.

    took_s: seconds, where it was timed. now: when reused results have the age that is told.
    """
    own = [line for line in lines if line.task == task.name]
    judged = [proved.get(line.check, line.judged) for line in own if line.gate]
    looked = [line for line in own if line.duration_s]
    return TaskSummary(
        task=task,
        state=sum_up(judged) if own else State.NOT_DETERMINED,
        counts=count_outcomes(line.result for line in own),
        provenance=least_real(line.provenance for line in own if line.result is not Outcome.SKIP),
        started_at=min((line.started_at for line in looked), default=None),
        ended_at=max((line.started_at + timedelta(seconds=line.duration_s) for line in looked), default=None),
        took_s=took_s,
        reused=describe_reused(own, now or datetime.now(UTC)),
    )


def task_spans(tasks: Iterable[Task], lines: Sequence[EvidenceLine]) -> list[dict[str, Any]]:
    """Return when each task looked, as `figures.run_timeline` takes it; tasks that did not look in this run are left out."""
    summaries = [summarize_task(task, lines) for task in tasks]
    return [
        {
            "task": one.task.title,
            "started_at": one.started_at.isoformat(),
            "ended_at": one.ended_at.isoformat() if one.ended_at else None,
            "state": one.state.value,
        }
        for one in summaries
        if one.started_at and not one.reused
    ]


def standing_out(lines: Iterable[EvidenceLine]) -> list[EvidenceLine]:
    """Return the lines a person must read: failed and not looked at, gates first, worst first."""
    found = [line for line in lines if line.result in (Outcome.FAIL, Outcome.ERROR)]
    return sorted(found, key=lambda line: (not line.gate, WORST_FIRST.index(line.result), line.task, line.check))


def standing_out_rows(lines: Iterable[EvidenceLine]) -> list[dict[str, Any]]:
    """Return one row for each line a person must read: what was expected, seen, and the fix."""
    titles = every_check()
    rows = []
    for line in standing_out(lines):
        title = titles[line.check].title if line.check in titles else line.check
        rows.append(
            {
                "check": line.check,
                "result": line.result.value,
                "what must be true": title,
                "expected": line.expected,
                "observed": line.observed,
                "what was seen": line.detail,
                "fix": " ".join(line.fix),
            }
        )
    return rows


def task_rows(tasks: Iterable[Task], lines: Sequence[EvidenceLine]) -> list[dict[str, Any]]:
    """Return one row a task: what it came to, and how many checks came to what."""
    return [
        {
            "task": one.task.title,
            "result": one.state.value + (" (reused)" if one.reused else ""),
            **{word: one.counts[word] for word in one.counts},
        }
        for one in (summarize_task(task, lines) for task in tasks)
    ]
