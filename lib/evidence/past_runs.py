"""What the history of runs tells over time: every run of every project, what its checks came to, and which of them waver."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa

from lib.core.results import Outcome
from lib.evidence.durations import DURATIONS
from lib.evidence.history import History, as_history_error, in_utc
from lib.evidence.history_schema import RESULTS, RUNS

MOST_RUNS = 500
"""Runs of one environment that are read, the newest first."""
CAME_OUT = frozenset({Outcome.PASS.value, Outcome.FAIL.value, Outcome.ERROR.value})
"""Results that can contradict each other; a skip says nothing of the subject."""


@dataclass(frozen=True, kw_only=True)
class KeptRun:
    """One run as history keeps it. commit_id: of the project, with `+` when it had changes; None when not known.

    unconfirmed: whether it expected what nobody had confirmed; None: an older workbook kept too little to decide it again.
    """

    run_id: str
    project: str
    environment: str
    verdict: str
    partial: bool
    finished: bool
    commit_id: str | None
    started_at: datetime
    duration_s: float
    unconfirmed: bool | None = None


@dataclass(frozen=True, kw_only=True)
class KeptTask:
    """What one task of one run came to. results: result word -> how many gates. duration_s: None when it was not timed."""

    run_id: str
    task: str
    results: Mapping[str, int]
    duration_s: float | None


@dataclass(frozen=True, kw_only=True)
class Wavering:
    """A check that came to different results on the same commit. results: (run's id, result word), oldest first."""

    check: str
    commit_id: str
    results: tuple[tuple[str, str], ...]


def list_runs(
    engine: History, *, project: str | None = None, environment: str | None = None, every: bool = False
) -> list[KeptRun]:
    """Return runs, the newest first: of all, or of one project and environment. Raises WorkbookError for a damaged history.

    every: also those of one environment that are more than pages show.
    """
    most = MOST_RUNS if environment and not every else None
    asked = sa.select(RUNS).order_by(RUNS.c.started_at.desc(), RUNS.c.run_id.desc()).limit(most)
    if project is not None:
        asked = asked.where(RUNS.c.project == project)
    if environment is not None:
        asked = asked.where(RUNS.c.environment == environment)
    with as_history_error(), engine.connect() as connection:
        rows = connection.execute(asked).mappings().all()
    return [KeptRun(**{**row, "started_at": in_utc(row["started_at"])}) for row in rows]


def list_tasks(engine: History, run_ids: Sequence[str]) -> list[KeptTask]:
    """Return what each task of some runs came to, and how long it took."""
    counted = (
        sa.select(RESULTS.c.run_id, RESULTS.c.task, RESULTS.c.result, sa.func.count().label("many"))
        .where(RESULTS.c.run_id.in_(run_ids), RESULTS.c.gate)
        .group_by(RESULTS.c.run_id, RESULTS.c.task, RESULTS.c.result)
    )
    timed = sa.select(DURATIONS).where(DURATIONS.c.run_id.in_(run_ids))
    with as_history_error():
        DURATIONS.create(engine, checkfirst=True)
        with engine.connect() as connection:
            counts = connection.execute(counted).all()
            took = {(row.run_id, row.task): row.duration_s for row in connection.execute(timed)}
    found: dict[tuple[str, str], dict[str, int]] = {}
    for row in counts:
        found.setdefault((row.run_id, row.task), {})[row.result] = row.many
    return [
        KeptTask(run_id=run_id, task=task, results=results, duration_s=took.get((run_id, task)))
        for (run_id, task), results in found.items()
    ]


def list_wavering(engine: History, runs: Iterable[KeptRun]) -> list[Wavering]:
    """Return the checks that came to different results on one commit without changes, among these runs."""
    clean = {run.run_id: run for run in runs if run.finished and run.commit_id and not run.commit_id.endswith("+")}
    asked = sa.select(RESULTS.c.run_id, RESULTS.c.check_id, RESULTS.c.result).where(RESULTS.c.run_id.in_(list(clean)))
    with as_history_error(), engine.connect() as connection:
        rows = connection.execute(asked).all()
    return find_wavering([(clean[row.run_id], row.check_id, row.result) for row in rows])


def find_wavering(found: Iterable[tuple[KeptRun, str, str]]) -> list[Wavering]:
    """Return the checks that came to different results on one commit, each with these results, oldest first. Pure."""
    groups: dict[tuple[str, str], list[tuple[datetime, str, str]]] = {}
    for run, check, result in found:
        if result in CAME_OUT:
            groups.setdefault((check, run.commit_id or ""), []).append((run.started_at, run.run_id, result))
    return [
        Wavering(check=check, commit_id=commit, results=tuple((run_id, result) for _, run_id, result in sorted(results)))
        for (check, commit), results in sorted(groups.items())
        if len({result for _, _, result in results}) > 1
    ]


def read_results(engine: History, run_id: str) -> dict[str, str]:
    """Return what each check of a run came to, by its id; {} for a run that is not known."""
    asked = sa.select(RESULTS.c.check_id, RESULTS.c.result).where(RESULTS.c.run_id == run_id)
    with as_history_error(), engine.connect() as connection:
        return {row.check_id: row.result for row in connection.execute(asked)}
