"""The one place where credentials are removed from text.

Every text that enters evidence, an artifact, a page or the terminal goes through `redact`. Known values are found in every
spelling that they travel in (`lib.core.known_secrets`), unknown ones by their shape (`lib.core.secret_shapes`). What the last
look at a run would find is what `redact` strikes: both ask `find_credentials`.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from functools import lru_cache
from typing import Any, NamedTuple
from urllib.parse import unquote, urlsplit

from lib.core.decodings import Layer, unescaped
from lib.core.known_secrets import Needles
from lib.core.secret_shapes import find_shapes, is_telling, looks_random

REDACTED = "[redacted]"
SHORTEST_SECRET = 6
"""Characters. A shorter value would redact ordinary words; every door where credentials come in refuses such a one."""
LONG_LINE = 16
"""Characters. A line of a longer value that is at least this long gives it away by itself."""
KNOWN = "known credential"
MARK = re.compile(re.escape(REDACTED))
LONE_SURROGATE = re.compile("[\ud800-\udfff]")
LONGEST_REMEMBERED = 500
"""Characters. Keys, names and sentences come again and again in rows of a look; a longer text hardly ever does."""
MOST_ROUNDS = 4
"""What is struck out may leave a shape behind that was not one before; each round finds less."""

_known = Needles()


class Credential(NamedTuple):
    """Where a text has a credential: its range, end exclusive, and its kind."""

    start: int
    end: int
    kind: str


def register_secrets(values: Iterable[str]) -> None:
    """Strike these values out of every text from now on, in this process, with each part that gives one away by itself."""
    _known.add(part for value in values for part in telling_parts(value))


def known_secrets() -> frozenset[str]:
    """Return every value that is redacted in this process."""
    return frozenset(_known.values)


def telling_parts(value: str) -> list[str]:
    """Return what gives a value away: the whole, each long line, an address's password, and random parts of its path."""
    lines = [line.strip() for line in value.splitlines()]
    parts = [value, value.strip(), *(line for line in lines if len(line) >= LONG_LINE and "-----" not in line)]
    parts += parts_of_address(value.strip())
    return [part for part in dict.fromkeys(parts) if len(part.strip()) >= SHORTEST_SECRET]


def parts_of_address(value: str) -> list[str]:
    """Return an address's password, as written and decoded, and the parts of its path and query that look random."""
    if "://" not in value:
        return []
    try:
        address = urlsplit(value)
        password = address.password or ""
    except ValueError:
        return []
    pieces = re.split(r"[/?&=;,]", f"{address.path}?{address.query}")
    return [password, unquote(password), *(piece for piece in pieces if looks_random(piece))]


def password_of(url: str) -> str | None:
    """Return the password a URL carries, decoded, or None."""
    password = urlsplit(url).password
    return unquote(password) if password else None


def find_credentials(text: str, known: Collection[str] | None = None) -> list[Credential]:
    """Return where the text has credentials, known ones and such by their shape, in order and apart from one another.

    known: the values to look for; all that are redacted in this process when None.
    """
    if len(text) < SHORTEST_SECRET:
        return []
    needles = _known if known is None else needles_for(frozenset(known))
    chain = unescaped(Layer(text))
    found = [Credential(start, end, KNOWN) for start, end in needles.find(chain)]
    for layer in chain[:2]:
        found += [Credential(*layer.locate(start, end), kind) for start, end, kind in find_shapes(layer.text)]
    marks = [mark.span() for mark in MARK.finditer(text)]
    return merge(one for one in found if not any(start <= one.start and one.end <= end for start, end in marks))


@lru_cache(maxsize=2)
def needles_for(known: frozenset[str]) -> Needles:
    """Return these values ready to be searched for: a last look asks for the same ones file by file."""
    return Needles(known)


def merge(found: Iterable[Credential]) -> list[Credential]:
    """Return the ranges in order, those that overlap as one; a known credential gives its name to what it overlaps."""
    merged: list[Credential] = []
    for one in sorted(found):
        if merged and one.start < merged[-1].end:
            last = merged.pop()
            one = Credential(last.start, max(last.end, one.end), KNOWN if KNOWN in (last.kind, one.kind) else last.kind)
        merged.append(one)
    return merged


def redact(text: str) -> str:
    """Return the text with every known secret and every credential shape redacted.

    A lone surrogate, which no file takes, becomes an escape.
    """
    return redact_short(text, _known, len(_known.values)) if len(text) <= LONGEST_REMEMBERED else redact_anew(text)


@lru_cache(maxsize=4096)
def redact_short(text: str, known: Needles, count: int) -> str:
    """Return what `redact` says of a short text: worked out once as long as the same secrets are known, which only grow."""
    return redact_anew(text)


def redact_anew(text: str) -> str:
    """Return what `redact` says of a text that it has not seen before."""
    if not text.isascii():
        text = LONE_SURROGATE.sub(lambda found: f"\\u{ord(found[0]):04x}", text)
    for _ in range(MOST_ROUNDS):
        found = find_credentials(text)
        if not found:
            break
        text = "".join(_without(text, found))
    return text


def _without(text: str, found: Sequence[Credential]) -> Iterator[str]:
    """Yield the pieces of the text, the mark in the place of each credential."""
    place = 0
    for one in found:
        start, end = _whole_marks(text, one)
        yield text[place:start] if start > place else ""
        yield REDACTED
        place = max(place, end)
    yield text[place:]


def _whole_marks(text: str, one: Credential) -> tuple[int, int]:
    """Return a credential's range, widened over a mark that it cuts, so that none is left in two."""
    near = max(0, one.start - len(REDACTED))
    cut = [mark.span() for mark in MARK.finditer(text, near, one.end + len(REDACTED))]
    cut = [(start, end) for start, end in cut if start < one.end and end > one.start]
    return min([one.start, *(start for start, _ in cut)]), max([one.end, *(end for _, end in cut)])


def redact_all(value: Any) -> Any:
    """Return a JSON value with `redact` applied to every string in it, keys too; a random value under a telling key is struck."""
    if isinstance(value, str):
        return redact(value)
    if isinstance(value, Mapping):
        return {redact(str(key)): redact_all(_under(str(key), item)) for key, item in value.items()}
    if isinstance(value, Sequence) and not isinstance(value, bytes | bytearray):
        return redact("".join(value)).splitlines(keepends=True) if is_cut_text(value) else [redact_all(item) for item in value]
    return value


def is_cut_text(value: Sequence[Any]) -> bool:
    """Return whether a list is one text cut at its line ends, as notebooks keep theirs: a credential may run over these."""
    return len(value) > 1 and all(isinstance(one, str) for one in value) and all(one.endswith("\n") for one in value[:-1])


def _under(key: str, item: Any) -> Any:
    return REDACTED if is_credential_under(key, item) else item


def is_credential_under(key: str, item: Any) -> bool:
    """Return whether a value is a credential because of the key that it stands under."""
    return isinstance(item, str) and is_telling(key) and looks_random(item)


def find_secrets(content: bytes, known: Collection[str] | None = None) -> int:
    """Return how many credentials a file's content holds; 0 is what every kept file must give.

    known: the values to look for; all that are redacted in this process when None.
    """
    return len(find_credentials(content.decode("utf-8", "replace"), known))
