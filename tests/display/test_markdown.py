"""Text from outside stays text in what we write; links are found, and led anew."""

from __future__ import annotations

from pathlib import Path

import mistune
import pytest

from lib.display.markdown import find_links, link_to, plain, relink
from lib.tasks.readiness_summary.links import broken_links

HOSTILE = (
    "[x](javascript:alert(1))", "<img src=x onerror=alert(1)>", "![x](http://evil.example/a.png)", "a | b | c", "`code`",
    "**bold** _it_ ~~no~~", "\\[x](y)", "line\n# heading\n- item", "<!-- run 20261124T000000Z-abcd -->", "https://evil.example/x",
    "www.evil.example", "&lt;b&gt;", "$x$", "\x1b[31mred\u202etxt", "\\", "x](y)", "```\nfence",
)  # fmt: skip


@pytest.mark.parametrize("text", HOSTILE, ids=range(len(HOSTILE)))
def test_hostile_text_stays_inert(text: str) -> None:
    source = f"| a | b |\n| --- | --- |\n| {plain(text)} | [end](end.md) |\n"
    assert "\n" not in plain(text)
    html = str(mistune.create_markdown(escape=False, plugins=["table", "strikethrough", "url"])(source))
    assert html.count("<a ") == 1
    assert html.count("<td>") == 2
    assert not any(tag in html for tag in ("<img", "<h1", "<li", "<strong", "<em", "<del", "<!--", "<pre"))
    assert find_links(source) == ["end.md"]
    assert "\x1b" not in html and "\u202e" not in html


def test_a_link_is_led_anew_and_keeps_its_place_on_the_page(tmp_path: Path) -> None:
    text = "[a](../x%20y.html#top) and [web](https://example.com) and [own](#here) and \\[no](../z.html)"
    led = relink(text, start=tmp_path / "docs", lead=lambda path: link_to(path, tmp_path / "far" / "off"))
    assert led == "[a](../../x%20y.html#top) and [web](https://example.com) and [own](#here) and \\[no](../z.html)"


def test_where_nothing_can_be_linked_the_words_stay(tmp_path: Path) -> None:
    assert relink("see [the \\[page\\]](../x.html).", start=tmp_path, lead=lambda _: None) == "see the \\[page\\]."


def test_broken_links_are_named_and_sound_ones_are_not(tmp_path: Path) -> None:
    (tmp_path / "a.md").write_text("# Top\n\n## What's left\n")
    (tmp_path / "b.html").write_text('<h2 id="results">x</h2>')
    sound = "# Own\n[1](a.md) [2](a.md#whats-left) [3](b.html#results) [4](#own) [5](later.html) `[6](no.md)`"
    sound += " [7](https://x.example/y)"
    assert broken_links(sound, tmp_path, to_come={tmp_path / "later.html"}) == []
    broken = "[1](no.md) [2](a.md#gone) [3](b.html#gone) [4](#gone)"
    assert broken_links(broken, tmp_path) == [
        "no.md leads to no file",
        "a.md#gone names no heading of a.md",
        "b.html#gone names no heading of b.html",
        "#gone names no heading of this document",
    ]


@pytest.mark.parametrize(
    "text", ["write to a@b.example", "ask @team", "mailto:a@b.example", "xmpp:a@b.example", "www.evil.example"]
)
def test_no_address_or_mention_comes_alive(text: str) -> None:
    shown = plain(text)
    assert shown.count("`") == 2 and ("@" not in text or "@" in shown.split("`")[1])
