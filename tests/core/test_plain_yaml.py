"""YAML comes as plain data or is refused with a line, whatever it is."""

from __future__ import annotations

import json

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from lib.core.plain_yaml import PlainYamlError, load_yaml

PLAIN = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**12), 10**12) | st.text() | st.floats(-1e9, 1e9),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)


@given(PLAIN)
def test_plain_data_comes_back(value: object) -> None:
    assert load_yaml(yaml.safe_dump(value, allow_unicode=True)) == yaml.safe_load(yaml.safe_dump(value, allow_unicode=True))


@given(st.text(max_size=200))
def test_any_text_is_taken_or_refused(text: str) -> None:
    try:
        value = load_yaml(text)
    except PlainYamlError as exc:
        assert str(exc)
    else:
        json.dumps(value, allow_nan=False)


@given(st.binary(max_size=200))
def test_any_bytes_are_taken_or_refused_as_text(content: bytes) -> None:
    try:
        load_yaml(content.decode("latin-1"), as_text=True)
    except PlainYamlError as exc:
        assert str(exc)


def test_as_text_keeps_what_is_written() -> None:
    assert load_yaml("on: {push: yes}\nn: 2026-99-99\nx: .inf\n", as_text=True) == {
        "on": {"push": "yes"}, "n": "2026-99-99", "x": ".inf",
    }  # fmt: skip


@pytest.mark.parametrize("text", ["a: 1\na: 2\n", "- {x: 1, x: 2}\n"])
def test_a_key_that_is_there_twice_is_told(text: str) -> None:
    with pytest.raises(PlainYamlError, match="is there twice"):
        load_yaml(text, as_text=True)


@pytest.mark.parametrize("text", ["a: !!int ''\n", "a: !!float ''\n", "a: !!bool maybe\n", "a: !!timestamp x\n"])
def test_a_tag_that_its_text_does_not_fit_is_told_with_its_line(text: str) -> None:
    with pytest.raises(PlainYamlError, match="line 1: "):
        load_yaml(text)
