"""The users' view of a release: what a steady stream of requests met, phase by phase."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from lib.core.busyness import Control, ControlRecord, Standing, weigh, worst_of
from lib.transport.traffic import Sample, Stream

FEWEST_FOR_P95 = 20
"""With fewer samples the 95th percentile is one request's luck."""


@dataclass(frozen=True, kw_only=True)
class Phase:
    """One stretch of a stream, in seconds since it began."""

    name: str
    begin_s: float
    end_s: float


@dataclass(frozen=True, kw_only=True)
class Outage:
    """One stretch without a good answer: from the first lost request to the next good one.

    ended: False when no good answer came any more; end_s is then the stream's last request.
    """

    begin_s: float
    end_s: float
    lost: int
    ended: bool

    @property
    def length_s(self) -> float:
        return self.end_s - self.begin_s


def begin_stream(url: str, paths: Sequence[str], *, per_second: float) -> Stream:
    """Return a stream of requests to the app, not started yet: use it in a `with`."""
    return Stream(url, paths, per_second=per_second)


def find_outages(samples: Sequence[Sample]) -> list[Outage]:
    """Return every stretch of lost requests, in order. The order of sending counts, not of the answers."""
    outages: list[Outage] = []
    begin_s, lost = 0.0, 0
    ordered = sorted(samples)
    for sample in ordered:
        if not sample.is_good:
            begin_s = begin_s if lost else sample.sent_at
            lost += 1
        elif lost:
            outages.append(Outage(begin_s=begin_s, end_s=sample.sent_at, lost=lost, ended=True))
            lost = 0
    if lost:
        outages.append(Outage(begin_s=begin_s, end_s=ordered[-1].sent_at, lost=lost, ended=False))
    return outages


def longest_gap_s(samples: Sequence[Sample]) -> float:
    """Return the longest time without a good answer, 0 when none was lost."""
    return max((outage.length_s for outage in find_outages(samples)), default=0.0)


def error_ratio(samples: Sequence[Sample]) -> float:
    """Return the part of the requests that was lost. Raises ValueError when there was no request."""
    if not samples:
        raise ValueError("a ratio needs at least one request")
    return sum(not sample.is_good for sample in samples) / len(samples)


STARVED = (0, 503)
"""What users get of a machine that is held up: no answer in time, or none by a healthy machine. Other answers are the app's."""


def weigh_downtime(outages: Sequence[Outage], control: ControlRecord, limit_s: float) -> tuple[Standing, float]:
    """Return where the stretches without an answer stand, and how long the control of the worst was held up, in seconds."""
    beside = [(outage.length_s, control.within(outage.begin_s, outage.end_s)) for outage in outages]
    standing = worst_of([weigh(length_s, limit_s, met) for length_s, met in beside])
    worst = [(length_s, met) for length_s, met in beside if weigh(length_s, limit_s, met) is standing]
    return standing, max((met.held_up_s(length_s) for length_s, met in worst), default=0.0)


def weigh_errors(samples: Sequence[Sample], control: ControlRecord, limit: float) -> tuple[Standing, float]:
    """Return where the part of lost requests stands, and the share of the losses that the control explains.

    A stretch is explained whole by a stop of the control of about its length, else by the share of time that work lost in it.
    """
    ratio = error_ratio(samples)
    if ratio <= limit:
        return Standing.WITHIN, 0.0
    own = 0.0
    for outage in find_outages(samples):
        lost = [one for one in samples if not one.is_good and outage.begin_s <= one.sent_at <= outage.end_s]
        met = control.within(outage.begin_s, outage.end_s)
        starved = sum(one.status in STARVED for one in lost)
        explained = 1.0 if met.stopped_for(outage.length_s) else met.lost
        own += len(lost) - starved * explained
    explained_share = 1 - own / (ratio * len(samples))
    return (Standing.UNCLEAR if own / len(samples) <= limit else Standing.BEYOND), explained_share


def p95_ms(samples: Sequence[Sample]) -> float | None:
    """Return the 95th percentile of the good answers' times in ms, None for too few of them."""
    times = sorted(sample.took_ms for sample in samples if sample.is_good)
    return times[math.ceil(0.95 * len(times)) - 1] if len(times) >= FEWEST_FOR_P95 else None


def within(samples: Sequence[Sample], phase: Phase) -> list[Sample]:
    """Return the requests sent in a phase."""
    return [sample for sample in samples if phase.begin_s <= sample.sent_at < phase.end_s]


def sum_up_phases(samples: Sequence[Sample], phases: Sequence[Phase], control: ControlRecord) -> list[dict[str, Any]]:
    """Return one row a phase: how long, requests, lost, longest gap, p95, versions that answered, and the control."""
    return [sum_up(phase, within(samples, phase), control.within(phase.begin_s, phase.end_s)) for phase in phases]


def sum_up(phase: Phase, samples: Sequence[Sample], met: Control) -> dict[str, Any]:
    """Return what one phase's requests come to."""
    p95 = p95_ms(samples)
    versions = sorted({sample.version for sample in samples if sample.is_good and sample.version})
    return {
        "phase": phase.name,
        "seconds": round(phase.end_s - phase.begin_s, 2),
        "requests": len(samples),
        "lost": sum(not sample.is_good for sample in samples),
        "longest gap, s": round(longest_gap_s(samples), 2),
        "p95, ms": None if p95 is None else round(p95, 1),
        "answered by": ", ".join(versions) or "nobody",
        "control late, ms": round(met.late_s * 1000, 1),
        "control lost, %": round(met.lost * 100),
    }
