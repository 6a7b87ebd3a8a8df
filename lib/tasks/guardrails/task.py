"""The contract of this task on one page: its section of params, its checks, and what it needs."""

from __future__ import annotations

from pydantic import Field

from lib.core.results import Check
from lib.core.section import Section
from lib.tasks.base import Task


class RehearsedBranch(Section):
    """What a rehearsal calls the branch that it makes from a pack which is none itself."""

    branch: str = Field(min_length=1)
    message: str = Field(min_length=1)


class Guardrails(Section):
    """Which branch 09_guardrails looks at, and which commands it runs; what a branch may do is in the pack's policy file."""

    base: str = Field(min_length=1)  # the branch it is compared with
    pull_request: str  # the file of GitHub's event, for what the pull request says; empty: there is none
    commands: list[str] = Field(min_length=1)  # scripts of the project's package.json
    command_limit_s: float = Field(gt=0)  # longest one of them may take, s
    command_jobs: int = Field(ge=1, le=16)  # of them at a time
    rehearsal: RehearsedBranch


CHECKS: tuple[Check, ...] = (
    Check(id="guardrails.branch_name_allowed", title="The branch is named as agreed"),
    Check(id="guardrails.change_small_or_opted_in", title="The branch changes few files, or says why it is wide"),
    Check(id="guardrails.paths_allowed", title="Every changed file is where the project keeps files"),
    Check(id="guardrails.issue_linked", title="The branch names the issue it belongs to"),
    Check(id="guardrails.no_secrets_in_diff", title="No credential is in what the branch adds"),
    Check(id="guardrails.markdown_in_allowed_folders", title="Markdown is only in its folders"),
    Check(id="guardrails.workflows_match_schema", title="Every workflow file is one that GitHub takes"),
    Check(id="guardrails.workflows_pass_lint", title="No workflow file has a known weakness"),
    Check(id="guardrails.project_commands_pass", title="The project's own commands pass"),
)

TASK = Task(
    name="guardrails",
    title="Guardrails",
    notebook="09_guardrails.ipynb",
    checks=CHECKS,
    targets=(),
)
