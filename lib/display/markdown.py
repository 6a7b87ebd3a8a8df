"""Markdown that we write: hostile text kept inert, links found, and links led from another folder."""

from __future__ import annotations

import os
import re
import unicodedata
from collections.abc import Callable
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
CODE = re.compile(r"(?<!\\)(`+)(?!`).*?(?<!`)\1(?!`)", re.DOTALL)
FENCE = re.compile(r"^(```|~~~).*?^\1\s*$", re.MULTILINE | re.DOTALL)
HEADING = re.compile(r"^#{1,6}\s+(.+?)\s*#*\s*$", re.MULTILINE)


def plain(text: str) -> str:
    """Return text that Markdown shows as it is, on one line, without credentials; an address or mention is shown as code."""
    words = BARE_ADDRESS.split(" ".join(plain_text(text).split()))
    return "".join(f"`{word}`" if place % 2 else MARKUP.sub(r"\\\1", word) for place, word in enumerate(words))


def link_to(path: Path, start: Path) -> str:
    """Return the address of a file as seen from a folder, so that links hold where both are copied to."""
    return quote(Path(os.path.relpath(path, start)).as_posix())


def find_links(text: str) -> list[str]:
    """Return the address of every link in the text, in order; what is code has none."""
    return [match[3] for match in LINK.finditer(CODE.sub("", text))]


def is_in_files(address: str) -> bool:
    """Return whether an address leads to a file, and not to the web or a heading of its own document."""
    parts = urlsplit(address)
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
    for title in HEADING.findall(FENCE.sub("", markdown)):
        words = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", title).strip().lower()
        kept = (char for char in words if char in "-_ " or unicodedata.category(char)[0] in "LN")
        slug = "".join(kept).replace(" ", "-")
        anchors.append(f"{slug}-{times[slug]}" if slug in times else slug)
        times[slug] = times.get(slug, 0) + 1
    return anchors
