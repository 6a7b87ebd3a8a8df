"""What the looks of 09_guardrails make of what they saw: plain facts in, one result a check out."""

from __future__ import annotations

import re
from collections.abc import Sequence

from lib.clients.npm import ScriptRun
from lib.clients.workflow_linters import WorkflowFinding
from lib.core.results import Result, failed, judge, passed, unseen
from lib.core.wording import show_count
from lib.tasks.guardrails.branch import Guarded
from lib.tasks.guardrails.policy import Policy, matches
from lib.tasks.guardrails.secret_scan import SecretFinding

MOST_NAMED = 8
"""Objects named in a sentence; the table has all of them."""
MARKDOWN = re.compile(r"\.(?:md|mdx|markdown)$", re.IGNORECASE)


def name_some(names: Sequence[str]) -> str:
    """Return the first names, and how many more there are."""
    rest = f" and {len(names) - MOST_NAMED:,} more" if len(names) > MOST_NAMED else ""
    return ", ".join(names[:MOST_NAMED]) + rest


def judge_name(guarded: Guarded) -> Result:
    """Judge the branch's name; without one nothing is known."""
    check, pattern = "guardrails.branch_name_allowed", guarded.policy.branch.pattern
    if not guarded.name:
        reason = "HEAD is on no branch. Next: check one out, or pass PULL_REQUEST=$GITHUB_EVENT_PATH."
        return unseen(check, reason, expected=pattern)
    holds = re.search(pattern, guarded.name) is not None
    detail = "" if holds else f"The branch is called {guarded.name}. Next: rename it: git branch -m feature/..."
    return judge(check, holds=holds, observed=guarded.name, expected=pattern, detail=detail)


def judge_size(guarded: Guarded) -> Result:
    """Judge that a branch changes few files, or says why it changes many."""
    check, rules = "guardrails.change_small_or_opted_in", guarded.policy.change
    count, most = len(guarded.branch.changes), rules.max_files
    facts = {"observed": count, "expected": most, "unit": "files"}
    if count <= most:
        return passed(check, **facts)
    wide = rules.wide_change
    reason = find_reason(guarded)
    labelled = wide.label in guarded.proposal.labels
    if len(reason) >= wide.min_reason_characters:
        by = "label and reason" if labelled else f"line {wide.trailer}"
        return passed(check, detail=f"Wider than usual, agreed on by {by}: {reason}", **facts)
    lacking = f"its reason has fewer than {wide.min_reason_characters} characters" if reason or labelled else "nothing opts in"
    detail = (
        f"{show_count(count, 'file')}, and {lacking}. Next: split the branch, or add a line '{wide.trailer}: <why>' to a "
        f"commit or, with the label {wide.label}, to the pull request."
    )
    return failed(check, detail=detail, **facts)


def find_reason(guarded: Guarded) -> str:
    """Return why the branch is wider than usual, by its commits or its labelled pull request; '' for nothing."""
    wide = guarded.policy.change.wide_change
    line = re.compile(rf"^{re.escape(wide.trailer)}:[ \t]*(.+?)[ \t]*$", re.MULTILINE | re.IGNORECASE)
    texts = [*guarded.branch.messages, *([guarded.proposal.text] if wide.label in guarded.proposal.labels else [])]
    return max((match[1] for text in texts for match in line.finditer(text)), key=len, default="")


def find_strange(paths: Sequence[str], allowed: Sequence[str]) -> list[str]:
    """Return the paths that are none of those allowed; where Markdown may be is another matter."""
    return [path for path in paths if not MARKDOWN.search(path) and not matches(path, allowed)]


def judge_paths(guarded: Guarded) -> Result:
    """Judge that every changed file is where this project keeps files. Markdown has a check of its own."""
    allowed = guarded.policy.change.allowed_paths
    others = [path for path in sorted(guarded.branch.changes) if not MARKDOWN.search(path)]
    strange = find_strange(others, allowed)
    move = "move them, or agree on a new path in the policy"
    detail = f"Outside of the allowed paths: {name_some(strange)}. Next: {move}." if strange else ""
    observed = f"{len(others) - len(strange)} of {len(others)}"
    return judge("guardrails.paths_allowed", holds=not strange, observed=observed, expected="every file", detail=detail)


def judge_issue(guarded: Guarded) -> Result:
    """Judge that the branch names the issue it belongs to."""
    check, pattern = "guardrails.issue_linked", guarded.policy.issue.pattern
    match = re.search(pattern, guarded.said)
    if match:
        return passed(check, observed=match.group(), expected="an issue")
    if not guarded.said.strip():
        return unseen(check, "The branch has no commit and no pull request yet. Next: commit with a line 'Refs #<issue>'.")
    detail = "No commit of the branch and no pull request names an issue. Next: add a line like 'Refs #12' to a commit."
    return failed(check, observed="none", expected="an issue", detail=detail)


def judge_secrets(found: Sequence[SecretFinding], lines: int) -> Result:
    """Judge that no credential is in what the branch adds; values are never told."""
    check = "guardrails.no_secrets_in_diff"
    if not found:
        return passed(check, observed=0, expected=0, unit="findings", detail=f"{show_count(lines, 'added line')} looked at.")
    named = name_some([f"{one.path}:{one.line} ({one.kind})" for one in found])
    move = "change that credential, then take it out of the branch's history; for a false alarm add `pragma: allowlist secret`"
    return failed(check, observed=len(found), expected=0, unit="findings", detail=f"{named}. Next: {move}.")


def find_strays(files: Sequence[str], policy: Policy) -> list[str]:
    """Return the Markdown files that are where none may be."""
    return [path for path in files if MARKDOWN.search(path) and not matches(path, policy.markdown.allowed)]


def judge_markdown(files: Sequence[str], strays: Sequence[str]) -> Result:
    """Judge that Markdown is only in its folders."""
    check = "guardrails.markdown_in_allowed_folders"
    total = sum(bool(MARKDOWN.search(path)) for path in files)
    if not files:
        return unseen(check, "The project has no file. Next: pass PACK=<its checkout>.")
    move = "`make tidy` shows where each would go; APPLY=1 moves them"
    detail = f"Stray: {name_some(strays)}. Next: {move}." if strays else f"{total} looked at."
    return judge(check, holds=not strays, observed=len(strays), expected=0, unit="stray files", detail=detail)


def judge_findings(check: str, files: int, found: Sequence[WorkflowFinding], note: str = "") -> Result:
    """Judge that a linter found nothing in the workflow files."""
    named = name_some([f"{one.file}{f':{one.line}' if one.line else ''} {one.rule}: {one.words}" for one in found])
    seen = f"{show_count(files, 'file')} looked at. {note}".strip()
    detail = f"{named}. {note}Next: mend the workflow; the rule's name leads to its documentation." if found else seen
    return judge(check, holds=not found, observed=len(found), expected=0, unit="findings", detail=detail)


def judge_scripts(runs: Sequence[ScriptRun]) -> Result:
    """Judge the project's own commands: one that failed fails, else one that could not be run is an error."""
    check = "guardrails.project_commands_pass"
    bad = [one for one in runs if one.passed is False]
    unrun = [one for one in runs if one.passed is None]
    well = len(runs) - len(bad) - len(unrun)
    facts = {"observed": f"{well} of {len(runs)}", "expected": "every command"}
    missing = "; ".join(one.problem for one in unrun)
    if bad:
        named = ", ".join(f"`npm run {one.name}` (exit code {one.run.exit_code if one.run else None})" for one in bad)
        beside = f" Not run: {missing}." if missing else ""
        first = bad[0].run
        return failed(
            check,
            detail=f"Failed: {named}.{beside} Next: read what it said in npm-{file_name(bad[0].name)}.txt, and mend it.",
            command=first.command if first else None,
            exit_code=first.exit_code if first else None,
            **facts,
        )
    if unrun or not runs:
        said = missing or "params name no command"
        move = "add it to package.json, or correct guardrails.commands in params"
        return unseen(check, f"{said[:1].upper()}{said[1:]}. Next: {move}.", **facts)
    return passed(check, **facts)


def file_name(script: str) -> str:
    """Return a script's name as part of a file's."""
    return re.sub(r"[^A-Za-z0-9._-]+", "-", script)
