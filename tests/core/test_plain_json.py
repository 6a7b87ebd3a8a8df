"""JSON from outside is plain data within bounds, or one sentence of why it is not."""

from __future__ import annotations

import json
import math
import sys
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lib.core.plain_json import DEEPEST, PlainJsonError, as_count, as_list, as_moment, as_name, as_object, load_json

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=30,
)


@given(VALUES, st.booleans())
def test_what_json_says_is_read_as_it_is(value: Any, is_ascii: bool) -> None:
    text = json.dumps(value, ensure_ascii=is_ascii)
    assert load_json(text) == value
    assert load_json(text.encode()) == value


@given(st.text(alphabet='[]{}",:\\ud8a0 1eN\n', max_size=60) | st.text(max_size=40))
def test_any_text_is_data_or_an_error(text: str) -> None:
    try:
        value = load_json(text)
    except PlainJsonError as exc:
        assert len(str(exc)) < 200
    else:
        json.dumps(value, allow_nan=False).encode()


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (b"[" * 100_000, "levels deep"),
        (b'{"a":' * 100_000 + b"1" + b"}" * 100_000, "levels deep"),
        (b"1e400", "beyond"),
        (b"-1e999", "beyond"),
        (b"9" * 5000, "5,000 digits"),
        (b"0." + b"1" * 5000, "beyond"),
        (b'{"a": 1, "a": 2}', "twice"),
        (b'{"\\ud800": 1, "\\udfff": 2}', "twice"),
        (b"[NaN]", "NaN"),
        (b"-Infinity", "Infinity"),
        (b"\xef\xbb\xbf{}", "byte order mark"),
        ("{}".encode("utf-16"), "not UTF-8"),
        (b"", "expecting value"),
        (b"[1,]", "line 1, column 4"),
        (b"[" + b"1," * 300_000 + b"1]", "300,000 values"),
        (b"[" + b"{}," * 299_999 + b'["a", "b"]]', "300,000 values"),
        (b'"' + b"x" * 17_000_000 + b'"', "longer than"),
        (b'"' + b'\\"' * 1_000_000, "unterminated"),
    ],
)
def test_what_is_refused_is_named(text: bytes, said: str) -> None:
    with pytest.raises(PlainJsonError, match=said):
        load_json(text)


def test_signs_within_texts_count_for_nothing() -> None:
    text = json.dumps([["[{" * 100_000, ',"' * 400_000, "\\" * 99]] * 2)
    assert load_json(text) == json.loads(text)


def test_the_deepest_is_still_read() -> None:
    assert load_json("[" * DEEPEST + "]" * DEEPEST)
    with pytest.raises(PlainJsonError):
        load_json("[" * (DEEPEST + 1) + "]" * (DEEPEST + 1))


def test_half_a_character_becomes_a_mark_and_a_whole_one_stays() -> None:
    assert load_json('["\\ud83d", "\\ud83d\\ude00", {"\\udc00": "\\u0000"}]') == ["\ufffd", "\U0001f600", {"\ufffd": "\x00"}]


def test_a_caller_that_is_deep_in_calls_gets_an_error_too() -> None:
    def go_deep(left: int) -> Any:
        return go_deep(left - 1) if left else load_json("[" * DEEPEST + "]" * DEEPEST)

    depth, frame = 0, sys._getframe()
    while frame is not None:
        depth, frame = depth + 1, frame.f_back  # type: ignore[assignment]
    with pytest.raises((PlainJsonError, RecursionError)):
        go_deep(sys.getrecursionlimit() - depth - 12)


@pytest.mark.parametrize("value", [None, True, 1, 1.5, "x", [], {}, "x" * 501, 10**16, -1])
def test_each_shape_is_taken_for_itself_alone(value: Any) -> None:
    taken = []
    for take in (as_object, as_list, as_name, as_count):
        try:
            take(value)
        except ValueError as exc:
            assert "x" * 20 not in str(exc)
        else:
            taken.append(take)
    expected: dict[int, list[Any]] = {0: [as_list], 2: [as_name, as_count], 4: [as_name], 5: [as_list], 6: [as_object]}
    values = [None, True, 1, 1.5, "x", [], {}]
    place = next((n for n, one in enumerate(values) if type(one) is type(value) and one == value), None)
    assert taken == ([as_name] if value in (10**16, -1) else expected.get(-1 if place is None else place, []))


def test_a_moment_can_be_compared_in_every_zone() -> None:
    assert as_moment("2026-11-25T10:00:00Z") == as_moment("2026-11-25T10:00:00") == datetime(2026, 11, 25, 10, tzinfo=UTC)
    for said in ("9999-12-31T23:59:59-23:59", "0001-01-01T00:00:00+14:00", "yesterday", 5, None, "2" * 999, "", math.inf):
        with pytest.raises(ValueError):
            as_moment(said)
