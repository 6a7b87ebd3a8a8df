"""What a service's samples come to beside the control of this machine: pure."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import dataclass

from lib.clients.probe import find_fault
from lib.core.busyness import Control, Standing, weigh, weigh_timeout, worst_of
from lib.transport.web_types import Answer, Failure

FEWEST_SAMPLES = 20
"""Below this the 95th percentile is just the slowest one."""
TIME_OUTS = (Failure.NO_ANSWER, Failure.TOO_SLOW)
"""Failures that a busy machine causes as well as a slow service."""
WORSE_MS = 1_000_000.0
"""What a bad answer adds to the figure that the best of several looks is chosen by: more than any time."""


@dataclass(frozen=True, kw_only=True)
class SampleLimits:
    """What a service's samples must keep: the 95th percentile in ms, the share answered well, and one answer's time, s."""

    p95_ms: float
    min_availability: float
    timeout_s: float


def counted_of(samples: Sequence[Answer]) -> list[Answer]:
    """Return the samples that count: not those that the service's limit of requests refused."""
    return [one for one in samples if find_fault(one) != "rate limited"]


def times_of(samples: Sequence[Answer]) -> list[float]:
    """Return the times of good answers, in ms."""
    return [one.elapsed_ms for one in samples if find_fault(one) is None]


def percentile(values: Sequence[float], percent: int) -> float:
    """Return a percentile of at least two values."""
    return statistics.quantiles(values, n=100, method="inclusive")[percent - 1]


def weigh_availability(samples: Sequence[Answer], limits: SampleLimits, control: Control) -> Standing:
    """Return where the share of good answers stands: time-outs say nothing beside a control that was held up."""
    counted = counted_of(samples)
    bad = [find_fault(one) for one in counted if find_fault(one) is not None]
    if not counted or 1 - len(bad) / len(counted) >= limits.min_availability:
        return Standing.WITHIN
    is_busy = weigh_timeout(limits.timeout_s, control) is Standing.UNCLEAR
    own = [one for one in bad if not (is_busy and one in TIME_OUTS)]
    return Standing.UNCLEAR if 1 - len(own) / len(counted) >= limits.min_availability else Standing.BEYOND


def weigh_samples(samples: Sequence[Answer], limits: SampleLimits, control: Control) -> Standing:
    """Return where a service's samples stand: their share of good answers, and the 95th percentile of those."""
    times = times_of(samples)
    slow = Standing.WITHIN
    if len(times) >= FEWEST_SAMPLES:
        slow = weigh(percentile(times, 95) / 1000, limits.p95_ms / 1000, control)
    return worst_of([weigh_availability(samples, limits, control), slow])


def slowness_ms(samples: Sequence[Answer]) -> float:
    """Return the figure that the best of several looks is chosen by: bad answers first, then the 95th percentile."""
    times = times_of(samples)
    return (percentile(times, 95) if len(times) > 1 else 0.0) + WORSE_MS * (len(samples) - len(times))
