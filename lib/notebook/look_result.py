"""What one look brought back, as a notebook shows it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from typing import Any

from lib.core.wording import outcome_symbol, outcome_word
from lib.display.tables import Table
from lib.evidence.log import EvidenceLine


def worth(line: EvidenceLine) -> str:
    """Return what a pass is worth, behind its title: " · 24 of 24 faults found"; '' where no fault was tried."""
    return f" · {line.faults.words}" if line.faults and line.faults.words else ""


@dataclass(frozen=True, kw_only=True)
class LookResult:
    """What one look brought back, as a notebook shows it: a line a check, then the rows.

    facts: plain data for a later look or a figure; None when the look could not be made.
    """

    lines: Sequence[EvidenceLine]
    titles: Sequence[str]
    table: Table
    facts: Any

    @property
    def frame(self) -> Any:
        """The rows as a pandas DataFrame."""
        return self.table.frame

    def _repr_mimebundle_(self, **options: Any) -> dict[str, str]:
        rows = self.table._repr_mimebundle_(**options) if self.table.rows else {"text/html": "", "text/plain": ""}
        said = list(zip(self.lines, self.titles, strict=True))
        html = "".join(
            f'<li><span class="outcome {line.result}">{outcome_symbol(line.result)} {outcome_word(line.result)}</span> '
            f"{escape(title)}{worth(line)}</li>"
            for line, title in said
        )
        text = "\n".join(f"{outcome_symbol(line.result)} {title}{worth(line)}" for line, title in said)
        return {
            "text/html": f'<ul class="looked">{html}</ul>{rows["text/html"]}',
            "text/plain": "\n".join(part for part in (text, rows["text/plain"]) if part),
        }

    def __repr__(self) -> str:
        return self._repr_mimebundle_()["text/plain"]
