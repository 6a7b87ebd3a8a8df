"""A folded line is never broken inside a word, loses nothing, and is no wider than the terminal unless one word alone is."""

from __future__ import annotations

import io
import re

from hypothesis import given
from hypothesis import strategies as st

from lib.core.folding import NARROWEST, columns_of, fold, width_of

LINES = st.text(alphabet=st.sampled_from("ab ✗日e\u0301-/."), max_size=300)
WIDTHS = st.integers(min_value=NARROWEST, max_value=200)


@given(text=LINES, width=WIDTHS)
def test_no_word_is_broken_and_none_is_lost(text: str, width: int) -> None:
    assert fold(text, width).split() == text.split()


@given(text=LINES, width=WIDTHS)
def test_a_row_is_wider_than_the_terminal_only_where_one_word_is(text: str, width: int) -> None:
    for row in fold(text, width).split("\n"):
        assert columns_of(row) <= width or len(row.split()) <= 1 or (row == text and columns_of(text) <= width)


@given(text=LINES, width=WIDTHS)
def test_what_fits_stays_as_it_is_and_folding_twice_changes_nothing_more(text: str, width: int) -> None:
    if columns_of(text) <= width:
        assert fold(text, width) == text
    once = fold(text, width)
    assert [line.split() for line in fold(once, width).split("\n") if line.strip()] == [
        line.split() for line in once.split("\n") if line.strip()
    ]


def test_a_line_goes_on_below_where_its_own_text_begins() -> None:
    rows = fold("    Fix: Write the rollback of the migration, and run it again.", 40).split("\n")
    assert rows == ["    Fix: Write the rollback of the", "         migration, and run it again."]
    assert fold("✗ one two three four five six", 20).split("\n")[1].startswith("  ")
    assert fold("one two three four five six", 20).split("\n")[1].startswith("  ")


def test_columns_between_words_are_kept() -> None:
    assert fold("a    b", 80) == "a    b"
    assert fold("first      second      third      fourth", 24).split("\n")[0] == "first      second"


def test_a_wide_character_counts_two_and_an_accent_none() -> None:
    assert (columns_of("日本"), columns_of("e\u0301"), columns_of("✗")) == (4, 1, 1)


def test_a_pipe_has_no_width() -> None:
    assert width_of(io.StringIO()) is None
    assert not re.search("\n", fold("a " * 5, 80))
