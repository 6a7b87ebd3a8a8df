"""What the pages over runs show: plain frozen data, filled from the history of runs. Every string may be hostile."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from lib.core.verdict import State


@dataclass(frozen=True, kw_only=True)
class RunCell:
    """One run in a table. look: the class that gives its verdict's colour. page: the way to it; '' when it is gone."""

    run_id: str
    verdict: str
    look: str
    started_at: str
    duration_s: float
    commit: str | None
    notes: Sequence[str] = ()
    page: str = ""


@dataclass(frozen=True, kw_only=True)
class EnvironmentRow:
    """One environment of a project: its newest run, its newest whole one where that is another, and how many there are."""

    project: str
    environment: str
    newest: RunCell
    last_whole: RunCell | None
    runs: int
    page: str


@dataclass(frozen=True, kw_only=True)
class AllRuns:
    """The page over every project. compared: project -> the page that holds its environments side by side."""

    rows: Sequence[EnvironmentRow]
    compared: Sequence[tuple[str, str]] = ()


@dataclass(frozen=True, kw_only=True)
class Bar:
    """One run in a small multiple: what its task came to, and how long it took, as a part of the longest."""

    state: State
    height: float
    said: str
    page: str = ""


@dataclass(frozen=True, kw_only=True)
class Strip:
    """One task over time, the oldest run first. usual_s: the middle of its durations; None when it was never timed."""

    title: str
    bars: Sequence[Bar]
    usual_s: float | None
    longest_s: float | None
    said: str


@dataclass(frozen=True, kw_only=True)
class WaveringRow:
    """A check that came to different results on one commit. results: words, the oldest first."""

    check: str
    title: str
    commit: str
    results: Sequence[tuple[str, str]]


@dataclass(frozen=True, kw_only=True)
class EnvironmentPage:
    """The page over every run of one environment. strips: one a task, over the newest runs."""

    project: str
    environment: str
    runs: Sequence[RunCell]
    left_out: int
    strips: Sequence[Strip]
    wavering: Sequence[WaveringRow]
    compared: str = ""


@dataclass(frozen=True, kw_only=True)
class ComparedRow:
    """One check in two runs. turn: what became of it, in words; look: the colour of that."""

    check: str
    title: str
    gate: bool
    turn: str
    look: str
    before: str
    after: str


@dataclass(frozen=True, kw_only=True)
class ComparedPage:
    """Two runs side by side. names: of both, as a person says them; pages: of both, '' where one is not beside this page."""

    title: str
    sentence: str
    names: tuple[str, str]
    runs: tuple[RunCell, RunCell]
    counts: Sequence[tuple[str, int]]
    rows: Sequence[ComparedRow]
    look: str
