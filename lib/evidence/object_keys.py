"""The keys of what is wrong, as evidence keeps them: each thing has one of its own, the same from run to run."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable

from lib.core.redact import redact

LONGEST_KEY = 200
"""Characters of one key of what is wrong."""
MOST_KEYS = 200
"""Keys kept of one result."""


def stable_keys(objects: Iterable[str]) -> tuple[str, ...]:
    """Return the keys of what is wrong as they are kept: sorted, on one line each, credentials redacted.

    What has the same key as another one is numbered, so that one more of a kind has a key of its own. Of very many, the
    first are kept, and one key that stands for all the others: another set of others has another key.
    """
    many = Counter(" ".join(redact(one).split()) for one in objects)
    keys = [f"{one} ({number})" if number > 1 else one for one in sorted(many) if one for number in range(1, many[one] + 1)]
    short = [one if len(one) <= LONGEST_KEY else f"{one[: LONGEST_KEY - 20]} {digest_of([one])}" for one in keys]
    if len(short) <= MOST_KEYS:
        return tuple(short)
    rest = short[MOST_KEYS - 1 :]
    return (*short[: MOST_KEYS - 1], f"{len(rest)} more, {digest_of(rest)}")


def digest_of(texts: Iterable[str]) -> str:
    """Return a short name for texts that nobody reads whole."""
    return hashlib.sha256("\0".join(texts).encode()).hexdigest()[:16]
