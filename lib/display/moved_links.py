"""Markdown whose files move: the address of each link rewritten so that it leads where it led, code left as it is."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from urllib.parse import quote, unquote, urlsplit

from lib.display.markdown import TICKS, is_in_files, link_to, linked_path

INLINE = re.compile(r"(?<!\\)(?P<before>\]\([ \t]*)(?P<address><[^<>\n]*>|[^\s()<>]+(?:\([^\s()<>]*\)[^\s()<>]*)*)")
"""Of a link or an image, whatever title follows. Source: https://github.github.com/gfm/#links."""
DEFINITION = re.compile(r"^(?P<before> {0,3}\[[^\]\n]+\]:[ \t]*)(?P<address><[^<>\n]*>|\S+)", re.MULTILINE)
"""Of a reference: `[id]: address`."""
ELEMENT = re.compile(r"(?P<before><(?:a|img)\b[^<>\n]*?\b(?:href|src)=(?P<quote>[\"']))(?P<address>[^\"'<>\n]+)", re.IGNORECASE)
FENCE = re.compile(r" {0,3}(?P<fence>`{3,}|~{3,})(?P<info>.*)")


def follow_moves(text: str, *, root: Path, old: str, new: str, moved: Mapping[str, str]) -> str:
    """Return a document with each link to a file rewritten for where the document and that file are now.

    old, new: the document's path from the root, before and after. moved: path of each file that moves -> its new path.
    A link that leads where it led stays as it is spelled.
    """
    here, there = (root / old).parent, (root / new).parent

    def rewrite(address: str) -> str:
        bare = address.strip("<>")
        if not is_in_files(bare):
            return address
        target = linked_path(bare, here)
        inside = target.relative_to(root).as_posix() if target.is_relative_to(root) else ""
        wanted = root / moved[inside] if inside in moved else target
        if linked_path(bare, there) == wanted:
            return address
        parts = urlsplit(bare)
        led = link_to(wanted, there) + ("/" if parts.path.endswith("/") else "")
        if address.startswith("<"):
            led = f"<{unquote(led)}>"
        rest = (f"?{parts.query}" if parts.query else "") + (f"#{parts.fragment}" if parts.fragment else "")
        return f"{led[:-1]}{rest}>" if address.startswith("<") else f"{led}{quote(rest, safe='?#&=%/-_.~+:@!$,;')}"

    return rewrite_addresses(text, rewrite)


def rewrite_addresses(text: str, rewrite: Callable[[str], str]) -> str:
    """Return Markdown with the address of each link, image and reference rewritten; what is code stays as it is."""
    spans = list(code_spans(text))
    starts = [start for start, _ in spans]

    def is_code(place: int) -> bool:
        at = bisect_right(starts, place) - 1
        return at >= 0 and place < spans[at][1]

    found = {match.start("address"): match for one in (INLINE, DEFINITION, ELEMENT) for match in one.finditer(text)}
    parts, place = [], 0
    for start, match in sorted(found.items()):
        if start < place or is_code(match.start()):
            continue
        parts += [text[place:start], rewrite(match["address"])]
        place = match.end("address")
    return "".join([*parts, text[place:]])


def code_spans(text: str) -> Iterator[tuple[int, int]]:
    """Yield where each fenced block and each span between backticks begins and ends, in order."""
    fence, place, opened, prose = "", 0, 0, 0
    for line in re.split(r"(?<=\n)", text):
        match = FENCE.match(line.rstrip("\r\n"))
        if not fence and match and (match["fence"][0] == "~" or "`" not in match["info"]):
            yield from tick_spans(text, prose, place)
            fence, opened = match["fence"], place
        elif (
            fence and match and match["fence"][0] == fence[0] and len(match["fence"]) >= len(fence) and not match["info"].strip()
        ):
            fence, prose = "", place + len(line)
            yield opened, prose
        place += len(line)
    if fence:
        yield opened, place
    else:
        yield from tick_spans(text, prose, place)


def tick_spans(text: str, start: int, end: int) -> Iterator[tuple[int, int]]:
    """Yield each span between as many backticks at its end as at its beginning. In one pass."""
    runs = [(match.start(), match.end()) for match in TICKS.finditer(text, start, end)]
    places: dict[int, list[int]] = {}
    for at, (first, last) in enumerate(runs):
        places.setdefault(last - first, []).append(at)
    at = 0
    while at < len(runs):
        first, last = runs[at]
        same = places[last - first]
        after = bisect_right(same, at)
        if after < len(same):
            at = same[after]
            yield first, runs[at][1]
        at += 1
