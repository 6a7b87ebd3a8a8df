"""How long a statement of a migration waits for a lock before it gives up: its session's lock_timeout at that moment. Pure.

A statement that waits for an ACCESS EXCLUSIVE lock behind one long reader keeps everybody else waiting behind itself.
Without a lock_timeout that lasts as long as the reader does, whatever the statement takes by itself.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from lib.clients.postgres.statements import Statement, strip_comments

LONGEST_S = 10.0
"""Seconds of the longest lock_timeout that still ends a queue; those of deploys are one to five."""

UNITS_S = {"us": 1e-6, "ms": 1e-3, "s": 1.0, "min": 60.0, "h": 3600.0, "d": 86400.0, "": 1e-3}
"""Units of a time as Postgres spells them; a plain number is milliseconds."""

SET = re.compile(r"\s*set\s+(?:(?:local|session)\s+)?lock_timeout\s*(?:=|\bto\b)\s*(?P<value>.+)", re.I | re.S)
CONFIGURED = re.compile(r"\bset_config\s*\(\s*'lock_timeout'\s*,\s*(?P<value>'[^']*')", re.I)
RESET = re.compile(r"\s*reset\s+(?:lock_timeout|all)\b", re.I)
TIME = re.compile(r"(?P<number>\d+(?:\.\d+)?)\s*(?P<unit>[a-z]*)", re.I)


def read_seconds(value: str) -> float:
    """Return a setting's value in seconds; 0 is without end, and so is what says no time."""
    found = TIME.fullmatch(value.strip().strip("'\"").strip())
    return float(found["number"]) * UNITS_S.get(found["unit"].lower(), 0.0) if found else 0.0


def read_patience(statements: Sequence[Statement], index: int, starts_with: str = "0") -> float:
    """Return the lock_timeout under which one statement of a file runs, in seconds; 0 when it waits without end.

    index: of the statement. starts_with: the session's setting before the first one.
    """
    patience = read_seconds(starts_with)
    for statement in statements[:index]:
        if "lock_timeout" not in statement.text and statement.words[:2] != ("reset", "all"):
            continue
        text = strip_comments(statement.text)
        if found := SET.match(text) or CONFIGURED.search(text):
            patience = read_seconds(found["value"])
        elif RESET.match(text):
            patience = read_seconds(starts_with)
    return patience


def is_endless(patience_s: float) -> bool:
    """Return whether who waits so long keeps others waiting for too long."""
    return not 0 < patience_s <= LONGEST_S
