"""Words are asked about once for hints, however often a text says them: what is found is what was found in the whole text."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from lib.core.secret_shapes import HINTED, MANY_WORDS, find_shapes

HINTS = [hint for hint, _ in HINTED]
PIECES = st.sampled_from([*HINTS, "a1B2" * 9, " ", "\n", "\u00a0", "\x1c", "✓ plain words", "=", '"'])


def test_no_hint_has_a_blank_in_it() -> None:
    assert [hint for hint in HINTS if hint.split() != [hint]] == []


@given(st.lists(PIECES, max_size=12).map("".join))
def test_every_form_whose_hint_is_in_the_text_is_searched_for(text: str) -> None:
    text += " plain words" * (MANY_WORDS // 12)  # a short text is searched whole
    forms = dict.fromkeys(shape for hint, shape in HINTED if hint in text)
    wanted = [(start, end, shape.kind) for shape in forms for start, end in shape.find(text)]
    assert [one for one in find_shapes(text) if one[2] != "value beside a telling name"] == wanted
