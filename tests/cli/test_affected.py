"""The command that CI asks: names for --only on standard output and nothing else; everything where nothing is known."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from lib.cli.affected import affected
from lib.core.files import write_whole


def git(folder: Path, *words: str) -> None:
    who = ("-c", "user.name=a", "-c", "user.email=a@example.com")
    subprocess.run(["git", "-C", str(folder), *who, *words], check=True, capture_output=True)


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """Return a project in a folder of its repository, on a branch that has changed nothing yet."""
    pack = tmp_path / "repo" / "shop"
    write_whole(pack / "supabase" / "tests" / "a.test.sql", "select 1;\n")
    write_whole(pack / "supabase" / "seed.sql", "select 1;\n")
    write_whole(pack / "launch" / "project.yaml", "name: shop\n")
    git(pack.parent, "init", "-q", "-b", "main")
    git(pack.parent, "add", "-A")
    git(pack.parent, "commit", "-qm", "first")
    git(pack.parent, "checkout", "-qb", "feature/x")
    return pack


def ask(capsys: pytest.CaptureFixture[str], pack: Path, base: str = "origin/main") -> tuple[str, str]:
    assert affected("local", base=base, pack=str(pack)) == 0
    said = capsys.readouterr()
    return said.out, said.err


def test_a_commit_a_change_and_a_new_file_count(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_whole(project / "supabase" / "tests" / "a.test.sql", "select 2;\n")
    assert ask(capsys, project)[0] == "rls,guardrails\n"
    git(project, "commit", "-qam", "second")
    write_whole(project / "docs" / "a.md", "x\n")
    assert ask(capsys, project)[0] == "rls,alerts,guardrails\n"


def test_a_file_that_moves_out_of_a_place_touches_that_place(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (project / "docs").mkdir()
    git(project, "mv", "supabase/seed.sql", "docs/seed.md")
    out, _ = ask(capsys, project)
    assert {"migrations", "seed", "rls"} <= set(out.strip().split(","))


def test_without_a_base_or_a_change_everything_runs_and_why_is_said(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out, err = ask(capsys, project)
    assert out == "\n" and "nothing is known to have changed" in err
    out, err = ask(capsys, project, base="origin/none")
    assert out == "\n" and "Everything runs: There is no origin/none" in err
    out, err = ask(capsys, project, base="--output=x")
    assert out == "\n" and not (project / "x").exists()


def test_a_project_outside_version_control_is_run_whole(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_whole(tmp_path / "shop" / "launch" / "project.yaml", "name: shop\n")
    out, err = ask(capsys, tmp_path / "shop")
    assert out == "\n" and "is not under version control" in err
