"""When a person is notified: once an incident, once on recovery, and again only after a while.

An incident is one service failing from one run to the next. Pure: what was so before and what is so now
give what to say; whoever delivers it says whether it was taken.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta


@dataclass(frozen=True, kw_only=True)
class FailedCheck:
    """One check that did not pass. subject: the service it looks at. detail, fix: as in its result."""

    check: str
    title: str
    subject: str
    word: str
    detail: str
    fix: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Incident:
    """One service failing. run_id: the run that found it first. notified_at: when a person last heard; None: never."""

    subject: str
    opened_at: datetime
    run_id: str
    failing: tuple[str, ...]
    notified_at: datetime | None = None


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What a run has to notify somebody of.

    opened: failing, nobody notified yet. reminded: notified long ago. quiet: notified, nothing to repeat.
    recovered: notified once, and well now. forgotten: well again before anybody was notified.
    failures: what fails now, of every subject. is_dry_run: a message is sent to see whether it arrives.
    """

    opened: tuple[Incident, ...] = ()
    reminded: tuple[Incident, ...] = ()
    quiet: tuple[Incident, ...] = ()
    recovered: tuple[Incident, ...] = ()
    forgotten: tuple[Incident, ...] = ()
    failures: tuple[FailedCheck, ...] = ()
    is_dry_run: bool = False

    @property
    def is_due(self) -> bool:
        return self.is_dry_run or bool(self.opened or self.reminded or self.recovered)

    @property
    def why_not(self) -> str:
        """Why nobody is to be notified."""
        if self.quiet:
            return "somebody was notified of what fails, and not long ago"
        return "nothing fails, and nothing that somebody was notified of has recovered"

    def open_after(self, *, notified: bool, now: datetime) -> list[Incident]:
        """Return the incidents that go on, with what a person now knows of them."""
        heard = [replace(one, notified_at=now) if notified else one for one in (*self.opened, *self.reminded)]
        # A recovery nobody heard of stays open, so that the next run tells it.
        return [*heard, *self.quiet, *(() if notified else self.recovered)]

    def closed_after(self, *, notified: bool) -> list[Incident]:
        """Return the incidents that are over."""
        return [*(self.recovered if notified else ()), *self.forgotten]


def plan_message(
    past: Sequence[Incident], failures: Sequence[FailedCheck], *, run_id: str, now: datetime, remind_after_h: float
) -> Plan:
    """Return what to notify somebody of, given the incidents still open before this run and what fails in it."""
    failing: dict[str, tuple[str, ...]] = {}
    for failure in failures:
        failing[failure.subject] = (*failing.get(failure.subject, ()), failure.check)
    known = {incident.subject: incident for incident in past}
    groups: dict[str, list[Incident]] = {"opened": [], "reminded": [], "quiet": [], "recovered": [], "forgotten": []}
    for subject, checks in failing.items():
        incident = known.get(subject) or Incident(subject=subject, opened_at=now, run_id=run_id, failing=checks)
        incident = replace(incident, failing=checks)
        groups[group_of(incident, now, remind_after_h)].append(incident)
    for incident in past:
        if incident.subject not in failing:
            groups["recovered" if incident.notified_at else "forgotten"].append(incident)
    return Plan(**{name: tuple(group) for name, group in groups.items()}, failures=tuple(failures))  # type: ignore[arg-type]


def group_of(incident: Incident, now: datetime, remind_after_h: float) -> str:
    """Return whether an incident that goes on is due for a first notification, another one, or none now."""
    if incident.notified_at is None:
        return "opened"
    return "reminded" if now - incident.notified_at >= timedelta(hours=remind_after_h) else "quiet"
