"""Lines of the form `Label: value`, wherever a document has them: in its head, in lists, in tables of two columns."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from lib.core.markdown_blocks import Block, Kind, Piece

LABELLED = re.compile(r"^([^:：]{1,60})[:：]\s*(.*)$")
SEPARATOR = re.compile(r"\s+[|·•]\s+")


@dataclass(frozen=True, kw_only=True)
class Field:
    """One `Label: value`. codes: what of the value is set as code. links: where its links lead.

    is_set_off: it is an item, a row, or begins with marks; a sentence with a colon in it is not.
    """

    label: str
    value: str
    line: int
    codes: tuple[str, ...] = ()
    links: tuple[str, ...] = ()
    is_set_off: bool = True


def front_fields(front: str) -> Iterator[Field]:
    """Yield each `label: value` of what stands between dashes at the top."""
    for number, line in enumerate(front.splitlines(), start=2):
        if found := LABELLED.match(line):
            yield Field(label=found[1].strip(), value=found[2].strip().strip("\"'"), line=number)


def labelled(block: Block) -> Iterator[Field]:
    """Yield each `Label: value` of a block; a row of two cells is one, too."""
    if block.kind is Kind.ROW and len(block.pieces) == 2:
        name, value = block.pieces
        yield Field(label=name.text.rstrip(":： "), value=value.text, line=block.line, codes=value.codes, links=value.links)
        return
    for run in labelled_runs(block.pieces if block.kind is not Kind.CODE else ()):
        first = run[0]
        is_set_off = block.kind is Kind.ITEM or is_marked(first)
        parts = [one for one in SEPARATOR.split(first.text) if LABELLED.match(one)]
        if len(parts) > 1:
            matches = [found for part in parts if (found := LABELLED.match(part))]
            yield from (
                Field(label=one[1].strip(), value=one[2].strip(), line=first.line, codes=first.codes, is_set_off=is_set_off)
                for one in matches
            )
        elif found := LABELLED.match(first.text):
            more = "".join(f"{', ' if one.begins else ' '}{one.text}" for one in run[1:])
            yield Field(
                label=found[1].strip(),
                value=f"{found[2]}{more}".strip(" ,"),
                line=first.line,
                codes=tuple(code for one in run for code in one.codes),
                links=tuple(link for one in run for link in one.links),
                is_set_off=is_set_off,
            )


def labelled_runs(pieces: Sequence[Piece]) -> Iterator[list[Piece]]:
    """Yield each line with a label and the lines that go on with it: wrapped ones, and the lists within its item.

    Where the first label is set off by marks, a line without such marks begins none: `note: that` is words.
    """
    run: list[Piece] = []
    for piece in pieces:
        is_label = LABELLED.match(piece.text) is not None
        if is_label and (not run or not is_marked(run[0]) or is_marked(piece)):
            if run:
                yield run
            run = [piece]
        elif run:
            run.append(piece)
    if run:
        yield run


def is_marked(piece: Piece) -> bool:
    """Return whether a line begins with marks of emphasis, as a label does that is set off."""
    return piece.source.startswith(("*", "_"))
