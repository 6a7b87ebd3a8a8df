"""The vault: where an environment's credentials are kept, a folder of files or HashiCorp Vault KV v2.

Both give the same: each value with the time it last changed. `vault_copy.read_copy` has every value that is a credential
redacted in all that this process writes from then on, before anyone else gets to see it.
"""

from __future__ import annotations

import contextlib
import json
import os
import stat
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Protocol

from lib.clients.vault.dotenv import EnvLineError, parse_env_lines
from lib.core.errors import TargetError

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
        """Return every value of every file that can be read, declared or not, by its place; none where there is no folder."""
        found: dict[str, str] = {}
        for path in sorted(self.path.rglob("*")) if self.path.is_dir() else ():
            if path.suffix in SUFFIXES or path.name in SUFFIXES:
                file = path.relative_to(self.path).as_posix()
                with contextlib.suppress(TargetError):  # judged by the audit; here only what can be read counts
                    found |= {f"{file}#{key}": value for key, value in self.read_file(file)[0].items()}
        return found

    def require_folder(self) -> None:
        """Return when the folder is there. Raises TargetError when it isn't."""
        if not self.path.is_dir():
            raise TargetError(
                f"The vault folder {self.name} is not there.", fix="Unlock or fetch it, or correct credentials.vault_path."
            )

    def read_file(self, file: str) -> tuple[Mapping[str, str], datetime]:
        """Return what one file holds, by key, and when it was last written; nothing when there is no such file."""
        path = (self.path / file).resolve()
        if not path.is_relative_to(self.path.resolve()):
            raise TargetError(
                f"{file} is outside the vault folder {self.name}, and is not read.",
                fix=f"Correct the place of {file} under credentials.declared.",
            )
        try:
            descriptor = os.open(path, os.O_RDONLY)
            with os.fdopen(descriptor, "rb") as opened:
                said = os.fstat(descriptor)
                data = opened.read(LONGEST_FILE + 1)
        except (FileNotFoundError, NotADirectoryError):
            return {}, datetime.now(UTC)
        except OSError as exc:
            raise TargetError(f"{self.name}/{file} cannot be read: {exc.strerror}.", fix="Check who owns the file.") from exc
        return parse_file(f"{self.name}/{file}", data), datetime.fromtimestamp(said.st_mtime, UTC)

    def too_open(self) -> list[str] | None:
        """Return each file that others than its owner may read or write, and each folder others may write into."""
        self.require_folder()
        return [
            f"{path.relative_to(self.path.parent).as_posix()} ({stat.filemode(path.stat().st_mode)})"
            for path in sorted([self.path, *self.path.rglob("*")])
            if path.stat().st_mode & (OTHERS_MAY_WRITE if path.is_dir() else OTHERS_MAY)
        ]


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
            return flatten(named, json.loads(text))
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
