"""What a notebook reads of earlier runs: the last finished ones of its own project and environment, with their gates."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from lib.core.results import Outcome, Provenance
from lib.evidence.history import HistoryEntry, open_history, remember_run
from lib.evidence.log import EvidenceLine
from lib.notebook.paper_trail import past_runs
from lib.tasks.readiness_summary.figures import MOST_RUNS, readiness_over_runs

START = datetime(2026, 11, 1, 5, tzinfo=UTC)


def entry(number: int, *outcomes: Outcome, gate: bool = True, **changes: Any) -> HistoryEntry:
    lines = [
        EvidenceLine(
            run_id=f"r{number}", environment="local", task="rls", check=f"rls.c{place}", result=outcome, gate=gate,
            provenance=Provenance.EMBEDDED, started_at=START, duration_s=1.0,
        )
        for place, outcome in enumerate(outcomes)
    ]  # fmt: skip
    facts: dict[str, Any] = {
        "run_id": f"r{number}", "project": "pack", "environment": "local", "verdict": "REHEARSED", "partial": False,
        "finished": True, "commit_id": None, "started_at": START + timedelta(days=number), "duration_s": 2.0, "lines": lines,
    }  # fmt: skip
    return HistoryEntry(**{**facts, **changes})


def runs_of(folder: Path, *entries: HistoryEntry) -> list[Any]:
    history = open_history(folder)
    for one in entries:
        remember_run(history, one)
    history.dispose()
    run = SimpleNamespace(rendered=folder, history_url=None, project="pack", environment="local")
    return list(past_runs(SimpleNamespace(run=run)))  # type: ignore[arg-type]


def test_gates_of_finished_runs_are_counted(tmp_path: Path) -> None:
    found = runs_of(
        tmp_path,
        entry(0, Outcome.PASS, Outcome.PASS, Outcome.FAIL, verdict="NO-GO"),
        entry(1, Outcome.PASS),
        entry(2, Outcome.FAIL, gate=False),
        entry(3, Outcome.ERROR, finished=False),
        entry(4, Outcome.ERROR, project="another"),
        entry(5, Outcome.ERROR, environment="staging"),
    )
    assert [(run["run_id"], run["verdict"], dict(run["results"])) for run in found] == [
        ("r2", "REHEARSED", {}),
        ("r1", "REHEARSED", {"pass": 1}),
        ("r0", "NO-GO", {"pass": 2, "fail": 1}),
    ]
    assert found[0]["started_at"].tzinfo is not None
    assert readiness_over_runs(found).alt.startswith("3 runs: 1 NO-GO and 2 REHEARSED.")


def test_of_many_runs_the_newest_thirty_are_read(tmp_path: Path) -> None:
    found = runs_of(tmp_path, *(entry(number, Outcome.PASS) for number in range(MOST_RUNS + 3)))
    assert [run["run_id"] for run in found] == [f"r{number}" for number in range(MOST_RUNS + 2, 2, -1)]


def test_before_the_first_run_there_is_nothing(tmp_path: Path) -> None:
    assert runs_of(tmp_path) == []
    assert "Nothing to draw" in readiness_over_runs([]).caption
