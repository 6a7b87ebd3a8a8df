"""A fact of a run: what one line of evidence states, as a digest that comes out the same when the same is found again. Pure."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Iterable
from typing import Any

from lib.evidence.log import EvidenceLine

STATED = frozenset(
    {
        "check",
        "result",
        "skipped_because",
        "see",
        "gate",
        "subject",
        "provenance",
        "observed",
        "expected",
        "unit",
        "objects",
    }
)
"""What of a line is the fact. The rest is about the looking: times, commands with their ports, words around figures."""
MEASURED = frozenset({"observed"})
"""What of it is a measurement where the check says so: it comes out near, not equal."""


def state_fact(line: EvidenceLine, *, measured: bool) -> dict[str, Any]:
    """Return what a line states as plain JSON. measured: whether its check measures."""
    return line.model_dump(mode="json", include=set(STATED - MEASURED if measured else STATED))


def digest_fact(line: EvidenceLine, *, measured: bool) -> str:
    """Return the sha256 of what a line states, as canonical JSON, in hex."""
    text = json.dumps(state_fact(line, measured=measured), sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()


def is_same_fact(then: Iterable[EvidenceLine], now: Iterable[EvidenceLine], *, measured: bool) -> bool:
    """Return whether the lines of one check state the same, each as often; a line more is a difference, too."""
    before, after = (Counter(digest_fact(line, measured=measured) for line in lines) for lines in (then, now))
    return before == after and bool(before)
