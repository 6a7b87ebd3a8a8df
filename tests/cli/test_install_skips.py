"""Tests that were skipped are counted with their reasons at the end, under xdist too: what was not tried is no green."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from lib.core.paths import ROOT

SKIPPING = """
import pytest
@pytest.mark.skip(reason="no Chromium on PATH")
@pytest.mark.parametrize("number", [1, 2])
def test_in_a_browser(number): pass
def test_by_hand(): pytest.skip("other reason\\nof two lines")
"""
PASSING = "def test_one(): pass\n"
BARE = [word for name in ("nbval", "anyio", "hypothesispytest") for word in ("-p", f"no:{name}")]
"""Without the plugins that have no part in it: they take three quarters of a start."""


def run(folder: Path, *words: str) -> str:
    argv = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *BARE, "--rootdir", str(folder), *words, str(folder)]
    done = subprocess.run([*argv, "-c", "/dev/null"], cwd=folder, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.mark.parametrize("workers", [(), ("-n", "2")], ids=["alone", "xdist"])
def test_each_reason_is_said_once_with_its_number(tmp_path: Path, workers: tuple[str, ...]) -> None:
    (tmp_path / "conftest.py").write_text((ROOT / "conftest.py").read_text().replace("close_sample_vault()  #", "#"))
    (tmp_path / "test_skipping.py").write_text(SKIPPING)
    said = run(tmp_path, *workers)
    assert "3 tests skipped" in said
    assert "    2  no Chromium on PATH\n    1  other reason of two lines\n" in said


def test_nothing_is_said_where_nothing_was_skipped(tmp_path: Path) -> None:
    (tmp_path / "conftest.py").write_text((ROOT / "conftest.py").read_text().replace("close_sample_vault()  #", "#"))
    (tmp_path / "test_passing.py").write_text(PASSING)
    assert "skipped" not in run(tmp_path)
