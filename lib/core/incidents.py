"""When a person is told: once a failure episode, once on recovery, and again only after a while.

An episode is one service failing from one run to the next. Pure: what was so before and what is so now
give what to say; whoever delivers it says whether it was taken.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta


@dataclass(frozen=True, kw_only=True)
class Failure:
    """One check that did not pass. subject: the service it looks at. detail: as in its result."""

    check: str
    title: str
    subject: str
    word: str
    detail: str


@dataclass(frozen=True, kw_only=True)
class Episode:
    """One service failing. run_id: the run that found it first. told_at: when a person last heard; None: never."""

    subject: str
    opened_at: datetime
    run_id: str
    failing: tuple[str, ...]
    told_at: datetime | None = None


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What a run has to tell.

    opened: failing and not told yet. reminded: told long ago. quiet: told, and nothing to repeat.
    recovered: told once, and well now. forgotten: well again before anybody was told.
    failures: what fails now, of every subject. is_dry_run: a message is sent to see whether it arrives.
    """

    opened: tuple[Episode, ...] = ()
    reminded: tuple[Episode, ...] = ()
    quiet: tuple[Episode, ...] = ()
    recovered: tuple[Episode, ...] = ()
    forgotten: tuple[Episode, ...] = ()
    failures: tuple[Failure, ...] = ()
    is_dry_run: bool = False

    @property
    def is_due(self) -> bool:
        return self.is_dry_run or bool(self.opened or self.reminded or self.recovered)

    @property
    def why_not(self) -> str:
        """Why nothing is to be told."""
        if self.quiet:
            return "what fails was told before, and not long ago"
        return "nothing fails, and nothing that was told has recovered"

    def open_after(self, *, told: bool, now: datetime) -> list[Episode]:
        """Return the episodes that go on, with what a person now knows of them."""
        heard = [replace(one, told_at=now) if told else one for one in (*self.opened, *self.reminded)]
        # A recovery nobody heard of stays open, so that the next run tells it.
        return [*heard, *self.quiet, *(() if told else self.recovered)]

    def closed_after(self, *, told: bool) -> list[Episode]:
        """Return the episodes that are over."""
        return [*(self.recovered if told else ()), *self.forgotten]


def plan_message(
    past: Sequence[Episode], failures: Sequence[Failure], *, run_id: str, now: datetime, remind_after_h: float
) -> Plan:
    """Return what to tell, given the episodes still open before this run and what fails in it."""
    failing: dict[str, tuple[str, ...]] = {}
    for failure in failures:
        failing[failure.subject] = (*failing.get(failure.subject, ()), failure.check)
    known = {episode.subject: episode for episode in past}
    groups: dict[str, list[Episode]] = {"opened": [], "reminded": [], "quiet": [], "recovered": [], "forgotten": []}
    for subject, checks in failing.items():
        episode = known.get(subject) or Episode(subject=subject, opened_at=now, run_id=run_id, failing=checks)
        episode = replace(episode, failing=checks)
        groups[group_of(episode, now, remind_after_h)].append(episode)
    for episode in past:
        if episode.subject not in failing:
            groups["recovered" if episode.told_at else "forgotten"].append(episode)
    return Plan(**{name: tuple(group) for name, group in groups.items()}, failures=tuple(failures))  # type: ignore[arg-type]


def group_of(episode: Episode, now: datetime, remind_after_h: float) -> str:
    """Return whether an episode that goes on is to be told first, again, or not now."""
    if episode.told_at is None:
        return "opened"
    return "reminded" if now - episode.told_at >= timedelta(hours=remind_after_h) else "quiet"
