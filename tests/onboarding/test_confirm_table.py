"""What confirm.ipynb calls works where `make lab PACK=...` starts it."""

from __future__ import annotations

from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

from lib.core.errors import ParamsError
from lib.core.paths import ROOT
from lib.onboarding.confirm_notebook import NOTEBOOK_FILE, spell_notebook
from lib.onboarding.confirm_table import confirm, confirm_table
from tests.support.onboarding_worlds import write

AT_END = "# observed 2026-11-26, unconfirmed"
TEXT = f"name: shop\nseed:\n  schemas: [public]  {AT_END}\n  applies: true  {AT_END}\n"


@pytest.fixture
def pack(tmp_path: Path) -> Path:
    return write(tmp_path, {"launch/project.yaml": TEXT, NOTEBOOK_FILE: spell_notebook("shop")})


def test_numbers_are_lines_of_the_file_so_a_cell_can_be_run_twice(pack: Path) -> None:
    assert [row["line"] for row in confirm_table(pack).rows] == ["3", "4"]
    assert [row["line"] for row in confirm(3, pack=pack).rows] == ["4"]
    assert [row["line"] for row in confirm(3, pack=pack).rows] == ["4"]
    assert [row["says"] for row in confirm(4, pack=pack).rows] == ["every line is confirmed"]
    assert (pack / "launch/project.yaml").read_text() == TEXT.replace(f"  {AT_END}", "")


def test_outside_of_a_launch_folder_it_says_how(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ParamsError, match="make lab PACK="):
        confirm_table()


def test_the_notebook_runs_in_its_folder(pack: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    notebook = nbformat.read(pack / NOTEBOOK_FILE, as_version=4)
    notebook.cells[-1].source = "confirm(3)"
    client = NotebookClient(notebook, timeout=60, resources={"metadata": {"path": str(pack / "launch")}})
    done = client.execute()
    assert "schemas" in str(done.cells[2].outputs) and "applies" in str(done.cells[2].outputs)
    assert "schemas" not in str(done.cells[-1].outputs) and "applies" in str(done.cells[-1].outputs)
    assert (pack / "launch/project.yaml").read_text() == TEXT.replace(f"[public]  {AT_END}", "[public]")
