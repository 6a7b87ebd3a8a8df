"""Which key signs runs here, where it lies, and whose signatures are known on this machine.

A key is a person's or a machine's, not a checkout's: it outlives `make clean`. `make key` makes one with a name; it signs the
runs of every project whose `launch/trusted_keys/` names it. Where none is named, a key that is made by itself on first use signs:
it shows that files belong together, and who signed nobody else can tell.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from securesystemslib.signer import CryptoSigner, Key

from lib.core.environment import SIGNING_KEY, config_folder, named_signing_key, signing_key_variable
from lib.core.errors import WorkbookError
from lib.core.files import write_whole
from lib.core.paths import ROOT
from lib.evidence.manifest import load_signer, read_signer
from lib.evidence.trust import NOBODY, TrustList
from lib.run.signing_variable import key_text

NAME = "signing-key.pem"
"""The key that is made by itself."""
NAMED = "keys"
"""Folder beside it with the keys that `make key` made, each called as its signer is."""
FORMER = "former"
"""Folder beside the key with keys that signed earlier runs: still known as ours, never used to sign."""
IN_CHECKOUT = ROOT / ".keys" / NAME
"""Where the key lies when the user has no folder for settings that can be written to; `make clean` leaves it."""
BEFORE = ROOT / ".run" / NAME
"""Where an older workbook kept it, which `make clean` removes."""


def signing_key_path() -> Path:
    """Return the file that READINESS_SIGNING_KEY or SIGNING_KEY names, else that of the key that makes itself."""
    named = named_signing_key()
    return usual_key_path() if named is None else named


def usual_key_path() -> Path:
    """Return where the key is, or will be made, that makes itself: the user's folder for settings, else this checkout's."""
    folder = config_folder()
    usual = folder / NAME if folder else IN_CHECKOUT
    return next((path for path in (usual, IN_CHECKOUT) if path.exists()), usual if can_make(usual) else IN_CHECKOUT)


def can_make(path: Path) -> bool:
    """Return whether a file could be made there, with the folders above it."""
    there = next(parent for parent in path.parents if parent.exists())
    return os.access(there, os.W_OK | os.X_OK)


def named_keys() -> list[Path]:
    """Return the keys that `make key` made for this user, by name."""
    folder = config_folder()
    return sorted((folder / NAMED).glob("*.pem")) if folder else []


def open_signer(trust: TrustList = NOBODY, *, at: datetime | None = None) -> CryptoSigner:
    """Return who signs runs here.

    A key that a variable gives comes first, then one of the user's own that the project trusts at this moment, then the key that
    makes itself, after an older workbook's was taken over.
    Raises WorkbookError when the key can't be used.
    """
    text = key_text()
    if text:
        return read_signer(text.encode(), SIGNING_KEY)
    path = signing_key_path()
    if named_signing_key() is None:
        moment = at or datetime.now(UTC)
        for one in named_keys() if trust.keys else []:
            signer = load_signer(one, make=False)
            if trust.judge(signer.public_key.keyid, moment).is_trusted:
                return signer
    elif signing_key_variable():
        return load_signer(path, make=False)
    take_over(BEFORE, path)
    return load_signer(path)


def take_over(before: Path, path: Path) -> None:
    """Keep the key of an older workbook: as the key where there is none yet, else among the known ones."""
    try:
        content = before.read_bytes()
        if not path.exists():
            write_whole(path, content, mode=0o600)
        elif path.read_bytes() != content:
            write_whole(path.parent / FORMER / f"{load_signer(before).public_key.keyid[:16]}.pem", content, mode=0o600)
    except (OSError, WorkbookError):
        return  # there is none, or it can't be read: what it signed is then not known as ours


def own_keys() -> list[Key]:
    """Return the keys of this user and machine: those in use and the former ones; none where none can be read."""
    text = key_text()
    found = [read_signer(text.encode(), SIGNING_KEY).public_key] if text else []
    take_over(BEFORE, signing_key_path())
    found += [load_signer(path).public_key for path in own_key_files() if path.exists()]
    return list({key.keyid: key for key in found}.values())


def own_key_files() -> Iterator[Path]:
    """Yield where keys of this user and machine may lie."""
    path = signing_key_path()
    yield from (path, *sorted((path.parent / FORMER).glob("*.pem")), *named_keys())
    folder = config_folder()
    if folder is not None and path.parent != folder:
        yield from sorted((folder / FORMER).glob("*.pem"))
