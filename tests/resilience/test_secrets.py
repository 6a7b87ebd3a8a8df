"""A slice of the five hundred credentials, and that a channel which keeps one is seen."""

from __future__ import annotations

import pytest

from tests.resilience import secrets


def test_no_credential_comes_through_in_any_spelling() -> None:
    found = secrets.measure(share=0.012, seed=20261126)
    assert found.tried > 1000
    assert found.problems == ()


def test_a_channel_that_keeps_one_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(secrets.CHANNELS, "terminal", lambda text: text)
    found = secrets.measure(share=0.002, seed=1)
    assert {problem.rpartition(", ")[2].partition(":")[0] for problem in found.problems} == {"terminal"}
    assert len(found.problems) > 20
