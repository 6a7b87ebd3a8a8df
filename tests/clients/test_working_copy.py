"""A project's commands run in a copy of the commit: what they write is told, and nothing of it reaches the user's tree."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest

from lib.clients.npm import ScriptRun, run_scripts
from lib.clients.working_copy import copy_commit, read_changes, reset_copy, size_of_copy, size_of_folder

SCRIPTS = {
    "fmt": "printf 'tidy\\n' > app.txt && printf 'new\\n' > made.txt",
    "lint": "grep -q messy app.txt",
    "test": "test -f node_modules/tool/index.js && test ! -e notes.txt",
    "ci": "npm run fmt && npm run lint",
}


def git(folder: Path, *words: str) -> str:
    who = {"GIT_AUTHOR_NAME": "a", "GIT_AUTHOR_EMAIL": "a@x", "GIT_COMMITTER_NAME": "a", "GIT_COMMITTER_EMAIL": "a@x"}
    done = subprocess.run(["git", "-C", folder, *words], env={**os.environ, **who}, capture_output=True, text=True, check=True)
    return done.stdout.strip()


def fill(folder: Path) -> Path:
    folder.mkdir(parents=True)
    (folder / "app.txt").write_text("messy\n")
    (folder / "package.json").write_text(json.dumps({"scripts": SCRIPTS}))
    (folder / "node_modules" / "tool").mkdir(parents=True)
    (folder / "node_modules" / "tool" / "index.js").write_text("")
    return folder


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """Return a committed project in a folder of its repository, with a file that is not committed."""
    root = tmp_path / "repository"
    project = fill(root / "project with a space")
    (root / ".gitignore").write_text("node_modules/\n.env\n")
    (project / ".env").write_text("TOKEN=x\n")
    git(root, "init", "--quiet", "--initial-branch", "main")
    git(root, "add", "--all")
    git(root, "commit", "--quiet", "-m", "Begin")
    git(root, "checkout", "--quiet", "-b", "feature/x")
    (project / "notes.txt").write_text("not committed\n")
    return project


def tree(folder: Path) -> dict[str, tuple[bytes, int]]:
    files = (path for path in sorted(folder.rglob("*")) if path.is_file() and not path.is_symlink())
    return {path.relative_to(folder).as_posix(): (path.read_bytes(), path.stat().st_mtime_ns) for path in files}


def run(project: Path, *names: str, jobs: int = 2) -> dict[str, ScriptRun]:
    work = project.parent.parent / "work"
    work.mkdir(exist_ok=True)
    runs, _ = run_scripts(project, names, timeout_s=60, jobs=jobs, work=work)
    assert list(work.iterdir()) == []
    return {one.name: one for one in runs}


def test_the_copy_is_of_the_commit_and_says_what_is_not_in_it(project: Path, tmp_path: Path) -> None:
    copy = copy_commit(project, tmp_path / "copy")
    assert copy.folder == tmp_path / "copy" / project.name
    assert copy.commit == git(project, "rev-parse", "HEAD")
    assert copy.left_out == (f"{project.name}/notes.txt",) or copy.left_out == ("notes.txt",)
    assert "not committed" in copy.about
    assert not (copy.folder / "notes.txt").exists()
    assert not (copy.folder / ".env").exists(), "what git ignores may hold credentials"
    assert (copy.folder / "node_modules" / "tool" / "index.js").exists()
    assert git(copy.folder, "branch", "--show-current") == "feature/x"
    assert git(copy.folder, "rev-parse", "origin/main") == git(project, "rev-parse", "main")


def test_nothing_is_written_to_the_users_tree_or_repository(project: Path) -> None:
    before = tree(project.parent)
    found = run(project, "fmt", "ci", "lint", "test")
    assert tree(project.parent) == before
    assert git(project, "worktree", "list").count("\n") == 0
    assert {name for name, one in found.items() if one.passed} == {"fmt", "lint", "test"}


def test_what_a_formatter_would_change_is_told_and_no_other_command_sees_it(project: Path) -> None:
    found = run(project, "fmt", "lint", "test", jobs=1)
    assert found["fmt"].changes.files == ("app.txt",), "a new file is not one that the commit has"
    assert "-messy\n+tidy" in found["fmt"].changes.diff
    assert found["lint"].passed
    assert found["lint"].changes.files == ()


def test_a_folder_without_version_control_is_copied_as_it_is(tmp_path: Path) -> None:
    project = fill(tmp_path / "home" / "plain")
    os.mkfifo(project / "pipe")
    before = tree(project)
    found = run(project, "fmt", "lint", "test")
    assert found["fmt"].changes.files == ("app.txt",)
    assert found["test"].passed
    assert tree(project) == before


def test_a_folder_that_no_commit_has_is_copied_as_it_is(project: Path, tmp_path: Path) -> None:
    new = fill(project.parent / "new")
    copy = copy_commit(new, tmp_path / "copy")
    assert (copy.commit, copy.about) == ("", "")
    assert (copy.folder / "app.txt").exists()


def test_a_hook_of_the_users_does_not_run(project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    hooks = tmp_path / "hooks"
    hooks.mkdir()
    (hooks / "post-checkout").write_text(f"#!/bin/sh\ntouch '{tmp_path}/ran'\n")
    (hooks / "post-checkout").chmod(0o755)
    (tmp_path / "config").write_text(f"[core]\n\thooksPath = {hooks}\n")
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(tmp_path / "config"))
    copy = copy_commit(project, tmp_path / "copy")
    (copy.folder / "app.txt").write_text("x")
    assert read_changes(copy).files == ("app.txt",)
    reset_copy(copy)
    assert read_changes(copy).files == ()
    assert not (tmp_path / "ran").exists()


def test_how_large_a_copy_is_is_known_before_it_is_made(project: Path) -> None:
    assert size_of_copy(project) is None  # what is installed comes along, however large it is
    shutil.rmtree(project / "node_modules")
    (project / "app.txt").write_text("changed, and not committed\n")
    copy = copy_commit(project, project.parent.parent / "copy")
    files = [path for path in copy.root.rglob("*") if path.is_file() and ".git" not in path.relative_to(copy.root).parts]
    assert size_of_copy(project) == sum(path.stat().st_size for path in files) > 0


def test_how_large_a_copy_of_a_mere_folder_becomes_is_not_known(tmp_path: Path) -> None:
    assert size_of_copy(fill(tmp_path / "folder")) is None


def test_a_folder_is_measured_up_to_a_limit(tmp_path: Path) -> None:
    folder = tmp_path / "folder"
    (folder / "within").mkdir(parents=True)
    (folder / "within" / "one").write_bytes(b"x" * 10)
    (folder / "left").mkdir()
    (folder / "left" / "two").write_bytes(b"x" * 100)
    assert size_of_folder(folder, leave_out=("left",), most=10) == 10
    assert size_of_folder(folder, leave_out=(), most=109) is None
