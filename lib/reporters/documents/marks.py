"""Where somebody's document has room for what a run found: between two comments, each on a line of its own.

`<!-- launch results: filled in by make publish-docs -->` opens such a place, `<!-- /launch results -->` closes it. Nothing
outside of a place is ever changed, and a document whose marks are damaged is not changed at all. What is between the
fences of a code block is an example, not a mark.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from lib.core.errors import TargetError

MEASURED, WINDOW, RESULTS, LINKS = "measured", "deployment window", "launch results", "health links"
"""The runbook's times and when a deploy may happen, the direction's task list, QA's links."""
NAMES = (MEASURED, WINDOW, RESULTS, LINKS)
MARK = re.compile(rf"<!-- (?P<closes>/?)(?P<name>{'|'.join(NAMES)})\b[^>\n]*-->")
FENCE = re.compile(r" {0,3}(?P<fence>`{3,}|~{3,})(?P<info>.*)")


@dataclass(frozen=True, kw_only=True)
class Mark:
    """One mark: its name, whether it closes, its line from 1, and where that line begins and ends."""

    name: str
    closes: bool
    line: int
    start: int
    end: int


def find_place(text: str, name: str, *, path: str) -> tuple[int, int] | None:
    """Return where the room of that name begins and ends, None when the document has none.

    path: the document's, for a message. Raises TargetError when any mark of the document is damaged, nested or there twice.
    """
    found: dict[str, tuple[int, int]] = {}
    opened: Mark | None = None
    for mark in find_marks(text):
        if not mark.closes:
            if opened is not None:
                raise damaged(
                    path, f"line {mark.line} opens '{mark.name}' before '{opened.name}' of line {opened.line} is closed"
                )
            if mark.name in found:
                raise damaged(path, f"line {mark.line} opens '{mark.name}' a second time")
            opened = mark
        elif opened is None or opened.name != mark.name:
            raise damaged(path, f"line {mark.line} closes '{mark.name}', which is not open")
        else:
            found[mark.name] = (opened.end, mark.start)
            opened = None
    if opened is not None:
        raise damaged(path, f"line {opened.line} opens '{opened.name}', and nothing closes it")
    return found.get(name)


def damaged(path: str, said: str) -> TargetError:
    """Return the error for a document whose marks can't be relied on."""
    return TargetError(f"{path}: {said}, so nothing was put there.", fix=f"Correct the marks in {path}.")


def find_marks(text: str) -> Iterator[Mark]:
    """Yield each mark of a document in order; what is in a code block is none."""
    fence, place = "", 0
    for number, line in enumerate(re.split(r"(?<=\n)", text), start=1):
        words = line.strip("\ufeff \t\r\n")
        if opening := FENCE.match(line.removeprefix("\ufeff")):
            sign = opening["fence"]
            if not fence:
                fence = sign if sign[0] == "~" or "`" not in opening["info"] else ""
            elif sign[0] == fence[0] and len(sign) >= len(fence) and not opening["info"].strip():
                fence = ""
        elif not fence and (match := MARK.fullmatch(words)):
            yield Mark(name=match["name"], closes=bool(match["closes"]), line=number, start=place, end=place + len(line))
        place += len(line)


def fill_place(text: str, name: str, content: str, *, path: str) -> str | None:
    """Return the document with the content in its place, in the document's own line ends; None when it has no such place.

    Raises TargetError as `find_place` does.
    """
    place = find_place(text, name, path=path)
    if place is None:
        return None
    start, end = place
    newline = newline_of(text[:start])
    body = "".join(f"{line}{newline}" for line in content.splitlines())
    return f"{text[:start]}{body}{text[end:]}"


def append_place(text: str, name: str, content: str, *, about: str) -> str:
    """Return the document with a place of that name, filled, after all that is there. about: what the mark says of itself."""
    newline = newline_of(text)
    gap = "" if not text.strip("\ufeff") else newline if text.endswith("\n") else newline * 2
    lines = [f"<!-- {name}: {about} -->", *content.splitlines(), f"<!-- /{name} -->"]
    return text + gap + "".join(f"{line}{newline}" for line in lines)


def newline_of(text: str) -> str:
    """Return how the document's last line ends; a line feed where it has none."""
    at = text.rfind("\n")
    return "\r\n" if at > 0 and text[at - 1] == "\r" else "\n"
