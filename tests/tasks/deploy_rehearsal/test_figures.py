"""The figure of a deploy says in words what it draws."""

from __future__ import annotations

from types import SimpleNamespace

from lib.tasks.deploy_rehearsal.figures import requests_through_phases
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
    for word in ("before", "rollback", "answered by 1", "lost"):
        assert word in figure.svg
    assert "<b>" not in figure.svg


def test_nothing_to_draw_is_said() -> None:
    assert "Nothing to draw" in requests_through_phases(None).caption
