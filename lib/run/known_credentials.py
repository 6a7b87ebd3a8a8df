"""Every credential that this machine's side of a run knows, registered before anything is started or printed of it.

Whatever tasks were asked for: a project's own command may print a value of the vault in a run of guardrails alone.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from lib.clients.vault.dotenv import EnvLineError, parse_env_lines
from lib.clients.vault.folder import VaultFolder
from lib.clients.vault.vault_copy import is_placeholder, open_vault, read_copy
from lib.core.errors import TargetError
from lib.core.pack_files import is_folder, read_file
from lib.core.redact import SHORTEST_SECRET, register_secrets
from lib.core.wording import plain_text
from lib.run.named_secrets import holds_credential, password_in
from lib.run.params import Params
from lib.run.signing import named_keys, signing_key_path
from lib.run.signing_variable import key_text

LARGEST_ENV_FILE = 1024 * 1024
MOST_ENV_FILES = 100
EXAMPLES = ("example", "sample", "template", "dist", "defaults")
"""Ends of a `.env` file's name that say that its values are none."""


@dataclass(frozen=True, kw_only=True)
class KnownCredentials:
    """What was found. unread: what of the vault and of `.env` files could not be read, in sentences; '' when all was."""

    values: tuple[str, ...] = field(repr=False)
    unread: str = ""


def know_credentials(params: Params) -> KnownCredentials:
    """Register every credential of the vault, the pack's `.env` files and the signing key; never raises.

    Those of targets and of variables are registered when params are loaded.
    """
    of_vault, unread = read_vaults(params)
    of_files, unread_files = read_env_files(params.pack, params.sections["credentials"].placeholders)
    found = {*of_vault, *of_files, *read_signing_key()}
    register_secrets(found)
    said = [unread, f"Not every file of credentials could be read: {', '.join(unread_files)}." if unread_files else ""]
    return KnownCredentials(values=tuple(sorted(found)), unread=" ".join(filter(None, said)))


def read_vaults(params: Params) -> tuple[set[str], str]:
    """Return every real value in the vault, of this environment and of those apart from it, and what could not be read."""
    settings = params.sections["credentials"]
    live = params.addresses.get("vault")
    if not live and not settings.vault_folder:
        return set(), ""  # the project has no vault: its own folder is none
    parts: Mapping[str, str] = live or {"url": str(params.pack / settings.vault_folder), "token": ""}
    found: set[str] = set()
    unread = []
    for path in dict.fromkeys(path for path in (settings.vault_path, *settings.apart_from) if path):
        try:
            vault = open_vault(parts, settings, pack=params.pack, path=path)
            if isinstance(vault, VaultFolder):
                found |= set(real_values(vault.read_all().values(), settings.placeholders))
                if not is_folder(vault.path):
                    continue  # a project without a vault of its own has nothing in it; the credentials task judges that
            found |= {one.value for one in read_copy(vault, settings).real(settings.placeholders).values()}
        except TargetError:
            unread.append(path)
    return found, f"Not all of the vault could be read: {', '.join(unread)}." if unread else ""


def real_values(values: Iterable[str], placeholders: Iterable[str]) -> Iterator[str]:
    """Yield the values that are credentials, and not words that stand for one."""
    words = tuple(placeholders)
    return (value for value in values if not is_placeholder(value, words))


def read_env_files(pack: Path, placeholders: Iterable[str]) -> tuple[set[str], list[str]]:
    """Return the credentials in the `.env` files at a project's root, and the names of those that can't be read.

    A credential is one by its name, or is the password of an address.
    """
    words = tuple(placeholders)
    found: set[str] = set()
    unread: list[str] = []
    for path in find_env_files(pack):
        values = read_env_file(path)
        if values is None:
            unread.append(plain_text(path.name, limit=80))
            continue
        for name, value in values.items():
            if holds_credential(name, value) and not is_placeholder(value, words):
                found.add(value)
            if password := password_in(value):
                found.add(password)
    return {value for value in found if len(value) >= SHORTEST_SECRET}, unread


def find_env_files(pack: Path) -> list[Path]:
    """Return the `.env` files at a project's root that may hold real values; none where the folder can't be read."""
    try:
        with os.scandir(pack) as entries:
            names = sorted(entry.name for entry in entries if entry.name.startswith(".env") and not is_environment(entry))
    except OSError:
        return []
    return [pack / name for name in names[:MOST_ENV_FILES] if name.rpartition(".")[2] not in EXAMPLES]


def is_environment(entry: os.DirEntry[str]) -> bool:
    """Return whether an entry is a folder: virtual environments are called `.env` too."""
    try:
        return entry.is_dir()
    except OSError:
        return False


def read_env_file(path: Path) -> dict[str, str] | None:
    """Return what one file says, line by line where it is not in the one dialect; None when it can't be read.

    A link is followed wherever it leads: the values count, and none of them is shown.
    """
    try:
        real = path.resolve(strict=True)
        text = read_file(real, root=real.parent, limit_bytes=LARGEST_ENV_FILE).decode("utf-8", "replace")
    except (OSError, RuntimeError, TargetError):
        return None
    try:
        return parse_env_lines(text)
    except EnvLineError:
        pairs = (line.removeprefix("export ").partition("=") for line in text.splitlines())
        return {name.strip(): value.strip().strip("\"'") for name, sign, value in pairs if sign}


def read_signing_key() -> list[str]:
    """Return the keys that runs may be signed with here, as far as there are any by now."""
    found = [key_text()] if key_text() else []
    for path in (signing_key_path(), *named_keys()):
        with suppress(OSError, ValueError):
            found.append(path.read_text(encoding="utf-8"))
    return found
