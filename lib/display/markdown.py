"""Markdown that we write: hostile text kept inert, links found, and links led from another folder."""

from __future__ import annotations

import os
import re
import unicodedata
from bisect import bisect_left
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from urllib.parse import quote, unquote, urlsplit

from lib.core.wording import plain_text

MARKUP = re.compile(r"([\\`*_\[\]<>|#~$&!])")
"""Everything GitHub's Markdown gives a meaning to in the middle of a line."""
BARE_ADDRESS = re.compile(r"((?:(?:https?|ftp)://|www\.|mailto:|xmpp:)[^\s`|]+|[^\s`|]*@[^\s`|]+)", re.IGNORECASE)
"""What GitHub would make a link of its own, or a mention, which notifies people.
Source: https://github.github.com/gfm/#autolinks-extension-."""
LINK = re.compile(r"(?<!\\)((?:\\\\)*)\[((?:[^\[\]\\]|\\.)*)\]\(([^()\s]+)\)")
"""Backslashes before it, its words and its address; an escaped bracket begins none."""
TICKS = re.compile(r"`+")
FENCES = ("```", "~~~")
HEADING = re.compile(r"#{1,6}[ \t]+")
LONGEST_HEADING = 1_000
"""Characters of a heading that its anchor is made of."""


def plain(text: str) -> str:
    """Return text that Markdown shows as it is, on one line, without credentials; an address or mention is shown as code."""
    words = BARE_ADDRESS.split(" ".join(plain_text(text).split()))
    return "".join(f"`{word}`" if place % 2 else MARKUP.sub(r"\\\1", word) for place, word in enumerate(words))


def link_to(path: Path, start: Path) -> str:
    """Return the address of a file as seen from a folder, so that links hold where both are copied to."""
    return quote(Path(os.path.relpath(path, start)).as_posix())


def find_links(text: str) -> list[str]:
    """Return the address of every link in the text, in order; what is code has none."""
    return [match[3] for match in LINK.finditer(without_code(text))]


def without_code(text: str) -> str:
    """Return Markdown without what is between backticks: as many at its end as at its beginning. In one pass."""
    runs = [(match.start(), match.end()) for match in TICKS.finditer(text)]
    by_length: dict[int, list[int]] = {}
    for start, end in runs:
        by_length.setdefault(end - start, []).append(start)
    kept, place = [], 0
    for start, end in runs:
        opens = start + (start > 0 and text[start - 1] == "\\")  # the first of them may be escaped
        closing = by_length.get(end - opens, [])
        at = bisect_left(closing, end)
        if opens >= place and opens < end and at < len(closing):
            kept.append(text[place:opens])
            place = closing[at] + end - opens
    return "".join([*kept, text[place:]])


def is_in_files(address: str) -> bool:
    """Return whether an address leads to a file, and not to the web or a heading of its own document."""
    try:
        parts = urlsplit(address)
    except ValueError:
        return False
    return not parts.scheme and not parts.netloc and bool(parts.path)


def linked_path(address: str, start: Path) -> Path:
    """Return the file that an address leads to from a folder."""
    return Path(os.path.normpath(start / unquote(urlsplit(address).path)))


def relink(text: str, *, start: Path, lead: Callable[[Path], str | None]) -> str:
    """Return the text with each link to a file rewritten.

    start: the folder that the text's links are seen from.
    lead: gives a file's new address; None where it has none, then the link's words stay alone.
    """

    def replace(match: re.Match[str]) -> str:
        before, words, address = match.groups()
        if not is_in_files(address):
            return match[0]
        led = lead(linked_path(address, start))
        if led is None:
            return f"{before}{words}"
        fragment = urlsplit(address).fragment
        return f"{before}[{words}]({led}{'#' + fragment if fragment else ''})"

    return LINK.sub(replace, text)


def heading_anchors(markdown: str) -> list[str]:
    """Return the anchor of each heading, as GitHub makes them: lower case, spaces to hyphens, repeats numbered.

    Source: https://docs.github.com/get-started/writing-on-github/basic-writing-and-formatting-syntax#section-links.
    """
    anchors: list[str] = []
    times: dict[str, int] = {}
    for title in headings(markdown):
        words = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", title).strip().lower()
        kept = (char for char in words if char in "-_ " or unicodedata.category(char)[0] in "LN")
        slug = "".join(kept).replace(" ", "-")
        anchors.append(f"{slug}-{times[slug]}" if slug in times else slug)
        times[slug] = times.get(slug, 0) + 1
    return anchors


def headings(markdown: str) -> Iterator[str]:
    """Yield the text of each heading, those between fences left out. In one pass."""
    for line in without_fences(markdown.splitlines()):
        if match := HEADING.match(line):
            title = line[match.end() :][:LONGEST_HEADING].strip()
            yield title.rstrip("#").rstrip() or title


def without_fences(lines: Sequence[str]) -> Iterator[str]:
    """Yield the lines that are not between two fences; a fence that nothing closes begins nothing."""
    last = {fence: max((place for place, line in enumerate(lines) if line.rstrip() == fence), default=-1) for fence in FENCES}
    fence = ""
    for place, line in enumerate(lines):
        if fence:
            fence = "" if line.rstrip() == fence else fence
            continue
        fence = next((one for one in FENCES if line.startswith(one) and place < last[one]), "")
        if not fence:
            yield line
