"""Marks in somebody's document: what is between them is replaced, all else stays byte for byte, and damage is named."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lib.core.errors import TargetError
from lib.reporters.documents.marks import MARK, NAMES, RESULTS, append_place, fill_place, find_place

OPEN, CLOSE = f"<!-- {RESULTS}: here -->", f"<!-- /{RESULTS} -->"


def fill(text: str, content: str = "said") -> str | None:
    return fill_place(text, RESULTS, content, path="d.md")


@pytest.mark.parametrize(
    ("text", "filled"),
    [
        (f"a\n{OPEN}\nold\nolder\n{CLOSE}\nb\n", f"a\n{OPEN}\nsaid\n{CLOSE}\nb\n"),
        (f"{OPEN}\n{CLOSE}", f"{OPEN}\nsaid\n{CLOSE}"),
        (f"\ufeff{OPEN}\r\n{CLOSE}\r\nb", f"\ufeff{OPEN}\r\nsaid\r\n{CLOSE}\r\nb"),
        (f"a\n  {OPEN}  \n{CLOSE}\n", f"a\n  {OPEN}  \nsaid\n{CLOSE}\n"),
        (f"```\n{OPEN}\n```\n{OPEN}\n{CLOSE}\n", f"```\n{OPEN}\n```\n{OPEN}\nsaid\n{CLOSE}\n"),
        (f"~~~~md\n~~~\n{CLOSE}\n~~~~\n{OPEN}\n{CLOSE}\n", f"~~~~md\n~~~\n{CLOSE}\n~~~~\n{OPEN}\nsaid\n{CLOSE}\n"),
    ],
    ids=["plain", "no end of line", "crlf and bom", "indented", "an example in a fence", "a longer fence"],
)
def test_only_what_is_between_the_marks_changes(text: str, filled: str) -> None:
    assert fill(text) == filled
    assert fill(filled) == filled


@pytest.mark.parametrize(
    "text",
    [
        "",
        "nothing\n",
        f"see `{OPEN}` and {CLOSE}\n",
        f"```\n{OPEN}\n{CLOSE}\n```\n",
        "<!-- launch resultsx -->\n",
        "<!-- measured -->\n<!-- /measured -->\n",
    ],
    ids=["empty", "none", "in a sentence", "in a fence", "another word", "another place"],
)
def test_a_document_without_the_place_has_none(text: str) -> None:
    assert fill(text) is None


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (f"{OPEN}\n", "line 1 opens 'launch results', and nothing closes it"),
        (f"a\n{CLOSE}\n", "line 2 closes 'launch results', which is not open"),
        (f"{CLOSE}\n{OPEN}\n", "line 1 closes 'launch results', which is not open"),
        (f"{OPEN}\n{CLOSE}\n{OPEN}\n{CLOSE}\n", "line 3 opens 'launch results' a second time"),
        (f"{OPEN}\n{OPEN}\n{CLOSE}\n{CLOSE}\n", "line 2 opens 'launch results' before 'launch results' of line 1 is closed"),
        (f"{OPEN}\n<!-- measured -->\n<!-- /measured -->\n{CLOSE}\n", "line 2 opens 'measured' before 'launch results'"),
        (f"{OPEN}\n<!-- /measured -->\n{CLOSE}\n", "line 2 closes 'measured', which is not open"),
        (f"{OPEN}\n{CLOSE}\n<!-- measured -->\n", "line 3 opens 'measured', and nothing closes it"),
    ],
    ids=["no end", "no beginning", "turned around", "twice", "nested", "another nested", "another's end", "another damaged"],
)
def test_damaged_marks_are_named_by_their_line(text: str, said: str) -> None:
    with pytest.raises(TargetError) as caught:
        fill(text)
    assert caught.value.message.startswith("d.md: ") and said in caught.value.message
    assert caught.value.fix == ("Correct the marks in d.md.",)


@pytest.mark.parametrize(
    ("text", "start"),
    [
        ("", f"{OPEN}\n"),
        ("a\n", f"a\n\n{OPEN}\n"),
        ("a", f"a\n\n{OPEN}\n"),
        ("a\r\n", f"a\r\n\r\n{OPEN}\r\n"),
        ("\ufeff", f"\ufeff{OPEN}\n"),
    ],
    ids=["empty", "plain", "no end of line", "crlf", "bom"],
)
def test_a_place_put_at_the_end_leaves_what_was_there(text: str, start: str) -> None:
    after = append_place(text, RESULTS, "said", about="here")
    assert after.startswith(start) and after.strip("\ufeff\r\n").endswith(CLOSE)
    assert fill(after) == after


LINES = st.lists(st.text(st.characters(exclude_characters="\n\r", exclude_categories=("Cs",)), max_size=12), max_size=6)


@given(LINES, LINES, LINES, st.sampled_from(["\n", "\r\n"]))
def test_filling_twice_changes_nothing_and_the_rest_is_kept(
    before: list[str], after: list[str], content: list[str], end: str
) -> None:
    rest = [line for line in (*before, *after) if MARK.search(line) or line.strip().startswith(("```", "~~~"))]
    said = "\n".join(one for one in content if not MARK.search(one) and not one.strip().startswith(("```", "~~~")))
    text = end.join([*before, OPEN, CLOSE, *after])
    if rest:
        return
    once = fill(text, said)
    assert once is not None and fill(once, said) == once
    assert once.startswith(end.join([*before, OPEN]) + end) and once.endswith(end.join(["", CLOSE, *after])[len(end) :])


def test_the_names_are_apart() -> None:
    assert not any(one != other and one.startswith(other) for one in NAMES for other in NAMES)
    assert find_place("", RESULTS, path="d.md") is None
