"""The middle of the newest finished runs' durations, of this project and environment alone; none where there is none."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import sqlalchemy as sa

from lib.evidence.durations import DURATIONS, durations_lately, remember_durations
from lib.evidence.history import History, HistoryEntry, open_history, remember_run

START = datetime(2026, 11, 26, tzinfo=UTC)


def keep(
    history: History, number: int, seconds: float, *, finished: bool = True, project: str = "p", environment: str = "local"
) -> None:
    run_id = f"run-{project}-{environment}-{number}"
    entry = HistoryEntry(
        run_id=run_id, project=project, environment=environment, verdict="GO", partial=False, finished=finished, commit_id=None,
        started_at=START + timedelta(days=number), duration_s=seconds, lines=(),
    )  # fmt: skip
    remember_run(history, entry)
    remember_durations(history, run_id, {"rls": seconds})


def test_the_middle_of_the_newest_five_counts(tmp_path: Path) -> None:
    history = open_history(tmp_path)
    assert durations_lately(history, "p", "local") == {}
    for number, seconds in enumerate([900, 900, 900, 10, 12, 11, 300, 13]):
        keep(history, number, seconds)
    keep(history, 50, 1, finished=False)
    keep(history, 51, 1, project="other")
    keep(history, 52, 1, environment="staging")
    assert durations_lately(history, "p", "local") == {"rls": 12}


def test_a_run_that_is_kept_again_counts_once(tmp_path: Path) -> None:
    history = open_history(tmp_path)
    keep(history, 1, 5)
    keep(history, 1, 7)
    assert durations_lately(history, "p", "local") == {"rls": 7}


def test_a_history_of_an_older_workbook_has_none_and_takes_some(tmp_path: Path) -> None:
    history = open_history(tmp_path)
    with history.begin() as connection:
        connection.execute(sa.schema.DropTable(DURATIONS, if_exists=True))
    assert durations_lately(history, "p", "local") == {}
    keep(history, 1, 5)
    assert durations_lately(history, "p", "local") == {"rls": 5}
