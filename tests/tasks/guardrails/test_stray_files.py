"""The project's own list of stray files: as the base has it, so that no branch takes itself off it."""

from __future__ import annotations

from pathlib import Path

import pytest

from lib.core.errors import TargetError
from lib.tasks.guardrails.policy import FILE, parse_policy
from lib.tasks.guardrails.stray_files import read_listed
from tests.support.branch_worlds import Project, context_of, detail_of, look_at_branch_files, make_project, not_passed

LIST = "docs/strays.txt"
RULE = f"  archive: docs/archive\n  strays_list: {LIST}\n"


@pytest.fixture
def project(tmp_path: Path) -> Project:
    """A project whose base names a list with one old document in it, and has the document archived already."""
    project = make_project(tmp_path / "project")
    project.git("checkout", "--quiet", "main")
    policy = project.root / FILE
    policy.write_text(policy.read_text().replace("  archive: docs/archive\n", RULE))
    project.write(LIST, "docs/old.md\n")
    project.write("docs/archive/docs/old.md", "# Old\n")
    project.commit()
    project.git("checkout", "--quiet", "feature/tiles")
    project.git("rebase", "--quiet", "main")
    return project


def looked(project: Project, tmp_path: Path) -> dict[str, str]:
    return not_passed(look_at_branch_files(context_of(project, tmp_path / "work", base="main")))


def test_a_listed_file_fails_and_archived_it_passes(project: Project, tmp_path: Path) -> None:
    assert looked(project, tmp_path) == {}
    project.change("docs/old.md", "# Back again\n")
    found = look_at_branch_files(context_of(project, tmp_path / "work", base="main"))
    assert not_passed(found) == {"markdown_in_allowed_folders": "fail"}
    assert "docs/old.md" in detail_of(found, "markdown_in_allowed_folders")
    project.git("rm", "--quiet", "docs/old.md")
    project.commit()
    assert looked(project, tmp_path) == {}


def test_a_look_alike_is_no_stray(project: Project, tmp_path: Path) -> None:
    project.change("docs/older.md", "# Older\n")
    project.change("docs/more/old.md", "# Another\n")
    assert looked(project, tmp_path) == {}


def test_a_branch_does_not_take_itself_off_the_list(project: Project, tmp_path: Path) -> None:
    project.change(LIST, "docs/else.md\n")
    project.change("docs/old.md", "# Back again\n")
    assert looked(project, tmp_path) == {"markdown_in_allowed_folders": "fail"}


def test_a_list_that_is_gone_is_an_error(project: Project, tmp_path: Path) -> None:
    project.git("checkout", "--quiet", "main")
    project.git("rm", "--quiet", LIST)
    project.commit()
    project.git("checkout", "--quiet", "feature/tiles")
    project.git("rebase", "--quiet", "main")
    assert looked(project, tmp_path) == {"markdown_in_allowed_folders": "error"}


@pytest.mark.parametrize(
    "text", ["docs/a.md\ndocs/b.md\n", "# remark\n\n- `docs/a.md`\r\n* docs/b.md  # why\n", "\ufeffdocs/a.md\ndocs/b.md"]
)
def test_a_list_is_read_as_people_write_one(project: Project, text: str) -> None:
    project.write(LIST, text)
    policy = parse_policy((project.root / FILE).read_text())
    assert read_listed(project.root, policy) == ["docs/a.md", "docs/b.md"]


def test_an_endless_list_is_refused(project: Project) -> None:
    project.write(LIST, "x.md\n" * 501)
    with pytest.raises(TargetError, match="more than 500 lines"):
        read_listed(project.root, parse_policy((project.root / FILE).read_text()))
