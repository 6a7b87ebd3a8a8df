"""What users met is counted by when requests were sent."""

from __future__ import annotations

import pytest

from lib.core.busyness import QUIET_RECORD
from lib.tasks.deploy_rehearsal.outages import Outage, Phase, error_ratio, find_outages, longest_gap_s, p95_ms, sum_up_phases
from lib.transport.traffic import Sample


def sample(sent_at: float, status: int = 200, *, took_ms: float = 5, version: str = "1") -> Sample:
    return Sample(sent_at, "/health", status, took_ms, version)


def test_a_stretch_runs_from_the_first_lost_request_to_the_next_good_one() -> None:
    samples = [sample(0), sample(1, 503), sample(2, 0), sample(3), sample(4, 503), sample(4.5)]
    assert find_outages(samples) == [
        Outage(begin_s=1, end_s=3, lost=2, ended=True),
        Outage(begin_s=4, end_s=4.5, lost=1, ended=True),
    ]
    assert longest_gap_s(samples) == 2
    assert error_ratio(samples) == 0.5


def test_the_order_of_sending_counts_not_that_of_the_answers() -> None:
    assert find_outages([sample(3), sample(1, 503), sample(0)]) == [Outage(begin_s=1, end_s=3, lost=1, ended=True)]


def test_an_outage_that_never_ends_says_so() -> None:
    assert find_outages([sample(0), sample(1, 0), sample(5, 0)]) == [Outage(begin_s=1, end_s=5, lost=2, ended=False)]


def test_no_request_is_no_ratio() -> None:
    assert longest_gap_s([]) == 0
    with pytest.raises(ValueError, match="at least one request"):
        error_ratio([])


def test_p95_needs_enough_good_answers() -> None:
    assert p95_ms([sample(n, took_ms=n) for n in range(19)]) is None
    assert p95_ms([sample(n, took_ms=n) for n in range(1, 101)]) == 95
    assert p95_ms([sample(n, 503, took_ms=n) for n in range(100)]) is None


def test_each_phase_counts_its_own_requests() -> None:
    samples = [sample(0.5), sample(1.5, 503), sample(1.8, version="2")]
    rows = sum_up_phases(
        samples, [Phase(name="before", begin_s=0, end_s=1), Phase(name="deploy", begin_s=1, end_s=2)], QUIET_RECORD
    )
    assert [(row["phase"], row["requests"], row["lost"], row["answered by"]) for row in rows] == [
        ("before", 1, 0, "1"),
        ("deploy", 2, 1, "2"),
    ]
