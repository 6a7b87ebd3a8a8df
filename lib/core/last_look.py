"""The last look at what a run keeps: every file read for credentials, before anyone else may read it.

It goes by the same list as `redact`, so what it finds came in by a way that `redact` was not asked on.
"""

from __future__ import annotations

import codecs
import gzip
import json
import os
import stat
import zipfile
import zlib
from collections import Counter
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from lib.core.redact import find_credentials, is_credential_under, is_cut_text

CHUNK = 4 * 1024 * 1024
"""Bytes looked at together."""
OVERLAP = 64 * 1024
"""Bytes looked at a second time with the next: longer than any spelling of a credential."""
MOST_UNPACKED = 512 * 1024 * 1024
"""Bytes of one file, unpacked. A larger one is not read whole, and counts as a file nobody looked at."""
LARGEST_DOCUMENT = 32 * 1024 * 1024
"""Bytes of a JSON file up to which its texts are looked at one by one, too."""
UNREAD = "could not be read whole"
UNDER_A_KEY = "value beside a telling name"


@dataclass(frozen=True, kw_only=True)
class Leak:
    """A file that holds credentials. file: below the folder. count: how many. kinds: which; never a value.

    A file that could not be read has the count 0 and the kind UNREAD: nobody knows what it holds.
    """

    file: str
    count: int
    kinds: tuple[str, ...]

    def __str__(self) -> str:
        return f"{self.file} ({', '.join(self.kinds)})"


def look_once_more(
    folder: Path, *, known: Collection[str] | None = None, files: Iterable[Path] | None = None
) -> tuple[Leak, ...]:
    """Return each file that holds a known credential in any spelling, or something that has the shape of one.

    known: the values to look for; all that are redacted in this process when None.
    files: these alone, wherever they are; every file below the folder when None. Symbolic links are not followed.
    """
    chosen = sorted(find_files(folder) if files is None else files)
    leaks = []
    for path in chosen:
        name = path.relative_to(folder).as_posix() if path.is_relative_to(folder) else f"{path.parent.name}/{path.name}"
        kinds = look_at_file(path, known)
        if kinds:
            count = sum(number for kind, number in kinds.items() if kind != UNREAD)
            leaks.append(Leak(file=name, count=count, kinds=tuple(sorted(kinds))))
    return tuple(leaks)


def find_files(folder: Path) -> Iterator[Path]:
    """Yield every file below a folder but symbolic links."""
    for place, _, names in os.walk(folder):
        yield from (path for name in names if not (path := Path(place) / name).is_symlink() and path.is_file())


def look_at_file(path: Path, known: Collection[str] | None) -> Counter[str]:
    """Return how many credentials of each kind one file holds."""
    found: Counter[str] = Counter()
    try:
        with path.open("rb") as file:
            for member in unpack(path.name, file):
                found += look_at_stream(member, known)
        if path.suffix in (".json", ".ipynb", ".jsonl") and path.stat().st_size <= LARGEST_DOCUMENT:
            found |= look_at_documents(path.read_bytes(), known)
    except (OSError, EOFError, zlib.error, zipfile.BadZipFile, NotImplementedError, RuntimeError):
        found[UNREAD] += 1
    return found


def unpack(name: str, file: IO[bytes]) -> Iterator[IO[bytes]]:
    """Yield what a file holds: itself, and what is packed in it where it is a zip or gzip file."""
    start = file.read(4)
    file.seek(0)
    yield file
    if start[:2] == b"\x1f\x8b":
        file.seek(0)
        with gzip.open(file) as inner:
            yield inner  # type: ignore[misc]
    elif start[:4] == b"PK\x03\x04" or name.endswith(".zip"):
        file.seek(0)
        with zipfile.ZipFile(file) as archive:
            for member in archive.infolist():
                with archive.open(member) as inner_file:
                    yield inner_file


def look_at_stream(file: IO[bytes], known: Collection[str] | None) -> Counter[str]:
    """Return how many credentials of each kind a file holds, a stretch at a time."""
    found: Counter[str] = Counter()
    before, size = b"", 0
    while stretch := file.read(CHUNK):
        size += len(stretch)
        if size > MOST_UNPACKED:
            found[UNREAD] += 1
            break
        found += look_at_bytes(before + stretch, known, new=len(before))
        before = stretch[-OVERLAP:]
    return found


def look_at_bytes(content: bytes, known: Collection[str] | None, *, new: int = 0) -> Counter[str]:
    """Return how many credentials of each kind some bytes hold. new: where those start that were not looked at before."""
    texts = [content.decode("utf-8", "replace")]
    if b"\0" in content or "\ufffd" in texts[0]:
        texts.append(content.decode("latin-1"))
    texts += [content.decode(name, "replace") for mark, name in UTF_16.items() if content.startswith(mark)]
    found: Counter[str] = Counter()
    for text in texts:
        seen = find_credentials(text, known)
        # A character is at most four bytes: what was looked at before may be counted twice, and nothing new is left out.
        found |= Counter(one.kind for one in seen if one.end > new // 4)
    return found


UTF_16 = {codecs.BOM_UTF16_LE: "utf-16-le", codecs.BOM_UTF16_BE: "utf-16-be"}


def look_at_documents(content: bytes, known: Collection[str] | None) -> Counter[str]:
    """Return what the texts within JSON hold, a document or one a line: lines of a cell as one, values with their keys."""
    found: Counter[str] = Counter()
    for part in [content, *content.splitlines()] if b"\n{" in content else [content]:
        try:
            document = json.loads(part)
        except (ValueError, RecursionError):
            continue
        for text in texts_of(document):
            found += Counter(one.kind for one in find_credentials(text, known))
        found[UNDER_A_KEY] += sum(1 for _ in values_under_keys(document))
    return +found


def texts_of(document: Any) -> Iterator[str]:
    """Yield each text that runs over several items of a list; every other one is looked at where it stands in the file."""
    pending = [document]
    while pending:
        one = pending.pop()
        if isinstance(one, dict):
            pending += one.values()
        elif isinstance(one, list):
            if is_cut_text(one):
                yield "".join(one)
            else:
                pending += one


def values_under_keys(document: Any) -> Iterator[str]:
    """Yield each value that is a credential because of the key that it stands under."""
    pending = [document]
    while pending:
        one = pending.pop()
        if isinstance(one, dict):
            yield from (value for key, value in one.items() if is_credential_under(str(key), value))
            pending += one.values()
        elif isinstance(one, list):
            pending += one


def lock_away(folder: Path) -> None:
    """Leave the folder and all in it to its owner alone: folders 0700, files 0600. Symbolic links are not followed.

    Raises OSError when that cannot be done.
    """
    folder.chmod(stat.S_IRWXU)
    for place, folders, names in os.walk(folder):
        for name in folders:
            if not (path := Path(place) / name).is_symlink():
                path.chmod(stat.S_IRWXU)
        for name in names:
            if not (path := Path(place) / name).is_symlink():
                path.chmod(stat.S_IRUSR | stat.S_IWUSR)
