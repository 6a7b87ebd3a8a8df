"""What is seen while a run goes on: on a real terminal of 80 columns, and in a pipe."""

from __future__ import annotations

import io
import json
import re
from pathlib import Path

import pytest
from rich.console import Console

from lib.core.results import RUN, Check
from lib.run.progress import Progress, open_console
from lib.tasks.base import Task
from tests.support.terminals import run_on_terminal

TITLE = "Every policy of every table lets each role do what is declared and nothing beyond that at all"


def task(name: str, number: int) -> Task:
    check = Check(f"{name}.holds", TITLE, subject=RUN)
    return Task(name=name, title=name.title(), notebook=f"{number:02}_{name}.ipynb", checks=(check,))


FIRST, SECOND = task("beta", 1), task("alpha", 2)
SCRIPT = """
import json, sys, time
from pathlib import Path
from lib.run.progress import Progress
from tests.run.test_progress import FIRST, SECOND
events = Path(sys.argv[1])
with Progress((SECOND, FIRST), events, expected={"beta": 30.0, "alpha": 10.0}, jobs=2) as progress:
    progress.begin(FIRST)
    progress.begin(SECOND)
    events.write_text(json.dumps({"task": "beta", "state": "looking", "what": "beta.holds"}) + "\\n")
    progress.follow()
    progress.live.refresh()
    progress.end(SECOND, "not_ready", took_s=16.49)
    progress.live.refresh()
"""


def in_a_pipe(tmp_path: Path, expected: dict[str, float]) -> list[str]:
    out, events = io.StringIO(), tmp_path / "events"
    with Progress((SECOND, FIRST), events, console=Console(file=out, highlight=False, width=40), expected=expected) as progress:
        progress.begin(FIRST)
        said = [{"state": "looking", "what": "beta.holds"}, {"state": "fail", "what": "beta.holds"}]
        events.write_text("".join(json.dumps({"task": "beta", **one}) + "\n" for one in said))
        progress.follow()
        progress.beat()
        progress.end(FIRST, "not_ready", took_s=16.51)
        progress.end(SECOND, "blocked", "needs beta.holds, which did not pass\n::error::x")
    return out.getvalue().splitlines()


def test_a_pipe_gets_whole_lines_with_titles_and_no_codes(tmp_path: Path) -> None:
    lines = in_a_pipe(tmp_path, {})
    assert lines[0] == "beta: started"
    assert lines[1] == f"beta:   ✗ {TITLE} (beta.holds)"
    assert re.fullmatch(rf"beta: {TITLE} \(beta.holds\), after \d.*s", lines[2])
    assert lines[3] == "beta: not ready after 17 s (1 failed)"
    assert lines[4] == "alpha: blocked (nothing was checked): needs beta.holds, which did not pass\\n::error::x"
    assert len(lines) == 5


def test_how_far_a_look_is_stands_behind_its_check(tmp_path: Path) -> None:
    out, events = io.StringIO(), tmp_path / "events"
    with Progress((FIRST,), events, console=Console(file=out, highlight=False, width=40)) as progress:
        progress.begin(FIRST)
        said = [
            ("looking", "beta.holds"),
            ("under way", "reading rows, 20%"),
            ("under way", "reading rows, 43%, about 2 min left"),
        ]
        events.write_text("".join(json.dumps({"task": "beta", "state": state, "what": what}) + "\n" for state, what in said))
        progress.follow()
        progress.beat()
    assert f"{TITLE} (beta.holds): reading rows, 43%, about 2 min left, after" in out.getvalue().splitlines()[-1]


def test_time_left_is_said_when_earlier_runs_tell_it(tmp_path: Path) -> None:
    lines = in_a_pipe(tmp_path, {"beta": 30.0, "alpha": 10.0})
    assert lines[0] == "By earlier runs it takes about 40 s."
    assert lines[4] == "beta: not ready after 17 s (1 failed); about 10 s left"
    assert "left" not in lines[5]


def test_on_a_terminal_no_word_is_broken_and_tasks_are_in_order(tmp_path: Path) -> None:
    (tmp_path / "script.py").write_text(SCRIPT)
    said = run_on_terminal(tmp_path / "script.py", str(tmp_path / "events"))
    rows = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]|\r", "", said).split("\n")
    assert max(map(len, rows)) <= 80
    shown = " ".join(" ".join(rows).split())
    assert f"Beta: {TITLE} (beta.holds)" in shown
    assert "About 30 s left" in shown and "not ready" in shown and " 16 s" in shown
    at = [number for number, row in enumerate(rows) if row.startswith(("Beta ", "Alpha "))]
    assert rows[at[0]].startswith("Beta") and rows[at[1]].startswith("Alpha"), "not in the order of the graph"


@pytest.mark.parametrize("variable", ["FORCE_COLOR", "TTY_COMPATIBLE", "CLICOLOR_FORCE"])
def test_a_pipe_stays_one_whatever_variables_say(
    variable: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv(variable, "1")
    console = open_console()
    console.print("[red]x[/]")
    assert console.is_terminal is False and capsys.readouterr().out == "x\n"
