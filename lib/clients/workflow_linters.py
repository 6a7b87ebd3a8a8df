"""A project's workflow files, linted: against GitHub's schema (check-jsonschema), and for what attackers use (zizmor).

Both run without the network.
Source: https://docs.zizmor.sh, https://check-jsonschema.readthedocs.io.
"""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from lib.clients.workflow_effect import find_effects
from lib.clients.workflow_finding import WorkflowFinding
from lib.clients.workflow_rules import find_broken_scripts, find_rule_breaches
from lib.core.errors import CommandError, TargetError
from lib.core.pack_files import list_files, read_text_file
from lib.core.plain_json import PlainJsonError, as_count, as_list, as_name, as_object, load_json
from lib.core.plain_yaml import PlainYamlError, load_yaml
from lib.core.wording import plain_text
from lib.transport.process import CommandRun, run_command

SCHEMA, ACTION_SCHEMA = "vendor.github-workflows", "vendor.github-actions"
"""The schemas that check-jsonschema brings along."""
ACTIONS = ("action.yml", "action.yaml")
ACTION_FOLDER = ".github/actions"
STRICTER = re.compile(
    r"\.strategy: 'matrix' is a required property$|'description' is a required property$|"
    r"\.(?:branches|tags|paths|types)(?:-ignore)?: '[^']*' is not of type 'array'$"
)
"""What the schema refuses and GitHub takes. Source: actions/languageservices, workflow-v1.0.json."""
ZIZMOR_ANSWERED = frozenset({0, 11, 12, 13, 14})
"""zizmor's exit codes that say what it found; 11 to 14 name the worst severity. Others: it failed."""
IGNORED = re.compile(r"#.*zizmor:\s*ignore\b")
"""A comment that accepts a finding. Source: https://docs.zizmor.sh/usage/#ignoring-results"""
LONGEST_WORDS = 240
"""Characters of one finding in words."""
LARGEST_WORKFLOW_BYTES = 1024 * 1024
"""GitHub takes no workflow file above 512 KB. Source: https://docs.github.com/en/actions/reference/limits."""
PROGRAMS = Path(sys.executable).parent


def list_workflows(root: Path, folder: str) -> list[Path]:
    """Return a project's workflow files. Raises TargetError when there is none."""
    place = Path(os.path.normpath(root / folder)) if "\0" not in folder else root
    if not place.is_relative_to(root) or not (found := list_files(place, root=root, pattern=("*.yml", "*.yaml"))):
        raise TargetError(
            f"There is no workflow file in {plain_text(folder, limit=200)}, so none to lint.",
            fix="Correct `workflows` in the policy.",
        )
    return found


def list_actions(root: Path) -> list[Path]:
    """Return a project's own action files: at its top, and below .github/actions. Raises TargetError."""
    below = list_files(root / ACTION_FOLDER, root=root, pattern=ACTIONS, recursive=True)
    return [*list_files(root, root=root, pattern=ACTIONS), *below]


def name_of(file: Path, root: Path) -> str:
    """Return how a file is called in findings: a workflow by its name, an action by its path."""
    return file.relative_to(root).as_posix() if file.name in ACTIONS else file.name


def find_breaches(files: Sequence[Path], root: Path) -> tuple[list[WorkflowFinding], list[WorkflowFinding]]:
    """Return why GitHub does not take these files though its schema does, and which of their scripts cannot be parsed."""
    read = [(name_of(file, root), load_yaml(read_text_file(file, root=root), as_text=True)) for file in files]
    return (
        [one for name, document in read for one in find_rule_breaches(name, document, root=root)],
        [
            one
            for name, document in read
            for one in (*find_broken_scripts(name, document), *find_effects(name, document, root=root))
        ],
    )


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
            found.append(WorkflowFinding(file=name_of(file, root), rule="schema", severity="High", line=None, words=words))
    return found


def check_schema(
    files: Sequence[Path], *, timeout_s: float, schema: str = SCHEMA, folder: Path | None = None
) -> tuple[CommandRun, list[WorkflowFinding]]:
    """Return where files do not match GitHub's schema. folder: from where they are named; None for that of the first."""
    place = folder or files[0].parent
    words = ["--builtin-schema", schema, "--output-format", "json", "--", *names_from(files, place)]
    run = run_command([PROGRAMS / "check-jsonschema", *words], timeout_s=timeout_s, cwd=place)
    said = read_report(run, "check-jsonschema", schema_findings)
    found = [one for one in said if not STRICTER.search(one.words)]
    if run.exit_code != 0 and not said:
        raise CommandError(f"check-jsonschema failed: {' '.join(run.stderr.split())[:200]}.", fix="Run `make setup`.")
    return run, found


def names_from(files: Sequence[Path], folder: Path) -> list[str]:
    """Return how files are called from a folder."""
    return [file.relative_to(folder).as_posix() for file in files]


def schema_findings(said: Any) -> list[WorkflowFinding]:
    """Return check-jsonschema's findings. Raises KeyError or ValueError for another shape."""
    errors = [*as_list(as_object(said).get("errors")), *as_list(said.get("parse_errors"))]
    return [
        WorkflowFinding(
            file=as_name(as_object(one)["filename"]), rule="schema", severity="High", line=None, words=format_error(one)
        )
        for one in errors
    ]


def format_error(one: Mapping[str, Any]) -> str:
    """Return one of the schema's errors in words; the deepest, where there are many."""
    best = as_object(one.get("best_deep_match") or one)
    where = f"{plain_text(str(best['path']), limit=LONGEST_WORDS)}: " if "path" in best else ""
    return where + plain_text(str(best.get("message", "not as the schema has it")), limit=LONGEST_WORDS)


def lint_workflows(
    files: Sequence[Path], *, timeout_s: float, folder: Path | None = None
) -> tuple[CommandRun, list[WorkflowFinding], list[str]]:
    """Return what zizmor finds in workflow files, and the places where a comment in them accepts a finding.

    folder: as for check_schema. The project's own zizmor.yml does not count: a branch could switch its guard off with it.
    """
    place = folder or files[0].parent
    words = ["--offline", "--no-progress", "--no-config", "--format", "json", "--", *names_from(files, place)]
    run = run_command([PROGRAMS / "zizmor", *words], timeout_s=timeout_s, cwd=place)
    if run.exit_code not in ZIZMOR_ANSWERED:
        raise CommandError(f"zizmor failed: {' '.join(run.stderr.split())[:200]}.", fix="Check the workflow files.")
    return (
        run,
        read_report(run, "zizmor", lint_findings),
        [place for file in files for place in accepted_in(file)],
    )


def lint_findings(said: Any) -> list[WorkflowFinding]:
    """Return zizmor's findings. Raises KeyError or ValueError for another shape."""
    return [finding_of(as_object(one)) for one in as_list(said) if not as_object(one).get("ignored")]


def accepted_in(file: Path) -> Iterator[str]:
    """Yield where a comment of a workflow file lets the linter pass over a finding; its own answer does not say so."""
    for number, line in enumerate(read_text_file(file, root=file.parent).splitlines(), start=1):
        if IGNORED.search(line):
            yield f"{file.parent.name}/{file.name}:{number}" if file.name in ACTIONS else f"{file.name}:{number}"


def finding_of(one: Mapping[str, Any]) -> WorkflowFinding:
    """Return one of zizmor's findings, at its primary place."""
    places = [as_object(spot) for spot in as_list(one.get("locations"))]
    symbolic = [as_object(spot["symbolic"]) for spot in places]
    best = next((number for number, what in enumerate(symbolic) if what.get("kind") == "Primary"), 0)
    key = as_object(symbolic[best]["key"]) if places else {}
    paths = [as_name(as_object(spot).get("verbatim_path") or "") for spot in key.values()]
    return WorkflowFinding(
        file=paths[0].removeprefix("./") if paths else "",
        rule=as_name(one["ident"]),
        severity=as_name(as_object(one["determinations"])["severity"]),
        line=find_line(places[best]) if places else None,
        words=plain_text(str(one["desc"])),
    )


def find_line(place: Mapping[str, Any]) -> int:
    """Return the line of a place, from 1. Raises KeyError or ValueError."""
    start = as_object(as_object(as_object(place["concrete"])["location"])["start_point"])
    return as_count(start["row"]) + 1


def read_report(run: CommandRun, name: str, take: Callable[[Any], list[WorkflowFinding]]) -> list[WorkflowFinding]:
    """Return what a linter printed. Raises CommandError when that is no JSON, or of another shape."""
    try:
        return take(load_json(run.whole_stdout))
    except PlainJsonError as exc:
        said = plain_text(" ".join((run.stderr or run.stdout)[:4000].split()), limit=200)
        raise CommandError(f"{name} gave no answer (exit code {run.exit_code}): {said}.", fix="Run `make setup`.") from exc
    except (KeyError, ValueError) as exc:
        seen = f"there is no {exc}" if isinstance(exc, KeyError) else str(exc)
        raise CommandError(f"{name} printed what cannot be read: {seen}.", fix="Run `make setup`.") from exc
