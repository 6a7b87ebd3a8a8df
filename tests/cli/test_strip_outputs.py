"""Commits of notebooks hold what an author wrote: no output but the compared one, no counter, nothing an editor noted."""

from __future__ import annotations

import copy
import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from lib.cli import lab
from lib.cli.strip_outputs import strip_notebook
from lib.core.paths import ROOT

NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))


def executed(notebook: Any) -> Any:
    """Return a notebook as JupyterLab saves it after every cell was executed."""
    run = copy.deepcopy(notebook)
    for number, cell in enumerate(run["cells"], start=30):
        cell["metadata"] |= {"scrolled": True, "execution": {"iopub.status.busy": "2026"}}
        if cell["cell_type"] == "code":
            cell["execution_count"] = number
            for output in cell["outputs"]:
                output["execution_count"] = number
            if not cell["outputs"]:
                cell["outputs"] = [{"output_type": "stream", "name": "stdout", "text": ["✓ passed"]}]
    run["metadata"] = {
        "kernelspec": {"display_name": "Python 3 (ipykernel)", "language": "python", "name": "python3"},
        "language_info": {"name": "python", "version": "3.12.1", "codemirror_mode": {"name": "ipython"}},
    }
    return run


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_that_was_executed_is_stripped_to_the_committed_one(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert strip_notebook(text) == text
    assert strip_notebook(json.dumps(executed(json.loads(text)))) == text


def test_what_an_author_changed_stays() -> None:
    notebook = json.loads(NOTEBOOKS[0].read_text(encoding="utf-8"))
    notebook["cells"][1]["source"] = ["changed = True"]
    assert "changed = True" in strip_notebook(json.dumps(executed(notebook)))


@pytest.mark.parametrize("text", ["", "no JSON", "[]", "{}", '{"cells": 3}', '{"cells": [1]}', '<<<<<<< HEAD\n{"cells": []}'])
def test_what_is_no_notebook_comes_back_as_it_is(text: str) -> None:
    assert strip_notebook(text) == text


@pytest.fixture
def clone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a clone with one committed notebook, the filter's program, and the attributes that name it."""
    monkeypatch.setattr(lab, "ROOT", tmp_path)
    monkeypatch.setattr(lab, "NBDIME", tmp_path / "none")
    (tmp_path / "lib/cli").mkdir(parents=True)
    for name in (".gitattributes", "lib/cli/strip_outputs.py"):
        (tmp_path / name).write_bytes((ROOT / name).read_bytes())
    (tmp_path / ".venv").symlink_to(ROOT / ".venv")
    (tmp_path / "a.ipynb").write_bytes(NOTEBOOKS[0].read_bytes())
    git(tmp_path, "init", "-q")
    git(tmp_path, "add", "a.ipynb", ".gitattributes")
    git(tmp_path, "-c", "user.name=a", "-c", "user.email=a@example.com", "commit", "-qm", "One")
    return tmp_path


def git(folder: Path, *words: str) -> str:
    return subprocess.run(["git", "-C", folder, *words], check=True, capture_output=True, text=True).stdout


def test_an_executed_notebook_does_not_dirty_a_clone_that_was_told(clone: Path) -> None:
    path = clone / "a.ipynb"
    path.write_text(json.dumps(executed(json.loads(path.read_text(encoding="utf-8")))), encoding="utf-8")
    assert not lab.is_stripping() and "a.ipynb" in git(clone, "status", "--porcelain", "a.ipynb")
    lab.keep_outputs_out(is_off=False)
    assert lab.is_stripping() and git(clone, "diff", "--", "a.ipynb") == ""
    git(clone, "add", "a.ipynb")
    assert git(clone, "status", "--porcelain", "a.ipynb") == ""
    lab.keep_outputs_out(is_off=True)
    assert not lab.is_stripping() and git(clone, "config", "--list").count("launch-outputs") == 0


def test_telling_it_twice_and_taking_back_what_was_not_told_is_fine(clone: Path) -> None:
    assert [lab.keep_outputs_out(is_off=off) for off in (True, False, False, True, True)] == [0] * 5
