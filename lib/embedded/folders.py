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
from pathlib import Path

from lib.errors import WorkbookError

SERVER_USER = "nobody"
"""The account that runs the server when we are root: every Linux and macOS has it, and it owns nothing."""


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
            return candidate
    shown = ", ".join(str(candidate) for candidate in dict.fromkeys(candidates))
    raise WorkbookError(
        f"The embedded database runs as '{SERVER_USER}', who can't enter any temporary folder ({shown}). "
        "Next: set TMPDIR to a folder that every user may enter."
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
                f"{path} belongs to somebody else, so no server state is put there. "
                "Next: remove it, or set TMPDIR to a folder of your own."
            ) from None
    path.chmod(0o711)  # mkdir's mode is cut by the umask
    return path


def can_walk(folder: Path) -> bool:
    """Return whether the server's user may pass through the folder and everything above it."""
    if server_user() is None:
        return True
    folder = folder.resolve()
    return all(part.stat().st_mode & stat.S_IXOTH for part in (folder, *folder.parents))


def readable_copy(folder: Path, *, sample: str) -> Path:
    """Return the folder itself if the server's user can read it, else a readable copy, made once.

    sample: a file inside it, whose own permissions tell how the rest was unpacked.
    """
    folder = folder.resolve()
    if can_walk((folder / sample).parent) and (folder / sample).stat().st_mode & stat.S_IROTH:
        return folder
    cache = own_folder(temp_root() / f"launch-workbook-{os.geteuid()}-binaries")
    copy = cache / fingerprint(folder)
    if not copy.exists():
        beside = cache / f".{uuid.uuid4().hex}"
        shutil.copytree(folder, beside, copy_function=copy_readable)
        open_folders(beside)
        try:
            beside.rename(copy)
        except OSError:  # another run finished the same copy first
            shutil.rmtree(beside)
    return copy


def fingerprint(folder: Path) -> str:
    """Return a short digest of the folder's place and of every file's name, size and time."""
    digest = hashlib.sha256(str(folder).encode())
    for file in sorted(path for path in folder.rglob("*") if path.is_file()):
        status = file.stat()
        digest.update(f"{file.relative_to(folder)}\0{status.st_size}\0{status.st_mtime_ns}\n".encode())
    return digest.hexdigest()[:20]


def copy_readable(source: str, target: str) -> str:
    """Copy one file so that everybody may read it, and run it if its owner could."""
    shutil.copyfile(source, target)
    os.chmod(target, 0o755 if os.stat(source).st_mode & stat.S_IXUSR else 0o644)
    return target


def open_folders(top: Path) -> None:
    """Let everybody enter and list the folder and those below it."""
    for folder, _, _ in os.walk(top):
        os.chmod(folder, 0o755)
