"""papermill's engine that writes the notebook down less often: nothing else about an executed notebook may differ."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import nbformat
import papermill
import pytest
from papermill import engines
from papermill.exceptions import PapermillExecutionError

from lib.run import engine
from lib.run.engine import ENGINE

CELLS = ["x = 1", "print('a line')", "x + 1", "print('another')\nx * 21"]


@pytest.fixture
def written(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """Every state of a notebook that an engine wrote down while it was executed."""
    states: list[dict[str, Any]] = []

    def note(nb: Any, path: str) -> None:
        states.append(nbformat.from_dict(nb))
        Path(path).write_text(nbformat.writes(nb), encoding="utf-8")

    monkeypatch.setattr(engines, "write_ipynb", note)
    return states


def make_notebook(folder: Path, cells: list[str]) -> Path:
    """Write a notebook of these cells and return its path."""
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(text, id=f"cell{n}") for n, text in enumerate(cells)])
    notebook.metadata["kernelspec"] = {"name": "python3", "display_name": "Python 3", "language": "python"}
    path = folder / "story.ipynb"
    path.write_text(nbformat.writes(notebook), encoding="utf-8")
    return path


def execute(path: Path, output: Path, name: str | None) -> Any:
    """Execute a notebook with an engine of papermill's and return what was written in the end."""
    try:
        papermill.execute_notebook(str(path), str(output), engine_name=name, progress_bar=False)
    finally:
        found = nbformat.read(output, as_version=4)
    return found


def outputs_of(notebook: Any) -> list[Any]:
    return [[dict(one) for one in cell.outputs] for cell in notebook.cells]


def test_the_notebook_is_the_same_and_is_written_down_less_often(tmp_path: Path, written: list[dict[str, Any]]) -> None:
    path = make_notebook(tmp_path, CELLS)
    theirs = execute(path, tmp_path / "theirs.ipynb", None)
    often = len(written)
    written.clear()
    ours = execute(path, tmp_path / "ours.ipynb", ENGINE)
    assert outputs_of(ours) == outputs_of(theirs)
    assert [cell.metadata.papermill.status for cell in ours.cells] == ["completed"] * len(CELLS)
    assert often >= 2 * len(CELLS) and len(written) < len(CELLS)


def test_it_is_there_from_the_start_and_whole_in_the_end(tmp_path: Path, written: list[dict[str, Any]]) -> None:
    execute(make_notebook(tmp_path, CELLS), tmp_path / "ours.ipynb", ENGINE)
    assert {cell["metadata"]["papermill"]["status"] for cell in written[0]["cells"]} == {"pending"}
    assert outputs_of(nbformat.from_dict(written[-1]))[-1][-1]["data"]["text/plain"] == "21"


def test_where_it_is_due_each_cell_is_written_down(
    tmp_path: Path, written: list[dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engine, "SAVE_EVERY_S", 0.0)
    execute(make_notebook(tmp_path, CELLS), tmp_path / "ours.ipynb", ENGINE)
    assert len(written) >= 2 * len(CELLS)


def test_a_cell_that_raises_is_written_down_with_all_before_it(tmp_path: Path) -> None:
    path = make_notebook(tmp_path, ["print('before')", "1 / 0", "print('never')"])
    with pytest.raises(PapermillExecutionError):
        execute(path, tmp_path / "ours.ipynb", ENGINE)
    found = nbformat.read(tmp_path / "ours.ipynb", as_version=4)
    said = [output for cell in found.cells for output in cell.get("outputs", [])]
    assert any(one.get("text") == "before\n" for one in said)
    assert any(one.get("ename") == "ZeroDivisionError" for one in said)
    assert not any(one.get("text") == "never\n" for one in said)
