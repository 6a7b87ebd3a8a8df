"""Notebooks keep their shape: prose before code, short cells, no outputs but the marked ones."""

from __future__ import annotations

import ast
from itertools import pairwise
from pathlib import Path
from typing import Any

import nbformat
import pytest

from lib.core.paths import ROOT
from lib.tasks.index import TASKS

NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))
MARK = "# NBVAL_CHECK_OUTPUT"
LONGEST_CELL = 20
MOST_CELLS = 40


def cells(path: Path) -> list[Any]:
    return list(nbformat.read(path, as_version=4).cells)


def code_cells(path: Path) -> list[Any]:
    return [cell for cell in cells(path) if cell.cell_type == "code"]


def test_every_task_has_its_notebook_and_every_notebook_its_task() -> None:
    assert {path.name for path in NOTEBOOKS} == {task.notebook for task in TASKS}


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
class TestNotebook:
    def test_it_opens_with_the_question(self, path: Path) -> None:
        first = cells(path)[0]
        assert first.cell_type == "markdown"
        assert first.source.startswith("# ")
        assert "not ready" in first.source.lower()

    def test_cells_are_few_and_short(self, path: Path) -> None:
        assert len(cells(path)) <= MOST_CELLS
        assert max(len(cell.source.splitlines()) for cell in code_cells(path)) <= LONGEST_CELL

    def test_prose_keeps_up_with_code(self, path: Path) -> None:
        kinds = [cell.cell_type for cell in cells(path)]
        assert kinds.count("markdown") >= 0.75 * kinds.count("code")
        assert not any(set(three) == {"code"} for three in zip(kinds[3:], kinds[4:], kinds[5:], strict=False))

    def test_no_cell_defines_anything(self, path: Path) -> None:
        for cell in code_cells(path):
            assert not any(isinstance(node, ast.FunctionDef | ast.ClassDef) for node in ast.walk(ast.parse(cell.source)))

    def test_only_lib_is_imported(self, path: Path) -> None:
        for cell in code_cells(path):
            for node in ast.walk(ast.parse(cell.source)):
                assert not isinstance(node, ast.Import)
                if isinstance(node, ast.ImportFrom):
                    assert (node.module or "").split(".")[0] == "lib"

    def test_outputs_are_stripped_but_marked_ones_are_kept(self, path: Path) -> None:
        marked = [cell for cell in code_cells(path) if MARK in cell.source]
        assert marked, "no cell is marked: nbval would compare nothing"
        for cell in code_cells(path):
            if cell in marked:
                assert cell.outputs, "a marked cell without stored output passes nbval having compared nothing"
                assert cell.execution_count, "nbval refuses a stored output of a cell that was never run"
            else:
                assert (cell.outputs, cell.execution_count) == ([], None)

    def test_the_last_three_cells_judge_record_and_gate(self, path: Path) -> None:
        assert [cell.source.splitlines()[-1] for cell in code_cells(path)][-3:] == [
            "task.verdict_table()",
            "task.record()",
            "task.require_ready()",
        ]

    def test_headings_go_down_one_level_at_a_time(self, path: Path) -> None:
        levels = [
            len(line) - len(line.lstrip("#"))
            for cell in cells(path)
            if cell.cell_type == "markdown"
            for line in cell.source.splitlines()
            if line.startswith("#")
        ]
        assert all(after - before <= 1 for before, after in pairwise(levels))
