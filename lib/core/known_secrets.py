"""One known secret, and where a text has it: in whatever spelling, quoted, escaped, packed or wrapped.

Signs that tools add, drop or double when they quote and wrap (blanks, quotes, backslashes, plus and percent signs) are
left out of both the secret and the text before they are compared; what stands in their places is checked afterwards.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cached_property
from itertools import pairwise

from lib.core.decodings import Layer, layers_of, read_bytes, unescaped

UNSEEN = "\x85\xad\u061c\u180e\ufeff" + "".join(
    map(chr, (*range(0x200B, 0x2010), *range(0x2028, 0x202F), *range(0x2060, 0x206A)))
)
LOOSE = "".join(map(chr, range(0x21))) + "\x7f\xa0\\'\"+%" + UNSEEN
"""What quoting, form encoding and wrapping add, drop or double."""
LOOSE_BYTES = "".join(filter(str.isascii, LOOSE)).encode()
LOOSE_LATIN = "".join(sign for sign in LOOSE if ord(sign) < 256).encode("latin-1")
LOOSE_WIDE = (
    (b"\xc2", re.compile(rb"\xc2[\x85\xa0\xad]")),
    (b"\xd8\x9c", re.compile(rb"\xd8\x9c")),
    (b"\xe1\xa0\x8e", re.compile(rb"\xe1\xa0\x8e")),
    (b"\xe2\x80", re.compile(rb"\xe2\x80[\x8b-\x8f\xa8-\xae]")),
    (b"\xe2\x81", re.compile(rb"\xe2\x81[\xa0-\xa9]")),
    (b"\xef\xbb\xbf", re.compile(rb"\xef\xbb\xbf")),
)
"""The loose signs beyond ASCII in UTF-8, by what they begin with: a text of megabytes is walked for those that it has."""
GAP = f"[{re.escape(LOOSE)}]{{0,400}}"
WRAPS = frozenset("\n\r\0\x1b\x7f\x07\x08" + UNSEEN)
"""One of these is in every place where a line, a colour or wide characters part what belongs together."""
FEWEST_FIRM = 4
"""Firm signs by which a secret is searched for fast; one with fewer is searched for sign by sign."""
MOST_CHECKED = 100
"""Firm signs up to which what is between them is checked, too."""


@dataclass(frozen=True)
class Needle:
    """One form of a secret, as text. firm: its signs that no quoting touches. gaps: the loose ones after each of them."""

    text: str = field(repr=False)

    @cached_property
    def firm(self) -> str:
        return "".join(sign for sign in self.text if sign not in LOOSE)

    @cached_property
    def firm_bytes(self) -> bytes:
        return firm_bytes(self.text)

    @cached_property
    def gaps(self) -> list[bool]:
        """Whether loose signs of the secret stand between each firm one and the next."""
        places = [place for place, sign in enumerate(self.text) if sign not in LOOSE]
        return [after - place > 1 for place, after in pairwise(places)]

    @cached_property
    def pattern(self) -> re.Pattern[str]:
        if len(self.firm) < FEWEST_FIRM:
            return re.compile("\0{0,2}".join(spell_loose(self.text)))
        # A long secret is known by its firm signs alone: what is between them needs no check.
        gap = f"({GAP})" if len(self.firm) <= MOST_CHECKED else GAP
        return re.compile(gap.join(map(re.escape, self.firm)))

    @cached_property
    def ends(self) -> tuple[str, str]:
        """The loose signs before the first firm one, and those after the last."""
        return self.text[: len(self.text) - len(self.text.lstrip(LOOSE))], self.text[len(self.text.rstrip(LOOSE)) :]

    def find(self, text: str) -> Iterator[tuple[int, int]]:
        """Yield each range of the text that holds it."""
        before, after = self.ends if len(self.firm) >= FEWEST_FIRM else ("", "")
        place = 0
        while found := self.pattern.search(text, place):
            if self._fits(found):
                start = found.start() - len(before) * text.endswith(before, place, found.start())
                yield start, found.end() + len(after) * text.startswith(after, found.end())
                place = found.end()
            else:
                place = found.start() + 1

    def _fits(self, found: re.Match[str]) -> bool:
        """Return whether loose signs stand where the secret has some, and else none but those of a wrap."""
        return all(
            bool(gap) if has_loose else not gap or not WRAPS.isdisjoint(gap) or not gap.strip("\\")
            for gap, has_loose in zip(found.groups(), self.gaps, strict=False)
        )


def firm_bytes(text: str) -> bytes:
    """Return a text's firm signs in UTF-8: bytes are searched several times as fast as text."""
    if not text.isascii():
        # What base64 unpacks to has no sign above U+00FF; one pass over its single bytes takes the place of a search per sign.
        with suppress(UnicodeEncodeError):
            return text.encode("latin-1").translate(None, LOOSE_LATIN).decode("latin-1").encode()
    data = text.encode("utf-8", "surrogatepass").translate(None, LOOSE_BYTES)
    for start, signs in () if text.isascii() else LOOSE_WIDE:
        if start in data:
            data = signs.sub(b"", data)
    return data


def spell_loose(text: str) -> Iterator[str]:
    """Yield a pattern for each sign of a secret that is made of little but loose ones."""
    for stretch in re.findall(r"""['"]+|\\+|\s+|[\s\S]""", text):
        size = len(stretch)
        if stretch[0] in "'\"":
            yield rf"""['"\\]{{{size},{6 * size}}}"""
        elif stretch[0] == "\\":
            yield rf"\\{{{size},{8 * size}}}"
        elif stretch.isspace():
            yield rf"[\s+]{{1,{4 * size}}}"
        else:
            yield rf"\\{{0,8}}{re.escape(stretch)}"


def needles_of(value: str) -> Iterator[Needle]:
    """Yield the forms of a secret: as text, and for others than ASCII its bytes in UTF-8 and UTF-16, a character each.

    One that reads like escapes itself is searched for as what these stand for, too: a decoder can't know them from a tool's.
    """
    forms = {layer.text for layer in unescaped(Layer(value))}
    # Python and YAML write a Latin letter as its number, which may be taken for bytes of UTF-8.
    forms.add(re.sub("[\x80-\xff]+", lambda found: read_bytes(found[0].encode("latin-1").hex()), value))
    if not value.isascii():
        for encoding in ("utf-8", "utf-16-le", "utf-16-be"):
            forms.add(value.encode(encoding, "surrogatepass").decode("latin-1"))
    yield from (Needle(form) for form in sorted(forms) if form)


class Needles:
    """Every known secret of a process, ready to be searched for."""

    def __init__(self, values: Iterable[str] = ()) -> None:
        self.values: set[str] = set()
        self._firm: list[tuple[bytes, Needle]] = []
        self._loose: list[Needle] = []
        self._shortest = 0
        self.add(values)

    def add(self, values: Iterable[str]) -> None:
        """Search for these values, too."""
        for value in values:
            if value in self.values:
                continue
            self.values.add(value)
            for one in needles_of(value):
                if len(one.firm) < FEWEST_FIRM:
                    self._loose.append(one)
                else:
                    self._firm.append((one.firm_bytes, one))
                self._shortest = min(self._shortest or len(one.text), len(one.firm))

    def find(self, chain: Sequence[Layer]) -> Iterator[tuple[int, int]]:
        """Yield the range of each known secret in a text, in whatever spelling; ranges may overlap.

        chain: what `unescaped` says of the text.
        """
        if not self.values or len(chain[0].text) < self._shortest:
            return
        for layer in layers_of(chain):
            firm = firm_bytes(layer.text)
            # First by the firm signs alone, which is fast, then sign by sign.
            for one in [*(needle for signs, needle in self._firm if signs in firm), *self._loose]:
                for start, end in one.find(layer.text):
                    yield layer.locate(start, end)
