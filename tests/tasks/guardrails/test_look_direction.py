"""The looks at a direction on real files and a real branch: clean, broken, repaired, none there, and not readable."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from lib.core.launch_items import FILE as LIST
from lib.core.results import Outcome, Result
from lib.tasks.guardrails import looks as guardrails
from lib.tasks.guardrails.faults import FAULTS
from tests.support.branch_worlds import Project, context_of, look, make_project
from tests.support.faults import try_faults, unfound

PATH = "docs/directions/devops.md"
DIRECTION = """# Direction

- **Owner:** ana@example.com
- **Effective:** 2026-01-02
- **Version:** 1.1

## Objective

Launch.

## Current Tasks

1. Push the migrations.
2. Write feedback to `feedback/2026-01-02.md`.

## Constraints

- **Touched Directories:** `app/`
- **Budget:** ≤45 minutes, ≤3 files
- **Guardrails:** Do not edit other direction files.

## Definition of Done

Done.

## Risk & Rollback

None.

## Links & References

[README](../../README.md)

## Change Log

- 2026-01-02: Version 1.1. Begun.
"""
ITEMS = f"""document: {PATH}
made_by_launch: [feedback/**]
items:
  - {{number: 1, title: One, words: Push the  migrations., checks: [migrations.found]}}
  - {{number: 2, title: Two, words: Write feedback to feedback/2026-01-02.md., checks: [migrations.found]}}
"""


@pytest.fixture
def project(tmp_path: Path) -> Project:
    """Return a project with a direction on its base, and a branch that keeps to it."""
    project = make_project(tmp_path / "project")
    project.git("checkout", "--quiet", "main")
    project.write(PATH, DIRECTION)
    project.write(LIST, ITEMS)
    project.commit("Agree on a direction")
    project.git("checkout", "--quiet", "feature/tiles")
    project.git("rebase", "--quiet", "main")
    return project


def results(project: Project, work: Path) -> dict[str, Result]:
    context = context_of(project, work)
    guarded = guardrails.look_at_branch.attempt(context).facts
    found = [
        look(context, guardrails.look_at_direction),
        look(context, guardrails.look_at_links),
        look(context, guardrails.look_at_scope, guarded=guarded),
    ]
    return {one.check.partition(".")[2]: one for findings in found for one in findings.results}


def outcomes(project: Project, work: Path) -> dict[str, str]:
    """Return what did not pass."""
    return {name: one.outcome.value for name, one in results(project, work).items() if one.outcome is not Outcome.PASS}


def test_a_project_that_keeps_to_its_direction_passes_all_four(project: Project, tmp_path: Path) -> None:
    assert outcomes(project, tmp_path / "work") == {}


def test_a_reworded_task_a_dead_link_and_a_lost_section_fail_alone_and_a_repair_passes(project: Project, tmp_path: Path) -> None:
    for old, new, check in (
        ("Push the migrations", "Push every migration", "launch_list_matches_direction"),
        ("../../README.md", "README.md", "direction_links_resolve"),
        ("## Objective", "Objective", "direction_follows_template"),
    ):
        project.write(PATH, DIRECTION.replace(old, new))
        found = outcomes(project, tmp_path / "work")
        assert found.pop(check) == "fail"
        assert found == {"scope_card_kept": "fail"}  # the direction itself is outside of app/
        project.write(PATH, DIRECTION)
        assert outcomes(project, tmp_path / "work") == {}


def test_a_branch_beyond_its_bounds_fails_and_cannot_relax_them(project: Project, tmp_path: Path) -> None:
    project.change("docs/notes.md", "x\n", "Note\n\nRefs #12")
    assert outcomes(project, tmp_path / "work") == {"scope_card_kept": "fail"}
    project.change(PATH, DIRECTION.replace("`app/`", "`app/`, `docs/`"))
    project.change(LIST, ITEMS.replace(f"document: {PATH}\n", ""))
    assert results(project, tmp_path / "work")["scope_card_kept"].outcome is Outcome.FAIL
    project.change("app/x.py", "x = 1\n", "Say why\n\nRefs #12\nScope-exception: directories: notes and lists move with the code")
    project.git("checkout", "--quiet", "HEAD~2", "--", PATH, LIST)
    assert results(project, tmp_path / "work")["scope_card_kept"].outcome is Outcome.FAIL  # too many files by now
    project.git(
        "commit", "--quiet", "--allow-empty", "-m", "Say why\n\nScope-exception: files: notes and lists move with the code"
    )
    assert results(project, tmp_path / "work")["scope_card_kept"].outcome is Outcome.PASS


def test_the_minutes_are_those_between_the_first_and_the_last_commit(project: Project, tmp_path: Path) -> None:
    project.write("app/y.py", "y = 1\n")
    project.git("add", "--all")
    later = project.git("log", "-1", "--format=%at").strip()
    project.git("commit", "--quiet", f"--date=@{int(later) + 44 * 60} +0000", "-m", "More\n\nRefs #12")
    assert outcomes(project, tmp_path / "work") == {}
    project.git("commit", "--quiet", "--amend", f"--date=@{int(later) + 47 * 60} +0000", "-m", "More\n\nRefs #12")
    found = results(project, tmp_path / "work")["scope_card_kept"]
    assert found.outcome is Outcome.FAIL and "47 minutes, at most 45" in found.detail


def test_without_a_document_there_is_nothing_to_compare(project: Project, tmp_path: Path) -> None:
    project.git("checkout", "--quiet", "main")
    project.git("rm", "--quiet", LIST)
    project.commit("Without a list")
    project.git("checkout", "--quiet", "feature/tiles")
    project.git("rebase", "--quiet", "main")
    found = results(project, tmp_path / "work")
    assert {one.skipped_because for one in found.values()} == {"not_applicable"}


@pytest.mark.parametrize(
    ("said", "words"),
    [
        (ITEMS.replace(PATH, "docs/none.md"), "There is no docs/none.md"),
        (ITEMS.replace(PATH, "../outside.md"), "which is not in the project"),
        (ITEMS.replace(PATH, "/etc/passwd"), "which is not in the project"),
        (ITEMS.replace("items:", "items: ["), "is not valid YAML"),
        (ITEMS.replace("title: One, ", ""), "is not a valid launch list: items.0.title: field required"),
    ],
)
def test_a_document_that_cannot_be_read_is_an_error_in_one_sentence(
    project: Project, tmp_path: Path, said: str, words: str
) -> None:
    project.write(LIST, said)
    found = results(project, tmp_path / "work")
    for check in ("launch_list_matches_direction", "direction_follows_template", "direction_links_resolve"):
        assert found[check].outcome is Outcome.ERROR
        assert words in found[check].detail and "\n" not in found[check].detail and found[check].fix


def test_without_a_branch_the_scope_is_not_determined(project: Project, tmp_path: Path) -> None:
    context = context_of(project, tmp_path / "work", base="origin/release")
    [result] = look(context, guardrails.look_at_scope, guarded=None).results
    assert result.outcome is Outcome.ERROR
    assert "see guardrails.branch_name_allowed" in result.detail


def test_a_document_that_is_a_pipe_a_link_out_or_no_text_is_an_error(project: Project, tmp_path: Path) -> None:
    path = project.root / PATH
    for make in (lambda: path.write_bytes(b"\xff\xfe\x00"), lambda: path.symlink_to("/etc/passwd"), lambda: os.mkfifo(path)):
        path.unlink()
        make()
        found = results(project, tmp_path / "work")
        assert found["launch_list_matches_direction"].outcome is Outcome.ERROR


def test_the_faults_of_a_direction_are_found(project: Project, tmp_path: Path) -> None:
    context = context_of(project, tmp_path / "work")
    guarded = guardrails.look_at_branch(context).facts
    before = project.git("status", "--porcelain", "--branch")
    trials = try_faults(FAULTS, guardrails.look_at_direction, context, tmp_path, most=4)
    trials += try_faults(FAULTS, guardrails.look_at_links, context, tmp_path, most=4)
    trials += try_faults(FAULTS, guardrails.look_at_scope, context, tmp_path, most=4, guarded=guarded)
    assert unfound(trials) == []
    assert len({one.check for one in trials}) == 4
    assert project.git("status", "--porcelain", "--branch") == before
