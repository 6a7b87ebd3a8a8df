"""The verdict on a real terminal of 80 columns, and in a pipe: no broken word, no control code, tasks in their order."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from lib.core.folding import columns_of
from lib.core.launch_items import ByHand, LaunchItem
from lib.core.visible import without_commands
from lib.reporters.terminal import format_verdict, task_table
from lib.tasks.index import TASKS
from tests.support.report_worlds import red, world
from tests.support.terminals import run_on_terminal

SCRIPT = """
import sys
from pathlib import Path
from lib.core.visible import say
from lib.reporters.terminal import format_verdict
from tests.support.report_worlds import red
say(format_verdict(red(Path(sys.argv[1])), exit_code=1))
"""
IN_ORDER = [task.title for task in sorted(TASKS, key=lambda task: task.notebook)]


@pytest.mark.parametrize("columns", [80, 60])
def test_no_row_is_broken_by_the_terminal_itself(tmp_path: Path, columns: int) -> None:
    (tmp_path / "script.py").write_text(SCRIPT)
    (tmp_path / "there").mkdir()
    said = run_on_terminal(tmp_path / "script.py", str(tmp_path / "there"), columns=columns)
    rows = said.split("\n")
    too_wide = [row for row in rows if columns_of(row) > columns and len(row.split()) > 1]
    assert too_wide == []
    (tmp_path / "here").mkdir()
    report = red(tmp_path / "here")
    whole = format_verdict(report, exit_code=1).replace(str(tmp_path / "here"), str(tmp_path / "there"))
    assert said.split() == without_commands(whole).split(), "every word of the pipe's text, unbroken"
    assert rows[-2] == "exit code 1: NO-GO"


def test_a_pipe_has_whole_lines_without_control_codes(tmp_path: Path) -> None:
    said = format_verdict(red(tmp_path), exit_code=1)
    assert not re.search(r"[\x00-\x09\x0b-\x1f]", said)
    assert [line for line in said.split("\n") if "anon has truncate on public.votes." in line]


def test_tasks_stand_in_the_order_of_their_notebooks(tmp_path: Path) -> None:
    rows = task_table(world(tmp_path).tasks).split("\n")
    assert [title for row in rows for title in IN_ORDER if f" {title} " in row] == IN_ORDER


def test_a_table_too_wide_puts_the_counts_below(tmp_path: Path) -> None:
    tasks = red(tmp_path).tasks
    narrow = task_table(tasks, 50).split("\n")
    assert len(narrow) == 2 * len(tasks) and all(columns_of(row) <= 60 for row in narrow)
    assert len(task_table(tasks, 200).split("\n")) == len(tasks)


def test_the_time_of_a_task_is_its_notebooks_and_of_an_untimed_one_its_evidences(tmp_path: Path) -> None:
    rows = {row.split()[1]: row for row in task_table(world(tmp_path).tasks).split("\n")}
    assert " 17 s " in rows["Row"] and " 1.0 s " in rows["Migrations"]


def test_items_that_no_check_proves_have_a_line_each(tmp_path: Path) -> None:
    manual = LaunchItem(number=4, title="QA agrees", manual=ByHand(owner="ana@example.com", how="She signs"))
    others = LaunchItem(number=5, title="Told", not_ours="the web team\ntells it")
    said = format_verdict(world(tmp_path, launch_list=(manual, others)), exit_code=0)
    lines = said.splitlines()
    assert any(line.startswith("Launch list: ") and line.endswith("1 by hand, 1 not ours") for line in lines)
    assert "  4. QA agrees: by hand: ana@example.com" in lines
    assert any(line.startswith("  5. Told: not ours: the web team") and "tells it" in line for line in lines)
