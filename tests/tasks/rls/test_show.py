"""What a role reaches is said in plain words, whatever was observed."""

from __future__ import annotations

import pytest

from lib.clients.postgres.rls.classify import Cell, Observation, describe
from lib.core.results import Outcome
from lib.tasks.rls.judge import judge_matrix
from lib.tasks.rls.show import format_cell

SEEN = Observation(identity="ana", regions={"t": (2, 2), "f": (5, 3)}, example={"f": "id 5"})


def cell(observed: str, detail: str = "") -> Cell:
    return Cell(table="t", role="r", verb="select", declared="own", observed=observed, outcome=Outcome.FAIL, detail=detail)


@pytest.mark.parametrize(
    ("seen", "declared", "expected"),
    [
        (SEEN, "own", "ana reaches 5 rows, 3 of them outside of what is declared (own), such as id 5"),
        (SEEN, "deny", "ana reaches 5 rows outside of what is declared (deny), such as id 5"),
        (SEEN, "allow", "ana does not reach 2 rows of what is declared (allow)"),
        (Observation(identity="ben", regions={"t": (2, 0), "f": (1, 1)}), "own",
         "ben reaches 1 row outside of what is declared (own) and does not reach 2 rows of what is declared (own)"),
        (Observation(identity="ben", refused_by="policy", said="no"), "own", "ben was refused by policy (no)"),
    ],
)  # fmt: skip
def test_rows_beyond_and_rows_missed_are_counted(seen: Observation, declared: str, expected: str) -> None:
    assert describe(seen, declared, ["own"]) == expected


@pytest.mark.parametrize(
    ("observed", "words"),
    [
        ("allow", "reaches every row (declared: own)"),
        ("deny", "reaches no row (declared: own)"),
        ("team", "reaches the rows of team (declared: own)"),
        ("allow or team", "reaches every row or the rows of team (declared: own)"),
        ("other", "reaches other rows than are declared (own)"),
    ],
)
def test_the_finding_says_what_is_reached(observed: str, words: str) -> None:
    assert judge_matrix([cell(observed, "ana reaches 1 row")]).detail == f"r select on t {words}: ana reaches 1 row."


def test_a_cell_of_the_table_is_short() -> None:
    assert [format_cell(cell(one)) for one in ("other", "allow")] == ["other rows (declared own)", "allow (declared own)"]
