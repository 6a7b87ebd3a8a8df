"""What differs between two finished runs, what that means, and whether the second one is worse."""

from __future__ import annotations

import json
from pathlib import Path

from lib.cli.named_run import find_run
from lib.core.errors import ParamsError
from lib.core.visible import plain_line, say
from lib.display.tables import make_table
from lib.evidence.log import read_evidence
from lib.evidence.manifest import MANIFEST
from lib.reporters.comparison import Turn, describe, say_result
from lib.reporters.html.overview_model import RunCell
from lib.reporters.overview import LOOKS, Side, write_comparison

WORSE = 1
"""The exit code when a check came out worse in the second run."""


def diff(a: str, b: str) -> int:
    """Print what differs between two runs and what that means, keep it as a page and as JSON; return the exit code.

    The exit code is 1 when a check is worse in the second run, else 0. Raises ParamsError when one is no run.
    """
    folders = find_run(a), find_run(b)
    names = name_runs(*folders)
    sides = [read_side(folder, name) for folder, name in zip(folders, names, strict=True)]
    stem = folders[1].parent.parent / f"diff-{folders[0].name}-to-{folders[1].name}"
    found = write_comparison(stem, sides[0], sides[1])
    rows = [
        {"became": one.turn.value, "check": one.check, names[0]: say_result(one.before), names[1]: say_result(one.after)}
        for one in found
        if one.turn is not Turn.SAME
    ]
    if rows:
        say(make_table(rows, f"What differs between {names[0]} and {names[1]}", limit=len(rows)))
    say(plain_line(describe(found, *names)))
    say(f"Read it: {plain_line(str(stem))}.html, and for programs .json beside it")
    return WORSE if any(one.turn is Turn.WORSE for one in found) else 0


def name_runs(first: Path, second: Path) -> tuple[str, str]:
    """Return both runs as a person says them: by environment where that tells them apart, else by id."""
    environments = first.parent.name, second.parent.name
    return environments if environments[0] != environments[1] else (first.name, second.name)


def read_side(folder: Path, name: str) -> Side:
    """Return one run as it is compared. Raises ParamsError when it holds no results."""
    lines = read_evidence(folder)
    if not lines:
        raise ParamsError(f"{folder.name} holds no results to compare. Fix: Name a run that was finished.")
    about = read_about(folder)
    verdict = str(about.get("verdict", "not sealed"))
    cell = RunCell(
        run_id=folder.name,
        verdict=verdict,
        look=LOOKS.get(verdict, "error"),
        started_at=str(about.get("started_at", "")),
        duration_s=0,
        commit=str(about["pack_commit"]) if about.get("pack_commit") else None,
        page=f"{folder.parent.name}/{folder.name}/index.html" if (folder / "index.html").exists() else "",
    )
    return Side(name=name, cell=cell, lines=lines)


def read_about(folder: Path) -> dict[str, object]:
    """Return what a run's manifest says of it; nothing when it has none that can be read."""
    try:
        found = json.loads((folder / MANIFEST).read_bytes())
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}
