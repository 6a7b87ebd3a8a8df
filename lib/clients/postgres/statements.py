"""Splits SQL text into statements and tokens, the way Postgres reads it.

This is our own small parser: the libraries either use a grammar that is not Postgres's (sqlparse, sqlglot) or
have a licence this project can't use (pglast). It knows only what decides where a statement ends: quotes,
dollar quotes, comments, parentheses, and `begin atomic` bodies.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

TOKEN = re.compile(
    r"""
    (?P<space>\s+)
  | (?P<comment>--[^\n]*|/\*)
  | (?P<escaped>[eE]'(?:[^'\\]|\\.|'')*(?:'|$))
  | (?P<quoted>(?:[uU]&|[bBxXnN])?'(?:[^']|'')*(?:'|$))
  | (?P<name>(?:[uU]&)?"(?:[^"]|"")*(?:"|$))
  | (?P<dollar>\$(?:[A-Za-z_\x80-\U0010ffff][A-Za-z0-9_\x80-\U0010ffff]*)?\$)
  | (?P<word>[A-Za-z_\x80-\U0010ffff][A-Za-z0-9_$\x80-\U0010ffff]*)
  | (?P<number>[0-9][0-9A-Za-z_.]*)
  | (?P<sign>.)
    """,
    re.X | re.S,
)
"""Source: https://www.postgresql.org/docs/current/sql-syntax-lexical.html, with standard_conforming_strings on."""

COMMENT_EDGE = re.compile(r"/\*|\*/")

TRANSACTION_WORDS = {"begin", "start", "commit", "end", "rollback", "abort"}
"""First words of statements that open or close a transaction (`start transaction`, `end work` ...)."""


@dataclass(frozen=True, kw_only=True)
class Token:
    """One token: its sort is a group of TOKEN, `end` is where the next one starts."""

    sort: str
    text: str
    start: int
    end: int


@dataclass(frozen=True, kw_only=True)
class Statement:
    """One statement of a text, without its semicolon.

    index: from 0, as the Supabase CLI counts. line: of its first word, from 1.
    words: its bare words in lower case, in order, quoted names and literals left out.
    """

    index: int
    text: str
    line: int
    words: tuple[str, ...]

    @property
    def summary(self) -> str:
        """The statement as one short line, without comments."""
        kept = "".join(token.text if token.sort not in ("space", "comment") else " " for token in read_tokens(self.text))
        flat = " ".join(kept.split())
        return flat if len(flat) <= 120 else f"{flat[:117]}..."

    @property
    def is_transaction_control(self) -> bool:
        """Whether it opens or closes a transaction of its own (`begin`, `commit`, not `savepoint`)."""
        first = self.words[0] if self.words else ""
        return first in TRANSACTION_WORDS and self.words[1:2] != ("to",)

    @property
    def is_concurrent(self) -> bool:
        """Whether it works on an index or partition concurrently, which can't run inside a transaction."""
        words = self.words
        if words[:1] == ("alter",):
            return "detach" in words and words[-1] == "concurrently"
        pairs = set(pairwise(words))
        after = {("index", "concurrently"), ("table", "concurrently"), ("schema", "concurrently"), ("database", "concurrently")}
        return words[:1] in {("create",), ("drop",), ("reindex",)} and bool(pairs & after)


def read_tokens(text: str) -> Iterator[Token]:
    """Yield every token of the text in order; their texts joined are the text again."""
    at = 0
    while at < len(text):
        match = TOKEN.match(text, at)
        assert match is not None, "the last alternative matches any character"
        sort, end = str(match.lastgroup), match.end()
        if sort == "comment" and match.group() == "/*":
            end = end_of_comment(text, at)
        elif sort == "dollar":
            close = text.find(match.group(), end)
            end = len(text) if close < 0 else close + len(match.group())
        yield Token(sort=sort, text=text[at:end], start=at, end=end)
        at = end


def end_of_comment(text: str, start: int) -> int:
    """Return where the block comment that starts here ends; Postgres nests them."""
    depth = 0
    for edge in COMMENT_EDGE.finditer(text, start):
        depth += 1 if edge.group() == "/*" else -1
        if depth == 0:
            return edge.end()
    return len(text)


def split_statements(text: str) -> list[Statement]:
    """Return the statements of a text in order; comments before a statement are not part of it."""
    statements: list[Statement] = []
    tokens: list[Token] = []
    for token in read_tokens(text):
        if token.text == ";" and token.sort == "sign" and not is_inside(tokens):
            add_statement(statements, tokens, text)
            tokens = []
        elif token.sort not in ("space", "comment"):
            tokens.append(token)
    add_statement(statements, tokens, text)
    return statements


def add_statement(statements: list[Statement], tokens: list[Token], text: str) -> None:
    """Append the statement made of these tokens, if there are any."""
    if tokens:
        statements.append(
            Statement(
                index=len(statements),
                text=text[tokens[0].start : tokens[-1].end],
                line=text.count("\n", 0, tokens[0].start) + 1,
                words=words_of(tokens),
            )
        )


def words_of(tokens: list[Token]) -> tuple[str, ...]:
    """Return the bare words among the tokens, in lower case."""
    return tuple(token.text.lower() for token in tokens if token.sort == "word")


def is_inside(tokens: list[Token]) -> bool:
    """Return whether a semicolon after these tokens is inside a statement: in parentheses, or in a body.

    A body is what stands between `begin atomic` and its `end`; a `case` inside has an `end` of its own.
    """
    signs = [token.text for token in tokens if token.sort == "sign"]
    if signs.count("(") > signs.count(")"):
        return True
    words = words_of(tokens)
    for at in range(len(words) - 1):
        if words[at : at + 2] == ("begin", "atomic") and words[0] == "create":
            body = words[at + 2 :]
            return body.count("end") <= body.count("case")
    return False


def canonical_tokens(text: str) -> list[str]:
    """Return the text's tokens without spaces and comments: what an edit must change to change the meaning."""
    return [
        token.text.lower() if token.sort == "word" else token.text
        for token in read_tokens(text)
        if token.sort not in ("space", "comment")
    ]


def canonical_statements(text: str) -> list[str]:
    """Return each statement as one line that spacing, comments and the case of words don't change."""
    return [" ".join(canonical_tokens(statement.text)) for statement in split_statements(text)]
