"""How long each task of earlier runs took, kept beside the history of runs: what tells how much of a run is left."""

from __future__ import annotations

from collections.abc import Mapping
from statistics import median

import sqlalchemy as sa

from lib.evidence.history import History, as_history_error
from lib.evidence.history_schema import METADATA, RUNS

NEWEST = 5
"""Finished runs that an expectation is made of; their middle one counts, so that a slow day does not."""

DURATIONS = sa.Table(
    "task_durations",
    METADATA,
    sa.Column("run_id", sa.String(40), sa.ForeignKey("runs.run_id", ondelete="CASCADE"), primary_key=True),
    sa.Column("task", sa.String(60), primary_key=True),
    sa.Column("duration_s", sa.Float, nullable=False),
)


def remember_durations(engine: History, run_id: str, durations: Mapping[str, float]) -> None:
    """Keep how long each task of a run took, s, in the place of what was kept of it before."""
    rows = [{"run_id": run_id, "task": task, "duration_s": seconds} for task, seconds in durations.items()]
    with as_history_error():
        DURATIONS.create(engine, checkfirst=True)  # a history of an older workbook has no such table
        with engine.begin() as connection:
            connection.execute(sa.delete(DURATIONS).where(DURATIONS.c.run_id == run_id))
            if rows:
                connection.execute(sa.insert(DURATIONS), rows)


def durations_lately(engine: History, project: str, environment: str) -> dict[str, float]:
    """Return how long each task took in the newest finished runs of a project's environment, s: the median; {} without any."""
    asked = (
        sa.select(DURATIONS.c.task, DURATIONS.c.duration_s)
        .join(RUNS, RUNS.c.run_id == DURATIONS.c.run_id)
        .where(RUNS.c.project == project, RUNS.c.environment == environment, RUNS.c.finished)
        .order_by(RUNS.c.started_at.desc(), RUNS.c.run_id.desc())
    )
    with as_history_error():
        DURATIONS.create(engine, checkfirst=True)
        with engine.connect() as connection:
            rows = connection.execute(asked).all()
    found: dict[str, list[float]] = {}
    for row in rows:
        found.setdefault(row.task, []).append(row.duration_s)
    return {task: median(seconds[:NEWEST]) for task, seconds in found.items()}
