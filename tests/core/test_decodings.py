"""What is decoded leads back to its place in the text, whatever the text is."""

from __future__ import annotations

import base64
import json
import re

from hypothesis import given
from hypothesis import strategies as st

from lib.core.decodings import BASE64, HEX, Layer, Unescaped, layers_of, unescaped
from tests.support.spellings import SPELLINGS

ESCAPES = (
    "%",
    "%4",
    "%41",
    "%C3%BC",
    "\\",
    "\\x41",
    "\\u00e9",
    "\\ud83d\\ude00",
    "\\U0010FFFF",
    "\\UFFFFFFFF",
    "\\u{1F600}",
    "\\777",
)
OTHERS = (
    "&#39;",
    "&#x27;",
    "&amp;",
    "&nope;",
    "&#99999999;",
    "=\n",
    "=C3=",
    "\x1b[1m",
    "\x1b]8;;x\x07",
    "\ud800",
    "QUJDREVGR0g=",
    "61:62:63:64",
)
PIECES = st.sampled_from([*ESCAPES, *OTHERS])


@given(st.lists(PIECES | st.text(max_size=5), max_size=30).map("".join))
def test_no_text_makes_it_raise_and_every_place_leads_into_the_text(text: str) -> None:
    for layer in layers_of(unescaped(Layer(text))):
        for place in range(0, len(layer.text), max(1, len(layer.text) // 5)):
            start, end = layer.locate(place, place + 1)
            assert 0 <= start < end <= len(text)


@given(st.text(st.characters(exclude_categories=("Cs",)), min_size=1, max_size=20), st.text("xyz ", max_size=10))
def test_json_in_json_leads_back_to_the_whole_spelling(value: str, around: str) -> None:
    spelled = json.dumps(json.dumps(value))[1:-1]
    text = f"{around}{spelled}{around}"
    for layer in unescaped(Layer(text)):
        if f'{around}"{value}"{around}' == layer.text:
            start, end = layer.locate(len(around), len(around) + len(value) + 2)
            assert text[start:end] == spelled


def test_packed_bytes_lead_back_to_their_signs() -> None:
    text = f"see {base64.b64encode(b'user:sesame-open-now').decode()} there"
    layer = next(one for one in layers_of(unescaped(Layer(text))) if "sesame-open-now" in one.text)
    start, end = layer.locate(*(layer.text.index("sesame"), layer.text.index("sesame") + 15))
    assert base64.b64decode(text[start - (start - 4) % 4 : end + 2] + "==")[-15:] == b"sesame-open-now"


def test_an_escape_that_none_is_stays() -> None:
    assert Unescaped(Layer("100% &nope; a=b \\UFFFFFFFF")).text == "100% &nope; a=b \\UFFFFFFFF"


def test_the_list_of_spellings_is_long_and_none_is_twice() -> None:
    said = [spell("a'b\"c&<d>é%+/\\ z" * 3) for spell in SPELLINGS.values()]
    assert len(SPELLINGS) >= 40 and len(set(said)) >= 40


PLAIN_BASE64 = re.compile(
    r"[A-Za-z0-9+/_-]{8,}(?:[ \t]*\r?\n[ \t]*[A-Za-z0-9+/_-]+)*|[A-Za-z0-9+/_-]+(?:[ \t]*\r?\n[ \t]*[A-Za-z0-9+/_-]+)+"
)
PLAIN_HEX = re.compile(r"[0-9A-Fa-f]{2}(?:[:, \r\n-]{0,3}(?:\\{1,4}x|0x)?[0-9A-Fa-f]{2}){5,}")


@given(st.text(alphabet="aB3_+/-0x\\ \t\r\n:,.é", max_size=60))
def test_runs_are_those_that_the_plain_patterns_find(text: str) -> None:
    assert BASE64.runs(text) == PLAIN_BASE64.findall(text)
    assert HEX.runs(text) == PLAIN_HEX.findall(text)
