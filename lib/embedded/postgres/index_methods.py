"""Index methods that take the settings of pgvector's, out of Postgres's own `bloom`.

An index method is C, and its settings are checked by it: no SQL makes `with (lists = 100)` or `with (m = 16,
ef_construction = 64)` pass. Postgres's contrib module bloom is such a method, with settings `length` and `col1`, `col2`
and so on. For each of pgvector's methods a copy of that library is written in which these names are other ones; what it
does stays what bloom does. Nothing is written where the library is not as expected (macOS, which refuses a changed
library, among others): the stand-in of pgvector then uses the hash method and refuses such settings.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from pathlib import Path

NAMES = b"length\0col%d\0"
"""The two names as they lie in bloom's library, from blutils.c."""

AFTER = (b"Number of bits generated for each index column\0", b"Relation is not a bloom index\0")
"""What follows them, by who built the library: a text for people, whose start may be written over."""

SETTINGS = {"ivfflat": b"lists\0\0col%d\0", "hnsw": b"m\0\0\0\0\0\0ef_construction\0"}
"""pgvector's method -> what is written over NAMES and on; the second name always starts at byte 7."""

DYNAMIC, END, SYMBOLIC = 2, 0, 16
"""From elf.h: the kind of segment PT_DYNAMIC, and the entries DT_NULL and DT_SYMBOLIC in it."""


def write_index_methods(libraries: Path) -> tuple[str, ...]:
    """Write `stand_in_<method>.so` beside bloom's library, and return the methods written.

    libraries: the server's folder of modules, which belongs to the embedded platform; bloom's own becomes a copy there.
    """
    bloom = libraries / "bloom.so"
    content = bloom.read_bytes() if bloom.is_file() else b""
    start = find_names(content)
    if start is None:
        return ()
    bound = bind_own_names(content)
    bloom.unlink()  # may be a link to the installed one
    bloom.write_bytes(bound)
    for method, names in SETTINGS.items():
        (libraries / f"stand_in_{method}.so").write_bytes(bound[:start] + names + bound[start + len(names) :])
    return tuple(SETTINGS)


def find_names(content: bytes) -> int | None:
    """Return where the names lie in a library; None when it is none of Linux with 64 bits, or not built as expected."""
    if content[:6] != b"\x7fELF\x02\x01" or content.count(NAMES) != 1:  # 64 bits, little-endian
        return None
    start = content.index(NAMES)
    return start if content.startswith(AFTER, start + len(NAMES)) else None


def bind_own_names(content: bytes) -> bytes:
    """Return the library so that it uses its own functions where a copy of it is loaded beside it.

    Postgres loads every module for all to see, and before 16 a module shows all its functions.
    """
    for place, tag in dynamic_entries(content):
        if tag == END:  # a linker leaves several, and the first one after this still ends the list
            spare = content[place + 16 : place + 24] == bytes(8)
            entry = struct.pack("<qQ", SYMBOLIC, 0)
            return content[:place] + entry + content[place + 16 :] if spare else content
    return content


def dynamic_entries(content: bytes) -> Iterator[tuple[int, int]]:
    """Yield the place and the tag of each entry of the dynamic section of a 64-bit, little-endian ELF file."""
    (start,) = struct.unpack_from("<Q", content, 32)
    (count,) = struct.unpack_from("<H", content, 56)
    for header in range(start, start + 56 * count, 56):
        kind, _, offset, _, _, size = struct.unpack_from("<IIQQQQ", content, header)
        if kind == DYNAMIC:
            for place in range(offset, offset + size, 16):
                yield place, struct.unpack_from("<q", content, place)[0]
