"""Links of documents that move: they lead where they led, other text and code stay byte for byte."""

from __future__ import annotations

import itertools
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lib.display.moved_links import code_spans, follow_moves, rewrite_addresses

ROOT = Path("/project")
MOVED = {"NOTES.md": "docs/archive/NOTES.md", "app/PLAN.md": "docs/archive/app/PLAN.md"}


def follow(text: str, *, old: str = "NOTES.md", new: str | None = None) -> str:
    return follow_moves(text, root=ROOT, old=old, new=MOVED.get(old, old) if new is None else new, moved=MOVED)


@pytest.mark.parametrize(
    ("text", "after"),
    [
        ("[a](README.md)", "[a](../../README.md)"),
        ("[a](app/PLAN.md#top)", "[a](app/PLAN.md#top)"),
        ("![a](app/x.png 'title')", "![a](../../app/x.png 'title')"),
        ("[a](<with space.md>)", "[a](<../../with space.md>)"),
        ("[a](with%20space.md?x=1#y)", "[a](../../with%20space.md?x=1#y)"),
        ("[a](x_(1).md)", "[a](../../x_%281%29.md)"),
        ("[a]: README.md 'title'\r\n", "[a]: ../../README.md 'title'\r\n"),
        ('<img src="app/x.png" alt="">', '<img src="../../app/x.png" alt="">'),
        ("[a](docs/)", "[a](../)"),
        ("[a](missing.md)", "[a](../../missing.md)"),
    ],
)
def test_a_link_of_a_moved_document_leads_where_it_led(text: str, after: str) -> None:
    assert follow(text) == after


@pytest.mark.parametrize(
    "text",
    [
        "[a](https://example.com/NOTES.md)",
        "[a](#notes)",
        "[a](mailto:x@example.com)",
        "`[a](README.md)` and ``[b](README.md) ` ``",
        "```\n[a](README.md)\n```\n",
        "~~~~\n```\n[a](README.md)\n~~~\n~~~~\n",
        "```\n[a](README.md)\n",
        r"\](README.md)",
        "README.md, app/PLAN.md",
    ],
)
def test_what_is_no_link_to_a_file_stays(text: str) -> None:
    assert follow(text) == text


@pytest.mark.parametrize(
    ("text", "after"),
    [
        ("[n](../NOTES.md#a), [p](../app/PLAN.md)", "[n](archive/NOTES.md#a), [p](archive/app/PLAN.md)"),
        ("[n](./../NOTES.md)", "[n](archive/NOTES.md)"),
        ("[r](../README.md)", "[r](../README.md)"),
        ("[r](./../docs/other.md)", "[r](./../docs/other.md)"),
    ],
    ids=["moved", "spelled otherwise", "not moved", "not moved, as it is spelled"],
)
def test_a_link_to_a_moved_document_follows_it(text: str, after: str) -> None:
    assert follow(text, old="docs/guide.md") == after


@given(st.text(st.sampled_from("`~[]()<>! \nab./#\\:"), max_size=60))
def test_rewriting_to_itself_changes_nothing_and_code_is_in_order(text: str) -> None:
    assert rewrite_addresses(text, lambda address: address) == text
    spans = list(code_spans(text))
    assert spans == sorted(spans) and all(start < end for start, end in spans)
    assert all(one[1] <= other[0] for one, other in itertools.pairwise(spans))


@given(st.sampled_from(["a.md", "x/a.md", "x/y/b c.md", "../out.md"]), st.sampled_from(["", "#x"]))
def test_moved_there_and_back_a_link_leads_where_it_led(target: str, fragment: str) -> None:
    text = f"[w]({target.replace(' ', '%20')}{fragment})"
    there = follow_moves(text, root=ROOT, old="x/one.md", new="z/x/one.md", moved={"x/one.md": "z/x/one.md"})
    assert follow_moves(there, root=ROOT, old="z/x/one.md", new="x/one.md", moved={"z/x/one.md": "x/one.md"}) == text
