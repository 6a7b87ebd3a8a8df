"""The clauses of a declared scope, and the scope without each of them. Pure.

A policy that forgets a clause behaves as the scope without it. So the scope counts as proved only where a row is in one of
the two and not in the other.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

WITHOUT = " without `"
"""Between a scope's name and the clause that it lacks; no name that a person gives has it."""

MOST_CLAUSES = 8
"""Clauses of one scope that are looked for, the first ones: each costs a comparison of every row."""

TOKEN = re.compile(
    r"""'(?:[^']|'')*'|"(?:[^"]|"")*"|\$(\w*)\$.*?\$\1\$|--[^\n]*|/\*.*?\*/|\w+|[()]|.""", re.IGNORECASE | re.DOTALL | re.VERBOSE
)
BORDERS = frozenset(
    re.findall(
        r"\w+",
        "where on having group order limit offset union intersect except when then else end case from join left right inner full "
        "cross select returning window for using",
    )
)
"""Words that a condition ends before."""

CONDITIONS = frozenset(["where", "on", "having", "when"])
"""Words that a condition follows."""


@dataclass(frozen=True, kw_only=True)
class Clause:
    """One condition of a predicate: its text, and the predicate without it."""

    text: str
    without: str


@dataclass
class Part:
    """One condition while it is read. start, stop: where its text lies; word: and, or, or '' where it stands alone."""

    start: int
    stop: int = 0
    word: str = ""


def find_clauses(predicate: str) -> list[Clause]:
    """Return the conditions of a predicate that `and` or `or` joins to others, or a WHERE holds, at every depth.

    Without it means: `true` in its place beside `and`, `false` beside `or`. The predicate as a whole is none.
    """
    found = []
    for part in sorted(read_parts(predicate), key=lambda part: (part.start, -part.stop)):
        text = predicate[part.start : part.stop].strip()
        if not text or not part.word:
            continue
        neutral = "false" if part.word == "or" else "true"
        found.append(Clause(text=" ".join(text.split()), without=f"{predicate[: part.start]} {neutral} {predicate[part.stop :]}"))
    return found[:MOST_CLAUSES]


def read_parts(predicate: str) -> Iterator[Part]:
    """Yield every condition, each with the word that joins it to its neighbours."""
    tokens = [(one.group().lower(), one.start(), one.end()) for one in TOKEN.finditer(predicate) if not one.group().isspace()]
    stack: list[list[Part]] = [[Part(start=0)]]
    is_between = False
    for word, start, stop in [*tokens, ("", len(predicate), len(predicate))]:
        level = stack[-1]
        if word == "between":
            is_between = True
        elif word == "(":
            stack.append([Part(start=stop)])
        elif word == ")" and len(stack) > 1:
            stack[-1][-1].stop = start
            yield from stack.pop()
        elif word == "and" and is_between:
            is_between = False
        elif word in ("and", "or"):
            level[-1].stop = start
            level[-1].word = level[-1].word or word
            level.append(Part(start=stop, word=word))
        elif word in BORDERS:
            level[-1].stop = start
            yield from level
            stack[-1] = [Part(start=stop, word="and" if word in CONDITIONS - {"when"} else "")]
        elif not word:
            level[-1].stop = start
            yield from level


def with_weaker(scopes: Mapping[str, str], used: Iterable[str]) -> dict[str, str]:
    """Return the scopes, and after them each of those in use without each of its clauses. Equal predicates count once."""
    found = dict(scopes)
    known = {" ".join(text.split()) for text in scopes.values()}
    for name in dict.fromkeys(used):
        for clause in find_clauses(scopes[name]) if name in scopes else ():
            if " ".join(clause.without.split()) not in known:
                known.add(" ".join(clause.without.split()))
                label = f"{name}{WITHOUT}{clause.text}`"
                again = sum(one.startswith(label) for one in found)
                found[f"{label} ({again + 1})" if again else label] = clause.without
    return found


def stronger_of(name: str) -> str | None:
    """Return the declared scope that a weaker one was made from; None for a declared one."""
    return name.partition(WITHOUT)[0] if WITHOUT in name else None
