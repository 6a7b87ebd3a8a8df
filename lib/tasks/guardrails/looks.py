"""A branch compared with the project's own policy, its files read, and the project's own commands run."""

from __future__ import annotations

import shutil
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from lib.clients.git import list_files, read_commit_times
from lib.clients.npm import run_scripts
from lib.clients.working_copy import size_of_folder
from lib.core.errors import TargetError
from lib.core.left_out import LeftOut
from lib.core.offered import offer_looks
from lib.core.results import Check, Findings, Outcome, Provenance, Result, look
from lib.core.wording import name_some
from lib.tasks.guardrails import judge as judging
from lib.tasks.guardrails.branch import LEFT_OUT, NAMELESS, GuardedBranch, open_branch
from lib.tasks.guardrails.direction import read_base_direction, template_path
from lib.tasks.guardrails.judge_scope import bound_rows, judge_scope, weigh_bounds
from lib.tasks.guardrails.linted import look_through
from lib.tasks.guardrails.look_direction import NO_DOCUMENT
from lib.tasks.guardrails.look_direction import look_at_direction as look_at_direction
from lib.tasks.guardrails.look_direction import look_at_links as look_at_links
from lib.tasks.guardrails.scope import read_card
from lib.tasks.guardrails.secret_scan import find_env_files, find_in_words, find_secrets
from lib.tasks.guardrails.stray_files import read_listed
from lib.tasks.guardrails.task import (
    BRANCH_NAME_ALLOWED,
    CHANGE_SMALL_OR_OPTED_IN,
    ISSUE_LINKED,
    MARKDOWN_IN_ALLOWED_FOLDERS,
    NO_SECRETS_IN_DIFF,
    PATHS_ALLOWED,
    PROJECT_COMMANDS_PASS,
    SCOPE_CARD_KEPT,
    TASK,
    WORKFLOWS_MATCH_SCHEMA,
    WORKFLOWS_PASS_LINT,
    Guardrails,
)
from lib.transport.context import LARGEST_SMALL, Context
from lib.transport.control import ControlClock

HOW = {"A": "added", "D": "deleted", "R": "moved", "C": "copied", "?": "not committed"}
"""How git says that a file was changed."""


@look(BRANCH_NAME_ALLOWED, CHANGE_SMALL_OR_OPTED_IN, PATHS_ALLOWED, ISSUE_LINKED)
def look_at_branch(context: Context[Guardrails]) -> Findings[GuardedBranch]:
    """What the branch changes, folder by folder; branch.json has every file."""
    guarded = find_branch(context)
    changes = guarded.branch.changes
    strange = set(judging.find_strange(sorted(changes), guarded.policy.change.allowed_paths))
    about = {
        "branch": guarded.name,
        "base": guarded.branch.base,
        "note": guarded.branch.note,
        "commits": len(guarded.branch.messages),
        "files": [
            {"file": path, "how": format_how(kind), "allowed": path not in strange} for path, kind in sorted(changes.items())
        ],
    }
    if not guarded.has_policy:
        return look_at_branch.errors(judging.NO_POLICY, fix=judging.FIX_POLICY, artifacts={"branch.json": about}, facts=guarded)
    judges = (judging.judge_name, judging.judge_size, judging.judge_paths, judging.judge_issue)
    results = [
        replace(judge_bounded(check, judge, guarded), provenance=provenance_of(guarded))
        for check, judge in zip(look_at_branch.checks, judges, strict=True)
    ]
    rows = folder_rows(changes, guarded.policy.change.allowed_paths)
    return Findings(results=results, rows=rows, artifacts={"branch.json": about}, facts=guarded)


def find_branch(context: Context[Guardrails]) -> GuardedBranch:
    """Return the project's branch with its policy. Raises TargetError when there is none."""
    settings = context.settings
    return open_branch(
        context.pack,
        base=settings.base,
        pull_request=settings.pull_request,
        rehearsal=rehearsed_as(context),
        stage=context.place_for(size_of_folder(context.pack, leave_out=LEFT_OUT, most=LARGEST_SMALL)),
        private=context.private,
    )


def require_branch(context: Context[Guardrails], guarded: GuardedBranch | None) -> GuardedBranch:
    """Return the branch that the first look found, or find it.

    Raises TargetError when there is none: it names the check that says why, or says it itself where none of those applies.
    """
    if guarded is not None:
        return guarded
    cause = next((one for one in look_at_branch.checks if not TASK.why_not(one, context.not_applicable)), None)
    if cause is None:
        return find_branch(context)
    raise TargetError(f"There is no branch to look at: see {cause.id}.", fix=f"Fix {cause.id} first.")


def rehearsed_as(context: Context[Guardrails]) -> dict[str, str] | None:
    """Return how a rehearsal calls a branch that it makes, and its message; None where only a real branch counts."""
    if not context.is_rehearsal:
        return None
    said = context.settings.rehearsal
    return said.model_dump() if said else NAMELESS


def judge_bounded(check: Check, judge: Callable[[GuardedBranch], Result], guarded: GuardedBranch) -> Result:
    """Return what one judge says; the error where its pattern does not come to an end, or the branch says nothing of itself."""
    if guarded.is_nameless and judge is not judging.judge_paths:
        return check.errored(judging.NAMELESS_BRANCH, fix=judging.FIX_NAMELESS)
    try:
        return judge(guarded)
    except TargetError as exc:
        return check.errored(exc.message, fix=exc.fix)


def provenance_of(guarded: GuardedBranch) -> Provenance | None:
    """Return how real the branch is: one that was made for a rehearsal is not the project's own; None for its own."""
    return Provenance.SIMULATED if guarded.is_made_up else None


def format_how(kind: str) -> str:
    """Return how a file was changed, in a word or two."""
    return HOW.get(kind, "changed")


def folder_rows(changes: Mapping[str, str], allowed: Sequence[str]) -> list[dict[str, object]]:
    """Return one row for each folder at the project's top that has changed files; those at the top itself are one, too."""
    folders: dict[str, list[str]] = {}
    for path in sorted(changes):
        folders.setdefault(path.partition("/")[0] + "/" if "/" in path else "(top)", []).append(path)
    return [
        {
            "where": where,
            "files": len(paths),
            "how": ", ".join(f"{count} {how}" for how, count in Counter(format_how(changes[path]) for path in paths).items()),
            "not allowed": ", ".join(judging.find_strange(paths, allowed)) or "none",
        }
        for where, paths in folders.items()
    ]


def describe_branch(guarded: GuardedBranch | None) -> list[dict[str, object]]:
    """Return which branch was looked at, as the page shows it."""
    if guarded is None:
        return []
    branch = guarded.branch
    return [
        {"what": "branch", "value": guarded.name or "none"},
        {"what": "compared with", "value": branch.base},
        {"what": "commits of its own", "value": len(branch.messages)},
        {"what": "files it changes", "value": len(branch.changes)},
        {"what": "lines it adds", "value": len(branch.added)},
        {"what": "how it was found", "value": branch.note or "the project's own checkout"},
    ]


@look(NO_SECRETS_IN_DIFF)
def look_for_secrets(context: Context[Guardrails], *, guarded: GuardedBranch | None) -> Findings[None]:
    """Places in what the branch adds where a credential seems to be; never its value."""
    guarded = require_branch(context, guarded)
    if guarded.branch.too_much:
        return look_for_secrets.errors(f"{guarded.branch.too_much} None of it was scanned.", fix="Split the branch.")
    folder = context.work / "scanned"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(mode=0o700)
    try:
        rules = guarded.policy.secrets
        branch = guarded.branch
        found = [*find_env_files(branch.changes, rules), *find_secrets(branch.added, rules, folder=folder)]
        found += find_in_words(branch.messages, branch.changes)
    finally:
        shutil.rmtree(folder)
    rows = [{"file": one.path, "line": one.line, "kind": one.kind} for one in found]
    result = judging.judge_secrets(found, guarded.branch, rules)
    return Findings(results=[replace(result, provenance=provenance_of(guarded))], rows=rows)


@look(SCOPE_CARD_KEPT)
def look_at_scope(context: Context[Guardrails], *, guarded: GuardedBranch | None) -> Findings[None]:
    """Each constraint of the direction beside what the branch does."""
    guarded = require_branch(context, guarded)
    branch = guarded.branch
    found = read_base_direction(branch.root, branch.base)
    if found is None:
        return look_at_scope.not_applicable(NO_DOCUMENT)
    if branch.is_everything or guarded.is_nameless:
        return look_at_scope.not_due("The project is on no branch of its own that could be compared with the constraints.")
    path, direction = found
    times = read_commit_times(branch.root, branch.base)
    bounds = weigh_bounds(read_card(direction), guarded, times, path=path, template=template_path(path, direction))
    result = judge_scope(path, bounds, guarded.policy.scope.trailer)
    return Findings(results=[replace(result, provenance=provenance_of(guarded))], rows=bound_rows(bounds))


@look(MARKDOWN_IN_ALLOWED_FOLDERS)
def look_at_markdown(context: Context[Guardrails], *, guarded: GuardedBranch | None) -> Findings[None]:
    """Markdown files where none may be, and where `make tidy` would put each."""
    guarded = require_branch(context, guarded)
    if not guarded.has_policy:
        return look_at_markdown.errors(judging.NO_POLICY, fix=judging.FIX_POLICY)
    files = list_files(guarded.branch.root)
    strays = judging.find_strays(
        files, guarded.policy, read_listed(guarded.branch.root, guarded.policy, base=guarded.branch.base)
    )
    archive = guarded.policy.markdown.archive
    rows = [{"stray file": path, "make tidy moves it to": f"{archive}/{path}"} for path in strays]
    return Findings(results=[judging.judge_markdown(files, strays)], rows=rows)


@look(WORKFLOWS_MATCH_SCHEMA, WORKFLOWS_PASS_LINT)
def look_at_workflows(context: Context[Guardrails], *, guarded: GuardedBranch | None) -> Findings[None]:
    """What the linters find in the workflow files."""
    guarded = require_branch(context, guarded)
    settings = context.settings
    seen = look_through(guarded.branch.root, guarded.policy.workflows, timeout_s=settings.command_limit_s)
    schema = judging.judge_findings(WORKFLOWS_MATCH_SCHEMA, seen.names, seen.misfits)
    reason = (
        f"GitHub does not take {name_some(seen.broken)}, so the lint did not read {'it' if len(seen.broken) == 1 else 'them'}."
    )
    lint = judging.judge_findings(
        WORKFLOWS_PASS_LINT,
        seen.names,
        [one for one in seen.weak if one.is_at_least(settings.workflow_severity)],
        left_out=[LeftOut(reason=reason, cause=WORKFLOWS_MATCH_SCHEMA.id)] if seen.broken else [],
        unread=seen.broken,
        accepted=seen.accepted,
        milder=[one for one in seen.weak if not one.is_at_least(settings.workflow_severity)],
    )
    rows = [
        {"file": one.file, "line": one.line, "rule": one.rule, "severity": one.severity, "what": one.words}
        for one in (*seen.misfits, *seen.weak)
    ]
    return Findings(results=[schema, lint], rows=rows, artifacts=dict(seen.transcripts))


@look(PROJECT_COMMANDS_PASS)
def look_at_commands(context: Context[Guardrails]) -> Findings[None]:
    """Each command of the project: how it ended, how long it took, and which files of the commit it would change."""
    settings = context.settings
    with ControlClock() as clock:
        began_s = time.monotonic()
        runs, copy = run_scripts(
            context.pack,
            settings.commands,
            timeout_s=settings.command_limit_s,
            jobs=settings.command_jobs,
            work=context.work / "commands",
        )
        control = clock.since(began_s)
    outcomes = {True: Outcome.PASS, False: Outcome.FAIL, None: Outcome.ERROR}
    rows = [
        {
            "command": f"npm run {one.name}",
            "result": outcomes[one.passed and not one.changes.files].value,
            "took s": round(one.run.duration_s, 2) if one.run else None,
            "would change": len(one.changes.files),
            "note": one.problem or None,
        }
        for one in runs
    ]
    artifacts = {f"npm-{judging.file_name(one.name)}.txt": one.run.transcript for one in runs if one.run}
    artifacts |= {f"npm-{judging.file_name(one.name)}.diff": one.changes.diff for one in runs if one.changes.files}
    result = judging.judge_scripts(runs, control, limit_s=settings.command_limit_s, about=copy.about)
    return Findings(results=[result], rows=rows, artifacts=artifacts)


offer_looks(__name__, "describe_branch")
