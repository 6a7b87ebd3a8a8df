"""Formats an observed RLS matrix: as a table, as JSON, as the heat map's cells."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TypedDict

from lib.clients.postgres.rls.classify import Cell
from lib.clients.postgres.rls.declared import Rls, split_scope
from lib.clients.postgres.rls.trial import VERBS
from lib.core.results import Json, Outcome

OTHERS = "other"
"""What a cell is observed to be where no declared word says which rows were reached."""

REACHES = {"allow": "every row", "deny": "no row"}


class MatrixCell(TypedDict):
    """One probed permission; expected and observed: allow, deny, error or the name of a scope (own, workspace)."""

    table: str
    identity: str
    verb: str
    expected: str
    observed: str


def name_cell(cell: Cell) -> str:
    """Return a cell's name as text: role, verb and table."""
    return f"{cell.role} {cell.verb} on {cell.table}"


def say_reach(cell: Cell) -> str:
    """Return what a role reaches, and what is declared, as the end of a sentence about a cell."""
    if cell.observed == OTHERS:
        return f"reaches other rows than are declared ({cell.declared})"
    words = [REACHES.get(one, f"the rows of {one}") for one in cell.observed.split(" or ")]
    return f"reaches {' or '.join(words)} (declared: {cell.declared})"


def matrix_rows(cells: Sequence[Cell]) -> list[dict[str, Json]]:
    """Return one row a table and role, one column a verb; a cell that differs from its declaration shows both."""
    rows: dict[tuple[str, str], dict[str, Json]] = {}
    for cell in cells:
        blank: dict[str, Json] = {"table": cell.table, "role": cell.role, **dict.fromkeys(VERBS, "not tried"), "note": ""}
        row = rows.setdefault((cell.table, cell.role), blank)
        row[cell.verb] = format_cell(cell)
        if cell.outcome is not Outcome.PASS:
            row["note"] = "; ".join(part for part in (row["note"], f"{cell.verb}: {cell.detail}") if part)
    return list(rows.values())


def scope_rows(rls: Rls) -> list[dict[str, Json]]:
    """Return what each scope of the matrix means: one row a table and scope."""
    return [
        {"table": table, "scope": name, "rows meant": predicate}
        for table, scopes in rls.scopes.items()
        for name, predicate in scopes.items()
    ]


def format_cell(cell: Cell) -> str:
    """Return one cell of the matrix as text."""
    if cell.outcome is Outcome.ERROR:
        return f"? ({cell.observed}; declared {cell.declared})"
    if cell.outcome is Outcome.PASS:
        return f"{cell.observed} (no grant)" if cell.refused_by == "grant" else cell.observed
    seen = "other rows" if cell.observed == OTHERS else cell.observed
    return f"{seen} (declared {cell.declared})"


def cell_json(cell: Cell) -> dict[str, Json]:
    """Return a cell as plain JSON."""
    return {**vars(cell), "outcome": cell.outcome.value, "by_identity": dict(cell.by_identity)}


def heat_map_cells(cells: Iterable[Cell], rls: Rls) -> list[MatrixCell]:
    """Return one mapping a table, identity and verb, as the heat map draws them."""
    return [
        {
            "table": cell.table,
            "identity": who,
            "verb": cell.verb,
            "expected": split_scope(cell.declared)[0],
            "observed": display_class(cell, who),
        }
        for cell in cells
        for who, identity in rls.identities.items()
        if identity.role == cell.role
    ]


def display_class(cell: Cell, who: str) -> str:
    """Return the heat map's word for a cell, as one identity observed it."""
    if cell.outcome is Outcome.ERROR:
        return "error"
    seen = cell.by_identity.get(who, cell.observed)
    # A row that can be moved out of its scope fails the role's cell, although each identity reaches the right rows.
    is_as_declared = seen == split_scope(cell.declared)[0]
    return cell.observed if cell.outcome is Outcome.FAIL and is_as_declared and cell.observed == OTHERS else seen
