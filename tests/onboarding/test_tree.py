"""The walk is bounded, and goes into nothing that others wrote."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from lib.onboarding import tree
from lib.onboarding.tree import walk_project
from tests.support.onboarding_worlds import write


def test_the_nearest_come_first_and_packages_links_and_products_are_left_out(tmp_path: Path) -> None:
    names = ["a/b/c.txt", "z.txt", "node_modules/x.txt", "a/node_modules/y.txt", ".git/config", "dist/o.txt", ".github/w.yml"]
    write(tmp_path, dict.fromkeys(names, ""))
    (tmp_path / "a/loop").symlink_to(tmp_path)
    assert walk_project(tmp_path).names == ("z.txt", ".github/w.yml", "a/loop", "a/b/c.txt")


def test_a_tree_without_end_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(tmp_path, {f"{number}.txt": "" for number in range(30)} | {"a/b.txt": ""})
    monkeypatch.setattr(tree, "MOST_ENTRIES", 20)
    found = walk_project(tmp_path)
    assert found.names == () and found.problems == ("The project holds more than 20 files; the deeper ones were not looked at.",)


def test_a_deep_tree_ends(tmp_path: Path) -> None:
    deep = tmp_path.joinpath(*["d"] * 40)
    deep.mkdir(parents=True)
    (deep / "fly.toml").write_text("")
    assert walk_project(tmp_path).names == ()


def test_a_name_that_cannot_be_shown_is_left_out(tmp_path: Path) -> None:
    (tmp_path / "fly\x1b[2J.toml").write_text("")
    os.mkfifo(tmp_path / "fly.pipe.toml")
    assert walk_project(tmp_path).names == ("fly.pipe.toml",)
