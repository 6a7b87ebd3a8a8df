"""What flyctl makes of values, as its language does: durations, sizes, command lines, and its sentences for each.

Only the standard library is used: the stand-in starts with this.
Source: Go's time.ParseDuration and Duration.String; docker/go-units; google/shlex; superfly/flyctl, helpers/units.go.
"""

from __future__ import annotations

import math
import re
from typing import Any

UNITS_NS = {"ns": 1, "us": 10**3, "µs": 10**3, "μs": 10**3, "ms": 10**6, "s": 10**9, "m": 60 * 10**9, "h": 3600 * 10**9}
LARGEST_NS = 2**63 - 1
DECIMAL, BINARY = 1000, 1024
SIZE = re.compile(r"(\d+(?:\.\d+)?) ?([kKmMgGtTpP])?([iI])?[bB]?")
POWERS = {"": 0, "k": 1, "m": 2, "g": 3, "t": 4, "p": 5}
STEP = re.compile(r"(\d*)(\.\d*)?([^\d.]*)")


class GoError(ValueError):
    """What Go's own libraries say of a value."""


def parse_duration(text: str) -> int:
    """Return a text such as `1m30s` in nanoseconds. Raises GoError in Go's words."""
    shown = f'"{text[:60]}"'
    rest = text[1:] if text[:1] in ("+", "-") else text
    if rest == "0":
        return 0
    if not rest:
        raise GoError(f"time: invalid duration {shown}")
    total = 0.0
    while rest:
        found = STEP.match(rest)
        assert found is not None
        whole, part, unit = found[1], found[2] or "", found[3]
        if not (whole or part.strip(".")):
            raise GoError(f"time: invalid duration {shown}")
        if not unit:
            raise GoError(f"time: missing unit in duration {shown}")
        if unit not in UNITS_NS:
            raise GoError(f'time: unknown unit "{unit}" in duration {shown}')
        if len(whole) > 20 or len(part) > 40:
            raise GoError(f"time: invalid duration {shown}")
        total += (int(whole or "0") + float(f"0{part}" if part.strip(".") else "0")) * UNITS_NS[unit]
        rest = rest[found.end() :]
    if total > LARGEST_NS:
        raise GoError(f"time: invalid duration {shown}")
    return int(-total if text[0] == "-" else total)


def format_duration(ns: int) -> str:
    """Return nanoseconds as Go prints them: `1m21s`, `500ms`, `0s`."""
    if ns == 0:
        return "0s"
    sign, ns = ("-", -ns) if ns < 0 else ("", ns)
    for unit in ("ns", "µs", "ms"):
        if ns < UNITS_NS[unit] * 1000 and ns < 10**9:
            return f"{sign}{plain(ns, UNITS_NS[unit])}{unit}"
    hours, rest = divmod(ns, UNITS_NS["h"])
    minutes, rest = divmod(rest, UNITS_NS["m"])
    seconds = f"{plain(rest, 10**9)}s"
    return f"{sign}{hours}h{minutes}m{seconds}" if hours else f"{sign}{minutes}m{seconds}" if minutes else f"{sign}{seconds}"


def plain(value: int, unit: int) -> str:
    """Return value / unit exactly, without zeros at its end."""
    whole, rest = divmod(value, unit)
    digits = str(rest).rjust(len(str(unit)) - 1, "0").rstrip("0") if rest else ""
    return f"{whole}.{digits}" if digits else str(whole)


def parse_size(text: str, *, base: int, quotient: int) -> int:
    """Return a size such as `8gb` or `512` in the unit of the quotient. Raises GoError in flyctl's words.

    base: 1000 for disks, 1024 for memory. A bare number is in the unit already.
    """
    if re.fullmatch(r"[+-]?\d{1,18}", text, re.ASCII):
        return int(text)
    found = SIZE.fullmatch(text) if len(text) < 40 else None
    if found is None or (found[3] and not found[2]):
        raise GoError(f"invalid size: invalid size: '{text[:40]}'")
    return int(float(found[1]) * base ** POWERS[(found[2] or "").lower()]) // quotient


def split_words(text: str) -> list[str]:
    """Return the words of a command line. Raises GoError for one whose quotes are open."""
    words: list[str] = []
    word, quote, begun, place = "", "", False, 0
    while place < len(text):
        char = text[place]
        place += 1
        if quote:
            if char == quote:
                quote = ""
            elif char == "\\" and quote == '"':
                if place == len(text):
                    raise GoError("EOF found after escape character")
                word, place = word + text[place], place + 1
            else:
                word += char
        elif char in "\"'":
            quote, begun = char, True
        elif char == "\\":
            if place == len(text):
                raise GoError("EOF found after escape character")
            word, begun, place = word + text[place], True, place + 1
        elif char in " \t\r\n":
            if begun:
                words.append(word)
            word, begun = "", False
        elif char == "#" and not begun:
            place = (text.find("\n", place) + 1) or len(text)
        else:
            word, begun = word + char, True
    if quote:
        raise GoError("EOF found when expecting closing quote")
    return [*words, word] if begun else words


def type_of(value: Any) -> str:
    """Return the name of a TOML value's type as flyctl's own messages have it."""
    if isinstance(value, bool):
        return "bool"
    for kind, name in ((str, "string"), (int, "int64"), (float, "float64"), (dict, "map[string]interface {}")):
        if isinstance(value, kind):
            return name
    return "[]interface {}" if isinstance(value, list) else "toml.LocalDate" if value is not None else "<nil>"


def show(value: Any) -> str:
    """Return a value as Go's %v prints it: what a number or a truth value in [env] comes to."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return show_float(value)
    if isinstance(value, dict):
        return f"map[{' '.join(f'{name}:{show(value[name])}' for name in sorted(value))}]"
    if isinstance(value, list):
        return f"[{' '.join(show(one) for one in value)}]"
    return str(value)


def show_float(value: float) -> str:
    """Return a float in Go's shortest form: 2 for 2.0, 1e+21 for large ones, NaN, +Inf and -Inf for what is no number."""
    if not math.isfinite(value):
        return "NaN" if math.isnan(value) else "+Inf" if value > 0 else "-Inf"
    if value == int(value) and abs(value) < 1e21:
        return str(int(value))
    return re.sub(r"e([+-])(\d)$", r"e\g<1>0\2", repr(value))
