"""The figure of a deploy says in words what it draws."""

from __future__ import annotations

import math
from types import SimpleNamespace

from lib.tasks.deploy_rehearsal.figures import MOST_DOTS, requests_through_phases, rolling_median
from lib.tasks.deploy_rehearsal.outages import Phase
from lib.transport.traffic import Sample


def test_phases_versions_and_losses_are_drawn_and_said() -> None:
    phases = [
        Phase(name=name, begin_s=n, end_s=n + 1) for n, name in enumerate(["before", "deploy", "watch", "rollback", "after"])
    ]
    samples = [
        Sample(n / 10, "/health", 503 if 10 < n < 15 else 200, 5.0 + n, "1" if n < 15 or n > 40 else "2<b>") for n in range(50)
    ]
    figure = requests_through_phases(SimpleNamespace(samples=samples, phases=phases))
    assert "deploy (1.0 s): 4 of 10 requests lost" in figure.alt
    assert "50 requests" in figure.caption
    assert "4 lost" in figure.caption
    for word in ("before", "rollback", "answered by 1", "lost (4)", "before: median 9.5 ms", "median of 15 answers"):
        assert word in figure.svg
    assert "<b>" not in figure.svg


def test_a_stretch_without_answers_breaks_the_median() -> None:
    samples = [Sample(n / 10, "/", 503 if 100 <= n < 200 else 200, 5.0, "1") for n in range(300)]
    times, medians = rolling_median([sample for sample in samples if sample.is_good])
    gap = next(place for place, value in enumerate(medians) if math.isnan(value))
    assert times[gap + 1] - times[gap - 1] > 9 and sum(math.isnan(value) for value in medians) == 1
    assert set(medians) - {medians[gap]} == {5.0}


def test_of_many_requests_the_slowest_are_drawn_and_the_caption_says_so() -> None:
    phases = [Phase(name="before", begin_s=0, end_s=100)]
    samples = [Sample(n / 50, "/", 200, 900.0 if n == 777 else 5.0, "1") for n in range(5000)]
    figure = requests_through_phases(SimpleNamespace(samples=samples, phases=phases))
    assert f"Of the good answers, {MOST_DOTS} are drawn, the slowest among them." in figure.caption and len(figure.svg) < 60_000


def test_nothing_to_draw_is_said() -> None:
    assert "Nothing to draw" in requests_through_phases(None).caption
