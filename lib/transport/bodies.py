"""The body of an answer, unpacked within bounds: half a megabyte of gzip may be a thousand times as much.

We ask for bodies as they are (`Accept-Encoding: identity`), and a server may send others all the same. What zlib unpacks piece
by piece is taken. Brotli, zstd, several encodings on top of one another and whatever else there is are not: nothing here bounds
what they cost.
Source: RFC 9110, 8.4 (Content-Encoding); RFC 1950 to 1952 (zlib, deflate, gzip).
"""

from __future__ import annotations

import zlib
from collections.abc import AsyncIterable, Iterator

from lib.transport.web_types import Failure

PIECE = 65536
"""Bytes unpacked at a time."""


class BodyError(Exception):
    """A body can't be read to its end; `failure` says why."""

    def __init__(self, failure: Failure) -> None:
        self.failure = failure
        super().__init__(failure.value)


class Room:
    """Bytes that the bodies of several answers may take together."""

    def __init__(self, left: int) -> None:
        self.left = left

    def take(self, count: int) -> None:
        """Count bytes as kept. Raises BodyError when there is no room for them."""
        self.left -= count
        if self.left < 0:
            raise BodyError(Failure.TOO_LARGE)


class Plain:
    """A body as it is."""

    is_whole = True

    def unpack(self, data: bytes) -> Iterator[bytes]:
        yield data


class Packed:
    """A body as gzip or deflate, undone piece by piece."""

    def __init__(self, *, is_gzip: bool) -> None:
        self.is_gzip = is_gzip
        self.unpacker = None if not is_gzip else zlib.decompressobj(31)

    def unpack(self, data: bytes) -> Iterator[bytes]:
        """Yield what some more packed bytes come to, each piece bounded. Raises BodyError for what is not packed so."""
        unpacker = self.unpacker = self.unpacker or zlib.decompressobj(wbits_of(data))
        while data:
            if unpacker.eof:
                if not self.is_gzip:
                    return  # what follows the end belongs to nothing
                unpacker = self.unpacker = zlib.decompressobj(31)  # the next member of a gzip file
            try:
                piece = unpacker.decompress(data, PIECE)
                while piece:
                    yield piece
                    piece = unpacker.decompress(unpacker.unconsumed_tail, PIECE) if not unpacker.eof else b""
            except zlib.error:
                raise BodyError(Failure.TRUNCATED) from None
            data = unpacker.unused_data if unpacker.eof else b""

    @property
    def is_whole(self) -> bool:
        return self.unpacker is None or self.unpacker.eof


def wbits_of(head: bytes) -> int:
    """Return zlib's word for a deflate body: some servers send it bare, without zlib's two bytes before it."""
    is_bare = len(head) > 1 and (head[0] & 15 != 8 or int.from_bytes(head[:2], "big") % 31)
    return -zlib.MAX_WBITS if is_bare else zlib.MAX_WBITS


def open_encoding(encoding: str) -> Plain | Packed:
    """Return what undoes a Content-Encoding. Raises BodyError for one that is not undone within bounds."""
    names = [name for word in encoding.lower().split(",") if (name := word.strip()) not in ("", "identity")]
    if not names:
        return Plain()
    if len(names) == 1 and names[0] in ("gzip", "x-gzip", "deflate"):
        return Packed(is_gzip=names[0] != "deflate")
    raise BodyError(Failure.ENCODED)


async def read_body(pieces: AsyncIterable[bytes], encoding: str, *, limit: int, room: Room | None = None) -> bytes:
    """Return a body, unpacked. pieces: as they came over the wire. limit: bytes, packed and unpacked.

    Raises BodyError beyond the limit or the room, for another encoding, and for one that breaks off.
    """
    coding = open_encoding(encoding)
    body, received = bytearray(), 0
    async for packed in pieces:
        received += len(packed)
        for piece in coding.unpack(packed):
            body += piece
            if room:
                room.take(len(piece))
            if len(body) > limit:
                raise BodyError(Failure.TOO_LARGE)
        if received > limit:
            raise BodyError(Failure.TOO_LARGE)
    if not coding.is_whole:
        raise BodyError(Failure.TRUNCATED)
    return bytes(body)
