"""JSON from outside as plain data, in bounded time and memory: `json.loads` alone breaks on what its sender may choose.

Source: RFC 8259: 4 (names within an object should be unique), 6 (numbers beyond a double), 8.1 (UTF-8, no byte order mark),
8.2 (lone surrogates), 9 (a reader may limit size, depth, numbers and strings).
"""

from __future__ import annotations

import json
import math
import re
from datetime import UTC, datetime
from typing import Any

LONGEST = 16_000_000
"""Bytes of one text: read into a string, it takes up to four times as much memory."""
DEEPEST = 64
"""Levels of nesting; whoever walks the data may do so by recursion."""
MOST_VALUES = 300_000
"""Values in one text; an empty object takes three bytes there and 64 here."""
LONGEST_NUMBER = 100
"""Characters of one number. Python turns digits into an integer in quadratic time."""
LONGEST_NAME = 500
"""Characters of a field that names something: an image's reference is the longest that vendors have."""
FIRST_YEAR, LAST_YEAR = 1990, 2200
"""Moments outside can't be compared in every time zone, and mean nothing."""
TOKEN = re.compile(r'"(?:[^"\\]++|\\.)*+(?:"|\\?\Z)|[\[\]{}]', re.DOTALL)
"""A whole string, or one that nothing ends, or a bracket outside of strings."""
HALF_CHARACTER = re.compile(r"\\u[dD][89a-fA-F]")
LONE_SURROGATE = re.compile("[\ud800-\udfff]")
REPLACEMENT = "\ufffd"


class PlainJsonError(ValueError):
    """The text is no JSON that can be taken; says why, without a word of the text."""


def load_json(text: str | bytes, *, longest: int = LONGEST, most_values: int = MOST_VALUES) -> Any:
    """Return the value of a JSON text: finite numbers, names once in an object, whole characters.

    Half a character, which vendors leave when they cut a text, becomes U+FFFD.
    Raises PlainJsonError for anything else, and beyond these limits and the module's own.
    """
    if len(text) > longest:
        raise PlainJsonError(f"it is longer than {longest:,} bytes")
    if isinstance(text, bytes):
        text = decode(text)
    check_shape(text, most_values)
    try:
        value = json.loads(
            text, parse_constant=refuse_constant, parse_int=whole_number, parse_float=number, object_pairs_hook=object_of
        )
    except json.JSONDecodeError as exc:
        raise PlainJsonError(f"{exc.msg[0].lower()}{exc.msg[1:]} in line {exc.lineno}, column {exc.colno}") from None
    except RecursionError:  # a caller that is deep in calls itself
        raise PlainJsonError("it is nested too deeply") from None
    return whole_characters(value) if HALF_CHARACTER.search(text) else value


def decode(text: bytes) -> str:
    """Return UTF-8 as text. Raises PlainJsonError for any other encoding."""
    try:
        said = text.decode("utf-8")
    except UnicodeDecodeError as exc:
        raise PlainJsonError(f"byte {exc.start} is not UTF-8") from None
    if said.startswith("\ufeff"):
        raise PlainJsonError("it begins with a byte order mark")
    return said


def check_shape(text: str, most_values: int) -> None:
    """Raise PlainJsonError for a text that is nested too deeply or has too many values, before anything is built of it."""
    opened = text.count("[") + text.count("{")
    # Signs within strings count here, too: it is a bound, and all that most texts need.
    if opened <= DEEPEST and text.count(",") + opened < most_values:
        return
    depth, values, place = 0, 1, 0
    for count, token in enumerate(TOKEN.finditer(text)):
        values += text.count(",", place, token.start())
        place = token.end()
        if token[0] in ("[", "{"):
            depth, values = depth + 1, values + 1
        elif token[0] in ("]", "}"):
            depth -= 1
        if depth > DEEPEST:
            raise PlainJsonError(f"it is nested more than {DEEPEST} levels deep")
        if values > most_values or count > 4 * most_values:  # a value has at most a name, and two brackets or quotes
            raise PlainJsonError(f"it has more than {most_values:,} values")


def refuse_constant(word: str) -> Any:
    raise PlainJsonError(f"{word} is no number of JSON")


def whole_number(digits: str) -> int:
    if len(digits) > LONGEST_NUMBER:
        raise PlainJsonError(f"a number has {len(digits):,} digits")
    return int(digits)


def number(digits: str) -> float:
    if len(digits) > LONGEST_NUMBER or not math.isfinite(value := float(digits)):
        raise PlainJsonError("a number is beyond what can be held")
    return value


def object_of(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Return an object. Raises PlainJsonError for a name that is there twice: two readers would see two objects."""
    found = dict(pairs)
    if len(found) < len(pairs):
        raise PlainJsonError("a name is there twice in one object")
    return found


def whole_characters(value: Any) -> Any:
    """Return a value without halves of characters, which no file takes."""
    if isinstance(value, str):
        return LONE_SURROGATE.sub(REPLACEMENT, value)
    if isinstance(value, list):
        return [whole_characters(item) for item in value]
    if isinstance(value, dict):
        return object_of([(whole_characters(name), whole_characters(item)) for name, item in value.items()])
    return value


def as_object(value: Any) -> dict[str, Any]:
    """Return what must be an object. Raises ValueError."""
    if not isinstance(value, dict):
        raise ValueError(f"{name_kind(value)} where an object is expected")
    return value


def as_list(value: Any) -> list[Any]:
    """Return what must be a list; nothing counts as an empty one, as Go's programs print it. Raises ValueError."""
    if value is None:
        return []
    if not isinstance(value, list):
        raise ValueError(f"{name_kind(value)} where a list is expected")
    return value


def as_name(value: Any, *, longest: int = LONGEST_NAME) -> str:
    """Return a text or whole number that names something, as text. Raises ValueError."""
    if isinstance(value, bool) or not isinstance(value, str | int):
        raise ValueError(f"{name_kind(value)} where a name is expected")
    if len(said := str(value)) > longest:
        raise ValueError(f"a name has {len(said):,} characters")
    return said


def as_count(value: Any) -> int:
    """Return what must be a whole number from 0 up. Raises ValueError."""
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value < 10**15:
        raise ValueError(f"{name_kind(value)} where a count is expected")
    return value


def as_moment(value: Any) -> datetime:
    """Return a time as ISO 8601 writes it, in UTC; one without a zone is UTC. Raises ValueError."""
    if not isinstance(value, str) or len(value) > 40:
        raise ValueError(f"{name_kind(value)} where a time is expected")
    moment = datetime.fromisoformat(value)
    if not FIRST_YEAR <= moment.year <= LAST_YEAR:
        raise ValueError(f"the year {moment.year} where a time of today is expected")
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


def name_kind(value: Any) -> str:
    """Return what a value is in words, without the value."""
    kinds = {dict: "an object", list: "a list", str: "a text", bool: "a yes or no", type(None): "nothing"}
    return kinds.get(type(value), "another number" if isinstance(value, int) else "a fraction")
