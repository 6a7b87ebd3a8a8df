"""`make guardrails` from outside, on a real repository: words a person reads, exit codes a pipeline reads."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import pytest

from lib.cli import guardrails as guard
from lib.core.errors import ParamsError
from lib.core.paths import ROOT
from lib.run.params import load_params
from tests.support.branch_worlds import Project, make_project
from tests.support.forked_commands import run_command

TOKEN = "ghp_" + "a1B2" * 9
"""In the form of a token, but not one."""


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return make_project(tmp_path / "project")


def run_guard(project: Project, *, base: str = "main", **variables: str) -> subprocess.CompletedProcess[str]:
    words = ("guardrails", "local", "--base", base, "--pack", str(project.root))
    return run_command(*words, env={**os.environ, **variables}, timeout_s=60)


def test_a_branch_as_agreed_exits_0_and_each_check_has_a_line(project: Project) -> None:
    done = run_guard(project)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("project: feature/tiles compared with main: 1 commit, 1 file\n")
    of_direction = [line for line in done.stdout.splitlines() if line.startswith("  – ")]
    assert len(of_direction) == 4 and all("not applicable" in line for line in of_direction)  # its launch list names none
    assert done.stdout.count("  ✓ ") == len(guard.TITLES) - 1 - len(of_direction)
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


def say_not_applicable(project: Project, **reasons: str) -> None:
    """Write what does not apply into the project's own settings, on its branch; checks by their names alone."""
    checks = {check.id.partition(".")[2]: check.id for check in guard.CHECKS}
    said = {checks.get(name, name): reason for name, reason in reasons.items()}
    project.change("launch/project.yaml", json.dumps({"not_applicable": said}))


def test_what_the_project_says_does_not_apply_is_shown_so_and_counts_for_nothing(project: Project) -> None:
    project.git("mv", "README.md", "NOTES.md")
    say_not_applicable(
        project, markdown_in_allowed_folders="notes lie where they are about", paths_allowed="one folder holds all"
    )
    done = run_guard(project)
    assert (done.returncode, done.stderr) == (0, "")
    assert "not applicable (guardrails.markdown_in_allowed_folders)\n      Notes lie where they are about.\n" in done.stdout
    assert "This branch meets the policy." in done.stdout


def test_a_project_without_a_policy_that_says_why_is_judged_by_the_rest(project: Project) -> None:
    about_policy = (
        "branch_name_allowed",
        "change_small_or_opted_in",
        "paths_allowed",
        "issue_linked",
        "markdown_in_allowed_folders",
    )
    project.git("checkout", "--quiet", "main")
    (project.root / ".github/launch-policy.yml").unlink()
    project.commit("Drop the policy")
    project.git("checkout", "--quiet", "-B", "feature/tiles")
    say_not_applicable(project, **dict.fromkeys(about_policy, "one person works here"))
    done = run_guard(project)
    assert done.returncode == 0, done.stdout
    assert "make adopt" not in done.stdout and done.stdout.count("One person works here.") == 1
    project.change("app/client.py", f'TOKEN = "{TOKEN}"\n')
    assert run_guard(project).returncode == 1


def test_a_project_to_which_no_rule_applies_is_said_to_be_unchecked(project: Project) -> None:
    say_not_applicable(project, guardrails="it has no branches")
    done = run_guard(project)
    assert done.returncode == 2
    assert "No rule applies to this project" in done.stdout and "Not everything" not in done.stdout


def test_why_there_is_no_branch_is_said_by_a_check_that_applies(project: Project) -> None:
    about_branch = ("branch_name_allowed", "change_small_or_opted_in", "paths_allowed", "issue_linked")
    say_not_applicable(project, **dict.fromkeys(about_branch, "one person works here"))
    done = run_guard(project, base="origin/gone")
    assert done.returncode == 2
    assert done.stdout.count("There is no origin/gone") == 1 and "see guardrails." not in done.stdout
