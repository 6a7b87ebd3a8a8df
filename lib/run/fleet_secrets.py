"""References become values here, in the process of one attempt, and go from there into its run's environment alone."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from pathlib import Path

from lib.core.errors import ParamsError, TargetError
from lib.core.secret_references import FILE, IN_VAULT, VAULT

TIMEOUT_S = 20
"""Seconds for one answer of the vault."""
MOST_BYTES = 64 * 1024
"""Of one file; the longest credential, a key in PEM, has a few thousand."""


def resolve(references: Mapping[str, str], *, optional: Collection[str], values: Mapping[str, str]) -> dict[str, str]:
    """Return name -> value. values: the worker's variables. optional: names that may be without a value.

    Raises ParamsError with one line for each that has none, and never a value in it.
    """
    found: dict[str, str] = {}
    problems = []
    for name, reference in references.items():
        try:
            value = read_reference(reference, values)
        except (OSError, TargetError, UnicodeDecodeError) as exc:
            said = exc.strerror if isinstance(exc, OSError) else str(exc)
            problems.append(f"{name}: {reference} can't be read: {str(said).rstrip('.')}.")
            continue
        if value:
            found[name] = value
        elif name not in optional:
            problems.append(f"{name}: {reference} has no value at the worker. Fix: Set it there, or correct the reference.")
    if problems:
        raise ParamsError(problems)
    return found


def read_reference(reference: str, values: Mapping[str, str]) -> str:
    """Return what a reference leads to; '' when there is nothing. Raises OSError or TargetError when it can't be read."""
    if reference.startswith(FILE):
        with Path(reference.removeprefix(FILE)).open("rb") as file:
            return file.read(MOST_BYTES).decode().strip()
    if reference.startswith(VAULT):
        return read_vault(reference, values)
    return values.get(reference, "")


def read_vault(reference: str, values: Mapping[str, str]) -> str:
    """Return one key of HashiCorp Vault's KV v2 engine, as the worker's VAULT_ADDR and VAULT_TOKEN open it."""
    from lib.clients.vault.kv import KvVault  # an HTTP client takes long to import, and few references need it

    place = IN_VAULT.fullmatch(reference)
    if place is None or not values.get("VAULT_ADDR") or not values.get("VAULT_TOKEN"):
        raise TargetError("VAULT_ADDR and VAULT_TOKEN are not set at the worker.")
    vault = KvVault(url=values["VAULT_ADDR"], token=values["VAULT_TOKEN"], mount=place["mount"], path="", timeout_s=TIMEOUT_S)
    where = f"{place['path']}#{place['key']}"
    found = vault.read([where]).get(where)
    return found.value if found else ""
