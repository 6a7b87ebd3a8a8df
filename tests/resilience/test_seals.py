"""A slice of the experiment: each change of structure once, and a few hundred bytes by chance."""

from __future__ import annotations

from pathlib import Path

from tests.resilience.seals import STRUCTURES, try_changes


def test_every_change_is_found_and_nothing_else_is_an_alarm(tmp_path: Path) -> None:
    found = try_changes(tmp_path, share=0.02, seed=1)
    assert found.problems == ()
    assert found.tried > 320 + len(STRUCTURES)
    assert found.figures["false alarms"] == found.figures["not found"] == 0
