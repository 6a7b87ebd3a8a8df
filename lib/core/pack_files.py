"""How a project's own files are read: only regular ones, inside the project, of a bounded size, as text that can be judged.

A project is somebody else's: what lies under a name may be a pipe that never answers, a device, a link to this machine's
own files, or two gigabytes of holes. None of it is opened, and each is named.
"""

from __future__ import annotations

import codecs
import os
import stat
from collections.abc import Iterator, Sequence
from fnmatch import fnmatchcase
from pathlib import Path

from lib.core.errors import TargetError
from lib.core.wording import format_count, format_size, plain_text

TEXT_LIMIT_BYTES = 16 * 1024 * 1024
"""Bytes of one file that is read as text: ten times the largest seed seen in public projects."""
FILES_LIMIT = 10_000
"""Entries that one listing looks at; the largest public project found has 535 migrations."""
DEPTH_LIMIT = 32
"""Folders within folders that a listing goes down; deeper trees are not laid out by hand."""

KINDS = (
    (stat.S_ISDIR, "a folder"),
    (stat.S_ISFIFO, "a named pipe"),
    (stat.S_ISSOCK, "a socket"),
    (stat.S_ISCHR, "a device"),
    (stat.S_ISBLK, "a device"),
)
WIDE_MARKS = (
    (codecs.BOM_UTF32_LE, "UTF-32"),
    (codecs.BOM_UTF32_BE, "UTF-32"),
    (codecs.BOM_UTF16_LE, "UTF-16"),
    (codecs.BOM_UTF16_BE, "UTF-16"),
)
"""First bytes of texts in other encodings, the longer ones first."""


def read_file(path: Path, *, root: Path, limit_bytes: int = TEXT_LIMIT_BYTES) -> bytes:
    """Return the content of one regular file of the project at `root`; never waits on anything else.

    A link is followed as long as what it names is inside the project.
    Raises TargetError naming the path, from the project's root, for anything else: missing, not a regular file,
    outside the project, a circle of links, unreadable, or longer than limit_bytes.
    """
    real = resolve_inside(path, root)
    try:
        # Looked at before it is opened, since opening a device may already do something.
        require_regular(os.lstat(real), path, root)
        descriptor = os.open(real, os.O_RDONLY | os.O_NONBLOCK | os.O_NOFOLLOW | os.O_NOCTTY | os.O_CLOEXEC)
        with os.fdopen(descriptor, "rb") as file:
            found = os.fstat(descriptor)
            require_regular(found, path, root)
            content = file.read(limit_bytes + 1) if found.st_size <= limit_bytes else b""
    except OSError as exc:
        raise unreadable(show_path(path, root), exc) from exc
    if found.st_size > limit_bytes or len(content) > limit_bytes:
        shown, size = show_path(path, root), max(found.st_size, len(content))
        raise TargetError(
            f"{shown} is {format_size(size)} long, more than the {format_size(limit_bytes)} that are read.",
            fix=f"Make {shown} smaller, or split it.",
        )
    return content


def read_text_file(path: Path, *, root: Path, limit_bytes: int = TEXT_LIMIT_BYTES) -> str:
    """Return the text of one regular file of the project at `root`, in UTF-8, a mark at its start left out.

    Raises TargetError as `read_file` does, and for bytes that are no text, by their line.
    """
    return decode_text(read_file(path, root=root, limit_bytes=limit_bytes), show_path(path, root))


def decode_text(content: bytes, shown: str) -> str:
    """Return bytes as UTF-8 text. shown: the file's name for a message. Raises TargetError naming the first bad byte's line."""
    fix = f"Save {shown} as UTF-8."
    for mark, name in WIDE_MARKS:
        if content.startswith(mark):
            raise TargetError(f"{shown} is {name} text, not UTF-8.", fix=fix)
    if (at := content.find(b"\0")) >= 0:
        raise TargetError(f"{shown} has a NUL byte at line {line_of(content, at)}, so it is not text.", fix=fix)
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as exc:
        at = exc.start + (len(codecs.BOM_UTF8) if content.startswith(codecs.BOM_UTF8) else 0)
        place = f"byte 0x{content[at]:02x} at line {line_of(content, at)}"
        raise TargetError(f"{shown} is not UTF-8 text: {place}.", fix=fix) from exc


def line_of(content: bytes, at: int) -> int:
    """Return the line, from 1, of a place in a file."""
    return content.count(b"\n", 0, at) + 1


def list_files(
    folder: Path,
    *,
    root: Path,
    pattern: str | Sequence[str] = "*",
    recursive: bool = False,
    limit: int = FILES_LIMIT,
) -> list[Path]:
    """Return what is in a folder of the project at `root` and is called like the pattern, by name; [] without the folder.

    pattern: what a name must look like (`*.sql`), or several. recursive: in the folders below as well, never through links.
    Whatever has such a name is returned, also what `read_file` then refuses: a pipe, a link, a folder `x.sql`. With `*`
    folders are left out.
    Raises TargetError when the folder is not one, is outside the project or can't be read, when there is more than
    `limit` to look at or a tree deeper than DEPTH_LIMIT, and for a name that can't be shown.
    """
    if not os.path.lexists(folder):
        return []
    shown, patterns = show_path(folder, root), (pattern,) if isinstance(pattern, str) else tuple(pattern)
    real = resolve_inside(folder, root)
    if not real.is_dir():
        raise TargetError(f"{shown} is not a folder.", fix=f"Make {shown} a folder, or remove it.")
    found = []
    for count, entry in enumerate(walk(folder, root, DEPTH_LIMIT if recursive else 0), start=1):
        if count > limit:
            raise TargetError(f"{shown} holds more than {format_count(limit, 'file')}.", fix="Move what does not belong there.")
        is_folder = entry.is_dir(follow_symlinks=False)
        if any(fnmatchcase(entry.name, one) and not (is_folder and one == "*") for one in patterns):
            require_plain_name(entry.name, shown)
            found.append(Path(entry.path))
    return sorted(found)


def walk(folder: Path, root: Path, depth: int) -> Iterator[os.DirEntry[str]]:
    """Yield each entry of a folder, and of the folders below it down to a depth; links are not followed."""
    waiting = [(folder, depth)]
    while waiting:
        here, left = waiting.pop()
        try:
            with os.scandir(here) as entries:
                inside = list(entries)
        except OSError as exc:
            raise unreadable(show_path(here, root), exc) from exc
        for entry in inside:
            yield entry
            if depth and entry.is_dir(follow_symlinks=False):
                if not left:
                    place = show_path(folder, root)
                    raise TargetError(f"{place} has folders more than {depth} deep.", fix=f"Make the tree of {place} flatter.")
                waiting.append((Path(entry.path), left - 1))


def is_folder(path: Path) -> bool:
    """Return whether a path leads to a folder; False for one that can't be looked at, which `Path.is_dir` raises for."""
    return os.path.isdir(path)  # noqa: PTH112


def is_file(path: Path) -> bool:
    """Return whether a path leads to a regular file; False for one that can't be looked at."""
    return os.path.isfile(path)  # noqa: PTH113


def resolve_inside(path: Path, root: Path) -> Path:
    """Return where a path of the project really is. Raises TargetError when that is nowhere, or outside the project."""
    try:
        real, home = Path(os.path.realpath(path, strict=True)), Path(os.path.realpath(root, strict=True))
    except OSError as exc:
        raise unreadable(show_path(path, root), exc, what="a link that leads nowhere" if path.is_symlink() else "") from exc
    if not real.is_relative_to(home):
        shown = show_path(path, root)
        raise TargetError(
            f"{shown} is a link to something outside the project.", fix=f"Put the file itself into the project, as {shown}."
        )
    return real


def require_regular(found: os.stat_result, path: Path, root: Path) -> None:
    """Raise TargetError unless this, found of a path of the project, is a regular file."""
    if not stat.S_ISREG(found.st_mode):
        shown = show_path(path, root)
        kind = next((name for is_kind, name in KINDS if is_kind(found.st_mode)), "not a regular file")
        raise TargetError(f"{shown} is {kind}, not a file.", fix=f"Remove {shown}, or put a regular file there.")


def require_plain_name(name: str, folder: str) -> None:
    """Raise TargetError for a name with characters that nobody could read on a page."""
    if not name.isprintable():
        shown = name.encode("utf-8", "backslashreplace").decode("utf-8").encode("unicode_escape").decode("ascii")
        raise TargetError(
            f"A file in {folder} has a name that can't be shown: {plain_text(shown, limit=120)}.", fix="Rename or remove it."
        )


def show_path(path: Path, root: Path) -> str:
    """Return a path from the project's root as a person may read it."""
    for base in (root, root.absolute()):
        if path.is_relative_to(base):
            path = path.relative_to(base)
            break
    text = path.as_posix().encode("utf-8", "backslashreplace").decode("utf-8")
    return plain_text("".join(char if char.isprintable() else repr(char)[1:-1] for char in text), limit=240)


def unreadable(shown: str, exc: OSError, *, what: str = "") -> TargetError:
    """Return the error for a file that can't be reached or opened."""
    said = (exc.strerror or type(exc).__name__).lower()
    return TargetError(
        f"{shown} is {what}: {said}." if what else f"{shown} could not be read: {said}.",
        fix=f"Check what {shown} is: ls -ld {shown}",
    )
