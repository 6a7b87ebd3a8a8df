"""A shell file that ends with 0 whatever happens, and those that only look like it."""

from __future__ import annotations

from pathlib import Path

import pytest

from lib.clients.shell_files import hidden_in_file, hides_failure


@pytest.mark.parametrize(
    ("text", "hides"),
    [
        ("#!/bin/sh\nnpm test\nexit 0\n", True),
        ("npm test\necho done\n", True),
        ("node check.mjs\ntrue\n", True),
        ("set -e\nnpm test\nexit 0\n", False),
        ("set -euo pipefail\nnpm test\necho done\n", False),
        ("#!/bin/bash -e\nnpm test\nexit 0\n", False),
        ("npm test || exit 1\nexit 0\n", False),
        ("if ! npm test; then\n  exit 1\nfi\nexit 0\n", False),
        ("npm test\nexit $?\n", False),
        ("npm test\n", False),
        ("mkdir -p out\necho done\n", False),
        ("", False),
    ],
)
def test_what_hides_a_failure(text: str, hides: bool) -> None:
    assert hides_failure(text) is hides


@pytest.mark.parametrize(
    ("part", "found"),
    [("sh a/t.sh", "a/t.sh"), ("bash a/t.sh --all", "a/t.sh"), ("./a/t.sh", "./a/t.sh"), ("sh -e a/t.sh", ""), ("sh gone.sh", ""),
     ("node a/t.sh.mjs", ""), ("sh -c 'npm test'", "")],
)  # fmt: skip
def test_the_file_that_a_command_runs(tmp_path: Path, part: str, found: str) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "a/t.sh").write_text("npm test\nexit 0\n")
    assert hidden_in_file(tmp_path, [part]) == found
