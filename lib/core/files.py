"""How a run's files are written: beside, flushed to disk, renamed; a reader never sees half of one."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path


def write_whole(path: Path, content: bytes | str, *, mode: int = 0o644) -> str:
    """Put the content at the path in one step and return its sha256 in hex; folders are made."""
    data = content.encode() if isinstance(content, str) else content
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_name(f".{path.name}.{os.getpid()}.new")
    try:
        descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode)
        try:
            write_all(descriptor, data)
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
        beside.replace(path)
    except BaseException:
        beside.unlink(missing_ok=True)
        raise
    flush_folder(path.parent)
    return hashlib.sha256(data).hexdigest()


def write_new(path: Path, content: bytes, *, mode: int) -> None:
    """Put the content at the path in one step, unless something is there already: then that stays, whoever came first."""
    beside = path.with_name(f".{path.name}.{os.getpid()}.first")
    write_whole(beside, content, mode=mode)
    try:
        os.link(beside, path)
    except FileExistsError:
        return
    finally:
        beside.unlink(missing_ok=True)


def write_all(descriptor: int, data: bytes) -> None:
    """Write every byte, however few the system takes at a time. Raises OSError when it takes no more."""
    left = memoryview(data)
    while left:
        left = left[os.write(descriptor, left) :]


def flush_folder(folder: Path) -> None:
    """Make a rename in this folder survive a power cut."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def point_at(link: Path, target_name: str) -> None:
    """Make the link point at a name beside it, in one step, whatever it pointed at before."""
    beside = link.with_name(f".{link.name}.{os.getpid()}.new")
    beside.unlink(missing_ok=True)
    beside.symlink_to(target_name)
    beside.replace(link)
    flush_folder(link.parent)


def digest_file(path: Path) -> str:
    """Return the sha256 of a file's content, in hex."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
