"""What a feedback entry has attached: commands' output, each by its path in the project and its sha256. Pure, but for reading.

A line of an entry names one file: ``- `npm run lint`: artifacts/ops/<run>/guardrails/npm-lint.txt, sha256 `...` ``. The entry
of a run is what follows its mark, up to the next mark.
"""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path

from lib.core.errors import TargetError
from lib.core.pack_files import list_files, read_file, read_text_file
from lib.core.results import Result
from lib.core.wording import format_count, name_some
from lib.tasks.readiness_summary.task import FEEDBACK_ARTIFACTS_AGREE

FOLDER = "artifacts/ops"
"""In the project: a folder a run."""
FEEDBACK = "feedback/devops"
"""In the project, and in a run's docs: a file a day, an entry a run."""
ATTACHED = (
    "artifacts/migrations/dry_run.txt",
    "artifacts/migrations/push.txt",
    "artifacts/seed/push.txt",
    "artifacts/rls/pgtap.junit.xml",
    "artifacts/deploy_rehearsal/deploy.txt",
    "artifacts/deploy_rehearsal/rollback.txt",
    "artifacts/guardrails/npm-*.txt",
)
"""Patterns of a run's artifacts that are attached: what the commands printed that a launch asks for."""
LONGEST_BYTES = 32 * 1024 * 1024
RUN = re.compile(r"\d{8}T\d{6}Z-[a-z]{4}")
MARK = re.compile(rf"<!-- run ({RUN.pattern}) -->")
NAMED = re.compile(rf"^- .*: \[?(?P<path>{FOLDER}/[^\s\]()]+)(?:\]\([^()\s]*\))?, sha256 `(?P<sha256>[^`]*)`$")


@dataclass(frozen=True, kw_only=True)
class Attachment:
    """One file that an entry names: the run whose entry it is, its path in the project, and its sha256 in hex."""

    run_id: str
    path: str
    sha256: str


def is_attached(path: str) -> bool:
    """Return whether an artifact of a run is attached. path: from the run's folder."""
    return any(fnmatchcase(path, pattern) for pattern in ATTACHED)


def place_of(run_id: str, path: str) -> str:
    """Return where the project keeps an artifact of a run. path: from the run's folder."""
    return f"{FOLDER}/{run_id}/{path.removeprefix('artifacts/')}"


def read_attachments(text: str) -> Iterator[Attachment]:
    """Yield what the entries of a day's file name, in order."""
    run_id = ""
    for line in text.splitlines():
        if mark := MARK.fullmatch(line.strip()):
            run_id = mark[1]
        elif run_id and (named := NAMED.match(line)):
            yield Attachment(run_id=run_id, path=named["path"], sha256=named["sha256"])


def run_ids(text: str) -> list[str]:
    """Return the runs that a day's file has an entry of."""
    return [mark[1] for line in text.splitlines() if (mark := MARK.fullmatch(line.strip()))]


def find_draft_problems(entry: str, folder: Path, kept: Mapping[str, str], run_id: str) -> list[str]:
    """Return what is wrong with the attachments of the run's own entry.

    folder: the run's. kept: artifact that is to be attached, from there -> its sha256 as the evidence has it.
    """
    named = {one.path: one.sha256 for one in read_attachments(entry)}
    wanted = {place_of(run_id, path): (path, sha256) for path, sha256 in kept.items()}
    problems = [f"{place} is not one of this run's outputs" for place in named if place not in wanted]
    for place, (path, sha256) in wanted.items():
        if place not in named:
            problems.append(f"{path} is not attached")
        elif named[place] != sha256 or digest(folder, path) != sha256:
            problems.append(f"{path} is not as the evidence has it")
    return problems


def find_published_problems(pack: Path) -> tuple[int, list[str]]:
    """Return how many attachments the project's entries name, and what is wrong with them.

    Raises TargetError when an entry or the folder of attachments can't be read.
    """
    named: list[Attachment] = []
    runs: set[str] = set()
    for path in list_files(pack / FEEDBACK, root=pack, pattern="*.md"):
        text = read_text_file(path, root=pack)
        runs |= set(run_ids(text))
        named += read_attachments(text)
    problems = [said for one in named if (said := problem_of(pack, one))]
    there = [path.relative_to(pack).as_posix() for path in list_files(pack / FOLDER, root=pack, recursive=True)]
    known = {one.path for one in named}
    extra = [path for path in there if path not in known and RUN.fullmatch(path.split("/")[2])]
    problems += [f"{path} is named by no entry" for path in extra]
    return len(named), problems


def problem_of(pack: Path, one: Attachment) -> str:
    """Return what is wrong with one file that an entry of the project names, '' when it is there as it was."""
    if not one.path.startswith(f"{FOLDER}/{one.run_id}/") or ".." in one.path.split("/"):
        return f"{one.path} is not of the run {one.run_id}, whose entry names it"
    found = digest(pack, one.path)
    if found is None:
        return f"{one.path} is missing"
    return "" if found == one.sha256 else f"{one.path} is not what was attached: its sha256 is {found[:12]}..."


def digest(root: Path, place: str) -> str | None:
    """Return a file's sha256 in hex, None when there is none. Raises TargetError when it can't be read."""
    if not os.path.lexists(root / place):
        return None
    return hashlib.sha256(read_file(root / place, root=root, limit_bytes=LONGEST_BYTES)).hexdigest()


def judge_attachments(entry: str, folder: Path, kept: Mapping[str, str], run_id: str, pack: Path) -> Result:
    """Judge that the run's entry and those of the project name what is there, as it was.

    entry, folder, kept: as `find_draft_problems` takes them.
    """
    check = FEEDBACK_ARTIFACTS_AGREE
    try:
        count, published = find_published_problems(pack)
        drafted = find_draft_problems(entry, folder, kept, run_id)
    except TargetError as exc:
        return check.errored(exc.message, fix=exc.fix or "Make the file readable, then run again.")
    if not kept and not count and not published:
        return check.not_due("No command of this run left an output to attach, and no entry of the project names one.")
    problems = [*drafted, *published]
    return check.judge(
        holds=not problems,
        observed=f"{count_files(kept)} of this run, {count} of the project's entries",
        expected="each is there, as it was attached",
        detail=f"{name_some(problems)}." if problems else "",
    )


def count_files(kept: Mapping[str, str] | Sequence[str]) -> str:
    """Return how many files these are, in words."""
    return format_count(len(kept), "file")
