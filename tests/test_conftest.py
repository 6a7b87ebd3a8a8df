"""A test is made again where the workbook said that the machine was too busy to tell, and for no other reason."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

ROOT = Path(__file__).parents[1]
TEST = """
from lib.core.busyness import RUN_AGAIN
from lib.core.results import Check

made = []

def test_it():
    made.append(1)
    found = Check("a.b", "title").errored("{reason}", fix={fix})
    assert len(made) == {passes_at}, found.check
"""


@pytest.mark.parametrize(
    ("fix", "passes_at", "failed", "rerun"),
    [("RUN_AGAIN", 3, 0, 2), ("RUN_AGAIN", 0, 1, 3), ("'Start the server.'", 2, 1, 0), ("RUN_AGAIN", 1, 0, 0)],
    ids=["told later", "never told", "another reason", "told at once"],
)
def test_only_what_a_busy_machine_hid_is_tried_again(tmp_path: Path, fix: str, passes_at: int, failed: int, rerun: int) -> None:
    path = tmp_path / "test_made.py"
    path.write_text(TEST.format(reason="It took 900 ms.", fix=fix, passes_at=passes_at))
    argv = [sys.executable, "-m", "pytest", str(path), "-c", str(ROOT / "pyproject.toml"), "--rootdir", str(tmp_path)]
    bare = ["-p", "no:anyio", "-p", "no:hypothesispytest"]  # they have no part in it, and take a quarter of a start
    done = subprocess.run([*argv, "-p", "conftest", *bare], capture_output=True, text=True, cwd=ROOT, timeout=120)
    said = done.stdout.splitlines()[-1]
    counted = {word: int(number) for number, word in re.findall(r"(\d+) (failed|rerun)", said)}
    assert counted == {word: number for word, number in (("failed", failed), ("rerun", rerun)) if number}, done.stdout


def test_workers_begin_with_the_files_that_take_longest(request: pytest.FixtureRequest) -> None:
    named = (ROOT / "tests" / "longest_first.txt").read_text().splitlines()
    assert [name for name in named if not (ROOT / name).is_file()] == []
    assert len(set(named)) == len(named) > 10
    conftest = request.config.pluginmanager.get_plugin(str(ROOT / "conftest.py"))
    assert conftest is not None
    quick = SimpleNamespace(path=ROOT / "tests" / "test_conftest.py")
    first, last = (SimpleNamespace(path=ROOT / name) for name in (named[0], named[-1]))
    alone, shared = [quick, last, first, quick], [quick, last, first, quick]
    conftest.pytest_collection_modifyitems(SimpleNamespace(), alone)
    assert alone == [quick, last, first, quick]
    conftest.pytest_collection_modifyitems(SimpleNamespace(workerinput={}), shared)
    assert shared == [first, last, quick, quick]
