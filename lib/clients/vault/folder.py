"""The vault: where an environment's credentials are kept, a folder of files or HashiCorp Vault KV v2.

Both give the same: each value with the time it last changed. `vault_copy.read_copy` has every value that is a credential
redacted in all that this process writes from then on, before anyone else gets to see it.
"""

from __future__ import annotations

import contextlib
import os
import stat
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from typing import Protocol

from lib.clients.vault.dotenv import EnvLineError, parse_env_lines
from lib.core.errors import TargetError
from lib.core.pack_files import DEPTH_LIMIT, FILES_LIMIT, is_folder, list_files, read_file, show_path, walk
from lib.core.plain_json import PlainJsonError, load_json

SUFFIXES = (".env", ".txt", ".json")
OTHERS_MAY = stat.S_IRWXG | stat.S_IRWXO
OTHERS_MAY_WRITE = stat.S_IWGRP | stat.S_IWOTH
LONGEST_FILE = 1024 * 1024
"""Bytes. A larger file is not a credential, and is not read."""


@dataclass(frozen=True, kw_only=True)
class VaultValue:
    """One credential as the vault has it. changed_at: in UTC; None when the vault does not say."""

    place: str
    value: str = field(repr=False)
    changed_at: datetime | None


class Vault(Protocol):
    """What a vault can do. A place is `file.txt`, `file.env#NAME`, `file.json#key`; in KV v2 `path#key`."""

    @property
    def display_name(self) -> str:
        """Where it is, without its token."""

    def read(self, places: Iterable[str]) -> dict[str, VaultValue]:
        """Return the values at these places; one that is not there is left out. Raises TargetError."""

    def too_open(self) -> list[str] | None:
        """Return what more people than the owner may read; None when the vault is not a folder."""


@dataclass(frozen=True, kw_only=True)
class VaultFolder:
    """A folder of `.env`, `.txt` and `.json` files; a `.txt` file is one value, byte for byte."""

    path: Path
    name: str

    @property
    def display_name(self) -> str:
        return self.name

    def read(self, places: Iterable[str]) -> dict[str, VaultValue]:
        """Return the values at these places; one that is not there is left out. Raises TargetError."""
        self.require_folder()
        files: dict[str, tuple[Mapping[str, str], datetime]] = {}
        found = {}
        for place in places:
            file, _, key = place.partition("#")
            if file not in files:
                files[file] = self.read_file(file)
            values, changed_at = files[file]
            if key in values:
                found[place] = VaultValue(place=place, value=values[key], changed_at=changed_at)
        return found

    def read_all(self) -> dict[str, str]:
        """Return every value of every file that can be read, declared or not, by its place; none where there is no folder.

        Raises TargetError when there is no end of files, or the folder itself can't be read.
        """
        found: dict[str, str] = {}
        for path in list_files(self.path, root=self.path, recursive=True):
            if path.suffix in SUFFIXES or path.name in SUFFIXES:
                file = path.relative_to(self.path).as_posix()
                with contextlib.suppress(TargetError):  # judged by the audit; here only what can be read counts
                    found |= {f"{file}#{key}": value for key, value in self.read_file(file)[0].items()}
        return found

    def require_folder(self) -> None:
        """Return when the folder is there. Raises TargetError when it isn't."""
        if not is_folder(self.path):
            raise TargetError(
                f"The vault folder {self.name} is not there.", fix="Unlock or fetch it, or correct credentials.vault_path."
            )

    def read_file(self, file: str) -> tuple[Mapping[str, str], datetime]:
        """Return what one file holds, by key, and when it was last written; nothing when there is no such file."""
        path = self.path / file
        outside = TargetError(
            f"{file} is outside the vault folder {self.name}, and is not read.",
            fix=f"Correct the place of {file} under credentials.declared.",
        )
        if ".." in Path(file).parts or Path(file).is_absolute():
            raise outside
        try:
            if not os.path.lexists(path):
                return {}, datetime.now(UTC)
            if os.path.exists(path) and not Path(os.path.realpath(path)).is_relative_to(os.path.realpath(self.path)):  # noqa: PTH110
                raise outside
            data = read_file(path, root=self.path, limit_bytes=LONGEST_FILE)
            changed_at = datetime.fromtimestamp(path.stat().st_mtime, UTC)
        except TargetError as exc:
            if exc is outside:
                raise
            raise TargetError(f"Of the vault {self.name}: {exc.message}", fix=exc.fix) from exc
        except (OSError, ValueError, OverflowError) as exc:
            raise TargetError(f"{self.name}/{file} cannot be read: {reason_of(exc)}.", fix="Check what it is.") from exc
        return parse_file(f"{self.name}/{file}", data), changed_at

    def too_open(self) -> list[str] | None:
        """Return each file that others than its owner may read or write, and each folder others may write into.

        A link is as open as what it leads to. Raises TargetError when there is no end of files.
        """
        self.require_folder()
        found = []
        for path in sorted([self.path, *(Path(entry.path) for entry in self.list_entries())]):
            try:
                mode = path.stat().st_mode
            except OSError:
                continue  # a link that leads nowhere opens nothing
            if mode & (OTHERS_MAY_WRITE if stat.S_ISDIR(mode) else OTHERS_MAY):
                found.append(f"{show_path(path, self.path.parent)} ({stat.filemode(mode)})")
        return found

    def list_entries(self) -> list[os.DirEntry[str]]:
        """Return everything below the folder. Raises TargetError when there is no end of it."""
        entries = list(islice(walk(self.path, self.path, DEPTH_LIMIT), FILES_LIMIT + 1))
        if len(entries) > FILES_LIMIT:
            raise TargetError(
                f"The vault {self.name} holds more than {FILES_LIMIT:,} files.", fix="Move what does not belong there."
            )
        return entries


def reason_of(exc: Exception) -> str:
    """Return why a file can't be read, in a word or two."""
    return (exc.strerror or type(exc).__name__).lower() if isinstance(exc, OSError) else "its name or time is none"


def parse_file(named: str, data: bytes) -> Mapping[str, str]:
    """Return the values of one file by key; a `.txt` file's only key is ''. Raises TargetError, naming no value."""
    suffix = Path(named).suffix or Path(named).name
    if suffix not in SUFFIXES:
        raise TargetError(f"{named} is not a {', '.join(SUFFIXES)} file.", fix="Keep credentials in files of these kinds.")
    if len(data) > LONGEST_FILE:
        raise TargetError(f"{named} is larger than {LONGEST_FILE:,} bytes.", fix="Check what it is; no credential is that long.")
    try:
        text = data.decode("utf-8")
        if suffix == ".json":
            return flatten(named, load_json(text))
    except PlainJsonError as exc:
        raise TargetError(f"{named} is not JSON that can be taken: {exc}.", fix=f"Write {named} again.") from None
    except ValueError:
        # The decoder's own message may quote what it choked on, so it is dropped here.
        what = "JSON in UTF-8" if suffix == ".json" else "UTF-8 text"
        raise TargetError(f"{named} is not {what}.", fix=f"Write {named} again.") from None
    if suffix == ".txt":
        return {"": text}
    try:
        return parse_env_lines(text)
    except EnvLineError as exc:
        raise TargetError(f"{named}: {exc}.", fix="Correct that line.") from exc


def flatten(named: str, said: object, before: str = "") -> dict[str, str]:
    """Return the strings of nested JSON objects by their keys, joined by dots."""
    if not isinstance(said, dict):
        raise TargetError(f"{named} holds something else than names with text.", fix="Make each value a string.")
    values: dict[str, str] = {}
    for key, value in said.items():
        values.update({f"{before}{key}": value} if isinstance(value, str) else flatten(named, value, f"{before}{key}."))
    return values
