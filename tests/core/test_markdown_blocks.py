"""A Markdown text as blocks: every style of list, heading and table, and no text that breaks it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lib.core.markdown_blocks import Kind, plain_words, read_blocks, split_front_matter


def kinds(text: str) -> list[tuple[str, str]]:
    return [(block.kind.value, block.text) for block in read_blocks(text)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("# A\n\ntext", [("heading", "A"), ("paragraph", "text")]),
        ("A\n===\n\nB\n---\n", [("heading", "A"), ("heading", "B")]),
        ("\ufeff# A\r\n\r\n- one\r\n- two", [("heading", "A"), ("item", "one"), ("item", "two")]),
        ("- [ ] one\n- [x] two\n", [("item", "one"), ("item", "two")]),
        ("1. one\n   - and more\n2. two", [("item", "one and more"), ("item", "two")]),
        ("| a | b |\n| --- | --- |\n| 1 | `2` |", [("row", "a b"), ("row", "1 2")]),
        ("`a`, **b** and [c](d)", [("paragraph", "a, b and c")]),
        ("manager-batch-<timestamp> stays", [("paragraph", "manager-batch-<timestamp> stays")]),
        ("a <!-- hidden\nwords --> b", [("paragraph", "a b")]),
        ("a <!-- never closed", [("paragraph", "a <!-- never closed")]),
        ("```sh\n$ x\n```", [("code", "$ x")]),
        ("", []),
    ],
)
def test_each_style_is_read(text: str, expected: list[tuple[str, str]]) -> None:
    assert kinds(text) == expected


def test_numbers_and_lines_are_those_of_the_text() -> None:
    blocks = read_blocks("# A\n\n3. three\n4. four\n   wrapped\n")
    assert [(block.kind, block.number, block.line) for block in blocks[1:]] == [(Kind.ITEM, 3, 3), (Kind.ITEM, 4, 4)]
    assert [piece.line for piece in blocks[2].pieces] == [4, 5]


def test_front_matter_leaves_the_lines_where_they_are() -> None:
    front, body = split_front_matter("---\nowner: ana\n---\n# A\n")
    assert front == "owner: ana\n"
    assert [block.line for block in read_blocks(body)] == [4]


@given(st.text(max_size=300))
def test_no_text_breaks_it(text: str) -> None:
    for block in read_blocks(text):
        assert block.line >= 1
        assert block.text == " ".join(block.text.split())


@given(
    st.lists(
        st.text(alphabet="abcxyz äß12", min_size=1, max_size=20).filter(lambda one: one.strip() != ""), min_size=1, max_size=8
    )
)
def test_marks_and_white_space_change_no_words(words: list[str]) -> None:
    plain = " ".join(" ".join(words).split())
    marked = "  ".join(f"**{' '.join(one.split())}**" for one in words)
    assert plain_words(marked) == plain_words(plain.replace(" ", "\n  ")) == plain
