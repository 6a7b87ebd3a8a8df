"""What the looks of 09_guardrails make of what they saw: plain facts in, one result a check out."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Sequence
from typing import Any

from lib.clients.git import Branch
from lib.clients.npm import ScriptRun
from lib.clients.workflow_finding import WorkflowFinding
from lib.core.busyness import RUN_AGAIN, Control, Standing, too_busy_for, weigh_timeout
from lib.core.left_out import LeftOut, judge_all
from lib.core.results import Check, Result
from lib.core.wording import format_count, join_words, name_some
from lib.tasks.guardrails.branch import GuardedBranch
from lib.tasks.guardrails.policy import FILE, Policy, SecretRules, matches, search
from lib.tasks.guardrails.secret_scan import ACCEPTED, SecretFinding
from lib.tasks.guardrails.task import (
    BRANCH_NAME_ALLOWED,
    CHANGE_SMALL_OR_OPTED_IN,
    ISSUE_LINKED,
    MARKDOWN_IN_ALLOWED_FOLDERS,
    NO_SECRETS_IN_DIFF,
    PATHS_ALLOWED,
    PROJECT_COMMANDS_PASS,
)

MOST_NAMED = 8
"""Objects named in a sentence; the table has all of them."""
MARKDOWN = re.compile(r"\.(?:md|mdx|markdown)$", re.IGNORECASE)


FIX_BARE = "Install the project's packages where it is checked out (npm ci, pnpm install, yarn), then run again."
FIX_COMMANDS = "Add it to package.json, or correct guardrails.commands in launch/project.yaml."
NO_POLICY = f"There is no {FILE}, so nothing says what a branch may do."
FIX_POLICY = (
    "Run `make adopt PACK=... ONLY=policy`, which writes one with APPLY=1.",
    "Or say in launch/project.yaml, under not_applicable, why this check does not apply.",
)
NAMELESS_BRANCH = "The project is no git checkout with a branch of its own, and nobody says how a branch of it is called."
FIX_NAMELESS = "Use a clone of it, on the branch that is launched; or say guardrails.rehearsal in launch/project.yaml."


def judge_name(guarded: GuardedBranch) -> Result:
    """Judge the branch's name; without one the result is an error."""
    check, pattern = BRANCH_NAME_ALLOWED, guarded.policy.branch.pattern
    if not guarded.name:
        return check.errored(
            "HEAD is not on a branch.", fix="Check one out, or pass PULL_REQUEST=$GITHUB_EVENT_PATH.", expected=pattern
        )
    if matches(guarded.name, guarded.policy.branch.exceptions):
        return check.passed(observed=guarded.name, expected=pattern, detail="The policy names it in branch.exceptions.")
    holds = search(pattern, guarded.name, where="branch.pattern") is not None
    detail = "" if holds else f"The branch is called {guarded.name}."
    return check.judge(holds=holds, observed=guarded.name, expected=pattern, detail=detail)


def judge_size(guarded: GuardedBranch) -> Result:
    """Judge that a branch changes few files, or says why it changes many."""
    check, rules = CHANGE_SMALL_OR_OPTED_IN, guarded.policy.change
    count, most = len(guarded.branch.changes), rules.max_files
    facts: dict[str, Any] = {"observed": count, "expected": most, "unit": "files"}
    if count <= most:
        return check.passed(**facts)
    wide = rules.wide_change
    reason = find_reason(guarded)
    labelled = wide.label in guarded.proposal.labels
    if len(reason) >= wide.min_reason_characters:
        by = "label and reason" if labelled else f"line {wide.trailer}"
        return check.passed(detail=f"Wider than usual, agreed on by {by}: {reason}", **facts)
    lacking = f"its reason has fewer than {wide.min_reason_characters} characters" if reason or labelled else "nothing opts in"
    return check.failed(
        detail=f"{format_count(count, 'file')}, and {lacking}.",
        fix=f"Split the branch, or add a line '{wide.trailer}: <why>' to a commit or, with the label {wide.label}, "
        "to the pull request.",
        **facts,
    )


def find_reason(guarded: GuardedBranch) -> str:
    """Return why the branch is wider than usual, by its commits or its labelled pull request; '' for nothing."""
    wide = guarded.policy.change.wide_change
    line = re.compile(rf"^{re.escape(wide.trailer)}:[ \t]*(.+?)[ \t]*$", re.MULTILINE | re.IGNORECASE)
    texts = [*guarded.branch.messages, *([guarded.proposal.text] if wide.label in guarded.proposal.labels else [])]
    return max((match[1] for text in texts for match in line.finditer(text)), key=len, default="")


def find_strange(paths: Sequence[str], allowed: Sequence[str]) -> list[str]:
    """Return the paths that are not allowed; Markdown has a check of its own."""
    return [path for path in paths if not MARKDOWN.search(path) and not matches(path, allowed)]


def judge_paths(guarded: GuardedBranch) -> Result:
    """Judge that every changed file is where this project keeps files. Stray Markdown is found by a check of its own."""
    changes = guarded.branch.changes
    strange = find_strange(sorted(changes), guarded.policy.change.allowed_paths)
    strays = find_strays([path for path, kind in sorted(changes.items()) if kind != "D"], guarded.policy)
    left_out = [LeftOut(reason=f"Stray Markdown: {name_some(strays)}.", cause=MARKDOWN_IN_ALLOWED_FOLDERS.id)] if strays else []
    return judge_all(
        PATHS_ALLOWED,
        holds=not strange,
        left_out=left_out,
        detail=f"Outside of the allowed paths: {name_some(strange)}." if strange else "",
        objects=strange,
        observed=len(changes) - len(strange) - len(strays),
        expected=len(changes),
        unit="files",
    )


def judge_issue(guarded: GuardedBranch) -> Result:
    """Judge that the branch names the issue it belongs to."""
    check, pattern = ISSUE_LINKED, guarded.policy.issue.pattern
    found = search(pattern, guarded.said, where="issue.pattern")
    if found is not None:
        return check.passed(observed=found, expected="an issue")
    if matches(guarded.name, guarded.policy.issue.exceptions):
        return check.not_applicable("The policy names this branch in issue.exceptions.")
    if not guarded.said.strip():
        return check.errored("The branch has no commit and no pull request yet.", fix="Commit with a line 'Refs #<issue>'.")
    detail = "No commit of the branch and no pull request names an issue."
    return check.failed(observed="none", expected="an issue", detail=detail)


def judge_secrets(found: Sequence[SecretFinding], branch: Branch, rules: SecretRules) -> Result:
    """Judge that no credential is in the text that the branch adds; values are never shown, what was not scanned is named."""
    check = NO_SECRETS_IN_DIFF
    facts: dict[str, Any] = {"observed": len(found), "expected": 0, "unit": "findings"}
    if found:
        named = name_some([f"{one.path}:{one.line} ({one.kind})" for one in found])
        return check.failed(detail=f"{named}.", objects=[f"{one.path}:{one.line} {one.kind}" for one in found], **facts)
    excepted = sorted({one.path for one in branch.added if matches(one.path, rules.allowed_files)})
    scanned = [one for one in branch.added if one.path not in set(excepted) and not one.is_raw]
    accepted = list(dict.fromkeys(f"{one.path}:{one.line}" for one in scanned if ACCEPTED.search(one.text)))
    aside = {
        "Excepted by the policy": excepted,
        "Not text, so looked at for tokens alone": branch.unread,
        "Accepted by a comment": accepted,
    }
    said = [f"{why}: {name_some(names)}." for why, names in aside.items() if names]
    if not scanned:
        return check.not_applicable(" ".join(["The branch adds no line of text to scan.", *said]))
    return check.passed(detail=" ".join([f"{format_count(len(scanned), 'added line')} looked at.", *said]), **facts)


def find_strays(files: Sequence[str], policy: Policy, listed: Sequence[str] = ()) -> list[str]:
    """Return the Markdown files that are where none may be, or that the project calls strays; what is archived is none.

    listed: patterns of the list that the policy names.
    """
    rules = policy.markdown
    named, archive = [*rules.strays, *listed], f"{rules.archive.rstrip('/')}/"
    return [
        path
        for path in files
        if MARKDOWN.search(path) and (not matches(path, rules.allowed) or (matches(path, named) and not path.startswith(archive)))
    ]


def judge_markdown(files: Sequence[str], strays: Sequence[str]) -> Result:
    """Judge that Markdown is only in its folders."""
    check = MARKDOWN_IN_ALLOWED_FOLDERS
    total = sum(bool(MARKDOWN.search(path)) for path in files)
    if not files:
        return check.errored("The project has no file.", fix="Pass PACK=<its checkout>.")
    if not total:
        return check.not_applicable("The project has no Markdown file.")
    detail = f"Stray: {name_some(strays)}." if strays else f"{format_count(total, 'Markdown file')} looked at."
    return check.judge(holds=not strays, observed=len(strays), expected=0, unit="stray files", detail=detail, objects=strays)


def judge_findings(
    check: Check,
    files: Sequence[str],
    found: Sequence[WorkflowFinding],
    *,
    left_out: Sequence[LeftOut] = (),
    unread: Collection[str] = (),
    accepted: Sequence[str] = (),
    milder: Sequence[WorkflowFinding] = (),
) -> Result:
    """Judge that a linter found nothing in any workflow file.

    files: all of them, by name. left_out: why it did not read those of unread. accepted: where a comment accepts one.
    milder: findings below the severity that counts.
    """
    named = name_some([f"{name_place(one)} {one.rule}: {one.words}" for one in found])
    noted = f" Accepted by a comment: {name_some(accepted)}." if accepted else ""
    counted = Counter(one.severity for one in milder)
    noted += (
        f" Below guardrails.workflow_severity: {join_words([f'{n} {name}' for name, n in counted.items()])}." if milder else ""
    )
    bad = {one.file for one in found} | set(unread)
    return judge_all(
        check,
        holds=not found,
        left_out=left_out,
        detail=f"{named}.{noted}" if found else f"{format_count(len(found), 'finding')}.{noted}",
        objects=[f"{one.file} {one.rule}: {one.words}" for one in found],
        observed=sum(name not in bad for name in files),
        expected=len(files),
        unit="files",
    )


def name_place(one: WorkflowFinding) -> str:
    """Return where a finding is: the file, and the line where one is known."""
    return f"{one.file}:{one.line}" if one.line else one.file


def judge_scripts(runs: Sequence[ScriptRun], control: Control, *, limit_s: float, about: str = "") -> Result:
    """Judge the project's own commands: one that failed, or would change the commit, fails; one that could not run is an error.

    control: what this machine met while they ran; a command that was out of time beside one that was held up says so.
    about: which commit they ran on, as a sentence.
    """
    check = PROJECT_COMMANDS_PASS
    bad = [one for one in runs if one.passed is False]
    rewriting = [one for one in runs if one.passed and one.changes.files]
    unrun = [one for one in runs if one.passed is None]
    well = len(runs) - len(bad) - len(unrun) - len(rewriting)
    facts: dict[str, Any] = {"observed": f"{well} of {len(runs)}", "expected": "every command"}
    missing = "; ".join(one.problem for one in unrun)
    if bad or rewriting:
        said = [f"`npm run {one.name}` failed (exit code {one.run.exit_code if one.run else None})" for one in bad]
        said += [f"`npm run {one.name}` would change {name_some(list(one.changes.files))}" for one in rewriting]
        first = next((one.run for one in bad), None)
        return check.failed(
            detail=" ".join(filter(None, (f"{'. '.join(said)}.", f"Not run: {missing}." if missing else "", about))),
            command=first.command if first else None,
            exit_code=first.exit_code if first else None,
            objects=[f"npm run {one.name}" for one in (*bad, *rewriting)],
            **facts,
            fix=[
                *(f"Read its output in npm-{file_name(one.name)}.txt, and fix the cause." for one in bad[:1]),
                *(
                    f"Run `npm run {one.name}`, and commit what it changes: npm-{file_name(one.name)}.diff."
                    for one in rewriting[:1]
                ),
            ],
        )
    if any(one.ran_out for one in unrun) and weigh_timeout(limit_s, control) is Standing.UNCLEAR:
        return check.errored(f"{too_busy_for(control, limit_s)} Not ended in time: {missing}.", **facts, fix=RUN_AGAIN)
    if unrun or not runs:
        said_of = missing or "params name no command"
        return check.errored(
            f"{said_of[:1].upper()}{said_of[1:]}. {about}".strip(),
            **facts,
            fix=FIX_BARE if any(one.is_bare for one in unrun) else FIX_COMMANDS,
        )
    return check.passed(detail=about, **facts)


def file_name(script: str) -> str:
    """Return a script's name as part of a file's."""
    return re.sub(r"[^A-Za-z0-9._-]+", "-", script)
