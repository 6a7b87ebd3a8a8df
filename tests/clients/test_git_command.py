"""Git in a repository whose own settings name programs everywhere: none of them runs, and nothing is read without end."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from lib.clients.git import find_root, list_files, read_branch
from lib.clients.git_command import TooMuchText, git, git_text, overrule_filters, run_git
from lib.clients.working_copy import copy_commit, read_changes, reset_copy
from lib.core.errors import CommandError, TargetError
from lib.reporters.publish import read_commit
from lib.run.project import read_marks
from tests.resilience.packs import arm_repository


@pytest.fixture
def pack(tmp_path: Path) -> Path:
    """Return a small repository with every trap set; a trap that springs leaves `marker` beside it."""
    folder = tmp_path / "pack"
    (folder / ".github").mkdir(parents=True)
    (folder / "README.md").write_text("one\n")
    (folder / ".github/launch-policy.yml").write_text("a: b\n")
    arm_repository(folder)
    return folder


CALLS: dict[str, Callable[[Path], object]] = {
    "status": lambda pack: git(pack, "status", "--porcelain", "--ignore-submodules=dirty"),
    "branch": lambda pack: read_branch(pack, "main", policy_file=".github/launch-policy.yml"),
    "files": list_files,
    "copy": lambda pack: copy_and_reset(pack),
    "commit": read_commit,
    "marks": read_marks,
}


def copy_and_reset(pack: Path) -> None:
    copy = copy_commit(pack, pack.parent / "copy")
    (copy.folder / "README.md").write_text("formatted\n")
    assert read_changes(copy).files == ("README.md",)
    reset_copy(copy)


def test_the_traps_spring(pack: Path) -> None:
    subprocess.run(["git", "-C", str(pack), "diff", "--stat"], capture_output=True, check=False)
    assert (pack.parent / "marker").exists()


@pytest.mark.parametrize("call", CALLS)
def test_no_program_of_the_settings_runs(pack: Path, call: str) -> None:
    CALLS[call](pack)
    assert not (pack.parent / "marker").exists()


def test_a_branch_is_read_as_it_is_all_the_same(pack: Path) -> None:
    branch = read_branch(pack, "main", policy_file=".github/launch-policy.yml")
    assert (branch.name, sorted(branch.changes)) == ("feature/x", [".gitattributes", "README.md"])
    assert [one.text for one in branch.added if one.path == "README.md"] == ["changed"]


def test_a_patch_is_read_as_far_as_it_is_bounded(pack: Path) -> None:
    assert "+changed" in git_text(pack, "diff", "--no-ext-diff", "--no-textconv", "HEAD", limit_bytes=100_000)
    (pack / "README.md").write_text("a long line of text\n" * 20_000)
    with pytest.raises(TooMuchText, match="shows more than the"):
        git_text(pack, "diff", "--no-ext-diff", "--no-textconv", "HEAD", limit_bytes=100_000)


def test_a_branch_that_adds_too_much_says_so(pack: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("lib.clients.git_added.MOST_ADDED_BYTES", 10_000)
    (pack / "new.txt").write_text("a line\n" * 5_000)
    branch = read_branch(pack, "main", policy_file=".github/launch-policy.yml")
    assert branch.added == ()
    assert "more text than" in branch.too_much


def test_a_new_file_that_is_no_text_is_named(pack: Path) -> None:
    (pack / "link").symlink_to("/etc/passwd")
    (pack / "binary").write_bytes(b"\0\1")
    branch = read_branch(pack, "main", policy_file=".github/launch-policy.yml")
    assert {"link", "binary"} <= set(branch.unread)


def test_a_work_tree_that_is_elsewhere_is_an_error(pack: Path, tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    run_git(pack, "config", "core.worktree", str(tmp_path / "elsewhere"))
    with pytest.raises(CommandError, match="says that its work tree is"):
        find_root(pack)


def test_settings_that_git_cannot_read_are_an_error_in_words(pack: Path) -> None:
    (pack / ".git/config").write_text("[core\n")
    with pytest.raises(CommandError, match="bad config"):
        git(pack, "status")
    assert read_commit(pack) is None


def test_only_filters_are_overruled_by_their_own_names() -> None:
    found = overrule_filters(["filter.a.b.clean", "filter.x.process", "core.editor", "filter.clean", ""])
    assert {name.rpartition(".")[0] for name in found} == {"filter.a.b", "filter.x"}
    assert found["filter.x.required"] == "false"


def test_a_folder_with_a_pipe_in_it_is_copied_without(tmp_path: Path) -> None:
    arm = tmp_path / "plain"
    (arm / "sub").mkdir(parents=True)
    (arm / "sub/file").write_text("x")
    subprocess.run(["mkfifo", str(arm / "sub/pipe")], check=True)
    copy = copy_commit(arm, tmp_path / "a/b/copy")
    assert list_files(copy.folder) == ["sub/file"]


def test_two_gigabytes_are_not_copied(tmp_path: Path) -> None:
    (tmp_path / "plain").mkdir()
    with (tmp_path / "plain/big").open("wb") as file:
        file.truncate(2 * 1024**3)
    with pytest.raises(TargetError, match=r"^big is 2.* long"):
        copy_commit(tmp_path / "plain", tmp_path / "copy")
