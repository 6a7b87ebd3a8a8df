"""The one dialect of `.env` files that a vault folder may hold, read without guessing.

NAME=value, one a line; `export ` before it and comment lines are allowed. Values may be in 'single quotes', taken
as they are, or in "double quotes" with the escapes \\n \\r \\t \\" \\\\ \\$; both may run over many lines. Without quotes the
rest of the line is the value, `#` and `$` included. A line that other readers would cut is refused, not cut.
"""

from __future__ import annotations

import re

START = re.compile(r"[ \t]*(?:export[ \t]+)?([A-Za-z_][A-Za-z0-9_]*)=")
BLANK = re.compile(r"[ \t]*(?:#[^\n]*)?(?:\r?\n|$)")
REST = re.compile(r"[ \t]*(?:#[^\n]*)?(?:\r?\n|$)")
BARE = re.compile(r"[^\r\n]*")
LINE_END = re.compile(r"\r?\n|\Z")
SINGLE = re.compile(r"'([^']*)'")
DOUBLE = re.compile(r'"((?:[^"\\]|\\.)*)"', re.S)
ESCAPE = re.compile(r"\\([nrt\"\\$])")
ESCAPED = {"n": "\n", "r": "\r", "t": "\t", '"': '"', "\\": "\\", "$": "$"}
LOOSE_COMMENT = re.compile(r"(?:^|\s)#")


class EnvLineError(Exception):
    """A line that can be read in two ways, or not at all; the message has its number, never its content."""


def parse_env_lines(text: str) -> dict[str, str]:
    """Return the values of a `.env` file by name, whole. Raises EnvLineError."""
    values: dict[str, str] = {}
    place = 1 if text.startswith("\ufeff") else 0
    counted, line = 0, 1
    while place < len(text):
        blank = BLANK.match(text, place)
        if blank:
            place = blank.end()
            continue
        line += text.count("\n", counted, place)
        counted = place
        start = START.match(text, place)
        if start is None:
            raise EnvLineError(f"line {line} is not NAME=value")
        if start[1] in values:
            raise EnvLineError(f"line {line} gives {start[1]} a second time")
        values[start[1]], place = read_value(text, start.end(), f"line {line}: {start[1]}")
    return values


def read_value(text: str, place: int, named: str) -> tuple[str, int]:
    """Return the value that starts at a place, and where the next line starts. Raises EnvLineError."""
    if text[place : place + 1] in ("'", '"'):
        quoted = (SINGLE if text[place] == "'" else DOUBLE).match(text, place)
        if quoted is None:
            raise EnvLineError(f"{named} opens a quote that is never closed")
        rest = REST.match(text, quoted.end())
        if rest is None:
            raise EnvLineError(f"{named} goes on after its closing quote")
        value = quoted[1] if text[place] == "'" else ESCAPE.sub(lambda found: ESCAPED[found[1]], quoted[1])
        return value, rest.end()
    bare = BARE.match(text, place)
    value = bare[0] if bare else ""
    if LOOSE_COMMENT.search(value) or value != value.strip(" \t"):
        raise EnvLineError(f"{named} has a `#` or a space that other readers cut off; put the value in quotes")
    ending = LINE_END.match(text, bare.end()) if bare else None
    if ending is None:
        raise EnvLineError(f"{named} has a carriage return in it; put the value in quotes")
    return value, ending.end()
