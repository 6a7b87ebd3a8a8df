"""Credentials that no form gives away alone: random words near a name that tells, and what is hidden in Base64.

Tables, markup, YAML's name and value, a notebook's output: there the name stands beside the value, or a line above it.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Iterator, Sequence

from lib.clients.git_added import AddedLine
from lib.core.secret_shapes import find_shapes, is_telling

WORD = re.compile(r"(?<![\w./+=@#-])(?P<word>[A-Za-z0-9_-]{20,80})(?![\w./+=@-])")
"""A word that stands alone: no part of a path, an address, a checksum or an e-mail."""
NAME = re.compile(
    r"[A-Za-z0-9_.-]{0,40}(?:token|secret|api[_-]?key|apikey|passw(?:or)?d|access[_-]?key|private[_-]?key|credential)[A-Za-z0-9_-]{0,40}",
    re.IGNORECASE,
)
RUN = re.compile(r"[a-z]+|[A-Z]+|[0-9]+|[_-]+")
LONGEST_RUN = 2.2
"""Characters of one kind in a row, on average: random ones have 1.6, words written together 3 and more."""
OF_CHATWOOT = re.compile(r"chatwoot|api_access_token", re.IGNORECASE)
CHATWOOT_TOKEN = re.compile(r"(?<![\w./+=@#-])(?P<word>[A-Za-z0-9]{24})(?![\w./+=@-])")
"""Source: chatwoot's AccessToken, has_secure_token: 24 characters of Base58."""
ENCODED = re.compile(r"(?<![A-Za-z0-9+/=_-])[A-Za-z0-9+/]{24,4000}={0,2}(?![A-Za-z0-9+/=_-])")
MOST_ENCODED = 20
"""Words of one line that are decoded."""
LONGEST_LINE = 20_000
"""Characters of one line that are looked at here; the vendors' own forms are looked for in all of it."""


def is_random_word(word: str) -> bool:
    """Return whether a word is made of characters chosen by chance: of every kind, and of none many in a row."""
    kinds = (any(map(str.isupper, word)), any(map(str.islower, word)), any(map(str.isdigit, word)))
    return all(kinds) and len(word) <= LONGEST_RUN * len(RUN.findall(word))


def find_near(lines: Sequence[AddedLine]) -> Iterator[tuple[AddedLine, str]]:
    """Yield the lines of one file that hold a random word near a telling name, and what kind of credential that is."""
    is_of_chatwoot = any(OF_CHATWOOT.search(one.text[:LONGEST_LINE]) for one in lines)
    before: AddedLine | None = None
    for one in lines:
        text = one.text[:LONGEST_LINE]
        words = [found["word"] for found in WORD.finditer(text) if is_random_word(found["word"])]
        if words:
            above = before.text[:LONGEST_LINE] if before is not None and before.line == one.line - 1 else ""
            if names_secret(text, words) or names_secret(above, words):
                yield one, "value near a telling name"
        if is_of_chatwoot and any(is_random_word(found["word"]) for found in CHATWOOT_TOKEN.finditer(text)):
            yield one, "what a Chatwoot token looks like"
        before = one


def names_secret(text: str, words: Sequence[str]) -> bool:
    """Return whether a text names a credential otherwise than within these words."""
    for word in words:
        text = text.replace(word, " ")
    return any(is_telling(found[0].strip("._-")) for found in NAME.finditer(text))


def find_encoded(text: str) -> Iterator[str]:
    """Yield the kinds of credentials that a line holds in Base64."""
    for count, found in enumerate(ENCODED.finditer(text[:LONGEST_LINE])):
        if count >= MOST_ENCODED:
            return
        word = found[0].rstrip("=")
        try:
            plain = base64.b64decode(word + "=" * (-len(word) % 4), validate=True).decode("ascii")
        except (binascii.Error, UnicodeDecodeError):
            continue
        if all(char.isprintable() or char in "\r\n\t" for char in plain):
            yield from (f"{kind}, in Base64" for _, _, kind in find_shapes(plain))
