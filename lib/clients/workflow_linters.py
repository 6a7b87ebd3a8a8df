"""A project's workflow files, linted: against GitHub's schema (check-jsonschema), and for what attackers use (zizmor).

Both run without the network.
Source: https://docs.zizmor.sh, https://check-jsonschema.readthedocs.io.
"""

from __future__ import annotations

import json
import os
import re
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lib.core.errors import CommandError, TargetError
from lib.core.pack_files import list_files, read_text_file
from lib.core.plain_yaml import PlainYamlError, load_yaml
from lib.core.wording import plain_text
from lib.transport.process import CommandRun, run_command

SCHEMA = "vendor.github-workflows"
"""The schema that check-jsonschema brings along."""
ZIZMOR_ANSWERED = frozenset({0, 11, 12, 13, 14})
"""zizmor's exit codes that say what it found; 11 to 14 name the worst severity. Others: it failed."""
IGNORED = re.compile(r"#.*zizmor:\s*ignore\b")
"""A comment that accepts a finding. Source: https://docs.zizmor.sh/usage/#ignoring-results"""
LARGEST_WORKFLOW_BYTES = 1024 * 1024
"""GitHub takes no workflow file above 512 KB. Source: https://docs.github.com/en/actions/reference/limits."""
PROGRAMS = Path(sys.executable).parent


@dataclass(frozen=True, kw_only=True)
class WorkflowFinding:
    """One thing wrong with a workflow file: the rule, how bad, where, and in words."""

    file: str
    rule: str
    severity: str
    line: int | None
    words: str


def list_workflows(root: Path, folder: str) -> list[Path]:
    """Return a project's workflow files. Raises TargetError when there is none."""
    place = Path(os.path.normpath(root / folder)) if "\0" not in folder else root
    if not place.is_relative_to(root) or not (found := list_files(place, root=root, pattern=("*.yml", "*.yaml"))):
        raise TargetError(
            f"There is no workflow file in {plain_text(folder, limit=200)}, so none to lint.",
            fix="Correct `workflows` in the policy.",
        )
    return found


def find_unreadable(files: Sequence[Path], root: Path) -> list[WorkflowFinding]:
    """Return the workflow files whose YAML no linter is asked about: not YAML, or without end.

    Raises TargetError for one that is no file, or no text.
    """
    found = []
    for file in files:
        text = read_text_file(file, root=root, limit_bytes=LARGEST_WORKFLOW_BYTES)
        try:
            load_yaml(text, as_text=True)
        except PlainYamlError as exc:
            words = f"not YAML that can be taken: {plain_text(str(exc), limit=200)}"
            found.append(WorkflowFinding(file=file.name, rule="schema", severity="High", line=None, words=words))
    return found


def check_schema(files: Sequence[Path], *, timeout_s: float) -> tuple[CommandRun, list[WorkflowFinding]]:
    """Return where workflow files do not match GitHub's schema."""
    names = [file.name for file in files]
    words = ["--builtin-schema", SCHEMA, "--output-format", "json", "--", *names]
    run = run_command([PROGRAMS / "check-jsonschema", *words], timeout_s=timeout_s, cwd=files[0].parent)
    said = read_json(run, "check-jsonschema")
    found = [
        WorkflowFinding(file=one["filename"], rule="schema", severity="High", line=None, words=format_error(one))
        for one in [*said.get("errors", []), *said.get("parse_errors", [])]
    ]
    if run.exit_code != 0 and not found:
        raise CommandError(f"check-jsonschema failed: {' '.join(run.stderr.split())[:200]}.", fix="Run `make setup`.")
    return run, found


def format_error(one: Mapping[str, Any]) -> str:
    """Return one of the schema's errors in words; the deepest, where there are many."""
    best = one.get("best_deep_match") or one
    where = f"{best['path']}: " if "path" in best else ""
    return f"{where}{str(best.get('message', 'not as the schema has it'))[:240]}"


def lint_workflows(files: Sequence[Path], *, timeout_s: float) -> tuple[CommandRun, list[WorkflowFinding], list[str]]:
    """Return what zizmor finds in workflow files, and the places where a comment in them accepts a finding.

    The project's own zizmor.yml does not count: a branch could switch its guard off with it.
    """
    words = ["--offline", "--no-progress", "--no-config", "--format", "json", "--", *[file.name for file in files]]
    run = run_command([PROGRAMS / "zizmor", *words], timeout_s=timeout_s, cwd=files[0].parent)
    if run.exit_code not in ZIZMOR_ANSWERED:
        raise CommandError(f"zizmor failed: {' '.join(run.stderr.split())[:200]}.", fix="Check the workflow files.")
    said = read_json(run, "zizmor")
    return (
        run,
        [finding_of(one) for one in said if not one.get("ignored")],
        [place for file in files for place in accepted_in(file)],
    )


def accepted_in(file: Path) -> Iterator[str]:
    """Yield where a comment of a workflow file lets the linter pass over a finding; its own answer does not say so."""
    for number, line in enumerate(read_text_file(file, root=file.parent).splitlines(), start=1):
        if IGNORED.search(line):
            yield f"{file.name}:{number}"


def finding_of(one: Mapping[str, Any]) -> WorkflowFinding:
    """Return one of zizmor's findings, at its primary place."""
    places = one.get("locations") or []
    place = next((spot for spot in places if spot["symbolic"].get("kind") == "Primary"), places[0] if places else None)
    key: Mapping[str, Mapping[str, str]] = place["symbolic"]["key"] if place else {}
    paths = [spot.get("verbatim_path", "") for spot in key.values()]
    return WorkflowFinding(
        file=Path(paths[0]).name if paths else "",
        rule=str(one["ident"]),
        severity=str(one["determinations"]["severity"]),
        line=int(place["concrete"]["location"]["start_point"]["row"]) + 1 if place else None,
        words=str(one["desc"]),
    )


def read_json(run: CommandRun, name: str) -> Any:
    """Return what a linter printed. Raises CommandError when it is not JSON."""
    try:
        return json.loads(run.stdout)
    except ValueError as exc:
        said = " ".join((run.stderr or run.stdout).split())[:200]
        raise CommandError(f"{name} gave no answer (exit code {run.exit_code}): {said}.", fix="Run `make setup`.") from exc
