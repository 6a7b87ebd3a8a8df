"""A project's workflow and action files, looked through by every linter."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from lib.clients.workflow_finding import WorkflowFinding
from lib.clients.workflow_linters import (
    ACTION_SCHEMA,
    ACTIONS,
    SCHEMA,
    check_schema,
    find_breaches,
    find_unreadable,
    lint_workflows,
    list_actions,
    list_workflows,
    name_of,
)


@dataclass(frozen=True, kw_only=True)
class LintedWorkflows:
    """What was found in the files, all of them by name.

    misfits: why GitHub does not take a file. broken: these files, which no lint read. weak: what the lint found in the others.
    accepted: places where a comment accepts a finding. transcripts: artifact -> what a linter said.
    """

    names: Sequence[str]
    misfits: Sequence[WorkflowFinding]
    broken: Sequence[str]
    weak: Sequence[WorkflowFinding]
    accepted: Sequence[str]
    transcripts: Mapping[str, str]


def look_through(root: Path, folder: str, *, timeout_s: float) -> LintedWorkflows:
    """Return what the linters find. folder: of the workflows. Raises TargetError when there is none, or one can't be read."""
    workflows, actions = list_workflows(root, folder), list_actions(root)
    files = [*workflows, *actions]
    misfits = find_unreadable(files, root)
    unread = {one.file for one in misfits}
    whole = [file for file in files if name_of(file, root) not in unread]
    transcripts: dict[str, str] = {}
    for name, schema, some in (("schema", SCHEMA, workflows), ("schema-actions", ACTION_SCHEMA, actions)):
        if readable := [file for file in some if file in whole]:
            run, found = check_schema(readable, timeout_s=timeout_s, schema=schema, folder=folder_of(readable, root))
            misfits += found
            transcripts[f"{name}.txt"] = run.transcript
    breaches, weak = find_breaches(whole, root)
    misfits += breaches
    broken = sorted({one.file for one in misfits})
    weak = [one for one in weak if one.file not in broken]
    accepted: list[str] = []
    for name, some in (("zizmor", workflows), ("zizmor-actions", actions)):
        if valid := [file for file in some if name_of(file, root) not in broken]:
            run, found, places = lint_workflows(valid, timeout_s=timeout_s, folder=folder_of(valid, root))
            weak += found
            accepted += places
            transcripts[f"{name}.txt"] = run.transcript
    names = [name_of(file, root) for file in files]
    return LintedWorkflows(names=names, misfits=misfits, broken=broken, weak=weak, accepted=accepted, transcripts=transcripts)


def folder_of(files: Sequence[Path], root: Path) -> Path:
    """Return from where files are named: actions are called alike, so by their path in the project."""
    return root if files[0].name in ACTIONS else files[0].parent
