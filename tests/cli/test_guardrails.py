"""`make guardrails` from outside, on a real repository: words a person reads, exit codes a pipeline reads."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from lib.cli import guardrails as guard
from lib.core.errors import ParamsError
from lib.core.paths import ROOT
from lib.run.params import load_params
from tests.support.branch_worlds import Project, make_project

TOKEN = "ghp_" + "a1B2" * 9
"""In the form of a token, but not one."""


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return make_project(tmp_path / "project")


def run_guard(project: Project, *, base: str = "main", **variables: str) -> subprocess.CompletedProcess[str]:
    words = [sys.executable, "-m", "lib", "guardrails", "local", "--base", base, "--pack", str(project.root)]
    return subprocess.run(words, cwd=ROOT, env={**os.environ, **variables}, capture_output=True, text=True, timeout=60)


def test_a_branch_as_agreed_exits_0_and_each_check_has_a_line(project: Project) -> None:
    done = run_guard(project)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("project: feature/tiles compared with main: 1 commit, 1 file\n")
    assert done.stdout.count("  ✓ ") == len(guard.TITLES) - 1
    assert "This branch meets the policy." in done.stdout


def test_a_branch_that_does_not_exits_1_and_says_what_to_do(project: Project) -> None:
    project.widen(60)
    project.change("app/client.py", f'TOKEN = "{TOKEN}"\n')
    done = run_guard(project)
    assert done.returncode == 1
    assert "guardrails.change_small_or_opted_in" in done.stdout and "Fix: Split the branch" in done.stdout
    assert "app/client.py:1 (GitHub Token)" in done.stdout
    assert TOKEN not in done.stdout + done.stderr
    assert "This branch does not meet the policy. 2 checks failed." in done.stdout


def test_what_can_not_be_looked_at_exits_2(project: Project) -> None:
    done = run_guard(project, base="origin/gone")
    assert done.returncode == 2
    assert "There is no origin/gone" in done.stdout and "Traceback" not in done.stderr


def test_the_pull_request_is_the_one_of_the_workflow(project: Project, tmp_path: Path) -> None:
    project.widen(60)
    project.git("checkout", "--quiet", "--detach")
    request = {"head": {"ref": "feature/tiles"}, "title": "Tiles", "labels": [{"name": "wide-change"}]}
    event = {"pull_request": {**request, "body": "Wide-change: every part moves at once"}}
    path = tmp_path / "event.json"
    path.write_text(json.dumps(event))
    assert run_guard(project).returncode == 1
    assert run_guard(project, GITHUB_EVENT_PATH=str(path)).returncode == 0


def test_a_checkout_is_judged_with_the_pack_that_the_branch_changes(
    project: Project, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def is_changed() -> bool:
        params = load_params("local", variables={})
        _, guarded = guard.look_at_project(params, project.root, {"base": "main"})
        assert guarded is not None
        return guard.has_changed(guarded, project.root / "pack")

    assert not is_changed()
    project.change("pack/app/x.py", "x = 1\n")
    assert not is_changed()  # no policy of its own: only the checkout's counts
    project.change("pack/.github/launch-policy.yml", (ROOT / "pack/.github/launch-policy.yml").read_text())
    assert is_changed()
    capsys.readouterr()


def test_an_unknown_pack_is_refused_in_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(ParamsError, match="there is no folder"):
        guard.guard_branch("local", base="main", pack=str(tmp_path / "gone"))
