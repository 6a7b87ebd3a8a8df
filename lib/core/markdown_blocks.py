"""A Markdown text as a flat list of blocks: headings, paragraphs, items of lists, rows of tables.

Pure: text in, values out. What a text means is not known here; `lib.core.direction` reads one kind of document with it.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from functools import lru_cache

from markdown_it import MarkdownIt
from markdown_it.token import Token

CHECKBOX = re.compile(r"^\[[ xX]\][ \t]+")
"""What stands before the words of an item that is ticked off."""
COMMENT_BEGINS, COMMENT_ENDS = "<!--", "-->"
FRONT_MATTER = re.compile(r"\A---[ \t]*\n(.*?\n)---[ \t]*(?:\n|\Z)", re.DOTALL)
BREAKS = ("softbreak", "hardbreak")
WORDS = ("text", "code_inline")


class Kind(StrEnum):
    """What a block is."""

    HEADING = "heading"
    PARAGRAPH = "paragraph"
    ITEM = "item"
    ROW = "row"
    CODE = "code"


@dataclass(frozen=True, kw_only=True)
class Piece:
    """One line of words. text: without its marks. source: as it was written. line: from 1. codes, links: those within it.

    begins: it does not go on with the line before it.
    """

    text: str
    source: str
    line: int
    codes: tuple[str, ...] = ()
    links: tuple[str, ...] = ()
    begins: bool = True


@dataclass(frozen=True, kw_only=True)
class Block:
    """One block. level: of a heading, from 1. group: which list or table it is of. number: of an item, as it was written.

    is_head: a row that names the columns. pieces: an item's own words, and after them those of all lists within it.
    """

    kind: Kind
    line: int
    pieces: tuple[Piece, ...]
    level: int = 0
    group: int = 0
    number: int | None = None
    is_head: bool = False

    @property
    def text(self) -> str:
        """All its words on one line, without marks."""
        return squeeze(" ".join(piece.text for piece in self.pieces))

    @property
    def source(self) -> str:
        """All its words on one line, as they were written."""
        return squeeze(" ".join(piece.source for piece in self.pieces))


def squeeze(text: str) -> str:
    """Return a text on one line, each stretch of white space one space, its letters composed."""
    return " ".join(unicodedata.normalize("NFC", text).split())


@lru_cache(maxsize=1024)
def plain_words(text: str) -> str:
    """Return the words of a Markdown text on one line: marks and white space do not count."""
    return squeeze(" ".join(block.text for block in read_blocks(text)))


@lru_cache(maxsize=1)
def parser() -> MarkdownIt:
    """Return the parser of CommonMark with tables. Words in angle brackets stay words: `manager-batch-<timestamp>`."""
    return MarkdownIt("commonmark", {"html": False}).enable("table")


def clean_text(text: str) -> str:
    """Return a text without its byte order mark, with plain line ends, its comments blank; lines keep their numbers."""
    text = text.removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", "\n").replace("\0", "\ufffd")
    kept, place = [], 0
    while (begins := text.find(COMMENT_BEGINS, place)) >= 0:
        ends = text.find(COMMENT_ENDS, begins)
        if ends < 0:
            break
        ends += len(COMMENT_ENDS)
        kept += [text[place:begins], "\n" * text.count("\n", begins, ends)]
        place = ends
    return "".join([*kept, text[place:]])


def split_front_matter(text: str) -> tuple[str, str]:
    """Return what stands between dashes at the top of a clean text, and the text with blank lines in its place."""
    found = FRONT_MATTER.match(text)
    if found is None:
        return "", text
    return found[1], "\n" * found[0].count("\n") + text[found.end() :]


def read_blocks(text: str) -> list[Block]:
    """Return the blocks of a Markdown text, in order."""
    tokens = parser().parse(clean_text(text))
    blocks: list[Block] = []
    place = 0
    while place < len(tokens):
        ends = end_of(tokens, place)
        blocks += blocks_of(tokens[place : ends + 1], group=place)
        place = ends + 1
    return blocks


def end_of(tokens: Sequence[Token], place: int) -> int:
    """Return the place of the token that closes the one here; the same place for one that opens nothing."""
    if tokens[place].nesting != 1:
        return place
    level = tokens[place].level
    return next(
        (at for at in range(place + 1, len(tokens)) if tokens[at].nesting == -1 and tokens[at].level == level), len(tokens) - 1
    )


def blocks_of(tokens: Sequence[Token], *, group: int) -> Iterator[Block]:
    """Yield the blocks of what one token at the top opens."""
    first = tokens[0]
    line = line_of(first)
    if first.type == "heading_open":
        yield Block(kind=Kind.HEADING, line=line, pieces=pieces_of(tokens, line), level=int(first.tag[1:]))
    elif first.type in ("bullet_list_open", "ordered_list_open"):
        yield from items_of(tokens, group=group)
    elif first.type == "table_open":
        yield from rows_of(tokens, group=group)
    elif first.type in ("fence", "code_block"):
        yield Block(kind=Kind.CODE, line=line, pieces=pieces_of(tokens, line))
    elif pieces := pieces_of(tokens, line):
        yield Block(kind=Kind.PARAGRAPH, line=line, pieces=pieces)


def items_of(tokens: Sequence[Token], *, group: int) -> Iterator[Block]:
    """Yield each item of a list, with all lists within it."""
    level = tokens[0].level + 1
    for place, token in enumerate(tokens):
        if token.type == "list_item_open" and token.level == level:
            inside = tokens[place : end_of(tokens, place) + 1]
            number = int(token.info) if token.info.isdecimal() else None
            line = line_of(token)
            yield Block(kind=Kind.ITEM, line=line, pieces=pieces_of(inside, line), group=group, number=number)


def rows_of(tokens: Sequence[Token], *, group: int) -> Iterator[Block]:
    """Yield each row of a table, one piece a cell."""
    is_head = False
    for place, token in enumerate(tokens):
        is_head = (is_head or token.type == "thead_open") and token.type != "thead_close"
        if token.type == "tr_open":
            line = line_of(token)
            inside = tokens[place : end_of(tokens, place) + 1]
            pieces = pieces_of(inside, line, with_empty=True)
            yield Block(kind=Kind.ROW, line=line, pieces=pieces, group=group, is_head=is_head)


def pieces_of(tokens: Sequence[Token], line: int, *, with_empty: bool = False) -> tuple[Piece, ...]:
    """Return every line of words within these tokens. line: where a token does not say it. with_empty: empty cells, too."""
    pieces: list[Piece] = []
    for token in tokens:
        at = line_of(token) if token.map else line
        if token.type in ("fence", "code_block"):
            pieces += [Piece(text=one.strip(), source=one.strip(), line=at) for one in token.content.splitlines() if one.strip()]
        elif token.type == "inline":
            pieces += inline_pieces(token, at)
            if with_empty and not token.children:
                pieces.append(Piece(text="", source="", line=at))
    return tuple(pieces)


def inline_pieces(token: Token, line: int) -> Iterator[Piece]:
    """Yield each line of one stretch of words."""
    run: list[Token] = []
    sources = token.content.split("\n")
    number = 0
    for child in [*(token.children or []), None]:
        if child is not None and child.type not in BREAKS:
            run.append(child)
            continue
        source = sources[number] if number < len(sources) else ""
        if run:
            yield replace(piece_of(run, source, line + number), begins=number == 0)
        run, number = [], number + 1


def piece_of(run: Sequence[Token], source: str, line: int) -> Piece:
    """Return one line of words."""
    text = "".join(one.content for one in run if one.type in (*WORDS, "image"))
    return Piece(
        text=CHECKBOX.sub("", squeeze(text)),
        source=CHECKBOX.sub("", source.strip()),
        line=line,
        codes=tuple(one.content for one in run if one.type == "code_inline"),
        links=tuple(str(one.attrs[name]) for one in run for name in ("href", "src") if name in one.attrs),
    )


def line_of(token: Token) -> int:
    """Return the line that a token begins on, from 1."""
    return token.map[0] + 1 if token.map else 1
