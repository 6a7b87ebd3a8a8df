"""The contract of this task on one page: its section of params, its checks, and what it needs."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from lib.core.results import PROJECT, Check
from lib.core.section import Section, said_by_project
from lib.tasks.base import Task


class RehearsedBranch(Section):
    """Branch name and commit message of the branch made when the pack is not a git checkout of its own."""

    branch: str = Field(min_length=1)  # its name
    message: str = Field(min_length=1)  # of its one commit


class Guardrails(Section):
    """Which branch 09_guardrails looks at, and which commands it runs; what a branch may do is in the pack's policy file."""

    base: str = Field(min_length=1)  # the branch it is compared with
    pull_request: str  # the file of GitHub's event, for what the pull request says; empty: there is none
    commands: list[str] = said_by_project([], about="project_commands_pass")  # scripts of the project's package.json
    command_limit_s: float = Field(gt=0)  # longest one of them may take, s
    workflow_severity: Literal["Informational", "Low", "Medium", "High"]  # the mildest finding of zizmor that counts
    command_jobs: int = Field(ge=1, le=16)  # of them at a time
    rehearsal: RehearsedBranch | None = None  # where the project is not a git checkout


BRANCH_NAME_ALLOWED = Check(
    "guardrails.branch_name_allowed",
    "The branch is named as agreed",
    subject=PROJECT,
    fix="Rename the branch: git branch -m feature/<name>",
    doc="Compares the branch's name with the pattern of the pack's launch policy. "
    "Workflows and people find a launch branch by its name. "
    "A pull request knows the name where HEAD is detached; without either the result is an error.",
)
CHANGE_SMALL_OR_OPTED_IN = Check(
    "guardrails.change_small_or_opted_in",
    "The branch changes few files, or says why it is wide",
    subject=PROJECT,
    fix="Split the branch, or state the reason in a commit or in the labelled pull request.",
    doc="Counts the files that the branch changes, those not committed yet included. "
    "A wide change is hard to review and hard to roll back. "
    "A reason is only measured by its length: whether it is a good one, a reviewer decides.",
)
PATHS_ALLOWED = Check(
    "guardrails.paths_allowed",
    "Every changed file is where the project keeps files",
    subject=PROJECT,
    fix="Move the files, or agree on a new path in the policy.",
    doc="Compares every changed path with the allowed paths of the policy as the base has it. "
    "It finds files that were committed by mistake. "
    "Markdown may be in its own folders too; where some is elsewhere, its own check fails and this one is skipped. "
    "What is in a file is not looked at here.",
)
ISSUE_LINKED = Check(
    "guardrails.issue_linked",
    "The branch names the issue it belongs to",
    subject=PROJECT,
    fix="Add a line like 'Refs #12' to a commit.",
    doc="Looks for the policy's pattern of an issue in the messages of the branch's commits and in the pull request. "
    "Later it is the only way from a change to its reason. "
    "That the issue exists is not checked: nothing is requested from GitHub.",
)
NO_SECRETS_IN_DIFF = Check(
    "guardrails.no_secrets_in_diff",
    "No credential is in the text that the branch adds, but where the policy allows one",
    subject=PROJECT,
    fix="Change that credential at the vendor, then remove it from the branch's history. "
    "For a false alarm add `pragma: allowlist secret` to the line.",
    doc="Reads every line that any commit of the branch adds with detect-secrets, and for the tokens of this field. "
    "A line that a later commit removes is still in the history. "
    "Binary files, files that the policy's secrets.allowed_files excepts, and lines with `pragma: allowlist secret` are named. "
    "A credential without a known form and with little entropy is missed; a long hash can look like one.",
)
MARKDOWN_IN_ALLOWED_FOLDERS = Check(
    "guardrails.markdown_in_allowed_folders",
    "Markdown is only in its folders",
    subject=PROJECT,
    fix="Run `make tidy` to see where each would go, then `make tidy APPLY=1` to move them.",
    doc="Lists every Markdown file of the project, not only those the branch changes, outside the folders of the policy. "
    "Notes left beside the code are read as documentation, and go stale. A project without Markdown is skipped. "
    "Files that git ignores are not looked at.",
)
WORKFLOWS_MATCH_SCHEMA = Check(
    "guardrails.workflows_match_schema",
    "Every workflow file is one that GitHub takes",
    subject=PROJECT,
    fix="Correct the workflow file where the finding says.",
    doc="Compares every workflow and action file with GitHub's schema, by check-jsonschema and without the network. "
    "GitHub ignores a workflow that it cannot read, and the pull request looks green. "
    "Schedules that never come, jobs that need what is not there, and called files that are missing count, too. "
    "The schema comes with the tool, so a very new keyword can be reported.",
)
WORKFLOWS_PASS_LINT = Check(
    "guardrails.workflows_pass_lint",
    "No workflow file has a known weakness that nobody accepted",
    subject=PROJECT,
    fix="Correct the workflow; the rule's name leads to its documentation at docs.zizmor.sh.",
    doc="Runs zizmor on every workflow and action file, offline and without the project's own exceptions. "
    "Findings below guardrails.workflow_severity are counted and named only; a `run` that its shell cannot parse is one. "
    "A weak workflow gives strangers the repository's secrets. A file that does not match the schema cannot be linted: "
    "then it is skipped. Findings that a comment in the file accepts are named, and pass.",
)
PROJECT_COMMANDS_PASS = Check(
    "guardrails.project_commands_pass",
    "The project's own commands pass",
    subject=PROJECT,
    fix="Read the output in npm-<command>.txt, and fix the cause.",
    doc="Runs each npm script of guardrails.commands where the project is, within its time limit. "
    "They are what the project itself calls ready. "
    "A script that is missing, does nothing, or does not end in time is an error, which says whether this machine was busy; "
    "what a script tests is the project's affair.",
)
LAUNCH_LIST_MATCHES_DIRECTION = Check(
    "guardrails.launch_list_matches_direction",
    "The launch list has every task of the direction, word by word",
    subject=PROJECT,
    fix="Correct launch/launch_list.yaml or the direction: whichever is out of date.",
    doc="Compares the items of the launch list with the tasks of the document that it names: each by its number and its words. "
    "Marks and white space don't count; numbers that are there twice, another order, and entries of the backlog do. "
    "A task that nobody copied into the list is proved by nothing. A list that names no document is skipped. "
    "Whether an item's checks prove its words is for a reader to judge.",
)
DIRECTION_FOLLOWS_TEMPLATE = Check(
    "guardrails.direction_follows_template",
    "The direction has the sections of its template, and its dates and version agree",
    subject=PROJECT,
    fix="Correct the direction.",
    doc="Reads the document that the launch list names. It must have an owner, an effective date, a version, and the sections "
    "of its template: the project's own where the document links one. Its tasks end with the entry of feedback; date and version "
    "agree with the newest entry of the change log, and with the dates in its definition of done and the paths of its feedback. "
    "A document that contradicts itself is followed in two ways. What a section says is not judged.",
)
DIRECTION_LINKS_RESOLVE = Check(
    "guardrails.direction_links_resolve",
    "Every link and path of the direction leads to something",
    subject=PROJECT,
    fix="Correct the direction; what only the launch makes belongs under made_by_launch in launch/launch_list.yaml.",
    doc="Follows the links of the direction, with their headings, and the paths it sets as code, globs and {a,b} written out: "
    "to files that git knows or does not ignore. A path that leaves out a part (...) leads nowhere. "
    "What the launch list says that only the launch makes is named and passes. Addresses of the web are counted and never asked. "
    "A path inside a command is not looked at; one without an ending whose first folder is not there can't be told from a name.",
)
SCOPE_CARD_KEPT = Check(
    "guardrails.scope_card_kept",
    "The branch keeps to the constraints of the direction, or says why not",
    subject=PROJECT,
    fix="Split the branch, or add a line 'Scope-exception: <item>: <why>' to a commit.",
    doc="Compares the branch with each constraint that the direction declares: the directories it may touch, how many files, "
    "minutes from the first to the last commit, tokens, the tools in its transcripts, and that other directions stay untouched. "
    "The direction of the base counts. Tokens and tools are known only as far as the branch itself says them: what is declared "
    "and not known is an error, never a pass. Work before the first commit takes no minutes here. "
    "An exception with a reason, in a commit or in the policy, is named and passes; whether it is good, a reviewer decides.",
)
CHECKS: tuple[Check, ...] = (
    BRANCH_NAME_ALLOWED,
    CHANGE_SMALL_OR_OPTED_IN,
    PATHS_ALLOWED,
    ISSUE_LINKED,
    NO_SECRETS_IN_DIFF,
    MARKDOWN_IN_ALLOWED_FOLDERS,
    WORKFLOWS_MATCH_SCHEMA,
    WORKFLOWS_PASS_LINT,
    PROJECT_COMMANDS_PASS,
    LAUNCH_LIST_MATCHES_DIRECTION,
    DIRECTION_FOLLOWS_TEMPLATE,
    DIRECTION_LINKS_RESOLVE,
    SCOPE_CARD_KEPT,
)

TASK = Task(
    name="guardrails",
    title="Guardrails",
    notebook="09_guardrails.ipynb",
    checks=CHECKS,
    settings=Guardrails,
    targets=(),
)
