"""The checks of a task as a table without a result: what may be stored in a notebook."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from lib.core.results import Check
from lib.core.wording import gate_word
from lib.display.tables import Table, make_table


def checks_table(name: str, checks: Iterable[Check], standing_out: Mapping[str, str] | None = None) -> Table:
    """Return one row a check: its id and what it counts as. It holds no result, so it may be stored in a notebook.

    standing_out: check -> what is wrong with its result, as a word. It has a column of its own, and none when nothing is
    wrong: so nbval, which compares the table with the stored one, notices that too.
    """
    said = standing_out or {}
    rows = []
    for check in checks:
        row = {"check": check.id, "counts as": gate_word(check.gate)}
        rows.append({**row, "stands out": said.get(check.id, "")} if said else row)
    return make_table(rows, f"The checks of {name}", limit=len(rows))
