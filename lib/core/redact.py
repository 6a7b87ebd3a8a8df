"""The one place where credentials are removed from text.

Every text that enters evidence, an artifact, a page or the terminal goes through `redact`.
Known values are redacted in every encoding they travel in; well-known shapes are always redacted.
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any
from urllib.parse import quote, quote_plus, unquote, urlsplit

REDACTED = "[redacted]"
SHORTEST_SECRET = 6
"""Characters. A shorter value would redact ordinary words; params refuse such credentials."""

SHAPES: tuple[tuple[re.Pattern[str], str], ...] = (
    (re.compile(r"(\b[a-z][a-z0-9+.-]*://[^\s:/@'\"<>]*):(?!\[redacted\]@)([^\s@'\"<>]+)@", re.I), rf"\1:{REDACTED}@"),
    (re.compile(r"\beyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}"), REDACTED),
    (re.compile(r"\b(Bearer(?:-API)?|FlyV1|Basic)\s+[A-Za-z0-9._~+/=,-]{8,}", re.I), rf"\1 {REDACTED}"),
    (re.compile(r"\b(?:sbp|sb_secret|ghp|gho|ghs|ghu|github_pat|fo1|fm1a|fm2)_[A-Za-z0-9_=-]{16,}"), REDACTED),
    (re.compile(r"(\bPG(?:PASSWORD|PASSFILE)\s*=\s*)(\"[^\"]*\"|'[^']*'|\S+)"), rf"\1{REDACTED}"),
    (re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY-----.*?-----END [A-Z ]*PRIVATE KEY-----", re.S), REDACTED),
)
"""Shapes of credentials that are redacted even when their value is not known."""

UNMISTAKABLE = tuple(
    re.compile(shape.pattern.encode(), shape.flags & (re.I | re.S)) for shape, _ in (SHAPES[0], SHAPES[1], SHAPES[3], SHAPES[5])
)
"""Shapes that no ordinary prose has: a URL with a password, a JSON web token, a vendor's prefix, a private key."""

_known: set[str] = set()


def register_secrets(values: Iterable[str]) -> None:
    """Strike these values out of every text from now on, in this process."""
    for value in values:
        if len(value) >= SHORTEST_SECRET:
            _known.update(spellings(value))


def known_spellings() -> frozenset[str]:
    """Return every spelling that is redacted in this process."""
    return frozenset(_known)


def spellings(value: str) -> set[str]:
    """Return the value in each encoding it may travel in: plain, URL, JSON, base64 (any offset), hex."""
    raw = value.encode()
    forms = {value, quote(value, safe=""), quote_plus(value), json.dumps(value)[1:-1], raw.hex(), raw.hex().upper()}
    forms.add(json.dumps(value, ensure_ascii=False)[1:-1])
    forms.add(value.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;").replace('"', "&quot;"))
    for offset in range(3):
        encoded = base64.b64encode(b"\0" * offset + raw).decode().rstrip("=")
        # The first and last symbols also carry bits of the neighbours, so they are left out.
        core = encoded[(0, 2, 3)[offset] : len(encoded) - (1 if (len(raw) + offset) % 3 else 0)]
        forms.update({core, core.replace("+", "-").replace("/", "_")})
    return {form for form in forms if len(form) >= SHORTEST_SECRET}


def password_of(url: str) -> str | None:
    """Return the password a URL carries, decoded, or None."""
    password = urlsplit(url).password
    return unquote(password) if password else None


def redact(text: str) -> str:
    """Return the text with every known secret and every credential shape redacted."""
    for value in sorted(_known, key=len, reverse=True):
        if value in text:
            text = text.replace(value, REDACTED)
    for shape, replacement in SHAPES:
        text = shape.sub(replacement, text)
    return text


def redact_all(value: Any) -> Any:
    """Return a JSON value with `redact` applied to every string in it, keys too."""
    if isinstance(value, str):
        return redact(value)
    if isinstance(value, Mapping):
        return {redact(str(key)): redact_all(item) for key, item in value.items()}
    if isinstance(value, Sequence) and not isinstance(value, bytes | bytearray):
        return [redact_all(item) for item in value]
    return value


def find_secrets(content: bytes, known: frozenset[str] | None = None) -> int:
    """Return how many spellings and unmistakable shapes occur in the content; 0 is what every kept file must give.

    known: the spellings to look for; all that are redacted in this process when None.
    """
    values = known_spellings() if known is None else known
    return sum(value.encode() in content for value in values) + sum(bool(shape.search(content)) for shape in UNMISTAKABLE)
