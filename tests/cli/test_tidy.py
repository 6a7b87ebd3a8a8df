"""`make tidy`: shows first, moves with APPLY=1, deletes nothing, writes over nothing."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from lib.cli import tidy
from lib.core.errors import TargetError
from lib.core.paths import ROOT
from lib.tasks.guardrails import stray_files
from lib.tasks.guardrails.policy import FILE, parse_policy
from lib.tasks.guardrails.stray_files import plan_moves
from lib.tasks.readiness_summary.links import broken_links
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


LINKED = {
    "app/NOTES.md": "# Notes\n\n[home](../README.md), [todo](../TODO.md), `[code](../README.md)`\n",
    "TODO.md": "# To do\n",
    "docs/guide.md": "# Guide\r\n\r\n[notes](../app/NOTES.md#notes), [home](../README.md)\r\nno line end",
}


def link_strays(project: Project) -> None:
    for path, text in LINKED.items():
        (project.root / path).parent.mkdir(parents=True, exist_ok=True)
        (project.root / path).write_bytes(text.encode())
    project.commit()


@pytest.mark.usefixtures("apply")
def test_links_in_and_to_what_moves_lead_where_they_led(project: Project, capsys: pytest.CaptureFixture[str]) -> None:
    link_strays(project)
    assert tidy.tidy("local", pack=str(project.root)) == 0
    read = {path: (project.root / path).read_bytes().decode() for path in ("docs/archive/app/NOTES.md", "docs/guide.md")}
    assert read == {
        "docs/archive/app/NOTES.md": "# Notes\n\n[home](../../../README.md), [todo](../TODO.md), `[code](../README.md)`\n",
        "docs/guide.md": "# Guide\r\n\r\n[notes](archive/app/NOTES.md#notes), [home](../README.md)\r\nno line end",
    }
    for path, text in read.items():
        assert broken_links(text, (project.root / path).parent) == [], path
    assert "2 files moved, and links of 2 documents rewritten" in capsys.readouterr().out


def test_a_dry_run_shows_which_links_change(project: Project, capsys: pytest.CaptureFixture[str]) -> None:
    link_strays(project)
    before = files(project)
    assert tidy.tidy("local", pack=str(project.root)) == 0
    said = capsys.readouterr().out
    assert "+[notes](archive/app/NOTES.md#notes), [home](../README.md)" in said and "+++ b/docs/archive/app/NOTES.md" in said
    assert files(project) == before


@pytest.mark.usefixtures("apply")
@pytest.mark.parametrize("at", [1, 2, 3])
def test_whatever_fails_every_file_is_where_it_was(
    project: Project, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], at: int
) -> None:
    link_strays(project)
    before = files(project)
    calls: list[str] = []

    def counted(step: Callable[..., None]) -> Callable[..., None]:
        def call(*arguments: Any, **named: Any) -> None:
            calls.append(step.__name__)
            if len(calls) == at:
                raise OSError(28, "No space left on device")
            step(*arguments, **named)

        return call

    monkeypatch.setattr(stray_files, "move_file", counted(stray_files.move_file))
    monkeypatch.setattr(stray_files, "write_together", counted(stray_files.write_together))
    assert tidy.tidy("local", pack=str(project.root)) == 1
    assert "No space left on device. Nothing was moved." in capsys.readouterr().err
    assert files(project) == before
    assert project.git("status", "--porcelain") == ""
    assert not (project.root / "docs/archive").exists()


@pytest.mark.usefixtures("apply")
def test_one_file_that_has_to_stay_keeps_all_of_them(project: Project, capsys: pytest.CaptureFixture[str]) -> None:
    link_strays(project)
    project.write("docs/archive/TODO.md", "# Older\n")
    before = files(project)
    assert tidy.tidy("local", pack=str(project.root)) == 1
    assert "Nothing was moved. TODO.md: docs/archive/TODO.md is there already" in capsys.readouterr().err
    assert files(project) == before


def name_strays(project: Project, rule: str, *, listed: str | None = None) -> None:
    policy = project.root / FILE
    policy.write_text(policy.read_text().replace("  archive: docs/archive\n", f"  archive: docs/archive\n{rule}\n"))
    if listed is not None:
        project.write("docs/strays.txt", listed)
    project.write("docs/old.md", "# Old\n")
    project.write("docs/older.md", "# Older\n")
    project.write("docs/archive/old.md", "# Archived before\n")
    project.commit()


@pytest.mark.parametrize(
    ("rule", "listed"),
    [
        ("  strays: [docs/old.md]", None),
        ("  strays_list: docs/strays.txt", "# what nobody keeps up\n\n- `docs/old.md`  # since May\n"),
        ("  strays: ['docs/**/old.md']", None),
    ],
    ids=["in the policy", "in a file of its own", "a pattern that the archive meets as well"],
)
def test_what_the_projects_own_list_names_is_stray(project: Project, rule: str, listed: str | None) -> None:
    name_strays(project, rule, listed=listed)
    moves = plan_moves(project.root, parse_policy((project.root / FILE).read_text()))
    assert [one.source for one in moves] == ["docs/old.md"]


def test_a_list_that_is_not_there_is_told(project: Project) -> None:
    name_strays(project, "  strays_list: docs/strays.txt")
    with pytest.raises(TargetError, match=r"docs/strays\.txt"):
        tidy.tidy("local", pack=str(project.root))


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
