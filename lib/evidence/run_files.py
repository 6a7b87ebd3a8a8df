"""What lies in a run's folder: every file by its sha256, anything else by what it is. Nothing is followed or waited for."""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Any

KINDS = (
    (stat.S_ISLNK, "a link"),
    (stat.S_ISFIFO, "a named pipe"),
    (stat.S_ISSOCK, "a socket"),
    (stat.S_ISCHR, "a device"),
    (stat.S_ISBLK, "a device"),
)
SPECIAL = stat.S_ISUID | stat.S_ISGID | stat.S_ISVTX
"""Rights that no file of a run has any use for."""
LONGEST_SEAL = 64 * 2**20
"""Bytes of a manifest or its envelope: one of 100,000 files has a fifth of that."""


class OddFileError(ValueError):
    """What is to be read is no regular file, or too long."""


def list_run(folder: Path) -> dict[str, dict[str, Any]]:
    """Return what a run's folder holds, by path: of a file its sha256, size in bytes, and that it is executable if it is.

    Of anything else its `kind`, in words: a link, a named pipe, a file with a second name, an empty folder.
    """
    return dict(sorted(walk(folder, "")))


def walk(folder: Path, before: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield what is in a folder and below. before: its own path from the run's folder, with a slash behind it."""
    try:
        with os.scandir(folder) as entries:
            found = sorted(entries, key=lambda entry: entry.name)
    except OSError as exc:
        yield before.rstrip("/"), {"kind": f"a folder that can't be read ({exc.strerror})"}
        return
    if not found and before:
        yield before, {"kind": "an empty folder"}
    for entry in found:
        name = f"{before}{entry.name}"
        if not is_text(entry.name):
            yield name, {"kind": "something whose name is not text"}
        elif entry.is_dir(follow_symlinks=False):
            yield from walk(Path(entry.path), f"{name}/")
        else:
            yield name, describe_file(Path(entry.path))


def is_text(name: str) -> bool:
    """Return whether a name is valid UTF-8."""
    try:
        name.encode()
    except UnicodeEncodeError:
        return False
    return True


def describe_file(path: Path) -> dict[str, Any]:
    """Return a regular file's sha256 and size in bytes; of anything else what it is."""
    try:
        found = path.lstat()
        kind = name_kind(found)
        if kind:
            return {"kind": kind}
        digest, size = digest_regular(path)
    except (OSError, OddFileError) as exc:
        return {"kind": f"a file that can't be read ({getattr(exc, 'strerror', None) or exc})"}
    return {"sha256": digest, "size_bytes": size, **({"executable": True} if found.st_mode & 0o111 else {})}


def name_kind(found: os.stat_result) -> str:
    """Return what something is that no run's folder may hold; '' for a regular file with one name and ordinary rights."""
    if not stat.S_ISREG(found.st_mode):
        return next((name for is_kind, name in KINDS if is_kind(found.st_mode)), "no regular file")
    if found.st_nlink > 1:
        return "a hard link: the same file has another name somewhere"
    return "a file with special rights (setuid, setgid or sticky)" if found.st_mode & SPECIAL else ""


def open_regular(path: Path) -> int:
    """Return a descriptor of a regular file; a link is not followed, a pipe not waited for. Raises OSError or OddFileError."""
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOFOLLOW | os.O_NOCTTY | os.O_CLOEXEC)
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise OddFileError("it is not a regular file")
    return descriptor


def digest_regular(path: Path) -> tuple[str, int]:
    """Return the sha256 in hex and the size in bytes of a regular file. Raises OSError or OddFileError."""
    with os.fdopen(open_regular(path), "rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
        return digest, file.tell()


def read_regular(path: Path, *, limit: int = LONGEST_SEAL) -> bytes:
    """Return a regular file's content. Raises OSError, or OddFileError for anything else or a longer one."""
    with os.fdopen(open_regular(path), "rb") as file:
        content = file.read(limit + 1)
    if len(content) > limit:
        raise OddFileError(f"it is longer than {limit:,} bytes")
    return content
