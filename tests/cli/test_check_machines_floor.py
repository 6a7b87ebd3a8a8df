"""The lowest Python is stated once and kept: nothing in the code needs a newer one."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from lib.cli.check_machines import floor
from lib.core.paths import ROOT

FLOOR = ".".join(map(str, floor()))


def vermin(*paths: Path) -> subprocess.CompletedProcess[str]:
    # --no-eval-annotations: they are strings everywhere here. Backports would hide what the floor lacks.
    argv = [f"-t={FLOOR}-", "--violations", "--no-eval-annotations", "--no-tips", *map(str, paths)]
    return subprocess.run([Path(sys.executable).parent / "vermin", *argv], capture_output=True, text=True)


def test_nothing_needs_a_newer_python_than_the_floor() -> None:
    done = vermin(*(ROOT / name for name in ("lib", "tests", "pack", "conftest.py")))
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize(
    ("line", "found"),
    [
        ("from itertools import pairwise\n", True),
        ("from itertools import batched\n", False),
        ("type Name = str\n", False),
    ],
)
def test_the_tool_tells_what_is_newer(tmp_path: Path, line: str, found: bool) -> None:
    path = tmp_path / "one.py"
    path.write_text(line)
    assert (vermin(path).returncode == 0) is found


def uses_of_patch_releases(text: str) -> list[str]:
    """Return the calls that need a patch release of the floor's own version, which no tool that knows minor ones can tell."""
    # Source: https://docs.python.org/3.11/library/tarfile.html: `filter` came with 3.11.4; Debian 12 has 3.11.2.
    calls = [node for node in ast.walk(ast.parse(text)) if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)]
    unpacking = [node for node in calls if node.func.attr in ("extract", "extractall")]  # type: ignore[attr-defined]
    return [ast.unparse(node) for node in unpacking if any(keyword.arg == "filter" for keyword in node.keywords)]


def test_nothing_needs_a_patch_release_of_the_floor() -> None:
    assert uses_of_patch_releases("tar.extractall(folder, filter='data')") and not uses_of_patch_releases("tar.extractall(a)")
    for path in [*(ROOT / "lib").rglob("*.py"), *(ROOT / "pack").rglob("*.py")]:
        assert uses_of_patch_releases(path.read_text()) == [], path


def test_readme_and_workflows_say_the_same_floor() -> None:
    assert f"Python {FLOOR} or newer" in (ROOT / "README.md").read_text()
    asked = set()
    for path in (ROOT / ".github" / "workflows").glob("*.yml"):
        asked |= set(re.findall(r'python-version: "([\d.]+)"', path.read_text()))
    assert asked == {FLOOR}
    matrix = yaml.safe_load((ROOT / ".github/workflows/tests.yml").read_text())["jobs"]["tests"]["strategy"]["matrix"]
    assert matrix["python"][0] == FLOOR
