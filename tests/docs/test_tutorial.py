"""The tutorial's commands run as written, on a copy of the sample: red for the reason it shows, and green at its end."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path

import pytest

from lib.core.paths import ROOT
from tests.docs.pages import DOCS, marked_blocks

TUTORIAL = DOCS / "tutorial.md"
COPY = "../idea-board"
BLOCKS = marked_blocks(TUTORIAL)
CODE = re.compile(r"^exit code (\d+):", re.MULTILINE)


def as_make_runs_it(command: str) -> str:
    """Return the recipe's own line of a make command, as make prints it."""
    printed = subprocess.run([*command.split(), "--dry-run"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    [line] = [line for line in printed.splitlines() if " -m lib run " in line]
    return line


def apply_edit(path: Path, diff: str) -> None:
    """Replace the lines that a block takes out by those it puts in; they are there once."""
    lines = diff.splitlines(keepends=True)
    old, new = ("".join(line[1:] for line in lines if line.startswith(sign)) for sign in "-+")
    text = path.read_text(encoding="utf-8")
    assert old and new and text.count(old) == 1, f"the tutorial replaces in {path.name} what is there {text.count(old)} times"
    path.write_text(text.replace(old, new), encoding="utf-8")


def pattern_of(shown: str) -> re.Pattern[str]:
    """Return what a line of shown output stands for: numbers, spaces and dots may be others."""
    parts = [r"\s+".join(re.sub(r"\d[\d,.]*", "0", word) for word in part.split()) for part in shown.split("...")]
    return re.compile(".*".join(r"\s+".join(map(number_free, part.split(r"\s+"))) for part in parts))


def number_free(word: str) -> str:
    return re.escape(word).replace("0", r"\d[\d,.]*")


def assert_shown(shown: str, output: str) -> None:
    """Hold that every line which the tutorial shows was printed, in this order."""
    rest = output.splitlines()
    for line in filter(None, map(str.strip, shown.splitlines())):
        places = [place for place, said in enumerate(rest) if pattern_of(line).search(said)]
        assert places, f"the tutorial shows {line!r}; printed was:\n{output}"
        rest = rest[places[0] + 1 :]


def test_a_shown_line_stands_for_what_was_printed_and_for_nothing_else() -> None:
    assert_shown(
        "✓ Row level security  passed   10 s\nRead it: ...", "x\n✓ Row level security  passed  1.5 s\nRead it: /a/b (3 s)\n"
    )
    with pytest.raises(AssertionError, match="the tutorial shows"):
        assert_shown("NO-GO  Not ready: 1 of 24 gates failed.", "PARTIAL 14 gates passed")


def test_the_blocks_are_found() -> None:
    kinds = [kind for kind, _, _ in BLOCKS]
    assert (kinds.count("run"), kinds.count("output"), kinds.count("file"), kinds.count("replace")) == (4, 3, 2, 3)


@pytest.mark.timeout(600)
def test_it_leads_from_red_to_green(tmp_path: Path) -> None:
    project, output, codes = tmp_path / "idea-board", "", []
    for kind, file, text in BLOCKS:
        if kind == "file":
            assert not (project / file).exists()
            (project / file).write_text(text, encoding="utf-8")
        elif kind == "replace":
            apply_edit(project / file, text)
        elif kind == "output":
            assert_shown(text, output)
        else:
            for command in text.strip().splitlines():
                output = run_command(command, project, tmp_path)
                codes += CODE.findall(output)
    assert codes == ["1", "1", "0"]


def run_command(command: str, project: Path, folder: Path) -> str:
    """Return what a command of the tutorial printed, with its copy and its runs in a folder of the test's."""
    line = f"{as_make_runs_it(command)} --rendered {folder}/rendered" if command.startswith("make ") else command
    line = line.replace(COPY, str(project))
    assert str(project) in line
    environment = {"PATH": os.environ["PATH"], "HOME": str(folder), "PYTHONPATH": str(ROOT), "PYTHONUTF8": "1"}
    done = subprocess.run(line, shell=True, cwd=ROOT, capture_output=True, text=True, env=environment)
    assert done.stderr == ""
    return done.stdout
