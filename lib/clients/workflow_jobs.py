"""Jobs of a workflow that never start, for want of a runner, and jobs that say they test and only say so.

Source: https://docs.github.com/en/actions/reference/runners/github-hosted-runners; what it took away: actions/runner-images.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from difflib import get_close_matches
from typing import Any

from lib.clients.workflow_rules import listed, mapping
from lib.core.wording import plain_text

HOSTED = ("ubuntu-latest", "ubuntu-24.04", "ubuntu-22.04", "ubuntu-24.04-arm", "ubuntu-22.04-arm", "ubuntu-slim",
          "windows-latest", "windows-2025", "windows-2022", "windows-11-arm", "macos-latest", "macos-14", "macos-15", "macos-26",
          "macos-latest-large", "macos-latest-xlarge")  # fmt: skip
GONE = frozenset({"ubuntu-16.04", "ubuntu-18.04", "ubuntu-20.04", "macos-10.15", "macos-11", "macos-12", "macos-13",
                  "windows-2016", "windows-2019"})  # fmt: skip
"""Runners that GitHub had, and jobs now wait for in vain."""
MAY_BE = re.compile(
    r"(?:ubuntu-(?:latest|slim|(?:2[2-9]|3\d)\.04)|macos-(?:latest|1[4-9]|[2-9]\d)|windows-(?:latest|11|20[2-9]\d))(?:-[\w.-]+)?"
)
"""Names of GitHub's own, or of larger runners that are called after them."""
NO_VERSION = re.compile(r"(?:ubuntu|macos|windows)(?:-[\d.]+)?")
LIKE = 0.9
SAYS = re.compile(r"^(?:echo|printf)\b(?:(?!\$\(|\$\{\{)[^|>&;`])*$|^(?:true|:|exit 0|sleep \d+|date|pwd|ls)$")
PREPARES = re.compile(r"^actions/(?:checkout|setup-[\w-]+|cache)@")
STANDS_FOR = re.compile(
    r"(?:^|[^a-z])(?:tests?|checks?|ci|lint|scan|verify|health|guardrails?|backup|e2e|nightly)(?:[^a-z]|$)", re.IGNORECASE
)


def find_job_problems(file: str, name: str, job: Mapping[str, Any], whole: Mapping[str, Any]) -> Iterator[str]:
    """Yield why a job never starts, or tests nothing. file: of the workflow, by its name."""
    for label in labels_of(job.get("runs-on")):
        if problem := runner_problem(label):
            yield f"job {name} never starts: {problem}"
    steps = [one for one in listed(job.get("steps")) if isinstance(one, dict)]
    said = [file, name, str(whole.get("name") or ""), str(job.get("name") or ""), *(str(one.get("name") or "") for one in steps)]
    if not job.get("needs") and not is_twin(whole) and only_says(steps) and any(STANDS_FOR.search(one) for one in said):
        yield f"job {name} tests nothing: its steps only say something"


def labels_of(runner: object) -> list[str]:
    """Return the labels of GitHub's own runners that a job asks for; none where it asks for others."""
    if isinstance(runner, dict):
        return [] if "group" in runner else labels_of(runner.get("labels"))
    labels = [str(one).strip().lower() for one in listed(runner)]
    return [] if "self-hosted" in labels or any("${{" in one for one in labels) else labels


def runner_problem(label: str) -> str:
    """Return why no runner of GitHub's has a label, '' where there may be one: larger runners have names of one's own."""
    shown = plain_text(label, limit=80)
    if label in GONE or any(label.startswith(f"{one}-") for one in GONE):
        return f"GitHub took the runner {shown} away"
    if MAY_BE.fullmatch(label):
        return ""
    near = get_close_matches(label, HOSTED, n=1, cutoff=LIKE)
    if near or NO_VERSION.fullmatch(label):
        return f"there is no runner {shown}" + (f"; the nearest is {near[0]}" if near else "")
    return ""


def is_twin(whole: Mapping[str, Any]) -> bool:
    """Return whether a workflow is for some paths only: it may stand for one that leaves those out, as GitHub's manual has it."""
    return any("paths" in str(part) for rules in mapping(whole.get("on")).values() for part in mapping(rules))


def only_says(steps: Sequence[Mapping[str, Any]]) -> bool:
    """Return whether nothing in these steps can fail: they check out, set up, and write to the log."""
    scripts = [str(one["run"]) for one in steps if "run" in one]
    used = [str(one["uses"]) for one in steps if "uses" in one]
    lines = [
        line.strip() for script in scripts for line in script.splitlines() if line.strip() and not line.strip().startswith("#")
    ]
    return bool(lines) and all(SAYS.match(line) for line in lines) and all(PREPARES.match(one) for one in used)
