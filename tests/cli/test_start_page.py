"""The page that the lab opens at: each notebook in order with its own question, links that lead somewhere, no stale word."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from lib.cli import start_page
from lib.cli.start_page import question_of, write_start_page
from lib.core.paths import ROOT
from lib.display.markdown import find_links, linked_path
from lib.run.params import Params, load_params
from lib.tasks.index import TASKS


@pytest.fixture
def params() -> Params:
    return load_params("local", variables={}, is_bare=True)


def page_of(params: Params, folder: Path, project: Path | None = None) -> str:
    return write_start_page(params, folder=folder, project=project or params.pack).read_text(encoding="utf-8")


def test_it_has_a_row_a_notebook_in_order_with_what_it_decides(params: Params, tmp_path: Path) -> None:
    text = page_of(params, tmp_path)
    places = [text.index(task.notebook) for task in sorted(TASKS, key=lambda one: one.notebook)]
    assert places == sorted(places)
    for task in TASKS:
        assert f"{task.title}: " in text and question_of(task).endswith("?")


def test_the_question_is_the_notebooks_own(tmp_path: Path) -> None:
    path = tmp_path / TASKS[0].notebook
    notebook = json.loads(TASKS[0].path.read_text(encoding="utf-8"))
    notebook["cells"][0]["source"] = "# Any\n\n**The question.** Is it\nso?\n\nIt is *not ready* otherwise."
    path.write_text(json.dumps(notebook), encoding="utf-8")
    assert question_of(replace(TASKS[0], folder=tmp_path)) == "Migrations: Is it so?"
    path.write_text("{")
    assert question_of(replace(TASKS[0], folder=tmp_path)) == "Migrations: the notebook can't be read."


@pytest.mark.parametrize("folder", ["notebooks", ".run/lab"])
def test_every_link_leads_to_a_file(params: Params, folder: str, tmp_path: Path) -> None:
    text = "\n".join(start_page.start_page(params, folder=ROOT / folder, project=params.pack))
    links = find_links(text)
    assert len(links) >= len(TASKS) + 5
    assert [link for link in links if not linked_path(link, ROOT / folder).exists()] == []


def test_the_newest_summary_is_at_hand(params: Params, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(start_page, "ROOT", tmp_path)
    assert "`make local-readiness` makes one" in page_of(params, tmp_path)
    latest = tmp_path / "rendered" / "idea-board" / "local" / "latest"
    latest.mkdir(parents=True)
    (latest / "index.html").write_text("page")
    (latest / "manifest.json").write_text(json.dumps({"verdict": "NO-GO", "ended_at": "2026-11-26T10:00:00+00:00"}))
    text = page_of(params, tmp_path)
    assert "[NO\\-GO" in text or "[NO-GO" in text
    assert "rendered/idea-board/local/latest/index.html" in find_links(text)
    (latest / "manifest.json").write_text("{")
    assert "the run of latest" in page_of(params, tmp_path)
