"""Splits SQL text into statements and tokens, the way Postgres reads it.

This is our own small parser: the libraries either use a grammar that is not Postgres's (sqlparse, sqlglot) or
have a licence this project can't use (pglast). It knows only what decides where a statement ends: quotes,
dollar quotes, comments, parentheses, and `begin atomic` bodies.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import pairwise
from sys import intern

TOKEN = re.compile(
    r"""
    (?P<space>\s++)
  | (?P<comment>--[^\n]*+|/\*)
  | (?P<escaped>[eE]'(?:[^'\\]++|\\.|'')*+(?:'|\\?\Z))
  | (?P<quoted>(?:[uU]&|[bBxXnN])?'(?:[^']++|'')*+(?:'|\Z))
  | (?P<name>(?:[uU]&)?"(?:[^"]++|"")*+(?:"|\Z))
  | (?P<dollar>\$(?:[A-Za-z_\x80-\U0010ffff][A-Za-z0-9_\x80-\U0010ffff]*+)?\$)
  | (?P<word>[A-Za-z_\x80-\U0010ffff][A-Za-z0-9_$\x80-\U0010ffff]*+)
  | (?P<number>[0-9][0-9A-Za-z_.]*+)
  | (?P<sign>.)
    """,
    re.X | re.S,
)
"""Nothing in it is tried twice over the same text, so a text of any shape is read in one pass.
Source: https://www.postgresql.org/docs/current/sql-syntax-lexical.html, with standard_conforming_strings on."""

NAME_PART = r'"(?:[^"]|"")+"|[A-Za-z_\x80-\U0010ffff][A-Za-z0-9_$\x80-\U0010ffff]*'
MADE_PROCEDURE, CALLED_PROCEDURE, ABOUT_TABLE = (
    re.compile(rf"\s*{words}\s+(?P<name>(?:{NAME_PART})(?:\s*\.\s*(?:{NAME_PART}))*)", re.I | re.S)
    for words in (
        r"create\s+(?:or\s+replace\s+)?procedure",
        "call",
        r"(?:create\s+(?:unlogged\s+)?table(?:\s+if\s+not\s+exists)?|alter\s+table(?:\s+if\s+exists)?(?:\s+only)?"
        r"|create\s+unique\s+index\b.*?\bon(?:\s+only)?)",
    )
)

COMMENT_EDGE = re.compile(r"/\*|\*/")

NEVER_HELD = {
    *((verb, thing) for verb in ("create", "drop") for thing in ("database", "tablespace")),
    *(("reindex", thing) for thing in ("database", "schema", "system")),
    *((verb, "subscription") for verb in ("create", "alter", "drop")),
    ("alter", "system"),
    ("discard", "all"),
}
"""First two words of statements that no transaction can hold, so that they commit what is before them."""

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

    index: from 0, as the Supabase CLI counts. line: of its first word, from 1. start: where it begins in the text.
    words: its bare words in lower case, in order, quoted names and literals left out.
    """

    index: int
    text: str
    line: int
    words: tuple[str, ...]
    start: int = field(default=0, compare=False)

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
        return first in TRANSACTION_WORDS and "to" not in self.words[1:3]

    @property
    def is_concurrent(self) -> bool:
        """Whether it works on an index or partition concurrently, which can't run inside a transaction."""
        words = self.words
        if words[:1] == ("alter",):
            return "detach" in words and words[-1] == "concurrently"
        pairs = set(pairwise(words))
        after = {("index", "concurrently"), ("table", "concurrently"), ("schema", "concurrently"), ("database", "concurrently")}
        return words[:1] in {("create",), ("drop",), ("reindex",)} and bool(pairs & after)

    @property
    def is_never_held(self) -> bool:
        """Whether it commits what is before it, or can't be undone with it: `vacuum`, or a `do` with a COMMIT in its body."""
        words = self.words
        if words[:1] == ("do",):
            return has_ending(self.text)
        moves_database = words[:2] == ("alter", "database") and words[-2:-1] == ("tablespace",)
        return moves_database or words[:1] == ("vacuum",) or words == ("cluster",) or words[:2] in NEVER_HELD

    @property
    def is_narrowing(self) -> bool:
        """Whether it adds a unique key or an exclusion to a table."""
        words = self.words
        adds = words[:2] == ("alter", "table") and bool({"unique", "exclude", "primary"} & set(words))
        return adds or words[:3] == ("create", "unique", "index")

    @property
    def about(self) -> str:
        """The name, without its schema, of the table that it creates, alters or indexes; '' for any other statement."""
        found = ABOUT_TABLE.match(strip_comments(self.text)) if self.words[:1] in (("create",), ("alter",)) else None
        return plain_name(found["name"]) if found else ""

    @property
    def ending_procedure(self) -> str:
        """The name, without its schema, of the procedure that it makes and that ends transactions; '' for any other statement."""
        makes = self.words[:1] == ("create",) and "procedure" in self.words[1:4]
        made = MADE_PROCEDURE.match(strip_comments(self.text)) if makes else None
        return plain_name(made["name"]) if made and has_ending(self.text) else ""

    @property
    def called(self) -> str:
        """The name, without its schema, of the procedure that it calls; '' for any other statement."""
        called = CALLED_PROCEDURE.match(strip_comments(self.text)) if self.words[:1] == ("call",) else None
        return plain_name(called["name"]) if called else ""


def plain_name(spelled: str) -> str:
    """Return the last part of a name as it is stored."""
    part = str(re.findall(NAME_PART, spelled)[-1])
    return part[1:-1].replace('""', '"') if part.startswith('"') else part.lower()


def read_tokens(text: str) -> Iterator[Token]:
    """Yield every token of the text in order; their texts joined are the text again."""
    for sort, start, end in scan(text):
        yield Token(sort=sort, text=text[start:end], start=start, end=end)


def scan(text: str, *, into_bodies: bool = False) -> Iterator[tuple[str, int, int]]:
    """Yield every token of the text in order as its sort, its start, and where the next one starts; keeps none of them.

    into_bodies: read what dollar quotes hold as well, instead of taking it as one token.
    """
    at = 0
    while match := TOKEN.match(text, at):
        sort, start, end = str(match.lastgroup), at, match.end()
        if sort == "comment" and text.startswith("/*", at):
            end = end_of_comment(text, at)
        elif sort == "dollar" and not into_bodies:
            close = text.find(match.group(), end)
            end = len(text) if close < 0 else close + end - start
        at = end
        yield sort, start, end


def end_of_comment(text: str, start: int) -> int:
    """Return where the block comment that starts here ends; Postgres nests them."""
    depth = 0
    for edge in COMMENT_EDGE.finditer(text, start):
        depth += 1 if edge.group() == "/*" else -1
        if depth == 0:
            return edge.end()
    return len(text)


def has_ending(text: str) -> bool:
    """Return whether a block of code ends the transaction that it runs in; words in its literals and comments don't."""
    kept = [text[start:end].lower() for sort, start, end in scan(text, into_bodies=True) if sort not in ("space", "comment")]
    return any(word in ("commit", "rollback") and after in (";", "and") for word, after in pairwise(kept))


def split_statements(text: str) -> list[Statement]:
    """Return the statements of a text in order; comments before a statement are not part of it."""
    statements: list[Statement] = []
    open_one = OpenStatement()
    line, counted = 1, 0
    for sort, start, end in scan(text):
        if sort in ("space", "comment"):
            continue
        if sort == "sign" and text[start] == ";" and not open_one.is_inside:
            if open_one.start >= 0:
                open_one.close_into(statements, text)
                open_one = OpenStatement()
            continue
        if open_one.start < 0:
            line, counted = line + text.count("\n", counted, start), start
            open_one.start, open_one.line = start, line
        open_one.take(sort, text[start:end] if sort in ("word", "sign") else "", end)
    open_one.close_into(statements, text)
    return statements


@dataclass(kw_only=True, slots=True)
class OpenStatement:
    """A statement that is being read, and what decides whether a semicolon after it is inside it.

    start: -1 before its first word. depth: open parentheses. cases: how many `case` have no `end` yet, in a body that
    stands between `begin atomic` and its `end`; None outside of one.
    """

    start: int = -1
    end: int = -1
    line: int = 1
    words: list[str] = field(default_factory=list)
    depth: int = 0
    cases: int | None = None

    @property
    def is_inside(self) -> bool:
        """Whether a semicolon here is inside the statement: in parentheses, or in a body."""
        return self.depth > 0 or (self.cases is not None and self.cases >= 0)

    def take(self, sort: str, text: str, end: int) -> None:
        """Read one token. text: of a word or a sign."""
        self.end = end
        if sort == "word":
            self.take_word(intern(text.lower()))
        elif sort == "sign":
            self.depth += (text == "(") - (text == ")")

    def take_word(self, word: str) -> None:
        """Read one bare word, in lower case."""
        if self.cases is not None:
            self.cases += (word == "case") - (word == "end")
        elif word == "atomic" and self.words[-1:] == ["begin"] and self.words[0] == "create":
            self.cases = 0
        self.words.append(word)

    def close_into(self, statements: list[Statement], text: str) -> None:
        """Append the statement, if it has any token."""
        if self.start >= 0:
            index, words = len(statements), tuple(self.words)
            statements.append(
                Statement(index=index, text=text[self.start : self.end], line=self.line, words=words, start=self.start)
            )


def strip_comments(text: str) -> str:
    """Return SQL with a space for each comment, those in function bodies too; what looks like one in a string stays."""
    return "".join(" " if sort == "comment" else text[start:end] for sort, start, end in scan(text, into_bodies=True))


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
