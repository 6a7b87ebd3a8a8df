"""`make check-machines` finds Pythons by what they are, and its table says which differ."""

from __future__ import annotations

import sys
from pathlib import Path

from lib.cli.check_machines import Python, Rehearsal, bare_path, find_pythons, floor, main, report

OLD = Python(path=Path("/usr/bin/python3"), version=(3, 11, 2))
NEW = Python(path=Path("/opt/python3.13"), version=(3, 13, 0))


def ended(python: Python, *, exit_code: int = 0, **results: str) -> Rehearsal:
    said = "first\nthe last line"
    return Rehearsal(python=python, user="nobody", exit_code=exit_code, seconds=61.2, said=said, results=results)


def test_one_python_is_found_once_however_it_is_named(tmp_path: Path) -> None:
    link = tmp_path / "python"
    link.symlink_to(sys.executable)
    found = find_pythons([sys.executable, str(link), str(tmp_path / "none")])
    assert [one.version for one in found] == [tuple(sys.version_info[:3])]


def test_an_older_python_than_the_floor_is_left_out(tmp_path: Path) -> None:
    old = tmp_path / "python"
    old.write_text(f"#!/bin/sh\necho 3 {floor()[1] - 1} 9 /usr\n")
    old.chmod(0o755)
    assert find_pythons([str(old)]) == []
    assert main([str(old)]) == 2


def test_a_bare_path_has_no_node(tmp_path: Path) -> None:
    names = {path.name for path in bare_path(tmp_path).iterdir()}
    assert {"make", "git", "sh"} <= names and not names & {"node", "npm", "npx", "uv"}


def test_the_table_says_which_result_differs() -> None:
    lines = report([ended(OLD, a="pass", b="pass"), ended(NEW, a="pass", b="error")])
    assert lines[1].endswith("yes") and lines[2].endswith("no: b")


def test_what_a_failed_one_said_is_shown() -> None:
    lines = report([ended(OLD, exit_code=2, a="error")])
    assert "exit 2" in lines[1] and lines[-1] == "the last line"


def test_a_run_without_results_has_not_passed() -> None:
    assert not ended(OLD).passed and ended(OLD, a="pass").passed
