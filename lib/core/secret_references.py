"""Where a worker finds a value: the name of a variable of its own, `file:/path`, or `vault:<mount>/<path>#<key>`.

A reference travels in messages, a value never does. How each is read: lib.run.fleet_secrets.
"""

from __future__ import annotations

import re
from typing import Any

FILE, VAULT = "file:", "vault:"
VARIABLE = re.compile(r"[A-Z][A-Z0-9_]{0,127}")
IN_VAULT = re.compile(r"vault:(?P<mount>[\w.-]+)/(?P<path>[\w./-]+)#(?P<key>[\w.-]+)")
FIX = "Fix: Name a variable of the worker such as SHOP_DATABASE_URL, file:/run/secrets/url, or vault:secret/shop#url."


def find_problem(said: Any) -> str:
    """Return what is wrong with a reference, '' when nothing is. What was written is not repeated: it may be a value."""
    if not isinstance(said, str):
        return f"it must be a reference as text; saw {type(said).__name__}. {FIX}"
    if said.startswith(FILE):
        is_absolute = said.removeprefix(FILE).startswith("/")
        return "" if is_absolute else f"the path of a file must be absolute. {FIX}"
    if said.startswith(VAULT):
        return "" if IN_VAULT.fullmatch(said) else f"it is no place in a vault. {FIX}"
    return "" if VARIABLE.fullmatch(said) else f"it is no reference, and a value never travels. {FIX}"


def own_variables(references: list[str]) -> frozenset[str]:
    """Return the variables of the worker that these references need, the vault's own among them."""
    names = {one for one in references if not one.startswith((FILE, VAULT))}
    if any(one.startswith(VAULT) for one in references):
        names |= {"VAULT_ADDR", "VAULT_TOKEN"}
    return frozenset(names)
