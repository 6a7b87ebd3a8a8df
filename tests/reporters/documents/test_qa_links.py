"""QA's links lead to the newest evidence, with its result and age; a stale one says so."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from lib.core.results import Provenance
from lib.evidence.log import append_line, keep_artifacts, line_of
from lib.evidence.manifest import ENVELOPE
from lib.reporters.documents.qa_links import DATA_FILE, FILE, write_qa_links
from lib.run.params import load_params
from lib.run.run_file import RunFile
from lib.tasks.index import every_check

NOW = datetime(2026, 11, 23, 6, 0, tzinfo=UTC)
CHECK = every_check()["health.chatwoot_is_alive"]


def run_in(folder: Path, run_id: str) -> RunFile:
    sections = {name: section.model_dump(mode="json") for name, section in load_params("local", variables={}).sections.items()}
    run_folder = folder / "staging" / run_id
    run_folder.mkdir(parents=True)
    return RunFile(
        run_id=run_id, environment="staging", project="pack", rehearsal=False, tasks=("health",),
        pack=folder, run_folder=run_folder, rendered=folder, work=folder, kept=folder, events=folder / "events.jsonl",
        spare=folder / "unkept.jsonl",
        supabase=Path("x"), squawk=Path("x"), postgres_bin=Path("x"), sections=sections,
    )  # fmt: skip


def look(run: RunFile, started_at: datetime, *, well: bool = True, is_finished: bool = True) -> None:
    kept = keep_artifacts(run.run_folder, "health", {"chatwoot.json": {"service": "chatwoot"}})
    result = CHECK.passed() if well else CHECK.failed(detail="GET /health: server error.", fix="read the log.")
    append_line(
        run.run_folder,
        line_of(result, CHECK, run_id=run.run_id, environment="staging", provenance=Provenance.LIVE,
                started_at=started_at, duration_s=0.2, artifacts=kept),
    )  # fmt: skip
    if is_finished:
        (run.run_folder / ENVELOPE).write_text("{}")


def read_links(run: RunFile) -> tuple[str, dict[str, Any]]:
    write_qa_links(run, now=NOW)
    return (run.run_folder / FILE).read_text(), json.loads((run.run_folder / DATA_FILE).read_text())


def test_a_run_that_looked_links_to_its_own_evidence(tmp_path: Path) -> None:
    run = run_in(tmp_path, "20261123T055900Z-aaaa")
    look(run, NOW - timedelta(minutes=1))
    text, data = read_links(run)
    [row] = data["links"]
    assert (row["result"], row["age_s"], row["is_stale"], data["is_stale"]) == ("pass", 60, False, False)
    assert row["artifacts"] == ["../artifacts/health/chatwoot.json"]
    assert "STALE" not in text
    assert "[Chatwoot answers at all](../health.html)" in text


def test_links_lead_to_files_that_are_there(tmp_path: Path) -> None:
    look(run_in(tmp_path, "20261123T010000Z-aaaa"), NOW - timedelta(hours=5))
    later = run_in(tmp_path, "20261123T055900Z-bbbb")
    _, data = read_links(later)
    assert data["run_id"] == "20261123T010000Z-aaaa"
    [row] = data["links"]
    assert (later.run_folder / "docs" / row["artifacts"][0]).resolve().is_file()


def test_the_newest_run_that_looked_is_taken(tmp_path: Path) -> None:
    look(run_in(tmp_path, "20261122T010000Z-aaaa"), NOW - timedelta(hours=29))
    look(run_in(tmp_path, "20261123T010000Z-bbbb"), NOW - timedelta(hours=5), well=False)
    text, data = read_links(run_in(tmp_path, "20261123T055900Z-cccc"))
    assert data["run_id"] == "20261123T010000Z-bbbb"
    assert "## What failed" in text
    assert "server error" in text


def test_a_killed_run_is_no_source(tmp_path: Path) -> None:
    look(run_in(tmp_path, "20261122T010000Z-aaaa"), NOW - timedelta(hours=20))
    look(run_in(tmp_path, "20261123T010000Z-bbbb"), NOW - timedelta(hours=5), is_finished=False)
    assert read_links(run_in(tmp_path, "20261123T055900Z-cccc"))[1]["run_id"] == "20261122T010000Z-aaaa"


def test_stale_evidence_is_shown_as_stale(tmp_path: Path) -> None:
    look(run_in(tmp_path, "20261121T010000Z-aaaa"), NOW - timedelta(hours=53))
    text, data = read_links(run_in(tmp_path, "20261123T055900Z-bbbb"))
    assert data["is_stale"] is True
    assert "**STALE.** The newest evidence is 2 d 5 h old, more than 26 h" in text
    assert "| 2 d 5 h **stale** |" in text


def test_a_run_that_was_blocked_before_it_looked_is_passed_over(tmp_path: Path) -> None:
    blocked = run_in(tmp_path, "20261123T020000Z-bbbb")
    line = line_of(
        CHECK.failed(), CHECK, run_id="x", environment="staging", provenance=Provenance.LIVE, started_at=NOW, duration_s=0.0
    )
    append_line(blocked.run_folder, line)
    look(run_in(tmp_path, "20261123T010000Z-aaaa"), NOW - timedelta(hours=5))
    assert read_links(blocked)[1]["run_id"] == "20261123T010000Z-aaaa"


def test_no_evidence_at_all_is_missing_not_fine(tmp_path: Path) -> None:
    text, data = read_links(run_in(tmp_path, "20261123T055900Z-aaaa"))
    assert (data["run_id"], data["is_stale"], data["links"]) == (None, True, [])
    assert "**MISSING.**" in text


@pytest.mark.parametrize("content", ["not a line\n\n", '{"run_id": 1}\n{}\n'])
def test_evidence_changed_by_hand_proves_nothing(tmp_path: Path, content: str) -> None:
    older = run_in(tmp_path, "20261123T010000Z-aaaa")
    (older.run_folder / "evidence.jsonl").write_text(content)
    assert read_links(run_in(tmp_path, "20261123T055900Z-bbbb"))[1]["links"] == []
