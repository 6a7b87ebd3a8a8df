"""The door to storage of any kind: a folder, S3, GCS and others, each by its URL, through fsspec.

Names within it are relative, with forward slashes. Credentials come from the storage library's own settings, never from the URL.
"""

from __future__ import annotations

import hashlib
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import fsspec
from fsspec.implementations.local import LocalFileSystem

from lib.core.errors import ParamsError, TargetError
from lib.core.visible import plain_line

CHUNK = 1_000_000
"""Bytes read at a time."""


@dataclass(frozen=True, kw_only=True)
class Storage:
    """One place that holds files. url: as it was named. root: the same as its file system spells it."""

    url: str
    files: Any
    root: str

    def at(self, name: str) -> str:
        """Return a name as the file system spells it."""
        return f"{self.root}/{name}" if name else self.root

    def exists(self, name: str) -> bool:
        """Return whether there is something of this name, as it is now."""
        with self.reading():
            self.files.invalidate_cache()
            return bool(self.files.exists(self.at(name)))

    def read(self, name: str) -> bytes | None:
        """Return a file's content; None when there is no such file."""
        with self.reading():
            self.files.invalidate_cache()
            try:
                return bytes(self.files.cat_file(self.at(name)))
            except FileNotFoundError:
                return None

    def digest(self, name: str) -> str:
        """Return the sha256 of a file's content in hex, as the storage gives it back."""
        told = hashlib.sha256()
        with self.reading(), self.files.open(self.at(name), "rb") as file:
            while part := file.read(CHUNK):
                told.update(part)
        return told.hexdigest()

    def write(self, name: str, content: bytes) -> None:
        """Put a file there, whatever was there before; a reader sees the old one or the new one."""
        with self.writing():
            if not self.is_local:
                self.files.pipe_file(self.at(name), content)
                return
            beside = self.put_beside(name, content)
            beside.replace(self.at(name))

    def write_new(self, name: str, content: bytes) -> bool:
        """Put a file there unless there is one; return whether it was put. Of several writers exactly one is told True."""
        with self.writing():
            if not self.is_local:
                try:
                    self.files.pipe_file(self.at(name), content, mode="create")
                except FileExistsError:
                    return False
                return True
            beside = self.put_beside(name, content)
            try:
                os.link(beside, self.at(name))
            except FileExistsError:
                return False
            finally:
                beside.unlink()
            return True

    def put_beside(self, name: str, content: bytes) -> Path:
        """Write a local file whole beside the place that it is for, and return where."""
        path = Path(self.at(name))
        path.parent.mkdir(parents=True, exist_ok=True)
        beside = path.with_name(f".{path.name}.{secrets.token_hex(4)}.new")
        with beside.open("xb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        return beside

    def upload(self, path: Path, name: str) -> None:
        """Put a local file there."""
        with self.writing():
            self.files.makedirs(self.files._parent(self.at(name)), exist_ok=True)
            self.files.put_file(str(path), self.at(name))

    def move(self, name: str, to: str) -> None:
        """Move a folder. In a local one it is one step; elsewhere file by file, and doing it again finishes it."""
        with self.writing():
            self.files.invalidate_cache()
            self.files.makedirs(self.files._parent(self.at(to)), exist_ok=True)
            if self.is_local:
                with suppress(FileNotFoundError):  # somebody else has moved it meanwhile
                    Path(self.at(name)).rename(self.at(to))
                return
            for one in self.files.find(self.at(name)):
                with suppress(FileNotFoundError):
                    self.files.mv(one, f"{self.at(to)}{one[len(self.at(name)) :]}")
        self.remove(name)

    def remove(self, name: str) -> None:
        """Remove a folder or file with all that is in it; nothing where there is none."""
        with self.writing():
            self.files.invalidate_cache()
            with suppress(FileNotFoundError):
                self.files.rm(self.at(name), recursive=True)

    @property
    def is_local(self) -> bool:
        return isinstance(self.files, LocalFileSystem)

    def reading(self) -> Any:
        return as_target_error(f"{self.url} can't be read")

    def writing(self) -> Any:
        return as_target_error(f"{self.url} can't be written to")


def open_storage(url: str) -> Storage:
    """Return the place that a URL or a path names. Nothing is asked of it yet.

    Raises ParamsError for a URL that names nothing we can open, or that holds credentials: it would stand in logs and pages.
    """
    check_url(url)
    try:
        files, root = fsspec.core.url_to_fs(url)
    except (ImportError, ValueError, OSError) as exc:
        said = plain_line(str(exc)).rstrip(".")
        raise ParamsError(
            f"RESULTS={url}: {said}. Fix: Install what opens it into .venv, such as s3fs for s3://, or name a folder."
        ) from exc
    return Storage(url=url.rstrip("/"), files=files, root=str(root).rstrip("/"))


def check_url(url: str) -> None:
    """Raise ParamsError for a URL of results that holds credentials, or can't be parsed."""
    try:
        parts = urlsplit(url)
        holds_login = "@" in parts.netloc or bool(parts.query)
    except ValueError as exc:
        raise ParamsError("RESULTS is not a valid URL. Fix: Write it as s3://bucket/folder.") from exc
    if holds_login:
        raise ParamsError(
            "RESULTS holds a user, a password or a query, and it is shown in logs and pages. "
            "Fix: Name the place alone, and give credentials by the storage's own variables, such as AWS_ACCESS_KEY_ID."
        )


@contextmanager
def as_target_error(said: str) -> Iterator[None]:
    """Turn what a library of storage raises into one sentence."""
    try:
        yield
    except (TargetError, AssertionError):
        raise
    except Exception as exc:  # each storage has exceptions of its own, with no parent in common
        reason = plain_line(str(exc) or type(exc).__name__).rstrip(".")
        raise TargetError(f"{said}: {reason}.", fix="Check the address, and the credentials of the storage.") from exc
