"""History remembers whole runs and says what changed, whatever database keeps it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa

from lib.core.errors import WorkbookError
from lib.core.results import Outcome, Provenance
from lib.evidence.history import HistoryEntry, changes_since, last_run, open_history, remember_run
from lib.evidence.log import EvidenceLine
from lib.transport.database import Database

START = datetime(2026, 11, 23, 11, 45, tzinfo=UTC)


def line(check: str, outcome: Outcome = Outcome.PASS) -> EvidenceLine:
    return EvidenceLine(
        run_id="r",
        environment="local",
        task=check.partition(".")[0],
        check=check,
        result=outcome,
        gate=True,
        provenance=Provenance.EMBEDDED,
        started_at=START,
        duration_s=1.0,
    )


def entry(run_id: str, lines: list[EvidenceLine], *, minutes: int = 0, **changes: object) -> HistoryEntry:
    facts = {
        "run_id": run_id,
        "project": "pack",
        "environment": "local",
        "verdict": "REHEARSED",
        "partial": False,
        "finished": True,
        "commit_id": None,
        "started_at": START + timedelta(minutes=minutes),
        "duration_s": 2.0,
        "lines": lines,
    }
    return HistoryEntry(**{**facts, **changes})  # type: ignore[arg-type]


@pytest.fixture
def history(tmp_path: Path) -> Iterator[sa.Engine]:
    engine = open_history(tmp_path)
    yield engine
    engine.dispose()


def test_the_newest_finished_run_of_the_environment_is_the_last(history: sa.Engine) -> None:
    remember_run(history, entry("old", [line("a.b")]))
    remember_run(history, entry("new", [line("a.b", Outcome.FAIL)], minutes=1))
    remember_run(history, entry("stopped", [], minutes=2, finished=False))
    remember_run(history, entry("elsewhere", [], minutes=3, environment="staging"))
    past = last_run(history, "pack", "local")
    assert past is not None
    assert (past.run_id, past.results) == ("new", {"a.b": "fail"})


def test_a_run_of_some_tasks_is_no_last_one(history: sa.Engine) -> None:
    remember_run(history, entry("whole", [line("a.b")]))
    remember_run(history, entry("narrow", [line("a.b", Outcome.FAIL)], minutes=1, partial=True))
    past = last_run(history, "pack", "local")
    assert past is not None
    assert past.run_id == "whole"


def test_another_project_of_the_same_environment_is_another_history(history: sa.Engine) -> None:
    remember_run(history, entry("ours", [line("a.b")]))
    remember_run(history, entry("theirs", [line("a.b", Outcome.FAIL)], minutes=1, project="other"))
    past = last_run(history, "pack", "local")
    assert past is not None
    assert past.run_id == "ours"
    assert last_run(history, "third", "local") is None


def test_an_environment_without_runs_has_no_last_one(history: sa.Engine) -> None:
    assert last_run(history, "pack", "local") is None
    assert changes_since(None, [line("a.b")]) == []


def test_changes_name_what_came_to_something_else_and_not_what_only_one_run_has(history: sa.Engine) -> None:
    remember_run(history, entry("old", [line("a.same"), line("a.worse"), line("a.gone")]))
    rows = changes_since(last_run(history, "pack", "local"), [line("a.same"), line("a.worse", Outcome.FAIL), line("a.new")])
    assert rows == [
        {"check": "a.worse", "before": "pass", "now": "fail"},
    ]


def test_a_run_that_can_not_be_kept_whole_is_not_kept(history: sa.Engine) -> None:
    remember_run(history, entry("one", [line("a.b")]))
    with pytest.raises(WorkbookError, match="can't be used"):
        remember_run(history, entry("one", [line("a.c"), line("a.d").model_copy(update={"observed": object()})]))
    past = last_run(history, "pack", "local")
    assert past is not None
    assert past.results == {"a.b": "pass"}


def test_postgres_keeps_history_too(hosted_database: Database, tmp_path: Path) -> None:
    engine = open_history(tmp_path, hosted_database.url.replace("postgresql://", "postgresql+psycopg://"))
    remember_run(engine, entry("one", [line("a.b")]))
    past = last_run(engine, "pack", "local")
    engine.dispose()
    assert past is not None
    assert past.started_at == START


def test_a_history_that_can_not_be_opened_is_told(tmp_path: Path) -> None:
    (tmp_path / "history.sqlite").write_text("this is no database, and long enough to be looked at as one" * 20)
    with pytest.raises(WorkbookError, match=r"rendered/history\.sqlite"):
        open_history(tmp_path)
