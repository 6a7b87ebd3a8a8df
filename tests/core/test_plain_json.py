"""JSON read in bounded time: what the standard library lets through is refused, and no value is quoted."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lib.core.plain_json import PlainJsonError, load_json

REFUSED = {
    "{": "line 1",
    "": "line 1",
    '{"a": NaN}': "NaN is no JSON",
    "-Infinity": "no JSON",
    "1e400": "beyond",
    "9" * 5_000: "5,000 characters",
    "[" * 100_000 + "]" * 100_000: "nested",
    "[" * 100 + "]" * 100: "levels deep",
    '{"a":' * 200 + "1" + "}" * 200: "levels deep",
}


@pytest.mark.parametrize("text", REFUSED, ids=range(len(REFUSED)))
def test_what_cannot_be_held_is_refused(text: str) -> None:
    with pytest.raises(PlainJsonError, match=REFUSED[text]):
        load_json(text)


def test_a_longer_text_is_refused_before_it_is_read() -> None:
    with pytest.raises(PlainJsonError, match="12 characters; 10 are read"):
        load_json('"0123456789"', longest=10)


def test_a_fault_quotes_no_value() -> None:
    with pytest.raises(PlainJsonError) as caught:
        load_json('{"token": "s3cret-value-of-somebody", }')
    assert "s3cret" not in str(caught.value)


plain = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**20), 10**20) | st.text(max_size=5), lambda one: st.lists(one, max_size=3)
)


@given(plain)
def test_what_was_written_is_read(value: object) -> None:
    assert load_json(json.dumps(value)) == value
