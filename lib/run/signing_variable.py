"""A signing key that a variable holds: taken out of this process's environment before anything is started.

What a run starts inherits nothing of it anyway (`lib.core.environment`). This is the second wall: on Linux every process of
the same user can read with which variables another was started, and a project's own commands are such processes.
"""

from __future__ import annotations

import ctypes
from contextlib import suppress
from pathlib import Path

from lib.core.environment import SIGNING_KEY, drop_signing_key, is_key_text, signing_key_variable
from lib.core.redact import register_secrets
from lib.run.warm_server import ENV_START, read_places

TAKEN: list[str] = []
"""The text of the key that was taken out, once it was; never shown."""


def take_key_from_environment() -> None:
    """Keep the key's text in this process's memory alone, and make it known to redaction; a path stays where it is."""
    said = signing_key_variable()
    if is_key_text(said):
        register_secrets([said, as_pem(said)])
        with suppress(OSError, ValueError, IndexError):
            blank_out(SIGNING_KEY)
        TAKEN[:] = [said]
        drop_signing_key()


def key_text() -> str:
    """Return the key's text in PEM, as the variable holds or held it; '' when it never did, or names a file by now."""
    said = signing_key_variable()
    if said:
        return as_pem(said) if is_key_text(said) else ""
    return as_pem(TAKEN[0]) if TAKEN else ""


def as_pem(said: str) -> str:
    """Return a key's text with its line ends: a secret's settings page may have made two characters of each."""
    return said.replace("\\n", "\n").strip() + "\n"


def blank_out(name: str) -> None:
    """Overwrite a variable's value in the memory that /proc/<pid>/environ shows. Raises OSError or ValueError."""
    [start] = read_places(ENV_START)
    given = Path("/proc/self/environ").read_bytes()
    head = f"{name}=".encode()
    at = 0 if given.startswith(head) else given.find(b"\0" + head) + 1
    if start and given[at:].startswith(head):
        first, end = at + len(head), given.find(b"\0", at)
        ctypes.memset(start + first, ord(" "), (end if end >= 0 else len(given)) - first)
