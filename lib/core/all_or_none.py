"""Several files of a project written together: all of them, or every one stays as it was."""

from __future__ import annotations

import os
import shutil
import stat
from collections.abc import Mapping
from contextlib import ExitStack, suppress
from pathlib import Path

from lib.core.files import flush_folder, write_all

NEW, OLD = ".new", ".old"


def write_together(contents: Mapping[Path, bytes]) -> None:
    """Put each content at its path, its mode as it was; when one can't be, none is, and folders made for it are gone again.

    A link stays a link: what it names is written. Each file appears in one step, one after the other: a power cut in
    between leaves whole files, some of them older. Raises OSError, naming the file in `filename`, when one can't be written.
    """
    real = {Path(os.path.realpath(path)): (path, data) for path, data in contents.items()}
    with ExitStack() as undo:
        for path, (named, data) in real.items():
            try:
                require_writable(path)
                make_folders(path.parent, undo)
                stage(path, data, undo)
            except OSError as exc:
                raise OSError(exc.errno, exc.strerror, str(named)) from exc
        for path, (named, _) in real.items():
            try:
                put(path, undo)
            except OSError as exc:
                raise OSError(exc.errno, exc.strerror, str(named)) from exc
        undo.pop_all()
    for path in real:
        beside(path, OLD).unlink(missing_ok=True)
        flush_folder(path.parent)


def beside(path: Path, ending: str) -> Path:
    """Return the name under which a file waits in the same folder."""
    return path.with_name(f".{path.name}.{os.getpid()}{ending}")


def require_writable(path: Path) -> None:
    """Refuse a file that its owner may not write. Raises PermissionError; replacing it would succeed."""
    if path.exists() and not path.stat().st_mode & stat.S_IWUSR:
        raise PermissionError(13, "it is read-only", str(path))


def make_folders(folder: Path, undo: ExitStack) -> None:
    """Make a folder and those above it, each to be removed again when it is empty then."""
    missing = [one for one in (folder, *folder.parents) if not one.exists()]
    for one in reversed(missing):
        one.mkdir()
        undo.callback(remove_empty, one)


def remove_empty(folder: Path) -> None:
    """Remove a folder, unless somebody has put something there since."""
    with suppress(OSError):
        folder.rmdir()


def stage(path: Path, data: bytes, undo: ExitStack) -> None:
    """Write the content beside the file, with the mode that the file has."""
    new, mode = beside(path, NEW), path.stat().st_mode & 0o777 if path.exists() else None
    descriptor = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o644)
    undo.callback(new.unlink, missing_ok=True)
    try:
        if mode is not None:
            os.fchmod(descriptor, mode)
        write_all(descriptor, data)
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def put(path: Path, undo: ExitStack) -> None:
    """Let the new file take its place; what was there waits beside, to come back."""
    old = beside(path, OLD)
    if path.exists():
        undo.callback(old.unlink, missing_ok=True)
        shutil.copy2(path, old)
        undo.callback(old.replace, path)
    else:
        undo.callback(path.unlink, missing_ok=True)
    beside(path, NEW).replace(path)
