"""What a page shows: plain frozen data that the runner fills from evidence, nothing to look up.

Every string may be hostile; the renderer strikes, cleans and escapes all of them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from lib.core.results import Json, Outcome, Provenance, Verdict


@dataclass(frozen=True, kw_only=True)
class FileLink:
    """One file of the run: its path from the page's folder, what it is, its size in bytes and sha256 in hex."""

    path: str
    about: str = ""
    size_bytes: int | None = None
    sha256: str | None = None


@dataclass(frozen=True, kw_only=True)
class CheckRow:
    """One line of evidence with the title of its check, as a row of a page."""

    check: str
    title: str
    task: str
    outcome: Outcome
    gate: bool
    provenance: Provenance
    observed: Json = None
    expected: Json = None
    unit: str | None = None
    detail: str = ""
    fix: tuple[str, ...] = ()
    command: str | None = None
    exit_code: int | None = None
    started_at: str | None = None  # ISO 8601
    duration_s: float | None = None
    artifacts: tuple[FileLink, ...] = ()


@dataclass(frozen=True, kw_only=True)
class PageHeader:
    """What the head of every page says of its run.

    verdict: of this page's task, or of the run on its summary.
    rehearsed: embedded or simulated parts stood in. partial: only some tasks ran.
    finished: False when the run was stopped before its end.
    notebook: the executed notebook beside the page, or None.
    """

    environment: str
    run_id: str
    title: str
    verdict: Verdict
    started_at: str
    duration_s: float | None = None
    task: str = ""
    pack: str = ""
    commit: str | None = None
    rehearsed: bool = False
    partial: bool = False
    finished: bool = True
    notebook: str | None = None
    checks: tuple[CheckRow, ...] = ()


@dataclass(frozen=True, kw_only=True)
class TaskRow:
    """One task on the summary: its worst gate, how many checks came to what, and its page."""

    task: str
    title: str
    outcome: Outcome
    counts: Mapping[str, int]
    duration_s: float | None = None
    provenance: Provenance | None = None
    page: str | None = None


@dataclass(frozen=True, kw_only=True)
class ProofLink:
    """The page where an item of the launch list is proved, and the worst of its checks there."""

    title: str
    page: str
    outcome: Outcome


@dataclass(frozen=True, kw_only=True)
class LaunchRow:
    """One item of the launch list: what it came to (None: not all of its checks are in this run), and why.

    provenance: the least real of what was looked at for it; None when nothing was.
    """

    number: int
    title: str
    outcome: Outcome | None
    detail: str = ""
    provenance: Provenance | None = None
    proofs: tuple[ProofLink, ...] = ()

    @property
    def is_only_rehearsed(self) -> bool:
        """Whether it has passed, but not all of it on the live services."""
        return self.outcome is Outcome.PASS and self.provenance is not Provenance.LIVE


@dataclass(frozen=True, kw_only=True)
class Change:
    """One check whose outcome differs from the last run's; None on a side where it was not there."""

    check: str
    title: str
    before: Outcome | None
    now: Outcome | None


@dataclass(frozen=True, kw_only=True)
class RunSummary:
    """Everything the summary page says.

    header: of the run; its checks are those of every task.
    changes: None when there was no earlier run; previous is the run compared with.
    files: what to open beside the pages, in the order to show it.
    launch_list: what each item of the launch list came to; tally says the same in one line.
    """

    header: PageHeader
    tasks: tuple[TaskRow, ...]
    changes: tuple[Change, ...] | None = None
    previous: str | None = None
    files: tuple[FileLink, ...] = ()
    launch_list: tuple[LaunchRow, ...] = ()
    tally: str = ""
