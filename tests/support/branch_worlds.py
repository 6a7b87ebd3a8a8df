"""A small project in a real git repository, with a branch that meets its policy until a test breaks something."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lib.core.paths import ROOT
from lib.core.results import Findings, Look, Outcome, Result
from lib.tasks.guardrails import looks as guardrails
from lib.tasks.guardrails.policy import FILE
from lib.tasks.guardrails.task import Guardrails
from lib.transport.context import Context
from tests.support.local_sections import local_sections

WORKFLOW = ".github/workflows/ci.yml"
SOUND = """name: ci
on: [pull_request]
permissions: {}
jobs:
  ci:
    runs-on: ubuntu-24.04
    permissions:
      contents: read
    steps:
      - run: npm run ci
"""
SCRIPTS = dict.fromkeys(("ci", "scan", "test:ci", "fmt", "lint"), 'node -e "process.exit(0)"')
CONFIG = ("user.name=test", "user.email=test@example.com", "commit.gpgsign=false", "core.hooksPath=/dev/null")
AUTHOR = [word for setting in CONFIG for word in ("-c", setting)]


@dataclass(frozen=True, kw_only=True)
class Project:
    """A repository that stands on the branch of a change."""

    root: Path

    def git(self, *words: str) -> str:
        done = subprocess.run(["git", "-C", str(self.root), *AUTHOR, *words], capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def write(self, path: str, text: str) -> None:
        (self.root / path).parent.mkdir(parents=True, exist_ok=True)
        (self.root / path).write_text(text)

    def commit(self, message: str = "Change something\n\nRefs #12") -> None:
        self.git("add", "--all")
        self.git("commit", "--quiet", "--message", message)

    def change(self, path: str, text: str, message: str = "Change something\n\nRefs #12") -> None:
        self.write(path, text)
        self.commit(message)

    def scripts(self, scripts: Mapping[str, str]) -> None:
        self.change("package.json", json.dumps({"private": True, "scripts": scripts}))

    def widen(self, count: int, message: str = "Bring many files\n\nRefs #12") -> None:
        for number in range(count):
            self.write(f"app/part_{number:03d}.py", f"NUMBER = {number}\n")
        self.commit(message)


def make_project(root: Path, *, branch: str = "feature/tiles", message: str = "Load tiles\n\nRefs #12") -> Project:
    """Return a project whose branch changes one file, with the sample pack's policy on its base."""
    root.mkdir()
    project = Project(root=root)
    project.git("init", "--quiet", "--initial-branch=main")
    (root / ".github/workflows").mkdir(parents=True)
    shutil.copyfile(ROOT / "pack" / FILE, root / FILE)
    project.write(WORKFLOW, SOUND)
    project.write("README.md", "# A project\n")
    project.write("package.json", json.dumps({"private": True, "scripts": SCRIPTS}))
    project.commit("Begin")
    project.git("checkout", "--quiet", "-b", branch)
    project.change("app/tiles.py", "LIMIT = 3\n", message)
    return project


def context_of(project: Project, work: Path, *, is_rehearsal: bool = False, **changes: Any) -> Context[Guardrails]:
    """Return a context that looks at the project; its own settings are those that are shipped, with these changes."""
    work.mkdir(exist_ok=True)
    sections = local_sections()
    return Context(
        environment="local",
        pack=project.root,
        settings=sections["guardrails"].model_copy(update=changes),
        sections=sections,
        target=None,  # type: ignore[arg-type]
        scratch=None,  # type: ignore[arg-type]
        programs=None,  # type: ignore[arg-type]
        work=work,
        kept=work,
        is_rehearsal=is_rehearsal,
    )


def look(context: Context[Guardrails], look_at: Look[..., Any], **facts: Any) -> Findings[Any]:
    """Make one look as a notebook does: one that cannot be made is an error of each check it declared."""
    findings = look_at.attempt(context, **facts)
    assert [result.check for result in findings.results] == [check.id for check in look_at.checks]
    return findings


def look_at_branch_files(context: Context[Guardrails], *, lint: bool = False) -> list[Findings[Any]]:
    """Make every look but the one that runs commands; lint: that of the workflows, too, which takes a second."""
    first = look(context, guardrails.look_at_branch)
    rest = [guardrails.look_for_secrets, guardrails.look_at_markdown, *([guardrails.look_at_workflows] if lint else [])]
    return [first, *(look(context, one, guarded=first.facts) for one in rest)]


def not_passed(found: list[Findings[Any]]) -> dict[str, str]:
    """Return every check that did not pass, with what it came to."""
    return {
        result.check.removeprefix("guardrails."): result.outcome.value
        for findings in found
        for result in findings.results
        if result.outcome is not Outcome.PASS
    }


def result_of(found: list[Findings[Any]], check: str) -> Result:
    [result] = [one for findings in found for one in findings.results if one.check == f"guardrails.{check}"]
    return result


def detail_of(found: list[Findings[Any]], check: str) -> str:
    return result_of(found, check).detail
