"""What a page shows: plain frozen data that the runner fills from evidence, nothing to look up.

Every string may be hostile; the renderer strikes, cleans and escapes all of them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from lib.core.faults import KillRate, Trial
from lib.core.results import Json, Outcome, Provenance, SkipReason
from lib.core.verdict import REAL, State, Verdict


@dataclass(frozen=True, kw_only=True)
class FileLink:
    """One file of the run: its path from the page's folder, what it is, its size in bytes and sha256 in hex."""

    path: str
    about: str = ""
    size_bytes: int | None = None
    sha256: str | None = None


@dataclass(frozen=True, kw_only=True)
class CheckRow:
    """One line of evidence with the title of its check, as a row of a page. items: of the launch list that ask for it."""

    check: str
    title: str
    task: str
    outcome: Outcome
    gate: bool
    provenance: Provenance
    subject: str = ""
    skipped_because: SkipReason | None = None
    see: str | None = None
    observed: Json = None
    expected: Json = None
    unit: str | None = None
    detail: str = ""
    fix: tuple[str, ...] = ()
    command: str | None = None
    exit_code: int | None = None
    started_at: str | None = None  # ISO 8601
    age_s: float | None = None  # since it was looked at, at the run's end
    as_of: str | None = None  # the moment that it speaks of, where that is before the look, ISO 8601
    duration_s: float | None = None
    artifacts: tuple[FileLink, ...] = ()
    faults: KillRate | None = None
    reused_from: str | None = None  # the run that looked, where that was an earlier one
    objects: tuple[str, ...] = ()  # of a failing gate, the keys by which a waiver names what is wrong
    again: str | None = None  # the command that looks again and compares
    items: tuple[int, ...] = ()


@dataclass(frozen=True, kw_only=True)
class OperatorRow:
    """One kind of change on the page of faults: how many were made, found, found by another check, missed, change nothing,
    could not be made, and were false alarms; None where it can't be. title: of the check."""

    check: str
    title: str
    operator: str
    is_harmless: bool
    counts: tuple[int | None, ...]


@dataclass(frozen=True, kw_only=True)
class FaultsPage:
    """Everything the page of faults says. sentence, total: of the run; rows: one a kind of change; the rest by their end."""

    sentence: str
    total: KillRate
    rows: tuple[OperatorRow, ...] = ()
    missed: tuple[Trial, ...] = ()
    alarms: tuple[Trial, ...] = ()
    elsewhere: tuple[Trial, ...] = ()
    equivalent: tuple[Trial, ...] = ()
    unmade: tuple[Trial, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Neighbour:
    """The page of the task before or after one."""

    title: str
    page: str


@dataclass(frozen=True, kw_only=True)
class PageHeader:
    """What the head of every page says of its run.

    verdict, sentence: of this page's task, or of the run on its summary, and what it means.
    gates: outcome word -> how many gates count as what; of the checks themselves when it is not said.
    rehearsed: embedded or simulated parts stood in. partial: only some tasks ran.
    finished: False when the run was stopped before its end. leaks: files of the run that hold credentials.
    reused: what was taken over from which earlier run, and its age; '' when all was looked at in this run.
    signer: that the project does not trust the key that signs the run, and the fix; '' where it does.
    notebook: the executed notebook beside the page, or None.
    before, after: the pages of the tasks beside this one; None at either end. place: "3 of 9".
    """

    project: str = ""
    environment: str
    run_id: str
    title: str
    verdict: Verdict
    sentence: str
    started_at: str
    duration_s: float | None = None
    task: str = ""
    pack: str = ""
    commit: str | None = None
    rehearsed: bool = False
    partial: bool = False
    finished: bool = True
    leaks: tuple[str, ...] = ()
    reused: str = ""
    signer: str = ""
    notebook: str | None = None
    checks: tuple[CheckRow, ...] = ()
    gates: Mapping[str, int] | None = None
    before: Neighbour | None = None
    after: Neighbour | None = None
    place: str = ""


@dataclass(frozen=True, kw_only=True)
class TaskRow:
    """One task on the summary: what its gates came to together, how many checks came to what, and its page."""

    task: str
    title: str
    state: State
    counts: Mapping[str, int]
    duration_s: float | None = None
    provenance: Provenance | None = None
    page: str | None = None
    reused: str = ""  # the run that looked, and how long ago, where that was an earlier one


@dataclass(frozen=True, kw_only=True)
class ProofLink:
    """The page where an item of the launch list is proved, and the worst of its checks there."""

    title: str
    page: str
    outcome: Outcome


@dataclass(frozen=True, kw_only=True)
class LaunchRow:
    """One item of the launch list: what its checks came to together, and why.

    number: None for the gates that no item names. provenance: the least real of what was looked at; None when nothing was.
    """

    number: int | None
    title: str
    state: State
    detail: str = ""
    provenance: Provenance | None = None
    proofs: tuple[ProofLink, ...] = ()
    by: str = ""  # who does it by hand, or why it is not ours; '' of an item with checks

    @property
    def came_to(self) -> str:
        """What it came to, in words: "passed", "by hand: ops@example.com", "not ours: the data team owns it"."""
        return f"{self.state.value}: {self.by}" if self.by else self.state.value

    @property
    def is_only_rehearsed(self) -> bool:
        """Whether it has passed, but not all of it on the live services or a copy of them."""
        return self.state is State.PASSED and self.provenance not in REAL


@dataclass(frozen=True, kw_only=True)
class Change:
    """One check whose outcome differs from the last run's; None on a side where it was not there."""

    check: str
    title: str
    before: Outcome | None
    now: Outcome | None


@dataclass(frozen=True, kw_only=True)
class WaiverRow:
    """One waiver of the project: of which check, for what, why, by whom, until when, and what it came to."""

    check: str
    title: str
    object: str
    reason: str
    who: str
    until: str
    came_to: str


@dataclass(frozen=True, kw_only=True)
class CauseRow:
    """One thing that stops the launch: what was seen, who acts, how many checks wait for it, and the place where it is read."""

    check: str
    title: str
    outcome: Outcome
    seen: str
    owner: str
    waiting: int
    page: str


@dataclass(frozen=True, kw_only=True)
class NextStep:
    """What to do next: words, then the command that does it, if one does. names: every variable that is meant."""

    words: str
    command: str = ""
    names: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class SinceLast:
    """The comparable run before this one. started_at: ISO 8601. is_here: whether its page lies beside this run's."""

    run_id: str
    started_at: str
    is_here: bool
    better: int
    worse: int


@dataclass(frozen=True, kw_only=True)
class FirstScreen:
    """What the front page says before anything else. realness: where the gates that passed did so -> how many.

    nearness: which results keep the verdict from being better, one sentence for each better one.
    """

    causes: tuple[CauseRow, ...] = ()
    more_causes: int = 0
    next_step: NextStep = NextStep(words="")
    since: SinceLast | None = None
    realness: Mapping[Provenance, int] = field(default_factory=dict)
    nearness: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class RunSummary:
    """Everything the summary page says.

    header: of the run; its checks are those of every task.
    changes: None when there was no earlier run; previous is the run compared with.
    files: what to open beside the pages, in the order to show it.
    launch_list: what each item of the launch list came to; tally says the same in one line.
    untried: ids of the gates that would have to write where they may not.
    not_applicable: what the project says does not apply, by its name to a person -> the reason.
    unconfirmed: `file:line` of what was inferred from the project and nobody has confirmed.
    waivers: what the project has taken upon itself, what of it is over, and what nothing failed for.
    faults: what the faults made on purpose came to, as a sentence. first: what is said before anything else.
    """

    header: PageHeader
    tasks: tuple[TaskRow, ...]
    changes: tuple[Change, ...] | None = None
    previous: str | None = None
    files: tuple[FileLink, ...] = ()
    launch_list: tuple[LaunchRow, ...] = ()
    tally: str = ""
    untried: frozenset[str] = frozenset()
    not_applicable: Mapping[str, str] = field(default_factory=dict)
    unconfirmed: tuple[str, ...] = ()
    waivers: tuple[WaiverRow, ...] = ()
    faults: str = ""
    first: FirstScreen = FirstScreen()
