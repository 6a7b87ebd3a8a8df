"""Credentials that a process was started with: by the name of a variable, as a target's part, or as a password in an address.

Whatever a run is asked for, its environment may hold more: another environment's token, GitHub's, a proxy's password.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from lib.core.errors import ParamsError
from lib.core.redact import SHORTEST_SECRET, password_of
from lib.run.layers import known_environments, read_targets
from lib.run.targets import SECRET_PARTS, VARIABLE, parts_of

TELLING_NAME = re.compile(
    r".*(?:TOKEN|SECRET|PASSWORD|PASSWD|PASSPHRASE|PGPASS|PWD_?ENV|API_?KEY|_KEY|_KEYS|_DSN|CREDENTIALS?|WEBHOOK|_AUTH|_PAT|COOKIE)"
    r"(?:_URL|_JSON|_BASE64|_B64|_ID|_\d+)?",
    re.IGNORECASE,
)
"""Names of variables that hold a credential, in any program's habit."""
NO_CREDENTIAL = re.compile(
    r"[/~.]\S*|\d{1,12}|true|false|none|null|yes|no|disabled|enabled|default|optional|required", re.IGNORECASE
)
"""What such a variable may hold instead: a path, a number, a switch."""


def secrets_of(values: Mapping[str, str], *, targets: Mapping[str, Mapping[str, str]]) -> set[str]:
    """Return every credential among the variables. targets: target -> part -> value, of the live ones."""
    found = {value for parts in targets.values() for part, value in parts.items() if part in SECRET_PARTS}
    found |= {value for name, value in values.items() if holds_credential(name, value)}
    found |= {values.get(name, "") for name in secret_variables()}
    found |= {password for value in values.values() if (password := password_in(value))}
    found |= {password for parts in targets.values() for value in parts.values() if (password := password_in(value))}
    return {value.strip() for value in found if len(value.strip()) >= SHORTEST_SECRET}


def holds_credential(name: str, value: str) -> bool:
    """Return whether a variable of this name and value is taken for a credential."""
    return bool(TELLING_NAME.fullmatch(name)) and not NO_CREDENTIAL.fullmatch(value.strip())


def password_in(value: str) -> str | None:
    """Return the password of an address, decoded; None for any other value."""
    if "://" not in value:
        return None
    try:
        return password_of(value.strip())
    except ValueError:
        return None


def secret_variables() -> Iterator[str]:
    """Yield each variable that some params file names as a target's credential; a file that can't be read names none."""
    for environment in known_environments():
        try:
            parts = [parts_of(spec) for spec in read_targets(environment).values()]
        except (ParamsError, AttributeError, TypeError):
            continue  # running it says what is wrong with it
        for part, text in (one for each in parts for one in each.items()):
            if part in SECRET_PARTS and (match := VARIABLE.match(text)):
                yield match.group(1)
