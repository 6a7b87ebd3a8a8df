"""Lines folded to a terminal's width: never inside a word, and each going on below where its own text begins."""

from __future__ import annotations

import re
import shutil
import unicodedata
from typing import TextIO

NARROWEST = 20
"""Columns below which nothing is folded: no terminal that anybody reads is so narrow."""
HANG = 2
"""Columns by which a folded line goes on further in."""
DEEPEST = 0.5
"""The part of the width that an indent may take."""
NO_COLUMN = ("Mn", "Me", "Cf")
"""Categories of characters that are drawn on the one before, or not at all."""
WORDS = re.compile(r"( *)([^ ]+)")
MARK = re.compile(r" *(?:[✓✗–?] |- |\d+\. |Fix: )")
"""What a line begins with that its text stands behind."""


def fold(text: str, width: int) -> str:
    """Return a text whose lines are no wider than `width` columns, unless one word alone is; spaces inside a line stay."""
    return "\n".join(fold_line(line, width) for line in text.split("\n"))


def fold_line(line: str, width: int) -> str:
    """Return one line as one or several."""
    if width < NARROWEST or columns_of(line) <= width:
        return line
    indent = columns_of(line) - columns_of(line.lstrip(" "))
    mark = MARK.match(line)
    hang = min(columns_of(mark[0]) if mark else indent + HANG, int(width * DEEPEST))
    rows, row = [], ""
    for space, word in WORDS.findall(line):
        if row.strip() and columns_of(row + space + word) > width:
            rows.append(row)
            row = " " * hang + word
        else:
            row += space + word
    return "\n".join([*rows, row])


def columns_of(text: str) -> int:
    """Return how many columns a terminal needs for a text: two for a wide character, none for one that joins the one before."""
    if text.isascii():
        return len(text)
    return sum(
        0 if unicodedata.category(char) in NO_COLUMN else 1 + (unicodedata.east_asian_width(char) in "WF") for char in text
    )


def width_of(stream: TextIO) -> int | None:
    """Return the columns of the terminal that a stream goes to; None when it goes to a file or pipe, whose lines stay whole."""
    try:
        return shutil.get_terminal_size().columns if stream.isatty() else None
    except ValueError:
        return None  # a closed stream
