"""What every test of a task stands on."""

from __future__ import annotations

from pathlib import Path

import pytest

from lib.transport import control


@pytest.fixture(autouse=True)
def other_work_is_no_part_of_a_test(monkeypatch: pytest.MonkeyPatch) -> None:
    """Other tests that run now must not turn a `fail` into "too busy to tell"; a control that is late still does."""
    monkeypatch.setattr(control, "RUNNABLE", Path("nowhere"))
