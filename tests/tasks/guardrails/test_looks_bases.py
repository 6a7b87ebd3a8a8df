"""The base's policy of today decides, bots' branches may be excepted, and actions are looked at like workflows."""

from __future__ import annotations

from pathlib import Path

import pytest

from lib.clients.workflow_finding import WorkflowFinding
from lib.core.results import Outcome
from lib.tasks.guardrails import looks as guardrails
from lib.tasks.guardrails.branch import GuardedBranch
from lib.tasks.guardrails.judge import judge_findings
from lib.tasks.guardrails.policy import FILE
from lib.tasks.guardrails.task import WORKFLOWS_PASS_LINT
from tests.support.branch_worlds import SOUND, WORKFLOW, Project, context_of, look, make_project


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return make_project(tmp_path / "project")


def at_base(project: Project, path: str, text: str) -> None:
    """Change a file on the base, after the branch forked off."""
    branch = project.git("branch", "--show-current").strip()
    project.git("checkout", "--quiet", "main")
    project.change(path, text)
    project.git("checkout", "--quiet", branch)


def guarded(project: Project, work: Path, **changes: object) -> tuple[GuardedBranch, dict[str, Outcome]]:
    found = look(context_of(project, work, base="main", **changes), guardrails.look_at_branch)
    return found.facts, {one.check.removeprefix("guardrails."): one.outcome for one in found.results}


def test_what_the_base_says_since_the_fork_decides(project: Project, tmp_path: Path) -> None:
    assert guarded(project, tmp_path / "work")[1]["branch_name_allowed"] is Outcome.PASS
    text = (project.root / FILE).read_text()
    pattern = next(line for line in text.splitlines() if "pattern:" in line)
    at_base(project, FILE, text.replace(pattern, f"{pattern.partition(':')[0]}: '^release/'", 1))
    assert guarded(project, tmp_path / "work")[1]["branch_name_allowed"] is Outcome.FAIL


def test_a_branch_from_before_the_policy_brings_none_for_itself(tmp_path: Path) -> None:
    project = make_project(tmp_path / "project", branch="feature/tiles")
    text = (project.root / FILE).read_text()
    project.git("checkout", "--quiet", "main")
    project.git("rm", "--quiet", FILE)
    project.commit("Begin without a policy")
    project.git("checkout", "--quiet", "-b", "wild")
    loose = text.replace(next(line for line in text.splitlines() if "pattern:" in line), "  pattern: '.*'", 1)
    project.change(FILE, loose)
    assert guarded(project, tmp_path / "work")[1]["branch_name_allowed"] is Outcome.PASS  # the base has none: its own
    at_base(project, FILE, text)
    assert guarded(project, tmp_path / "work")[1]["branch_name_allowed"] is Outcome.FAIL


def test_a_policy_may_except_the_branches_of_bots(tmp_path: Path) -> None:
    project = make_project(tmp_path / "project", branch="dependabot/npm_and_yarn/x-1.2", message="Bump x")
    plain = guarded(project, tmp_path / "work")[1]
    assert (plain["branch_name_allowed"], plain["issue_linked"]) == (Outcome.FAIL, Outcome.FAIL)
    text = (project.root / FILE).read_text()
    lines = [
        f"{line}\n{line[: len(line) - len(line.lstrip())]}exceptions: ['dependabot/**']"
        if line.lstrip().startswith("pattern:")
        else line
        for line in text.splitlines()
    ]
    at_base(project, FILE, "\n".join(lines) + "\n")
    excepted = guarded(project, tmp_path / "work")[1]
    assert (excepted["branch_name_allowed"], excepted["issue_linked"]) == (Outcome.PASS, Outcome.SKIP)


def workflows(project: Project, work: Path, **changes: object) -> dict[str, tuple[Outcome, str]]:
    context = context_of(project, work, base="main", **changes)
    branch = look(context, guardrails.look_at_branch).facts
    found = look(context, guardrails.look_at_workflows, guarded=branch).results
    return {one.check.removeprefix("guardrails."): (one.outcome, one.detail) for one in found}


def test_a_finding_below_the_severity_is_counted_and_no_fail() -> None:
    mild = [
        WorkflowFinding(file="ci.yml", rule="r", severity=name, line=1, words="w") for name in ("Low", "Low", "Informational")
    ]
    result = judge_findings(WORKFLOWS_PASS_LINT, ["ci.yml"], [], milder=mild)
    assert (result.outcome, result.observed) == (Outcome.PASS, 1)
    assert result.detail == "0 findings. Below guardrails.workflow_severity: 2 Low and 1 Informational."


@pytest.mark.parametrize(("severity", "outcome"), [("High", Outcome.PASS), ("Medium", Outcome.FAIL)])
def test_the_severity_that_counts_is_a_setting(project: Project, tmp_path: Path, severity: str, outcome: Outcome) -> None:
    project.change(WORKFLOW, SOUND.replace("permissions: {}\n", "").replace("    permissions:\n      contents: read\n", ""))
    assert workflows(project, tmp_path / "work", workflow_severity=severity)["workflows_pass_lint"][0] is outcome


def test_an_action_of_the_project_is_looked_at(project: Project, tmp_path: Path) -> None:
    action = "name: x\nruns:\n  using: composite\n  steps:\n    - run: if true\n      shell: bash\n"
    project.change(".github/actions/set-up/action.yml", action)
    found = workflows(project, tmp_path / "work")
    assert found["workflows_match_schema"][0] is Outcome.PASS
    assert found["workflows_pass_lint"][0] is Outcome.FAIL
    assert (
        ".github/actions/set-up/action.yml shell: the action, step 1: the shell cannot parse it"
        in found["workflows_pass_lint"][1]
    )
    project.change(".github/actions/set-up/action.yml", action.replace("if true", "echo ${{ github.event.issue.title }}"))
    assert (
        ".github/actions/set-up/action.yml:5 template-injection"
        in workflows(project, tmp_path / "work")["workflows_pass_lint"][1]
    )
    project.change(".github/actions/set-up/action.yml", action.replace("using:", "use:"))
    assert workflows(project, tmp_path / "work")["workflows_match_schema"][0] is Outcome.FAIL


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("    permissions:", "    needs: build\n    permissions:", "job ci needs build, which is no job of the workflow"),
        ("on: [pull_request]", "on: {schedule: [{cron: '61 * * * *'}]}", "minute 61 is not within 0 to 59"),
        ("- run: npm run ci", "- uses: ./.github/actions/gone", "uses ./.github/actions/gone, which is not in the project"),
    ],
)
def test_what_github_does_not_take_fails_and_hides_the_lint(
    project: Project, tmp_path: Path, old: str, new: str, said: str
) -> None:
    project.change(WORKFLOW, SOUND.replace(old, new))
    found = workflows(project, tmp_path / "work")
    assert (found["workflows_match_schema"][0], found["workflows_pass_lint"][0]) == (Outcome.FAIL, Outcome.SKIP)
    assert said in found["workflows_match_schema"][1]


def test_what_the_schema_refuses_and_github_takes_is_no_finding(project: Project, tmp_path: Path) -> None:
    text = SOUND.replace("on: [pull_request]", "on: {push: {branches: main}}")
    project.change(WORKFLOW, text.replace("    runs-on", "    strategy: {fail-fast: false}\n    runs-on"))
    assert workflows(project, tmp_path / "work")["workflows_match_schema"][0] is Outcome.PASS
