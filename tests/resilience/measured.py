"""What one experiment found, as `make resilience` prints it and docs/resilience.md keeps it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, kw_only=True)
class Measured:
    """One experiment's figures.

    title: what was done to the workbook, as a heading. tried: how many cases. what: one sentence on how it was done and judged.
    problems: one line for each case that came out wrong, with what is needed to run it again; empty is what is wanted.
    figures: what else was measured, name -> value with its unit.
    """

    title: str
    what: str
    tried: int
    problems: tuple[str, ...] = ()
    figures: Mapping[str, str | int] = field(default_factory=dict)

    @property
    def is_good(self) -> bool:
        """Whether something was tried and nothing came out wrong."""
        return self.tried > 0 and not self.problems
