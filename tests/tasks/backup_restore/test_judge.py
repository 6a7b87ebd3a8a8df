"""A copy is as its source only where every object of it was compared."""

from __future__ import annotations

import pytest

from lib.clients.postgres.rls.classify import Cell
from lib.clients.postgres.schema import Difference
from lib.core.results import Outcome
from lib.tasks.backup_restore.compare import CellPair, Definitions, SequencePlace, pair_cells
from lib.tasks.backup_restore.judge import judge_definitions, judge_matrix, judge_sequences

PROBES = "rls.probes_could_be_made"
PLACE = SequencePlace(name="public.notes_id_seq", before=5, after=7, restored=6)


def cell(verb: str = "select", *, observed: str = "own", outcome: Outcome = Outcome.PASS) -> Cell:
    return Cell(table="public.notes", role="anon", verb=verb, declared="own", observed=observed, outcome=outcome)


def vague(observed: str) -> Cell:
    """Return a cell that no row decides."""
    return cell(observed=observed, outcome=Outcome.ERROR)


SAME = CellPair(source=cell(), copy=cell())


@pytest.mark.parametrize(
    ("other", "outcome", "see"),
    [
        (SAME, Outcome.PASS, None),
        (CellPair(source=cell(), copy=cell(observed="allow")), Outcome.FAIL, None),
        (CellPair(source=cell(), copy=None), Outcome.FAIL, None),
        (CellPair(source=cell(), copy=cell(observed="allow"), hidden=True), Outcome.SKIP, "backup_restore.schema_matches"),
        # Nothing was learned of it, or not enough and the copy shows something else.
        (CellPair(source=vague("unknown"), copy=cell(observed="unknown")), Outcome.SKIP, PROBES),
        (CellPair(source=vague("allow or own"), copy=cell()), Outcome.SKIP, PROBES),
        # No row tells two scopes apart, but the copy shows the same of the same rows.
        (CellPair(source=vague("allow or own"), copy=cell(observed="allow or own")), Outcome.PASS, None),
    ],
)
def test_a_cell_that_could_not_be_compared_is_no_pass(other: CellPair, outcome: Outcome, see: str | None) -> None:
    result = judge_matrix([SAME, other], ("select",), cause=PROBES)
    assert (result.outcome, result.see, result.expected) == (outcome, see, 2)
    assert result.observed == (2 if outcome is Outcome.PASS else 1)


def test_a_cell_that_no_check_speaks_of_is_an_error() -> None:
    result = judge_matrix([SAME, CellPair(source=vague("unknown"), copy=cell(observed="unknown"))], ("select",), cause="")
    assert (result.outcome, result.observed, result.expected) == (Outcome.ERROR, 1, 2)
    assert result.fix


def test_cells_stay_in_the_count_when_their_definitions_differ() -> None:
    changed = [Difference(object="policy p on public.notes", first="a", second="b")]
    pairs = pair_cells([cell(), cell("update")], [cell(), cell("update", observed="deny")], changed)
    assert [pair.hidden for pair in pairs] == [False, True]


@pytest.mark.parametrize(
    ("places", "aside", "outcome", "see"),
    [
        ([PLACE], {}, Outcome.PASS, None),
        ([PLACE], {"public.tags_id_seq": "backup_restore.schema_matches"}, Outcome.SKIP, "backup_restore.schema_matches"),
        ([PLACE], {"auth.own_seq": ""}, Outcome.ERROR, None),
        ([], {}, Outcome.SKIP, None),
    ],
)
def test_a_sequence_that_could_not_be_compared_is_no_pass(
    places: list[SequencePlace], aside: dict[str, str], outcome: Outcome, see: str | None
) -> None:
    result = judge_sequences(places, aside)
    assert (result.outcome, result.see) == (outcome, see)


def test_objects_of_the_platform_are_out_of_the_count_and_named() -> None:
    theirs = Difference(object="table auth.flow", first="a", second="b")
    result = judge_definitions(Definitions(counted=10, differences=(), aside=(theirs,)))
    assert (result.outcome, result.observed, result.expected) == (Outcome.PASS, 9, 9)
    assert "belong to the platform" in result.detail
