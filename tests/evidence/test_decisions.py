"""What a run was decided on is kept whole: from history, or from the folder of a run that an older workbook kept."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from lib.core.results import Provenance, Result
from lib.evidence.decisions import list_decisions, read_decision
from lib.evidence.history import HistoryEntry, open_history, remember_run
from lib.evidence.history_schema import RUNS
from lib.evidence.kept_results import WAIVED, keep_result
from lib.evidence.log import EvidenceLine, append_line, line_of
from lib.tasks.index import every_check

AT = datetime(2026, 11, 26, 12, tzinfo=UTC)
A, B, C = "rls.every_table_enabled", "rls.no_policy_without_rls", "rls.pgtap_tests_pass"


def lines() -> list[EvidenceLine]:
    checks = every_check()
    found: list[Result] = [
        checks[A].failed(detail="Off on public.a.", objects=["public.a"]),
        checks[B].hidden_by(A, "Not judged."),
        checks[C].passed(observed={"a": 1}),
    ]
    about: dict[str, Any] = {"run_id": "r", "environment": "local", "provenance": Provenance.TWIN, "duration_s": 1}
    return [line_of(one, checks[one.check], started_at=AT, **about) for one in found]


def entry(run_id: str, **facts: Any) -> HistoryEntry:
    ended_at = AT + timedelta(hours=1)
    about: dict[str, Any] = {
        "run_id": run_id, "project": "p", "environment": "local", "verdict": "PARTIAL", "partial": False, "finished": True,
        "commit_id": None, "started_at": AT, "duration_s": 3600, "lines": lines(), "unconfirmed": True,
        "kept": [keep_result(one, ended_at, is_waived=one.check in (A, B)) for one in lines()],
    }  # fmt: skip
    return HistoryEntry(**{**about, **facts})


def test_what_is_kept_is_read_back_as_it_was(tmp_path: Path) -> None:
    engine = open_history(tmp_path)
    remember_run(engine, entry("20261126T120000Z-aaaa"))
    remember_run(engine, entry("20261126T130000Z-aaaa", project="other"))
    [one], unknown = list_decisions(engine, tmp_path / "p" / "local", "p", "local")
    assert unknown == []
    assert (one.run_id, one.started_at, one.verdict, one.unconfirmed) == ("20261126T120000Z-aaaa", AT, "PARTIAL", True)
    assert [tuple(kept) for kept in one.results] == [tuple(kept) for kept in entry("x").kept]
    failed = one.results[0]
    assert (failed.keys, failed.words, failed.age_s, failed.counted_as) == (("public.a",), "Off on public.a.", 3600, WAIVED)


def seal(folder: Path, **about: Any) -> None:
    folder.mkdir(parents=True)
    for line in lines():
        append_line(folder, line)
    said = {"started_at": AT.isoformat(), "ended_at": AT.isoformat(), "verdict": "PARTIAL", "partial": False, "finished": True}
    (folder / "manifest.json").write_text(json.dumps({**said, **about}))


def test_a_run_that_history_knows_too_little_of_is_read_from_its_folder(tmp_path: Path) -> None:
    engine, folders = open_history(tmp_path), tmp_path / "p" / "local"
    remember_run(engine, entry("20261126T120000Z-aaaa", unconfirmed=None, kept=[]))
    remember_run(engine, entry("20261126T130000Z-gone", unconfirmed=None, kept=[]))
    seal(folders / "20261126T120000Z-aaaa", waivers=[{"check": A}])
    seal(folders / "20261126T110000Z-only")
    found, unknown = list_decisions(engine, folders, "p", "local")
    assert unknown == ["20261126T130000Z-gone"]
    waived = {one.run_id: [kept.check for kept in one.results if kept.counted_as == WAIVED] for one in found}
    assert waived == {"20261126T110000Z-only": [], "20261126T120000Z-aaaa": [A, B]}


def test_a_folder_that_holds_no_run_is_none(tmp_path: Path) -> None:
    assert read_decision(tmp_path) is None
    (tmp_path / "manifest.json").write_text("[]")
    assert read_decision(tmp_path) is None


def test_more_than_pages_show_are_decided_again(tmp_path: Path) -> None:
    engine = open_history(tmp_path)
    with engine.begin() as connection:
        about = {"project": "p", "environment": "local", "verdict": "GO", "partial": False, "finished": True, "duration_s": 1.0}
        rows = [{**about, "run_id": f"r{n}", "started_at": AT + timedelta(minutes=n), "unconfirmed": False} for n in range(600)]
        connection.execute(sa.insert(RUNS), rows)
    found, _ = list_decisions(engine, tmp_path / "none", "p", "local")
    assert len(found) == 600
