"""What is cut for a page is whole in an artifact, and what fits is left alone."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from lib.core.results import Check, Findings, Outcome, Result
from lib.display.tables import MOST_ROWS
from lib.notebook.whole import LONGEST_DETAIL, MOST_FIXES, keep_whole

CHECK = Check("seed.row_counts_match", "Counts match", fix="Fix it.", doc="Counts.")
WORDS = st.text(alphabet="ab ,;.", max_size=3 * LONGEST_DETAIL)


def found(detail: str = "", fix: tuple[str, ...] = (), rows: int = 0, **artifacts: object) -> Findings[object]:
    result = Result.of(CHECK, Outcome.FAIL, detail=detail, fix=fix)
    return Findings(results=[result], rows=[{"row": number} for number in range(rows)], artifacts=artifacts)


def test_what_fits_is_left_alone() -> None:
    given_ = found("a" * LONGEST_DETAIL, ("b",) * MOST_FIXES, rows=MOST_ROWS)
    assert keep_whole(given_) == given_


def test_a_detail_of_hundreds_of_names_is_cut_and_kept() -> None:
    names = ", ".join(f"20240101{number:06d}_a.sql" for number in range(500))
    kept = keep_whole(found(f"Failed: {names}.", tuple(f"Write {number}.sql" for number in range(500))))
    (result,) = kept.results
    assert len(result.detail) < LONGEST_DETAIL + 100 and result.detail.endswith("the whole is in row_counts_match.txt)")
    assert len(result.fix) == MOST_FIXES + 1 and result.fix[-1] == "And 488 more: the whole is in row_counts_match.txt."
    whole = kept.artifacts["row_counts_match.txt"]
    assert names in whole and "Fix: Write 499.sql" in whole


def test_rows_beyond_the_page_are_kept_unless_an_artifact_holds_them() -> None:
    kept = keep_whole(found(rows=MOST_ROWS + 1))
    assert len(kept.artifacts["row_counts_match_rows.json"]) == MOST_ROWS + 1
    assert list(keep_whole(found(rows=MOST_ROWS + 1, **{"all.json": []})).artifacts) == ["all.json"]


@given(detail=WORDS, fixes=st.lists(WORDS, max_size=2 * MOST_FIXES))
def test_nothing_is_lost_and_nothing_is_long(detail: str, fixes: list[str]) -> None:
    before = found(detail, tuple(fixes))
    kept = keep_whole(before)
    (result,), (was,) = kept.results, before.results
    assert all(len(text) <= LONGEST_DETAIL + 80 for text in (result.detail, *result.fix)) and len(result.fix) <= MOST_FIXES + 1
    if result != was:
        whole = kept.artifacts["row_counts_match.txt"]
        assert was.detail in whole and all(one in whole for one in was.fix)
    assert (result.outcome, result.check) == (was.outcome, was.check)
