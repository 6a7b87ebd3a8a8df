"""Where embedded servers keep their state, and what their user is allowed to read.

PostgreSQL refuses to run as root, so root runs it as an unprivileged user, who must be able to walk to
every program and data folder. Folders of the person who runs us are never chmod'ed: what can't be read
is copied once to a place where it can.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import stat
import tempfile
import uuid
from collections.abc import Sequence
from pathlib import Path

from lib.core.errors import WorkbookError

SERVER_USER = "nobody"
"""The account that runs the server when we are root: every Linux and macOS has it, and it owns nothing."""


UNSPEAKABLE = (":", "'", "\\")
"""Signs that a path in the server's own search paths can't hold."""


def server_user() -> str | None:
    """Return the account the server runs as: None means our own, which root can't use."""
    return SERVER_USER if os.geteuid() == 0 else None


def state_base(checkout: Path) -> Path:
    """Return the folder that holds the state of every embedded server of one checkout, made if missing."""
    mark = hashlib.sha256(str(checkout.resolve()).encode()).hexdigest()[:12]
    return own_folder(temp_root() / f"launch-workbook-{os.geteuid()}-{mark}")


def temp_root() -> Path:
    """Return a temporary folder that the server's user can walk into.

    Raises WorkbookError when every one is closed to it.
    """
    candidates = [Path(tempfile.gettempdir()).resolve(), Path("/tmp"), Path("/var/tmp")]
    for candidate in candidates:
        if candidate.is_dir() and can_walk(candidate):
            return candidate.resolve()
    shown = ", ".join(str(candidate) for candidate in dict.fromkeys(candidates))
    raise WorkbookError(
        f"The embedded database runs as '{SERVER_USER}', who can't enter any temporary folder ({shown}).",
        fix="set TMPDIR to a folder that every user may enter.",
    )


def own_folder(path: Path) -> Path:
    """Make the folder, or check that the one there is ours; others may pass through but not list it.

    Raises WorkbookError when somebody else made it first: temporary folders are shared.
    """
    try:
        path.mkdir(mode=0o711)
    except FileExistsError:
        status = path.lstat()
        if not stat.S_ISDIR(status.st_mode) or status.st_uid != os.geteuid():
            raise WorkbookError(
                f"{path} belongs to somebody else, so no server state is put there.",
                fix="remove it, or set TMPDIR to a folder of your own.",
            ) from None
    path.chmod(0o711)  # mkdir's mode is cut by the umask
    return path


def can_walk(folder: Path) -> bool:
    """Return whether the server's user may pass through the folder and everything above it."""
    if server_user() is None:
        return True
    folder = folder.resolve()
    return all(part.stat().st_mode & stat.S_IXOTH for part in (folder, *folder.parents))


def readable_copy(root: Path, parts: Sequence[str], *, sample: str) -> Path:
    """Return the folder itself if the server can use it, else a copy of some parts of it, made once.

    parts: the folders below `root` that are needed; the copy keeps their places, since programs look for
    their libraries beside themselves.
    sample: a file in one of them, whose own permissions tell how the rest was unpacked.
    """
    root = root.resolve()
    is_open = can_walk((root / sample).parent) and (root / sample).stat().st_mode & stat.S_IROTH
    if is_open and not any(sign in str(root) for sign in UNSPEAKABLE):
        return root
    cache = own_folder(temp_root() / f"launch-workbook-{os.geteuid()}-binaries")
    copy = cache / fingerprint(root, parts)
    if not copy.exists():
        beside = cache / f".{uuid.uuid4().hex}"
        for part in parts:
            shutil.copytree(root / part, beside / part, copy_function=copy_readable)
        open_folders(beside)
        try:
            beside.rename(copy)
        except OSError:  # another run finished the same copy first
            shutil.rmtree(beside)
    return copy


def fingerprint(root: Path, parts: Sequence[str]) -> str:
    """Return a short digest of the parts' place and of every file's name, size and time."""
    digest = hashlib.sha256(str(root).encode())
    for file in sorted(path for part in parts for path in (root / part).rglob("*") if path.is_file()):
        status = file.stat()
        digest.update(f"{file.relative_to(root)}\0{status.st_size}\0{status.st_mtime_ns}\n".encode())
    return digest.hexdigest()[:20]


def copy_readable(source: str, target: str) -> str:
    """Copy one file so that everybody may read it, and run it if its owner could."""
    shutil.copyfile(source, target)
    Path(target).chmod(0o755 if Path(source).stat().st_mode & stat.S_IXUSR else 0o644)
    return target


def open_folders(top: Path) -> None:
    """Let everybody enter and list the folder and those below it."""
    for folder in (top, *(path for path in top.rglob("*") if path.is_dir())):
        folder.chmod(0o755)
