"""What every test of a task stands on."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from lib.core.results import Check, Result
from lib.transport import control
from tests.support.denominators import find_shrinking


@pytest.fixture(autouse=True)
def other_work_is_no_part_of_a_test(monkeypatch: pytest.MonkeyPatch) -> None:
    """Other tests that run now must not turn a `fail` into "too busy to tell"; a control that is late still does."""
    monkeypatch.setattr(control, "RUNNABLE", Path("nowhere"))


@pytest.fixture(autouse=True)
def no_pass_speaks_of_fewer_objects_than_its_title(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Every pass of every test here is looked at: one that says what it left out is a fault of the check, not of the test."""
    found: list[str] = []
    known = Check.passed

    def passed(self: Check, **facts: Any) -> Result:
        result = known(self, **facts)
        found.append(find_shrinking(result))
        return result

    monkeypatch.setattr(Check, "passed", passed)
    yield
    shrinking = [said for said in found if said]
    assert not shrinking, shrinking
