"""TOML read in bounded time: what is odd is refused with its place."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lib.core.plain_toml import LONGEST, PlainTomlError, load_toml

REFUSED = {
    "a = [": "at end of document",
    "a = 1\na = 2": "Cannot overwrite",
    "a = " + "[" * 5_000 + "]" * 5_000: "nested",
    ".".join(["a"] * 60) + " = 1": "levels deep",
    "a = nan": "a is a number",
    "[b]\na = -inf": "b.a is a number",
    "a = " + "9" * 20: "a is a number",
    "a = " + "9" * 5_000: "digits",
    "a = 1\x00": "line 1",
    "x" * (LONGEST + 1): "characters",
}


@pytest.mark.parametrize("text", REFUSED, ids=range(len(REFUSED)))
def test_what_no_setting_can_be_is_refused_with_its_place(text: str) -> None:
    with pytest.raises(PlainTomlError, match=REFUSED[text]):
        load_toml(text)


def test_what_people_write_is_read() -> None:
    assert load_toml('a = 1\n[b]\nc = ["d", 2.5]\n') == {"a": 1, "b": {"c": ["d", 2.5]}}
    assert load_toml("") == {}


@given(st.text(alphabet="ab=[]{}\"'.\n,#1-", max_size=60))
def test_any_text_is_read_or_refused(text: str) -> None:
    try:
        assert isinstance(load_toml(text), dict)
    except PlainTomlError as exc:
        assert str(exc)
