"""Values as a person would write them in YAML, each on one line, and lines put together to a document.

Source: https://yaml.org/spec/1.1/, which PyYAML speaks.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import yaml

MARK = re.compile(r"#\s*observed \d{4}-\d{2}-\d{2}, unconfirmed\s*$")
"""What an inferred line ends in until a person has confirmed it; the loader of the layers looks for the same."""
ONE_LINE = 10**9
"""Columns: nothing is folded."""
BREAKS_A_LINE = re.compile("[\n\r\x85\u2028\u2029]")
STEP = 2
"""Columns of one level."""


@dataclass(frozen=True, kw_only=True)
class Line:
    """One decision: a key, by its path from the document's top, and its value.

    is_sure: it was read where it is said for sure, so it needs nobody's word. note: where it comes from, or what it is,
    beside it in the file; '' when that is plain.
    """

    path: tuple[str, ...]
    value: object
    is_sure: bool = False
    note: str = ""


class Dumper(yaml.SafeDumper):
    """Writes texts as they are written by hand: double quotes where a text has spaces, and never more than one line."""


def represent_text(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    """Return a text's node: in double quotes when it has blanks or breaks lines, else as PyYAML chooses."""
    is_plain_quote = '"' not in text and "\\" not in text
    style = '"' if BREAKS_A_LINE.search(text) or (" " in text and is_plain_quote) else None
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=style)


Dumper.add_representer(str, represent_text)


def spell_value(value: object) -> str:
    """Return plain data on one line: scalars, and lists and mappings in flow style."""
    text = yaml.dump(value, Dumper=Dumper, default_flow_style=True, width=ONE_LINE, allow_unicode=True, sort_keys=False)
    return str(text).removesuffix("\n").removesuffix("\n...")


def mark(day: str) -> str:
    """Return the comment of a line that was inferred on a day, such as 2026-11-26."""
    return f"# observed {day}, unconfirmed"


def spell_comment(text: str) -> str:
    """Return a text as it may stand in a comment: on one line."""
    return " ".join(text.split())


def spell_line(line: Line, *, indent: int, day: str) -> str:
    """Return one line of the document, its marks at the end."""
    notes = [f"# {spell_comment(line.note)}"] if line.note else []
    notes += [] if line.is_sure else [mark(day)]
    return "  ".join([f"{' ' * indent}{spell_value(line.path[-1])}: {spell_value(line.value)}", *notes])


def spell_tree(lines: Sequence[Line], *, below: int, indent: int, day: str) -> list[str]:
    """Return lines with the keys that they lie below, in the order given; lines of one key stand together.

    below: how many keys of each path are there already. indent: the columns of the next one.
    """
    written: list[str] = []
    for key, group in grouped(lines, below):
        if len(group[0].path) == below + 1:
            written.append(spell_line(group[0], indent=indent, day=day))
        else:
            written.append(f"{' ' * indent}{spell_value(key)}:")
            written += spell_tree(group, below=below + 1, indent=indent + STEP, day=day)
    return written


def grouped(lines: Iterable[Line], below: int) -> Iterator[tuple[str, list[Line]]]:
    """Yield each key at a level with its lines, in the order first met."""
    groups: dict[str, list[Line]] = {}
    for line in lines:
        groups.setdefault(line.path[below], []).append(line)
    yield from groups.items()


def to_data(lines: Iterable[Line]) -> dict[str, Any]:
    """Return what the lines say, as the document loads."""
    data: dict[str, Any] = {}
    for line in lines:
        place = data
        for key in line.path[:-1]:
            place = place.setdefault(key, {})
        place[line.path[-1]] = line.value
    return data
