"""Values as a direction document writes them: dates, versions, budgets, paths with braces. Pure: text in, values out."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import date

MONTHS = (
    "january", "february", "march", "april", "may", "june", "july", "august", "september", "october", "november", "december",
)  # fmt: skip
MONTH = rf"({'|'.join(f'{one[:3]}(?:{one[3:]})?' for one in MONTHS)})\.?"
ISO = re.compile(r"(?<!\d)(\d{4})[-/.](\d{1,2})[-/.](\d{1,2})(?!\d)")
DAY_FIRST = re.compile(rf"(?<!\d)(\d{{1,2}})(?:st|nd|rd|th)?\s+{MONTH},?\s+(\d{{4}})(?!\d)", re.IGNORECASE)
MONTH_FIRST = re.compile(rf"\b{MONTH}\s+(\d{{1,2}})(?:st|nd|rd|th)?,?\s+(\d{{4}})(?!\d)", re.IGNORECASE)
GERMAN = re.compile(r"(?<![\d.])(\d{1,2})\.(\d{1,2})\.(\d{4})(?!\d)")
VERSION = re.compile(r"(?<![\w.])(?:version\s+|v)?(\d+(?:\.\d+){1,3})(?![\w.]*\d)|\b(?:version\s+|v)(\d+)\b", re.IGNORECASE)
WHOLE_VERSION = re.compile(r"v?(?:ersion\s+)?(\d+(?:\.\d+){0,3})", re.IGNORECASE)
AMOUNT = re.compile(r"(\d[\d,_.\u202f\u00a0 ]*?)\s*[-‑]?\s*(minutes?|mins?|min|hours?|h|tokens?|files?)\b", re.IGNORECASE)
THOUSANDS = re.compile(r"[,_\u202f\u00a0 ]|\.(?=\d{3}(?:\D|$))")
BRACES = re.compile(r"\{([^{}]*,[^{}]*)\}")
MOST_PATHS = 64
"""That one path with braces may stand for."""


def find_dates(text: str) -> list[tuple[str, date | None]]:
    """Return what looks like a date in a text, in order, each with the day that it is; None for a day there is none of."""
    found: dict[int, tuple[str, date | None]] = {}
    for match in ISO.finditer(text):
        found[match.start()] = (match[0], day_of(match[1], match[2], match[3]))
    for match in DAY_FIRST.finditer(text):
        found[match.start()] = (match[0], day_of(match[3], month_of(match[2]), match[1]))
    for match in MONTH_FIRST.finditer(text):
        found[match.start()] = (match[0], day_of(match[3], month_of(match[1]), match[2]))
    for match in GERMAN.finditer(text):
        found[match.start()] = (match[0], day_of(match[3], match[2], match[1]))
    return [found[place] for place in sorted(found)]


def month_of(name: str) -> str:
    """Return the number of a month by the first letters of its English name."""
    return str(next(place for place, one in enumerate(MONTHS, start=1) if one.startswith(name[:3].lower())))


def day_of(year: str, month: str, day: str) -> date | None:
    """Return a day, None where the calendar has none."""
    try:
        return date(int(year), int(month), int(day))
    except ValueError:
        return None


def without_dates(text: str) -> str:
    """Return a text without what looks like a date, so that no part of one is taken for a version."""
    for said, _ in find_dates(text):
        text = text.replace(said, " ")
    return text


def find_version(text: str) -> tuple[int, ...] | None:
    """Return the first version that a sentence names, such as (1, 1) for `Version 1.1`; None for none."""
    found = VERSION.search(without_dates(text))
    return None if found is None else split_version(found[1] or found[2])


def read_version(text: str) -> tuple[int, ...] | None:
    """Return the version that a text is, and nothing but that; None when it is none."""
    found = WHOLE_VERSION.fullmatch(text.strip())
    return None if found is None else split_version(found[1])


def split_version(text: str) -> tuple[int, ...]:
    """Return a version's parts, zeros at its end left off: 1.0 is the same as 1."""
    parts = [int(one[:18]) for one in text.split(".")]
    while len(parts) > 1 and parts[-1] == 0:
        parts.pop()
    return tuple(parts)


def find_amounts(text: str) -> dict[str, int]:
    """Return what a budget allows, by what it is counted in: minutes, tokens, files. Hours are minutes.

    What is said twice counts as the smaller.
    """
    amounts: dict[str, int] = {}
    for match in AMOUNT.finditer(text):
        digits = THOUSANDS.sub("", match[1]).rstrip(".")
        if not re.fullmatch(r"\d{1,12}(?:\.\d+)?", digits):
            continue
        unit = match[2].lower()
        kind = "tokens" if unit.startswith("token") else "files" if unit.startswith("file") else "minutes"
        number = round(float(digits) * (60 if unit.startswith("h") else 1))
        amounts[kind] = min(number, amounts.get(kind, number))
    return amounts


def expand_braces(path: str) -> Iterator[str]:
    """Yield every path that one with braces stands for, `a.{mjs,sh}` as two; at most one more than MOST_PATHS."""
    waiting, given = [path], 0
    while waiting and given <= MOST_PATHS:
        one = waiting.pop()
        found = BRACES.search(one)
        if found is None:
            given += 1
            yield one
        else:
            parts = found[1].split(",")[: MOST_PATHS + 1]
            waiting += [f"{one[: found.start()]}{part}{one[found.end() :]}" for part in reversed(parts)]
