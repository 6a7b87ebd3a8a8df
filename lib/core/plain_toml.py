"""TOML as plain data, in bounded time and memory, every fault with its place.

Only the standard library is used: the stand-in for flyctl reads its config with this as well.
Source: https://toml.io/en/v1.0.0.
"""

from __future__ import annotations

import math
import tomllib
from typing import Any

LONGEST = 1_000_000
"""Characters of one file; the longest that a tool writes by itself has 15,000."""
DEEPEST = 40
"""Levels of nesting; what people write has fewer than ten."""
LARGEST_NUMBER = 10**15
"""Beyond it no setting means anything."""


class PlainTomlError(ValueError):
    """The text is no TOML that can be taken; says what is wrong and where."""


def load_toml(text: str) -> dict[str, Any]:
    """Return the document as plain data; dates and times stay what tomllib makes of them.

    Raises PlainTomlError for what is no TOML, too long, nested too deeply, or holds a number that no setting can be.
    """
    if len(text) > LONGEST:
        raise PlainTomlError(f"it has {len(text):,} characters; {LONGEST:,} are read at most")
    try:
        document = tomllib.loads(text)
    except RecursionError as exc:
        raise PlainTomlError("it is nested too deeply") from exc
    except (ValueError, TypeError, AttributeError, OverflowError) as exc:
        raise PlainTomlError(" ".join(str(exc).split())[:300].rstrip(".") or "it can't be read") from exc
    check_values(document)
    return document


def check_values(document: dict[str, Any]) -> None:
    """Raise PlainTomlError for nesting or numbers that nobody means; names the key."""
    pending: list[tuple[str, Any, int]] = [("", document, 0)]
    while pending:
        place, value, depth = pending.pop()
        if depth > DEEPEST:
            raise PlainTomlError(f"{place[:80]} is nested more than {DEEPEST} levels deep")
        if isinstance(value, dict):
            pending += [(f"{place}.{name}".lstrip(".") if depth < 4 else place, one, depth + 1) for name, one in value.items()]
        elif isinstance(value, list):
            pending += [(place, one, depth + 1) for one in value]
        elif isinstance(value, int | float) and not (math.isfinite(value) and abs(value) <= LARGEST_NUMBER):
            raise PlainTomlError(f"{place[:80]} is a number that no setting can be")
