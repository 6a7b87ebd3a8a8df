"""A branch held to the project's own policy, its files looked through, and the project's own commands run."""

from __future__ import annotations

import shutil
from collections import Counter
from collections.abc import Mapping, Sequence

from lib.clients.git import list_files
from lib.clients.npm import run_scripts
from lib.clients.workflow_linters import WorkflowFinding, check_schema, lint_workflows, list_workflows
from lib.core.errors import TargetError
from lib.core.results import Findings, Outcome, Provenance, looks_at, unseen
from lib.tasks.guardrails import judge as judging
from lib.tasks.guardrails.branch import Guarded, open_branch
from lib.tasks.guardrails.secret_scan import find_env_files, find_secrets
from lib.tasks.guardrails.task import Guardrails
from lib.transport.context import World

HOW = {"A": "added", "D": "deleted", "R": "moved", "C": "copied", "?": "not committed"}
"""How git says that a file was changed."""

OF_THE_BRANCH = (
    "guardrails.branch_name_allowed",
    "guardrails.change_small_or_opted_in",
    "guardrails.paths_allowed",
    "guardrails.issue_linked",
)


@looks_at(*OF_THE_BRANCH)
def look_at_branch(world: World) -> Findings:
    """What the branch changes, folder by folder; branch.json has every file."""
    settings: Guardrails = world.settings
    is_live = world.provenance is Provenance.LIVE
    guarded = open_branch(
        world.pack,
        base=settings.base,
        pull_request=settings.pull_request,
        rehearsal=None if is_live else settings.rehearsal.model_dump(),
        work=world.work,
    )
    judges = (judging.judge_name, judging.judge_size, judging.judge_paths, judging.judge_issue)
    changes = guarded.branch.changes
    strange = set(judging.find_strange(sorted(changes), guarded.policy.change.allowed_paths))
    about = {
        "branch": guarded.name,
        "base": guarded.branch.base,
        "note": guarded.branch.note,
        "commits": len(guarded.branch.messages),
        "files": [{"file": path, "how": say_how(kind), "allowed": path not in strange} for path, kind in sorted(changes.items())],
    }
    results = [judge(guarded) for judge in judges]
    rows = folder_rows(changes, guarded.policy.change.allowed_paths)
    return Findings(results=results, rows=rows, artifacts={"branch.json": about}, facts=guarded)


def say_how(kind: str) -> str:
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
            "how": ", ".join(f"{count} {how}" for how, count in Counter(say_how(changes[path]) for path in paths).items()),
            "not allowed": ", ".join(judging.find_strange(paths, allowed)) or "none",
        }
        for where, paths in folders.items()
    ]


def describe_branch(guarded: Guarded | None) -> list[dict[str, object]]:
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


def require(guarded: Guarded | None) -> Guarded:
    """Return the branch of the first look. Raises TargetError when there is none."""
    if guarded is None:
        raise TargetError("There is no branch to look at: see guardrails.branch_name_allowed. Next: mend that first.")
    return guarded


@looks_at("guardrails.no_secrets_in_diff")
def look_for_secrets(world: World, *, guarded: Guarded | None) -> Findings:
    """Places in what the branch adds where a credential seems to be; never its value."""
    guarded = require(guarded)
    folder = world.work / "scanned"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(mode=0o700)
    try:
        rules = guarded.policy.secrets
        found = [*find_env_files(guarded.branch.changes, rules), *find_secrets(guarded.branch.added, rules, folder=folder)]
    finally:
        shutil.rmtree(folder)
    rows = [{"file": one.path, "line": one.line, "kind": one.kind} for one in found]
    return Findings(results=[judging.judge_secrets(found, len(guarded.branch.added))], rows=rows)


@looks_at("guardrails.markdown_in_allowed_folders")
def look_at_markdown(world: World, *, guarded: Guarded | None) -> Findings:
    """Markdown files where none may be, and where `make tidy` would put each."""
    guarded = require(guarded)
    files = list_files(guarded.branch.root)
    strays = judging.find_strays(files, guarded.policy)
    archive = guarded.policy.markdown.archive
    rows = [{"stray file": path, "make tidy moves it to": f"{archive}/{path}"} for path in strays]
    return Findings(results=[judging.judge_markdown(files, strays)], rows=rows)


@looks_at("guardrails.workflows_match_schema", "guardrails.workflows_pass_lint")
def look_at_workflows(world: World, *, guarded: Guarded | None) -> Findings:
    """What the linters find in the workflow files."""
    guarded = require(guarded)
    limit_s = world.settings.command_limit_s
    files = list_workflows(guarded.branch.root, guarded.policy.workflows)
    schema_run, misfits = check_schema(files, timeout_s=limit_s)
    broken = {one.file for one in misfits}
    valid = [file for file in files if file.name not in broken]
    schema = judging.judge_findings("guardrails.workflows_match_schema", len(files), misfits)
    artifacts = {"schema.txt": schema_run.transcript}
    weak: list[WorkflowFinding] = []
    if not valid:
        reason = "No workflow file can be read: see guardrails.workflows_match_schema. Next: mend that first."
        lint = unseen("guardrails.workflows_pass_lint", reason)
    else:
        lint_run, weak, suppressed = lint_workflows(valid, timeout_s=limit_s)
        note = f"Left out, since their schema has judged them: {', '.join(sorted(broken))}. " if broken else ""
        note += f"{suppressed} suppressed by a comment. " if suppressed else ""
        lint = judging.judge_findings("guardrails.workflows_pass_lint", len(valid), weak, note)
        artifacts["zizmor.txt"] = lint_run.transcript
    rows = [
        {"file": one.file, "line": one.line, "rule": one.rule, "severity": one.severity, "what": one.words}
        for one in (*misfits, *weak)
    ]
    return Findings(results=[schema, lint], rows=rows, artifacts=artifacts)


@looks_at("guardrails.project_commands_pass")
def look_at_commands(world: World) -> Findings:
    """Each command of the project: how it ended, and how long it took."""
    settings: Guardrails = world.settings
    runs = run_scripts(world.pack, settings.commands, timeout_s=settings.command_limit_s, jobs=settings.command_jobs)
    outcomes = {True: Outcome.PASS, False: Outcome.FAIL, None: Outcome.ERROR}
    rows = [
        {
            "command": f"npm run {one.name}",
            "result": outcomes[one.passed].value,
            "took s": round(one.run.duration_s, 2) if one.run else None,
            "note": one.problem or None,
        }
        for one in runs
    ]
    artifacts = {f"npm-{judging.file_name(one.name)}.txt": one.run.transcript for one in runs if one.run}
    return Findings(results=[judging.judge_scripts(runs)], rows=rows, artifacts=artifacts)
