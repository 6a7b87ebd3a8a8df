"""What a launch task is: one name, one notebook, its checks, and what it needs."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from lib.core.paths import ROOT
from lib.core.results import Check


@dataclass(frozen=True, kw_only=True)
class Task:
    """One launch task.

    targets: the outside systems it looks at, by their names in params.
    needs: ids of checks that must have passed before it can be looked at.
    waits_for: tasks that must have ended, however they ended.
    stands_on: tasks whose work must be done on an embedded target, whatever they find: done for it when left out.
    stop_grace_s: seconds a stopped notebook gets to say what it leaves half done.
    """

    name: str
    title: str
    notebook: str
    checks: tuple[Check, ...]
    targets: tuple[str, ...] = ("database",)
    needs: tuple[str, ...] = ()
    waits_for: tuple[str, ...] = ()
    stands_on: tuple[str, ...] = ()
    stop_grace_s: float = 0

    @property
    def path(self) -> Path:
        return ROOT / "notebooks" / self.notebook

    @property
    def completed(self) -> Check:
        """The check that the notebook ran to its end; it has a row only when it did not."""
        return Check(id=f"{self.name}.notebook_ran_to_its_end", title="The notebook ran to its end")
