"""`make faults SECONDS=120`: how long each task spends on faults made on purpose, where they are asked for."""

from __future__ import annotations

from lib.core.errors import ParamsError

THOROUGH_S = 120.0
LONGEST_S = 86_400


def read_seconds(text: str) -> float:
    """Return how long each task spends, s; two minutes where nothing is said. Raises ParamsError for what is no such number."""
    if not text.strip():
        return THOROUGH_S
    try:
        seconds = float(text)
    except ValueError:
        seconds = -1.0
    if not 0 < seconds <= LONGEST_S:
        raise ParamsError(f"SECONDS={text.strip()} is no number of seconds. Fix: Write a number up to {LONGEST_S:,}, such as 60.")
    return seconds
