"""The branch that another is compared with: the one that is named, else the one that this repository calls its main one."""

from __future__ import annotations

from pathlib import Path

import pytest

from lib.clients.git import USUAL, find_base, read_branch
from lib.core.errors import TargetError
from tests.support.branch_worlds import Project, make_project

POLICY = ".github/launch-policy.yml"


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return make_project(tmp_path / "project")


@pytest.mark.parametrize("name", USUAL)
def test_the_usual_names_stand_for_main_where_there_is_none(project: Project, name: str) -> None:
    project.git("branch", "--move", "main", name)
    assert find_base(project.root, "origin/main") == find_base(project.root, "main") == name
    branch = read_branch(project.root, "origin/main", policy_file=POLICY)
    assert (branch.base, branch.note, list(branch.changes)) == (
        name, f"origin/main is not here; compared with {name}", ["app/tiles.py"],
    )  # fmt: skip


def test_the_remote_says_which_of_its_branches_is_the_main_one(project: Project, tmp_path: Path) -> None:
    project.git("branch", "--move", "main", "release/next")
    project.git("checkout", "--quiet", "release/next")
    project.git("clone", "--quiet", "--branch", "release/next", str(project.root), str(tmp_path / "clone"))
    clone = Project(root=tmp_path / "clone")
    clone.git("branch", "master")  # of its own: what the remote says comes first
    assert find_base(clone.root, "origin/main") == "origin/release/next"
    clone.git("remote", "set-head", "origin", "--delete")
    assert find_base(clone.root, "origin/main") == "master"


def test_main_is_main_wherever_it_is(project: Project, tmp_path: Path) -> None:
    for name in USUAL[1:]:
        project.git("branch", name)
    project.git("clone", "--quiet", str(project.root), str(tmp_path / "clone"))  # its HEAD is the feature
    assert find_base(project.root, "origin/main") == "main"
    assert find_base(tmp_path / "clone", "origin/main") == "origin/main"


@pytest.mark.parametrize("base", ["origin/release", "release", "origin/develop", "--all", "-x/dev", "origin/team/main"])
def test_a_base_that_somebody_chose_is_never_replaced(project: Project, base: str) -> None:
    with pytest.raises(TargetError, match=r"There is no .* in project to compare with\.") as raised:
        find_base(project.root, base)
    assert "launch/project.yaml" in raised.value.fix[0]


def test_a_repository_without_any_of_them_is_told_once_what_to_do(project: Project) -> None:
    project.git("branch", "--move", "main", "work")
    with pytest.raises(TargetError) as raised:
        find_base(project.root, "origin/main")
    assert raised.value.message == "project has no origin/main, main, master, trunk or develop to compare the branch with."
    assert "`base` under `guardrails:` in launch/project.yaml" in raised.value.fix[0]
