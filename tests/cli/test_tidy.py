"""`make tidy`: shows first, moves with APPLY=1, deletes nothing, writes over nothing."""

from __future__ import annotations

from pathlib import Path

import pytest

from lib.cli import tidy
from lib.core.errors import TargetError
from lib.core.paths import ROOT
from lib.tasks.guardrails.policy import FILE, parse_policy
from lib.tasks.guardrails.stray_files import plan_moves
from tests.support.branch_worlds import Project, make_project


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return make_project(tmp_path / "project")


@pytest.fixture
def apply(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("APPLY", "1")


def files(project: Project) -> dict[str, str]:
    paths = [path for path in project.root.rglob("*") if path.is_file() and ".git" not in path.relative_to(project.root).parts]
    return {path.relative_to(project.root).as_posix(): path.read_text() for path in paths}


def test_a_dry_run_moves_nothing(project: Project, capsys: pytest.CaptureFixture[str]) -> None:
    project.change("app/NOTES.md", "# Notes\n")
    before = files(project)
    assert tidy.tidy("local", pack=str(project.root)) == 0
    said = capsys.readouterr().out
    assert "app/NOTES.md" in said and "docs/archive/app/NOTES.md" in said and "Dry run" in said
    assert files(project) == before
    assert project.git("status", "--porcelain") == ""


@pytest.mark.usefixtures("apply")
def test_it_moves_what_git_knows_with_its_history_and_the_rest_too(project: Project) -> None:
    project.change("app/NOTES.md", "# Notes\n")
    project.write("TODO.md", "# Not committed\n")
    before = files(project)
    assert tidy.tidy("local", pack=str(project.root)) == 0
    moved = {"app/NOTES.md": "docs/archive/app/NOTES.md", "TODO.md": "docs/archive/TODO.md"}
    assert files(project) == {moved.get(path, path): text for path, text in before.items()}
    assert "R  app/NOTES.md -> docs/archive/app/NOTES.md" in project.git("status", "--porcelain")
    assert tidy.tidy("local", pack=str(project.root)) == 0


@pytest.mark.usefixtures("apply")
def test_it_overwrites_nothing(project: Project, capsys: pytest.CaptureFixture[str]) -> None:
    project.write("docs/archive/NOTES.md", "# Older notes\n")
    project.change("NOTES.md", "# Notes\n")
    before = files(project)
    assert tidy.tidy("local", pack=str(project.root)) == 1
    assert "is there already, and is not overwritten" in capsys.readouterr().err
    assert files(project) == before


@pytest.mark.usefixtures("apply")
def test_an_archive_that_leads_out_of_the_project_is_refused(project: Project, tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    (project.root / "docs").mkdir()
    (project.root / "docs/archive").symlink_to(tmp_path / "elsewhere")
    project.write("NOTES.md", "# Notes\n")
    assert tidy.tidy("local", pack=str(project.root)) == 1
    assert list((tmp_path / "elsewhere").iterdir()) == []


@pytest.mark.usefixtures("apply")
def test_a_file_in_the_way_of_a_folder_is_told(project: Project) -> None:
    project.write("docs/archive/app", "a file\n")
    project.write("app/NOTES.md", "# Notes\n")
    assert tidy.tidy("local", pack=str(project.root)) == 1
    assert (project.root / "app/NOTES.md").exists()


def test_a_tidy_project_is_left_alone(project: Project, capsys: pytest.CaptureFixture[str]) -> None:
    assert tidy.tidy("local", pack=str(project.root)) == 0
    assert capsys.readouterr().out == "project: no stray Markdown.\n"


def test_a_project_without_a_policy_is_refused(tmp_path: Path) -> None:
    (tmp_path / "project").mkdir()
    with pytest.raises(TargetError, match="nothing says where Markdown may be"):
        tidy.tidy("local", pack=str(tmp_path / "project"))


@pytest.mark.parametrize("root", [ROOT, ROOT / "pack"], ids=["workbook", "pack"])
def test_this_checkout_is_tidy(root: Path) -> None:
    assert plan_moves(root, parse_policy((root / FILE).read_text())) == []
