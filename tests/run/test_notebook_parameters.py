"""Parameters that a notebook does not know, or of another type, are refused before anything starts."""

from __future__ import annotations

from pathlib import Path

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_notebook

from lib.core.errors import ParamsError
from lib.run.notebook_parameters import check_parameters, misfits, parameters_of, read_defaults
from lib.run.params import load_params
from lib.tasks.base import Task
from lib.tasks.index import TASKS


def notebook(folder: Path, source: str, *, tags: tuple[str, ...] = ("parameters",)) -> Path:
    cell = new_code_cell(source, metadata={"tags": list(tags)})
    path = folder / "01_migrations.ipynb"
    nbformat.write(new_notebook(cells=[cell]), path)
    return path


def test_every_shipped_notebook_takes_every_shipped_environments_params() -> None:
    for environment in ("local", "staging", "production"):
        assert set(check_parameters(TASKS, load_params(environment, variables={}))) == {task.name for task in TASKS}


@pytest.mark.parametrize("task", TASKS, ids=lambda task: task.name)
def test_a_notebooks_own_defaults_are_those_of_local(task: Task) -> None:
    assert read_defaults(task.path) == parameters_of(task, load_params("local", variables={}))


def test_defaults_are_read_as_literals(tmp_path: Path) -> None:
    path = notebook(tmp_path, 'environment = "local"  # a name\nlimit_ms = 1.5\nscales = [1, 10]')
    assert read_defaults(path) == {"environment": "local", "limit_ms": 1.5, "scales": [1, 10]}


@pytest.mark.parametrize("source", ["import os", "x = open('y')", "x"])
def test_a_parameters_cell_with_more_than_literals_is_refused(tmp_path: Path, source: str) -> None:
    with pytest.raises(ParamsError, match="may hold only lines like"):
        read_defaults(notebook(tmp_path, source))


def test_a_notebook_without_parameters_cell_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ParamsError, match="has 0 cells tagged 'parameters'"):
        read_defaults(notebook(tmp_path, "x = 1", tags=()))


def test_a_notebook_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(ParamsError, match="can't be read"):
        read_defaults(tmp_path / "01_migrations.ipynb")


def test_unknown_missing_and_wrongly_typed_names_are_told_at_once() -> None:
    lines = misfits(Path("01_x.ipynb"), {"limit_ms": 1.0, "only_there": 1, "flag": True}, {"limt_ms": 1.0, "flag": 1})
    assert len(lines) == 4
    assert "no parameter 'limt_ms'" in lines[0]
    assert "mean 'limt_ms' by 'limit_ms'" in lines[0]
    assert "flag" in lines[3]


def test_a_whole_number_may_stand_for_a_fraction_but_a_yes_may_not() -> None:
    assert misfits(Path("x"), {"limit_ms": 1.0}, {"limit_ms": 2}) == []
    assert misfits(Path("x"), {"limit_ms": 1.0}, {"limit_ms": True}) != []
