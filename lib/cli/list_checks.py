"""`python -m lib list`: every task with its checks; with --write what docs/ and params/schemas/ say of the code."""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator

from lib.core.files import write_whole
from lib.core.paths import ROOT
from lib.core.results import Check
from lib.core.visible import say
from lib.core.wording import gate_word
from lib.tasks.base import Task
from lib.tasks.index import TASKS

FILE = "docs/checks.md"
SCHEMAS = "params/schemas"
MEASURED = " Measured: looked at again, its outcome must be the same, its figure need not."


def list_checks(*, write: bool, parser: argparse.ArgumentParser) -> int:
    """Print every task and check, or write the pages, and return the exit code 0. parser: of the command line."""
    if write:
        for path, text in written_files(parser).items():
            write_whole(ROOT / path, text)
            say(f"wrote {path}")
        return 0
    for task in TASKS:
        say(f"{task.name}: {task.title} (notebooks/{task.notebook})")
        for check in task.checks:
            say(f"  {check.id} ({gate_word(check.gate)}): {check.title}")
    return 0


def written_files(parser: argparse.ArgumentParser) -> dict[str, str]:
    """Return every file that is written from the code, by its path."""
    from lib.cli import list_platform  # nearly all of the workbook: printing the checks needs none of it
    from lib.cli.list_reference import reference_pages

    pages = {FILE: describe_checks(), list_platform.FILE: list_platform.describe_platform()}
    return {**pages, **reference_pages(parser), **schema_files()}


def schema_files() -> dict[str, str]:
    """Return the JSON Schema of each kind of settings file, by its path."""
    from lib.run.schemas import describe_layers

    return {
        f"{SCHEMAS}/{name}.schema.json": json.dumps(schema, indent=1, ensure_ascii=False) + "\n"
        for name, schema in describe_layers().items()
    }


def describe_checks() -> str:
    """Return the page: each check with what it looks at, why, how it can be wrong, and the fix."""
    count = sum(len(task.checks) for task in TASKS)
    head = [
        "# Every check",
        "",
        f"{count} checks of {len(TASKS)} tasks, written by `python -m lib list --write` from `lib/tasks/*/task.py`. "
        "A failing *gate* stops the launch; a failing *advisory* is shown and counted. An id never changes once published.",
        "",
    ]
    return "\n".join([*head, *(line for task in TASKS for line in describe_task(task))])


def describe_task(task: Task) -> Iterator[str]:
    """Yield one task's lines."""
    targets = ", ".join(task.targets) or "the project itself, or the run"
    yield f"## {task.title}"
    yield ""
    yield f"`{task.name}`, notebook `{task.notebook}`. Looks at: {targets}."
    yield ""
    for check in task.checks:
        yield from describe_check(check)


def describe_check(check: Check) -> Iterator[str]:
    """Yield one check's lines."""
    yield f"### `{check.id}`"
    yield ""
    yield f"**{check.title}.** {gate_word(check.gate).capitalize()}.{MEASURED if check.measured else ''}"
    yield ""
    yield check.doc
    yield ""
    yield f"*Fix:* {check.fix}"
    yield ""
