"""A body is unpacked within its limit, or the answer has a name for why it is not."""

from __future__ import annotations

import asyncio
import gzip
import zlib
from collections.abc import AsyncIterator
from functools import partial

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lib.transport.bodies import BodyError, Room, read_body
from lib.transport.web_types import Failure

LIMIT = 1_000_000
TEXT = b'{"status": "woot"}' * 20


def read(data: bytes, encoding: str, *, step: int = 65_536, room: Room | None = None) -> bytes:
    async def pieces() -> AsyncIterator[bytes]:
        for place in range(0, len(data), step):
            yield data[place : place + step]

    return asyncio.run(read_body(pieces(), encoding, limit=LIMIT, room=room))


def bare(data: bytes) -> bytes:
    return zlib.compress(data)[2:-4]


packed = partial(gzip.compress, mtime=0)
"""The same bytes at each collection: their text is in the tests' names."""


@pytest.mark.parametrize("step", [7, 65_536])
@pytest.mark.parametrize(
    ("data", "encoding"),
    [
        (TEXT, ""),
        (TEXT, " Identity "),
        (packed(TEXT), "gzip"),
        (packed(TEXT), "X-GZIP"),
        (packed(TEXT[:100]) + packed(TEXT[100:]), "gzip"),
        (zlib.compress(TEXT), "deflate"),
        (bare(TEXT), "deflate"),
        (zlib.compress(TEXT) + b"what follows", "deflate"),
    ],
)
def test_what_was_packed_comes_out(data: bytes, encoding: str, step: int) -> None:
    assert read(data, encoding, step=step) == TEXT


@given(st.binary(max_size=5000), st.integers(min_value=0, max_value=9), st.integers(min_value=1, max_value=999))
def test_any_bytes_come_out_as_they_went_in(data: bytes, level: int, step: int) -> None:
    assert read(gzip.compress(data * 50, level, mtime=0), "gzip", step=step) == data * 50


@pytest.mark.parametrize(
    ("data", "encoding", "failure"),
    [
        (packed(b"\0" * 50_000_000), "gzip", Failure.TOO_LARGE),
        (zlib.compress(b"\0" * 50_000_000), "deflate", Failure.TOO_LARGE),
        (packed(b"") * 60_000, "gzip", Failure.TOO_LARGE),
        (b"x" * (LIMIT + 1), "", Failure.TOO_LARGE),
        (packed(TEXT)[:-9], "gzip", Failure.TRUNCATED),
        (packed(TEXT) + b"not gzip", "gzip", Failure.TRUNCATED),
        (TEXT, "gzip", Failure.TRUNCATED),
        (TEXT, "deflate", Failure.TRUNCATED),
        (packed(packed(TEXT)), "gzip, gzip", Failure.ENCODED),
        (TEXT, "br", Failure.ENCODED),
        (TEXT, "zstd", Failure.ENCODED),
        (TEXT, "rot13", Failure.ENCODED),
    ],
)
def test_each_bad_body_has_its_own_word(data: bytes, encoding: str, failure: Failure) -> None:
    with pytest.raises(BodyError) as caught:
        read(data, encoding)
    assert caught.value.failure is failure


def test_many_bodies_share_one_room() -> None:
    room = Room(len(TEXT) * 2)
    assert read(TEXT, "", room=room) == read(packed(TEXT), "gzip", room=room)
    with pytest.raises(BodyError):
        read(TEXT, "", room=room)
