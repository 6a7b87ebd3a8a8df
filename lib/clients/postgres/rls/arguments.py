"""The arguments that functions are called with when nobody said any: taken from rows, by name and by type. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from lib.clients.postgres.rls.attempt import quote_text
from lib.clients.postgres.rls.functions import ExposedFunction, Param

MOST_CALLS = 12
"""Calls of one function as one identity, beside those that the project says."""

Arguments = tuple[str, ...]
"""SQL expressions, one an argument; the last ones of a function may be left out."""

UUID = re.compile(r"^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$", re.IGNORECASE)
PREFIX = re.compile(r"^(?:_+|(?:p|in|arg|v|a|the|for|target|new|given|check|my)_)+", re.IGNORECASE)
"""What comes before the name of a column in that of an argument."""
PERSON = re.compile(r"user|owner|author|profile|member|uid|account|person|caller|requester|invit", re.IGNORECASE)
SEARCHED = re.compile(r"search|quer|pattern|term|filter|prefix|^q$", re.IGNORECASE)
SKIPPED = re.compile(r"offset|skip|start|page$", re.IGNORECASE)
LIMITED = re.compile(r"limit|count|max|size|top", re.IGNORECASE)

NUMBERS = ("int2", "int4", "int8", "numeric", "float4", "float8")

PLAIN_VALUES: Mapping[str, str] = {
    "json": "{}", "jsonb": "{}", "date": "now", "timestamp": "now", "timestamptz": "now", "time": "now", "timetz": "now",
    "interval": "1 day", "bytea": "", "inet": "127.0.0.1", "cidr": "127.0.0.0/8", "xml": "<a/>",
}  # fmt: skip
"""Base type -> the text of a value that says nothing."""


@dataclass(frozen=True, kw_only=True)
class SampleRow:
    """One row of a table, from which arguments are taken.

    table, name: as SQL spells it, and bare. key: its primary key's columns. values: as JSON. whole: the row as text.
    """

    table: str
    name: str
    key: tuple[str, ...]
    values: Mapping[str, Any]
    whole: str


def make_arguments(
    function: ExposedFunction, rows: Sequence[SampleRow], *, me: str | None, others: Sequence[str]
) -> list[Arguments]:
    """Return the arguments of several calls, without repeats; () once for a function that needs none.

    rows: those that the caller should not see first. me, others: the ids of the caller and of other users.
    """
    needed = len(function.params) - function.defaults
    calls: dict[Arguments, None] = {}
    if needed == 0:
        calls[()] = None
    if function.params:
        for turn, row in enumerate(choose_rows(function, rows)):
            users = [*others, me] if me else [*others]
            user = users[turn % len(users)] if users else None
            given = tuple(spell_argument(one, row, user=user, turn=turn) for one in function.params)
            calls |= dict.fromkeys([given[:needed], given] if needed else [given])
    return list(calls)[:MOST_CALLS]


def choose_rows(function: ExposedFunction, rows: Sequence[SampleRow]) -> list[SampleRow | None]:
    """Return the rows to take arguments from: of tables that the function speaks of, one of each table before the next."""
    spoken = [row for row in rows if is_about(function, row)]
    turns: dict[str, int] = {}
    ranked: list[tuple[int, SampleRow]] = []
    for row in spoken or rows:
        turns[row.table] = turns.get(row.table, -1) + 1
        ranked.append((turns[row.table], row))
    chosen: list[SampleRow | None] = [row for _, row in sorted(ranked, key=lambda one: one[0])]
    return chosen or [None]


def is_about(function: ExposedFunction, row: SampleRow) -> bool:
    """Whether a function takes rows of a table, names it in its body, or has an argument called after it."""
    words = names_of(row)
    return function.mentions(row.name) or any(
        one.table == row.table or any(PREFIX.sub("", one.name.lower()).startswith(f"{word}_") for word in words)
        for one in function.params
    )


def names_of(row: SampleRow) -> tuple[str, ...]:
    """Return what a row of the table is called in names of arguments: itself, and its singular."""
    name = row.name.lower()
    singular = f"{name[:-3]}y" if name.endswith("ies") else name.removesuffix("s")
    return (name, singular)


def spell_argument(param: Param, row: SampleRow | None, *, user: str | None, turn: int) -> str:
    """Return one argument as an SQL expression of its type."""
    if row is not None and param.table is not None:
        return f"{quote_text(row.whole)}::{param.type}" if param.table == row.table else f"null::{param.type}"
    value = choose_value(param, row, user=user, turn=turn)
    if value is None:
        return f"null::{param.type}"
    if param.category == "A":
        value = '{"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"}'
    return f"{'variadic ' if param.is_variadic else ''}{quote_text(value)}::{param.type}"


def choose_value(param: Param, row: SampleRow | None, *, user: str | None, turn: int) -> str | None:
    """Return the text of a value for an argument, None where nothing suits its type."""
    name = PREFIX.sub("", param.name.lower())
    from_row = value_of(row, param, name)
    if from_row is not None:
        return from_row
    if param.base == "uuid":
        return user
    if param.labels:
        return param.labels[turn % len(param.labels)]
    if param.base in NUMBERS:
        return choose_number(param, row, name, turn)
    if param.category == "B" or param.base == "bool":
        return "true" if turn % 2 == 0 else "false"
    if param.category == "S" or param.base in ("text", "varchar", "citext", "name", "bpchar"):
        return "%" if SEARCHED.search(name) and turn % 2 == 0 else "" if SEARCHED.search(name) else "launch readiness"
    return PLAIN_VALUES.get(param.base)


def choose_number(param: Param, row: SampleRow | None, name: str, turn: int) -> str:
    """Return a number for an argument: how many, else a row's key, else a small one."""
    if SKIPPED.search(name) or LIMITED.search(name):
        return "0" if SKIPPED.search(name) else "100"
    keys = [row.values[column] for column in row.key if fits(param, row.values[column])] if row is not None else []
    return str(keys[0] if keys else (1, 2, 100)[turn % 3])


def value_of(row: SampleRow | None, param: Param, name: str) -> str | None:
    """Return a row's own value for an argument: of the column of that name, of its key, else None."""
    if row is None or LIMITED.fullmatch(name):
        return None
    own = [row.values[column] for column in row.values if column.lower() == name]
    own += [row.values[column] for column in row.values if column != "id" and name.endswith(f"_{column.lower()}")]
    keys = [row.values[column] for column in row.key]
    is_key = name in ("id", "uid", "uuid", "key", "", *names_of(row)) or any(
        name in (f"{one}_id", f"{one}id") for one in names_of(row)
    )
    guesses = [*own, *(keys if is_key else [])]
    if (param.base == "uuid" and not PERSON.search(name)) or (name.endswith("id") and not PERSON.search(name)):
        guesses += keys
    fitting = [str(one) for one in guesses if fits(param, one)]
    return fitting[0] if fitting else None


def fits(param: Param, value: object) -> bool:
    """Whether a value of a row may be given for an argument of this type."""
    if value is None or isinstance(value, dict | list):
        return False
    if param.base == "uuid":
        return UUID.match(str(value)) is not None
    if param.base in ("int2", "int4", "int8"):
        return isinstance(value, int) and not isinstance(value, bool)
    if param.base in ("numeric", "float4", "float8"):
        return isinstance(value, int | float) and not isinstance(value, bool)
    if param.base == "bool":
        return isinstance(value, bool)
    if param.labels:
        return value in param.labels
    return param.base in ("text", "varchar", "citext", "name", "bpchar", "date", "timestamp", "timestamptz")
