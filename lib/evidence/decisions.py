"""What every kept run rested its verdict on, read from the history in two questions, or from the folder of an older run."""

from __future__ import annotations

import gc
import json
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from lib.core.errors import WorkbookError
from lib.evidence.history import History, as_history_error
from lib.evidence.history_schema import RESULTS, RUNS
from lib.evidence.kept_results import KeptResult, keep_result
from lib.evidence.log import read_evidence
from lib.evidence.past_runs import KeptRun, list_runs

MANIFEST = "manifest.json"
COLUMNS = (
    "run_id",
    "check_id",
    "found",
    "gate",
    "provenance",
    "result",
    "skipped_because",
    "see",
    "reused",
    "age_s",
    "counted_as",
)


@dataclass(frozen=True, kw_only=True)
class Decision:
    """One run's verdict, and what it was decided on. verdict: its word, as it was said then."""

    run_id: str
    started_at: datetime
    verdict: str
    partial: bool
    finished: bool
    unconfirmed: bool
    results: tuple[KeptResult, ...]


def list_decisions(engine: History, folders: Path, project: str, environment: str) -> tuple[list[Decision], list[str]]:
    """Return every kept run of a project's environment, oldest first, and the ids of those of which too little is kept.

    folders: where the runs' folders are; they tell what an older workbook's history does not.
    """
    runs = {run.run_id: run for run in list_runs(engine, project=project, environment=environment, every=True)}
    known = {name for name, run in runs.items() if run.unconfirmed is not None}
    results = read_results(engine, project, environment)
    found = [decision_of(run, results.get(name, ())) for name, run in runs.items() if name in known]
    others = {path.name for path in folders.glob("*Z-*") if path.is_dir() and not path.is_symlink()} | runs.keys()
    older = {name: read_decision(folders / name) for name in others - known}
    found += [one for one in older.values() if one is not None]
    return sorted(found, key=lambda one: (one.started_at, one.run_id)), sorted(name for name, one in older.items() if one is None)


def decision_of(run: KeptRun, results: Iterable[KeptResult]) -> Decision:
    """Return a run of the history."""
    return Decision(
        run_id=run.run_id,
        started_at=run.started_at,
        verdict=run.verdict,
        partial=run.partial,
        finished=run.finished,
        unconfirmed=bool(run.unconfirmed),
        results=tuple(results),
    )


def read_results(engine: History, project: str, environment: str) -> dict[str, list[KeptResult]]:
    """Return run's id -> its results, of all runs at once; what the failed ones found is asked for apart."""
    mine = sa.and_(RUNS.c.project == project, RUNS.c.environment == environment, RUNS.c.unconfirmed.is_not(None))
    ours = sa.and_(RESULTS.c.run_id == RUNS.c.run_id, mine)
    # Types are left out of the first: of 110,000 rows, turning each into what it is already takes longer than reading them.
    plain: list[Any] = [sa.type_coerce(RESULTS.c[name], sa.types.NullType()) for name in COLUMNS]
    rows: sa.Select[Any] = sa.select(*plain).join_from(RUNS, RESULTS, ours)
    failed = sa.select(RESULTS.c.run_id, RESULTS.c.check_id, RESULTS.c.finding).join_from(RUNS, RESULTS, ours)
    with as_history_error(), engine.connect() as connection, without_collecting():
        findings = {
            (row.run_id, row.check_id): (tuple(row.finding["keys"]), row.finding["words"])
            for row in connection.execute(failed.where(RESULTS.c.found == "fail"))
            if row.finding
        }
        found: dict[str, list[KeptResult]] = {}
        for row in connection.execute(rows).all():
            run_id, one = row[0], KeptResult(*row[1:])
            if one.found == "fail":
                keys, words = findings.get((run_id, one.check), ((), ""))
                one = one._replace(keys=keys, words=words)
            found.setdefault(run_id, []).append(one)
    return found


@contextmanager
def without_collecting() -> Iterator[None]:
    """Let the garbage collector rest: it would look through all that is read, again and again, for circles that are not there."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


def read_decision(folder: Path) -> Decision | None:
    """Return a run as its own folder tells it; None where it holds no manifest or no result that can be read."""
    try:
        about = json.loads((folder / MANIFEST).read_bytes())
        lines = read_evidence(folder)
        ended_at = datetime.fromisoformat(about["ended_at"])
        waived = {one["check"] for one in about.get("waivers", [])}
        kept = [keep_result(line, ended_at, is_waived=bool(waived & {line.check, line.see})) for line in lines]
        if not lines:
            return None
        return Decision(
            run_id=folder.name,
            started_at=datetime.fromisoformat(about["started_at"]),
            verdict=about["verdict"],
            partial=about["partial"],
            finished=about["finished"],
            unconfirmed=bool(about.get("unconfirmed")),
            results=tuple(kept),
        )
    except (OSError, ValueError, KeyError, TypeError, WorkbookError):
        return None
