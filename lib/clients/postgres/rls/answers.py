"""What the answers of called functions say about rows that the caller may not reach. Pure."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Self

SHORTEST_TOKEN = 6
"""Characters of the shortest text that may tell one row from others."""

TELLING = re.compile(r"[\d@ ./:_-]")
"""A text with none of these, and short, may be a plain word that means nothing, such as a state."""

LONG_WORD = 16

MOMENT = re.compile(r"^\d{4}-\d{2}-\d{2}(?:[T ][\d:.+Z-]*)?$")
"""Dates and times: many rows have the same."""

INNER = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}|[^\s,;|\"'(){}\[\]<>]+@[^\s,;|\"'(){}\[\]<>]+", re.IGNORECASE)
"""Ids and addresses inside a longer text."""

PARTS = re.compile(r"\s*[,;|\n\t]\s*")

NOTHING = frozenset({"null", "false", '""', "[]", "{}", "0"})
"""Answers that all say that there is nothing."""

RAISED = frozenset({"P0001", "P0002", "P0003", "P0004", "42501", "28000", "02000"})
"""SQLSTATEs by which a function itself says no."""


@dataclass(frozen=True, kw_only=True)
class Answer:
    """What one call answered. changes: table -> [rows written, rows gone], each with what the matrix says of it."""

    phase: str
    code: str | None = None
    message: str = ""
    output: tuple[str, ...] = ()
    changes: Mapping[str, Any] = field(default_factory=dict)

    @property
    def is_done(self) -> bool:
        return self.phase == "done"

    @property
    def is_refusal(self) -> bool:
        """Whether the function itself, or a right, said no, rather than the arguments being wrong."""
        return self.code is not None and (self.code in RAISED or self.code.startswith("PT"))


@dataclass(frozen=True, kw_only=True)
class Seen:
    """What one identity could do by one function.

    calls, done: how many were made, and how many went through. is_refused: each was refused by the function itself or a right,
    and always with the same words. said: why the last one failed. shown: a row of others that an answer held, as a phrase.
    leaning: tables whose hidden rows an answer depends on. changed: changes beyond the matrix, as phrases.
    blind: tables that it names and that have no row which the identity may not read.
    """

    calls: int
    done: int
    is_refused: bool = False
    said: str = ""
    shown: tuple[str, ...] = ()
    leaning: tuple[str, ...] = ()
    changed: tuple[str, ...] = ()
    blind: tuple[str, ...] = ()

    @classmethod
    def of(cls, answers: Sequence[Answer], *, shown: Sequence[str], leaning: Sequence[str], changed: Sequence[str]) -> Self:
        """Return what several calls of one function showed."""
        failed = [one for one in answers if not one.is_done]
        return cls(
            calls=len(answers),
            done=len(answers) - len(failed),
            is_refused=bool(failed)
            and len(failed) == len(answers)
            and all(one.is_refusal for one in failed)
            and len({one.message for one in failed}) == 1,
            said=failed[-1].message if failed else "",
            shown=tuple(dict.fromkeys(shown)),
            leaning=tuple(dict.fromkeys(leaning)),
            changed=tuple(dict.fromkeys(changed)),
        )

    @property
    def beyond(self) -> list[str]:
        """What it does beyond the matrix, as phrases."""
        shows = [f"shows {self.shown[0]}"] if self.shown else []
        leans = [f"its answer depends on rows of {', '.join(self.leaning)} out of reach"] if self.leaning and not shows else []
        return [*shows, *leans, *self.changed]


def tokens_of(texts: Iterable[str], *, within: bool = False) -> set[str]:
    """Return the texts in JSON documents that may tell one row from others. within: the texts are SQL expressions, not JSON."""
    found: set[str] = set()
    for text in texts:
        if within:
            given = (text.rpartition("::")[0] or text).strip("'{}\"")
            found |= {one.strip("'{}\"()") for one in split_text(given)}
        else:
            found |= {token for leaf in leaves(text) for token in split_text(leaf)}
    return {one for one in found if is_telling(one)}


def leaves(text: str) -> Iterator[str]:
    """Yield every text in a JSON document, and in documents within its texts; a text that is none is itself."""
    try:
        value = json.loads(text)
    except ValueError:
        yield text
        return
    yield from walk(value)


def walk(value: Any) -> Iterator[str]:
    """Yield every text in plain data, its keys too."""
    if isinstance(value, dict):
        for key, one in value.items():
            yield key
            yield from walk(one)
    elif isinstance(value, list):
        for one in value:
            yield from walk(one)
    elif isinstance(value, str):
        yield from leaves(value) if value[:1] in "[{" and value else [value]


def split_text(text: str) -> Iterator[str]:
    """Yield a text, its parts as of a list, and the ids and addresses in it."""
    yield text
    yield from PARTS.split(text)
    yield from INNER.findall(text)


def is_telling(token: str) -> bool:
    """Whether a text may tell one row from others."""
    if len(token) < SHORTEST_TOKEN or MOMENT.match(token):
        return False
    return len(token) >= LONG_WORD or TELLING.search(token) is not None


def hidden_tokens(rows: Iterable[Mapping[str, Any]]) -> dict[str, str]:
    """Return the texts that only rows out of reach hold, each with such a row as a phrase.

    rows: table, token, is_seen (in a row within reach), is_hidden, example.
    """
    rows = list(rows)
    seen = {row["token"] for row in rows if row["is_seen"]}
    return {
        row["token"]: f"rows of {row['table']} out of reach, for example {row['example']}"
        for row in reversed(rows)
        if row["is_hidden"] and row["token"] not in seen
    }


def is_dependent(answer: Answer, without: Answer) -> bool:
    """Whether a call answers otherwise where the rows that its caller may not read are gone."""
    if not without.is_done:
        return without.is_refusal and not answer.changes
    return normal(answer.output) != normal(without.output)


def normal(output: Sequence[str]) -> list[str]:
    """Return an answer in one order; what says that there is nothing counts for nothing."""
    return sorted(one for one in output if one.strip() not in NOTHING)


def wrong_changes(changes: Mapping[str, Any]) -> dict[tuple[str, str], str]:
    """Return what was changed beyond the matrix: (table, verb) -> a phrase with a row as an example."""
    wrong: dict[tuple[str, str], str] = {}
    for table, (written, gone) in changes.items():
        new = {row["key"]: row for row in written}
        old = {row["key"]: row for row in gone}
        for key, row in old.items():
            if key in new and not (row["update"] and new[key]["kept"]):
                wrong.setdefault((table, "update"), f"updates rows of {table} out of reach, for example {row['name']}")
            elif key not in new and not row["delete"]:
                wrong.setdefault((table, "delete"), f"deletes rows of {table} out of reach, for example {row['name']}")
        for key, row in new.items():
            if key not in old and not row["insert"]:
                wrong.setdefault((table, "insert"), f"inserts rows into {table} that its caller may not")
    return wrong
