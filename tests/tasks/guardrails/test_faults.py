"""Each kind of fault in a branch is found by its check, what only looks like one by none; the repository stays as it was."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

import pytest

from lib.core.faults import End, Trial
from lib.tasks.faults import Scene, open_base
from lib.tasks.guardrails import looks as guardrails
from lib.tasks.guardrails.faults import FAULTS, misname_branch
from tests.support.branch_worlds import Project, context_of, make_project
from tests.support.faults import try_faults, unfound


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return make_project(tmp_path / "project")


def state_of(project: Project) -> tuple[str, ...]:
    """Return all that a change of the user's repository would show in."""
    return (project.git("rev-parse", "HEAD"), project.git("for-each-ref"), project.git("status", "--porcelain", "--branch"))


def test_faults_of_a_branch_and_its_lines(project: Project, tmp_path: Path) -> None:
    before, context = state_of(project), context_of(project, tmp_path / "work")
    guarded = guardrails.look_at_branch(context).facts
    trials = try_faults(FAULTS, guardrails.look_at_branch, context, tmp_path, most=2)
    trials += try_faults(FAULTS, guardrails.look_for_secrets, context, tmp_path, only="in a file", most=4, guarded=guarded)
    trials += try_faults(FAULTS, guardrails.look_for_secrets, context, tmp_path, only="elsewhere", guarded=guarded)
    trials += try_faults(FAULTS, guardrails.look_for_secrets, context, tmp_path, only="looks like", most=4, guarded=guarded)
    trials += try_faults(FAULTS, guardrails.look_at_markdown, context, tmp_path, most=2, guarded=guarded)
    assert unfound(trials) == []
    assert found_by(trials) == {
        "branch_name_allowed", "change_small_or_opted_in", "paths_allowed", "issue_linked", "no_secrets_in_diff",
        "markdown_in_allowed_folders",
    }  # fmt: skip
    assert state_of(project) == before
    assert list((context.work / "faults").iterdir()) == []


def test_a_small_branch_is_copied_to_where_small_copies_lie(project: Project, tmp_path: Path) -> None:
    small = tmp_path / "small"
    small.mkdir()
    context = replace(context_of(project, tmp_path / "work"), small=small)
    found = guardrails.look_at_branch(context)
    assert found.facts is not None and not found.facts.is_made_up
    with ExitStack() as standing:
        scene = Scene(context=context, found=found, standing=standing, base=open_base)
        with next(misname_branch(scene)).make(scene) as changed:
            assert changed.context.pack.is_relative_to(small)
            again = guardrails.look_at_branch(changed.context).facts
            assert again is not None and again.is_made_up
    assert list((small / "faults").iterdir()) == []
    assert not (context.work / "faults").exists()


def test_faults_of_workflows_and_commands(project: Project, tmp_path: Path) -> None:
    before, context = state_of(project), context_of(project, tmp_path / "work")
    guarded = guardrails.look_at_branch(context).facts
    trials = try_faults(FAULTS, guardrails.look_at_workflows, context, tmp_path, most=2, guarded=guarded)
    trials += try_faults(FAULTS, guardrails.look_at_commands, context, tmp_path, only="proves nothing", most=4)
    assert unfound(trials) == []
    assert found_by(trials) == {"workflows_match_schema", "workflows_pass_lint", "project_commands_pass"}
    assert state_of(project) == before


def found_by(trials: list[Trial]) -> set[str]:
    return {one.check.partition(".")[2] for one in trials if one.end is End.FOUND}
