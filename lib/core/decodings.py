"""What a text says once it is decoded: escapes taken back, base64 and hex unpacked, each place led back to its source.

Tools spell one value in many ways, and each other in turn: JSON within JSON, base64 of base64, percent escapes of percent
escapes. A value is looked for in every layer; where it is found, the place in the text itself is known.
Pure, and total: no text makes it raise.
"""

from __future__ import annotations

import binascii
import html
import re
from bisect import bisect_right
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import accumulate

MOST_PASSES = 4
"""Escapes within escapes that are taken back: JSON within JSON within a shell's quotes is three."""

ESCAPE = re.compile(
    r"""
    \x1b(?:\[[0-?]*[\x20-/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)?|[@-Z\\^_])   # a terminal's code
    |%[0-9A-Fa-f]{2}(?:%[0-9A-Fa-f]{2})*
    |\\x[0-9A-Fa-f]{2}(?:\\x[0-9A-Fa-f]{2})*
    |\\u[0-9A-Fa-f]{4}(?:\\u[0-9A-Fa-f]{4})*
    |\\u\{[0-9A-Fa-f]{1,6}\}
    |\\U[0-9A-Fa-f]{8}
    |\\[0-7]{3}(?:\\[0-7]{3})*
    |\\[^\x1b=%&]
    |&\#[0-9]{1,7};?|&\#[xX][0-9A-Fa-f]{1,6};?|&[A-Za-z][A-Za-z0-9]{1,31};
    |=\r?\n|=[0-9A-F]{2}(?:(?:=\r?\n)?=[0-9A-F]{2})*                                     # mail's quoted-printable
    """,
    re.VERBOSE,
)
HIGH_BYTE = re.compile(r"(?:\\x|%)[89A-Fa-f][0-9A-Fa-f]|=[89A-F][0-9A-F]|\\[23][0-7]{2}")
"""An escape that is half a character where bytes are UTF-8, and a whole one where each of them is a character."""
SHORT_ESCAPES = {"n": "\n", "r": "\r", "t": "\t", "b": "\b", "f": "\f", "v": "\v", "0": "\0", "a": "\a", "e": "\x1b"}


class Layer:
    """A text as it is. `locate` leads a range of it back to the text that everything started from."""

    def __init__(self, text: str) -> None:
        self.text = text

    def locate(self, start: int, end: int) -> tuple[int, int]:
        """Return the range of the first text that a range of this one comes from; end is exclusive, start below it."""
        return start, end


class Unescaped(Layer):
    """A layer with its escapes taken back once. read: what bytes in hex say."""

    def __init__(self, source: Layer, read: Callable[[str], str] | None = None) -> None:
        self.source, self.read = source, read or read_bytes
        super().__init__(ESCAPE.sub(lambda found: decode_escape(found[0], self.read), source.text))

    @cached_property
    def pieces(self) -> tuple[list[int], list[tuple[int, int, bool]]]:
        """Where each piece starts here, and its range in the source; True for a piece that is the same in both."""
        starts: list[int] = []
        sources: list[tuple[int, int, bool]] = []
        here = there = 0
        for found in ESCAPE.finditer(self.source.text):
            for size, piece in (
                (found.start() - there, (there, found.start(), True)),
                (len(decode_escape(found[0], self.read)), (found.start(), found.end(), False)),
            ):
                if size:
                    starts.append(here)
                    sources.append(piece)
                    here += size
            there = found.end()
        return [*starts, here], [*sources, (there, len(self.source.text), True)]

    def locate(self, start: int, end: int) -> tuple[int, int]:
        return self.source.locate(self._place(start)[0], self._place(end - 1)[1])

    def _place(self, place: int) -> tuple[int, int]:
        starts, sources = self.pieces
        number = bisect_right(starts, place) - 1
        first, last, is_same = sources[number]
        offset = first + place - starts[number]
        return (offset, offset + 1) if is_same else (first, last)


@dataclass(frozen=True, kw_only=True)
class Packing:
    """A way to write bytes as signs. run: a stretch of them, over line ends. sign: one of them. bits: that one stands for.

    shortest: signs of the shortest run of one line.
    """

    run: re.Pattern[str]
    sign: re.Pattern[str]
    bits: int
    filler: str
    shortest: int = 0

    def runs(self, text: str) -> list[str]:
        """Return every stretch that is long enough. Asked here: a pattern that asks it walks each word several times."""
        return [run for run in self.run.findall(text) if len(run) >= self.shortest or "\n" in run]

    @property
    def quantum(self) -> int:
        """Signs that make whole bytes: 4 of base64, 2 of hex."""
        return 4 if self.bits == 6 else 2

    def join(self, run: str) -> str:
        """Return the signs of a run alone."""
        return "".join(run.split()) if self.bits == 6 else "".join(self.sign.findall(run))

    def decode(self, signs: str) -> bytes:
        """Return the bytes of whole quanta."""
        if self.bits == 4:
            return bytes.fromhex(signs)
        return binascii.a2b_base64(signs.replace("-", "+").replace("_", "/"))


BASE64 = Packing(
    run=re.compile(r"[A-Za-z0-9+/_-]++(?:[ \t]*\r?\n[ \t]*[A-Za-z0-9+/_-]++)*+"),
    shortest=8,
    sign=re.compile(r"[A-Za-z0-9+/_-]"),
    bits=6,
    filler="AAA",
)
HEX = Packing(
    run=re.compile(r"[0-9A-Fa-f]{2}(?:[:, \r\n-]{0,3}+(?:\\{1,4}+x|0x)?+[0-9A-Fa-f]{2}){5,}+"),
    sign=re.compile(r"(?!0x)[0-9A-Fa-f]"),
    bits=4,
    filler="0",
)
SHORTEST_RUN = 8
"""Signs. Six bytes, the shortest secret, take eight of base64."""


class Unpacked(Layer):
    """The bytes that a layer's runs of base64 or hex stand for, a character each; a run is read from each of its first signs."""

    def __init__(self, source: Layer, packing: Packing) -> None:
        self.source, self.packing = source, packing
        runs = packing.runs(source.text)
        # Words of a page come again and again: each is cut up once.
        parts = {run: "".join(self._parts(run)) for run in set(runs)}
        super().__init__(packing.decode("".join([parts[run] for run in runs])).decode("latin-1"))

    def _parts(self, run: str) -> list[str]:
        """Return a run's signs from each place where a quantum may start, filled up to whole quanta."""
        signs, size = self.packing.join(run), self.packing.quantum
        if len(signs) < SHORTEST_RUN:
            return []
        return [signs[shift:] + self.packing.filler[: (shift - len(signs)) % size] for shift in range(size)]

    @cached_property
    def parts(self) -> tuple[list[int], list[tuple[int, int, int]]]:
        """Where each part starts here, and the range of its run in the source with the signs left out before it."""
        found = []
        sizes = [0]
        runs = set(self.packing.runs(self.source.text))
        for run in self.packing.run.finditer(self.source.text):
            for shift, part in enumerate(self._parts(run[0]) if run[0] in runs else ()):
                found.append((run.start(), run.end(), shift))
                sizes.append(len(part) * self.packing.bits // 8)
        return list(accumulate(sizes)), found

    def locate(self, start: int, end: int) -> tuple[int, int]:
        starts, found = self.parts
        number = min(bisect_right(starts, start), len(found)) - 1
        first, last, shift = found[number]
        signs = [one.start() for one in self.packing.sign.finditer(self.source.text, first, last)]
        from_sign = shift + 8 * (start - starts[number]) // self.packing.bits
        to_sign = shift + (8 * (end - 1 - starts[number]) + 7) // self.packing.bits
        return self.source.locate(signs[min(from_sign, len(signs) - 1)], signs[min(to_sign, len(signs) - 1)] + 1)


def decode_escape(token: str, read: Callable[[str], str]) -> str:
    """Return what one escape stands for; '' for a terminal's code or a soft line break."""
    if token[0] == "\x1b" or token[:2] in ("=\n", "=\r"):
        return ""
    if token[0] in "%=":
        return read(re.sub(r"[=%\s]", "", token))
    if token[0] == "&":
        return html.unescape(token)
    return decode_backslash(token, read)


def decode_backslash(token: str, read: Callable[[str], str]) -> str:
    """Return what an escape that a backslash starts stands for."""
    if len(token) == 2:
        return SHORT_ESCAPES.get(token[1], token[1])
    if token[1] == "x":
        return read(token.replace("\\x", ""))
    if token[1] == "U" or token[2] == "{":
        number = int(token[2:].strip("{}"), 16)
        return chr(number) if number < 0x110000 else token
    if token[1] == "u":
        return bytes.fromhex(token.replace("\\u", "")).decode("utf-16-be", "surrogatepass")
    return read("".join(f"{int(part, 8) & 255:02x}" for part in token[1:].split("\\")))


def read_bytes(digits: str) -> str:
    """Return bytes in hex as text: UTF-8 where they are, else a character a byte."""
    data = bytes.fromhex(digits)
    try:
        return data.decode()
    except UnicodeDecodeError:
        return data.decode("latin-1")


def read_signs(digits: str) -> str:
    """Return bytes in hex as text of a character a byte, as YAML and JavaScript mean them."""
    return bytes.fromhex(digits).decode("latin-1")


def unescaped(layer: Layer) -> list[Layer]:
    """Return the layer itself, and what it says with its escapes taken back once, twice and so on while that changes it."""
    chain = [layer]
    for _ in range(MOST_PASSES):
        inner = Unescaped(chain[-1])
        if inner.text == chain[-1].text:
            break
        chain.append(inner)
    return chain


def unpacked(layer: Layer) -> Iterator[Layer]:
    """Yield what the layer's runs of base64 and of hex stand for, and what is packed or escaped once more within base64."""
    packed = Unpacked(layer, BASE64)
    if packed.text:
        yield packed
        yield from unescaped(packed)[1:2]
        yield Unpacked(packed, BASE64)
    if HEX.run.search(layer.text):
        yield Unpacked(layer, HEX)


def layers_of(chain: Sequence[Layer]) -> Iterator[Layer]:
    """Yield the text itself first, then everything that it can be decoded to. chain: what `unescaped` says of the text."""
    yield from chain
    yield from (Unescaped(layer, read_signs) for layer in chain if HIGH_BYTE.search(layer.text))
    for layer in chain[:: len(chain) - 1 or 1]:
        yield from unpacked(layer)
