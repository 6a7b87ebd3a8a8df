"""Where the key lies that signs runs, and whose signatures are trusted.

The key is a person's or a machine's, not a checkout's: it outlives `make clean`, and every checkout of the same user
verifies each other's runs.
"""

from __future__ import annotations

import os
from pathlib import Path

from securesystemslib.signer import CryptoSigner, Key

from lib.core.environment import config_folder, named_signing_key
from lib.core.errors import WorkbookError
from lib.core.files import write_whole
from lib.core.paths import ROOT
from lib.evidence.manifest import load_signer

NAME = "signing-key.pem"
FORMER = "former"
"""Folder beside the key with keys that signed earlier runs: still trusted, never used to sign."""
IN_CHECKOUT = ROOT / ".keys" / NAME
"""Where the key lies when the user has no folder for settings that can be written to; `make clean` leaves it."""
BEFORE = ROOT / ".run" / NAME
"""Where an older workbook kept it, which `make clean` removes."""


def signing_key_path() -> Path:
    """Return where the key is, or will be made: SIGNING_KEY, else the user's folder for settings, else this checkout's."""
    named = named_signing_key()
    if named is not None:
        return named
    folder = config_folder()
    usual = folder / NAME if folder else IN_CHECKOUT
    return next((path for path in (usual, IN_CHECKOUT) if path.exists()), usual if can_make(usual) else IN_CHECKOUT)


def can_make(path: Path) -> bool:
    """Return whether a file could be made there, with the folders above it."""
    there = next(parent for parent in path.parents if parent.exists())
    return os.access(there, os.W_OK | os.X_OK)


def open_signer() -> CryptoSigner:
    """Return who signs runs here, the key made on first use, after an older workbook's key was taken over.

    Raises WorkbookError when the key can't be used.
    """
    path = signing_key_path()
    take_over(BEFORE, path)
    return load_signer(path)


def take_over(before: Path, path: Path) -> None:
    """Keep the key of an older workbook: as the key where there is none yet, else among the trusted ones."""
    try:
        content = before.read_bytes()
        if not path.exists():
            write_whole(path, content, mode=0o600)
        elif path.read_bytes() != content:
            write_whole(path.parent / FORMER / f"{load_signer(before).public_key.keyid[:16]}.pem", content, mode=0o600)
    except (OSError, WorkbookError):
        return  # there is none, or it can't be read: what it signed is then not known as ours


def trusted_keys() -> list[Key]:
    """Return the keys whose signatures are trusted: our own and our former ones; none where none can be read."""
    path = signing_key_path()
    take_over(BEFORE, path)
    found = []
    for one in (path, *sorted((path.parent / FORMER).glob("*.pem"))):
        if one.exists():
            found.append(load_signer(one).public_key)
    return found
