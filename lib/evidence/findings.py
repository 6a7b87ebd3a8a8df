"""What a failing result is about, as keys that stay the same from run to run: a waiver names one of them."""

from __future__ import annotations

import re
from collections.abc import Iterable

from lib.evidence.log import EvidenceLine

LONGEST_SEEN = 400
"""Characters of what was seen that stand for an object, where a check names none."""
MEASURED = re.compile(r"\d[\d,]*(?:\.\d+)?\s?(?:ms|s|min|h|days?|%|B|KB|MB|GB)\b")
"""What was measured differs from run to run; it is no part of what was seen."""
NAME = re.compile(r"(?<![\w.])[a-z_][\w$]*\.[a-z_][\w$]*")
"""An object of a database, with its schema, in the words of a result."""
NAMED_UNITS = frozenset({"tables", "objects"})
"""Units of results whose words name such objects."""


def describe_finding(line: EvidenceLine) -> str:
    """Return what a failing check found, without what is measured anew in every run."""
    counted = "" if line.unit or line.observed is None or isinstance(line.observed, float) else f" [{line.observed}]"
    text = " ".join(MEASURED.sub("...", line.detail).split())
    return (text[: LONGEST_SEEN - len(counted[:80])] + counted[:80]).strip() or "no detail"


def finding_keys(line: EvidenceLine) -> tuple[str, ...]:
    """Return the key of each thing that is wrong, all of them.

    Of a check that names none: the tables and views in its words, where they are as many as it counted; else its words.
    """
    return line.objects or named_objects(line) or (describe_finding(line),)


def named_objects(line: EvidenceLine) -> tuple[str, ...]:
    """Return the tables or views that a result speaks of by name; none unless they are as many as are wrong."""
    if line.unit not in NAMED_UNITS or not isinstance(line.observed, int) or not isinstance(line.expected, int):
        return ()
    names = tuple(sorted(set(NAME.findall(line.detail))))
    wrong = line.expected - line.observed if line.expected else line.observed
    return names if len(names) == wrong else ()


def name_keys(keys: Iterable[str], *, most: int = 6) -> str:
    """Return keys as one phrase: the first, and how many more there are."""
    every = list(keys)
    return ", ".join([*every[:most], *([f"{len(every) - most:,} more"] if len(every) > most else [])])
