"""JSON as plain data, in bounded time and memory: what the standard library reads without a word, or breaks on, is refused.

Source: RFC 8259, and https://docs.python.org/3/library/json.html (NaN, long integers and deep nesting).
"""

from __future__ import annotations

import json
import math
from typing import Any

LONGEST = 8_000_000
"""Characters of one document."""
DEEPEST = 64
"""Levels of nesting."""
LONGEST_NUMBER = 32
"""Characters of one number."""


class PlainJsonError(ValueError):
    """The text is no JSON that can be taken. Says what is wrong and where, and quotes no value: one may be a credential."""


def load_json(text: str, *, longest: int = LONGEST) -> Any:
    """Return the document as plain data; of a key that is there twice the last counts, as everywhere.

    Raises PlainJsonError for what is no JSON, longer than `longest` characters, nested too deeply, or no number.
    """
    if len(text) > longest:
        raise PlainJsonError(f"it has {len(text):,} characters; {longest:,} are read at most")
    try:
        value = json.loads(text, parse_int=read_int, parse_float=read_float, parse_constant=refuse_constant)
    except json.JSONDecodeError as exc:
        raise PlainJsonError(f"line {exc.lineno}, column {exc.colno}: {exc.msg[:1].lower()}{exc.msg[1:]}") from None
    except RecursionError:
        raise PlainJsonError("it is nested too deeply") from None
    check_depth(value)
    return value


def read_int(text: str) -> int:
    """Return a whole number. Raises PlainJsonError for one that is too long to be meant."""
    if len(text) > LONGEST_NUMBER:
        raise PlainJsonError(f"a number has {len(text):,} characters; {LONGEST_NUMBER} are read at most")
    return int(text)


def read_float(text: str) -> float:
    """Return a number with a fraction or exponent. Raises PlainJsonError for one beyond what can be held."""
    number = float(text)
    if len(text) > LONGEST_NUMBER or not math.isfinite(number):
        raise PlainJsonError("a number is beyond what can be held")
    return number


def refuse_constant(text: str) -> Any:
    """Raise PlainJsonError: NaN and Infinity are no JSON."""
    raise PlainJsonError(f"{text} is no JSON")


def check_depth(value: Any) -> None:
    """Raise PlainJsonError when a document is nested more deeply than anybody writes."""
    pending = [(value, 0)]
    while pending:
        one, depth = pending.pop()
        if depth > DEEPEST:
            raise PlainJsonError(f"it is nested more than {DEEPEST} levels deep")
        if isinstance(one, dict):
            pending += [(inner, depth + 1) for inner in one.values()]
        elif isinstance(one, list):
            pending += [(inner, depth + 1) for inner in one]
