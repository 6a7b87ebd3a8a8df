"""Every run's results, kept to compare with: SQLite beside the runs, or any database SQLAlchemy can reach."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from lib.core.errors import WorkbookError
from lib.core.redact import redact
from lib.evidence.history_schema import RESULTS, RUNS, bring_up
from lib.evidence.kept_results import KeptResult
from lib.evidence.log import EvidenceLine

HISTORY = "history.sqlite"
History = sa.Engine
"""An open history, as the functions here take it."""


@dataclass(frozen=True, kw_only=True)
class PastRun:
    """A run as history knows it; results maps a check's id to its result word."""

    run_id: str
    environment: str
    verdict: str
    partial: bool
    started_at: datetime
    results: Mapping[str, str]


@dataclass(frozen=True, kw_only=True)
class HistoryEntry:
    """One run to be remembered.

    lines: as they counted. unconfirmed, kept: what it takes to decide the run again; None and none where that is not known.
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
    lines: Sequence[EvidenceLine]
    unconfirmed: bool | None = None
    kept: Sequence[KeptResult] = ()


def open_history(rendered: Path, url: str | None = None) -> sa.Engine:
    """Return the history, its tables made. Raises WorkbookError when it can't be opened."""
    rendered.mkdir(parents=True, exist_ok=True)
    with as_history_error():
        engine = sa.create_engine(url or f"sqlite:///{rendered / HISTORY}")
        bring_up(engine)
    return engine


@contextmanager
def as_history_error() -> Iterator[None]:
    """Turn what the database raises inside into a WorkbookError that says so in one line."""
    try:
        yield
    except (sa.exc.SQLAlchemyError, ImportError) as exc:
        said = redact(str(getattr(exc, "orig", None) or exc)).strip().partition("\n")[0].rstrip(".")
        raise WorkbookError(
            f"The history of runs (HISTORY_URL, else rendered/{HISTORY}) can't be used: {said}.",
            fix="Correct the address; or end what holds the file, or move it away: a new one is made.",
        ) from exc


def check_history(rendered: Path, url: str | None = None) -> None:
    """Raise WorkbookError when a run could not be remembered: the history is damaged, locked or can't be reached."""
    engine = open_history(rendered, url)
    try:
        with as_history_error(), engine.connect() as connection:
            if engine.dialect.name == "sqlite":
                said = connection.execute(sa.text("pragma quick_check(1)")).scalar_one()
                if said != "ok":
                    raise sa.exc.SQLAlchemyError(f"{HISTORY} is damaged ({said})")
            # Something must really be written: a lock or a file that may only be read shows only then.
            connection.execute(sa.update(RUNS).where(RUNS.c.run_id == "").values(finished=False))
            connection.rollback()
    finally:
        engine.dispose()


def give_to_projects(engine: sa.Engine, owners: Mapping[str, str]) -> None:
    """Say whose the runs of an older workbook are. owners: run's id -> project."""
    with engine.begin() as connection:
        for run_id, project in owners.items():
            mine = sa.and_(RUNS.c.run_id == run_id, RUNS.c.project == "")
            connection.execute(sa.update(RUNS).where(mine).values(project=project))


def remember_run(engine: sa.Engine, entry: HistoryEntry) -> None:
    """Keep one run and all its results, or nothing of it."""
    run = {column.name: getattr(entry, column.name) for column in RUNS.columns}
    kept = {one.check: one.row for one in entry.kept}
    nothing = dict.fromkeys(KeptResult("", "", False, "", "").row)
    rows = [
        {
            **kept.get(line.check, nothing),
            "run_id": entry.run_id,
            "check_id": line.check,
            "task": line.task,
            "result": line.result.value,
            "gate": line.gate,
            "provenance": line.provenance.value,
            "observed": line.observed,
            "duration_s": line.duration_s,
        }
        for line in {line.check: line for line in entry.lines}.values()
    ]
    with as_history_error(), engine.begin() as connection:
        for table in (RESULTS, RUNS):  # a run that is finished later replaces what was kept of it
            connection.execute(sa.delete(table).where(table.c.run_id == entry.run_id))
        connection.execute(sa.insert(RUNS), run)
        if rows:
            connection.execute(sa.insert(RESULTS), rows)


def last_run(engine: sa.Engine, project: str, environment: str, run_id: str = "") -> PastRun | None:
    """Return the newest finished whole run of a project's environment but this one, or None when there was none."""
    newest = (
        sa.select(RUNS)
        .where(
            RUNS.c.project == project,
            RUNS.c.environment == environment,
            RUNS.c.finished,
            sa.not_(RUNS.c.partial),
            RUNS.c.run_id != run_id,
        )
        .order_by(RUNS.c.started_at.desc(), RUNS.c.run_id.desc())
        .limit(1)
    )
    with as_history_error(), engine.connect() as connection:
        run = connection.execute(newest).mappings().first()
        if run is None:
            return None
        rows = connection.execute(sa.select(RESULTS.c.check_id, RESULTS.c.result).where(RESULTS.c.run_id == run["run_id"])).all()
    return PastRun(
        run_id=run["run_id"],
        environment=run["environment"],
        verdict=run["verdict"],
        partial=run["partial"],
        started_at=run["started_at"],
        results={row.check_id: row.result for row in rows},
    )


def in_utc(moment: datetime) -> datetime:
    """Return a kept moment with its time zone, which SQLite does not keep."""
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


def observed_lately(
    engine: sa.Engine, project: str, environment: str, checks: Sequence[str], *, provenance: str, runs: int
) -> list[dict[str, Any]]:
    """Return what the newest finished runs observed for some checks, oldest first.

    Each row: run_id, started_at, check, result, observed. Runs that did not look at any of them are left out.
    """
    seen = sa.and_(RESULTS.c.run_id == RUNS.c.run_id, RESULTS.c.check_id.in_(checks), RESULTS.c.provenance == provenance)
    newest = (
        sa.select(RUNS.c.run_id)
        .where(RUNS.c.project == project, RUNS.c.environment == environment, RUNS.c.finished, sa.exists().where(seen))
        .order_by(RUNS.c.started_at.desc(), RUNS.c.run_id.desc())
        .limit(runs)
    )
    wanted = (
        sa.select(RUNS.c.run_id, RUNS.c.started_at, RESULTS.c.check_id.label("check"), RESULTS.c.result, RESULTS.c.observed)
        .join_from(RUNS, RESULTS, seen)
        .where(RUNS.c.run_id.in_(newest))
        .order_by(RUNS.c.started_at, RUNS.c.run_id, RESULTS.c.check_id)
    )
    with engine.connect() as connection:
        rows = connection.execute(wanted).mappings().all()
    return [{**row, "started_at": in_utc(row["started_at"])} for row in rows]


def changes_since(past: PastRun | None, lines: Iterable[EvidenceLine]) -> list[dict[str, Any]]:
    """Return one row for each check that both runs looked at and that came to something else: check, before, now.

    A check that only one of them has did not change: it is a part of one run and not of the other.
    """
    if past is None:
        return []
    now = {line.check: line.result.value for line in lines}
    both = sorted(now.keys() & past.results.keys())
    return [
        {"check": check, "before": past.results[check], "now": now[check]} for check in both if past.results[check] != now[check]
    ]
