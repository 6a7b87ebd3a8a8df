"""One environment's credentials as its vault has them, and what can be said of their values without showing one."""

from __future__ import annotations

import os
import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import combinations
from pathlib import Path
from urllib.parse import urlsplit

from lib.clients.vault.declared import Credentials, Declared, declared_of
from lib.clients.vault.folder import Vault, VaultFolder, VaultValue
from lib.clients.vault.kv import KvVault
from lib.core.errors import TargetError
from lib.core.redact import SHORTEST_SECRET, register_secrets

FRAME = re.compile(r"[^a-z0-9]+")


ASKING = frozenset({"your", "my", "insert", "enter", "put", "add", "paste", "replace", "change", "fill"})
WANTED = frozenset(
    {
        "here",
        "me",
        "this",
        "value",
        "key",
        "keys",
        "token",
        "secret",
        "password",
        "pass",
        "credential",
        "credentials",
        "id",
        "url",
        "it",
    }
)
TELLING = frozenset({"placeholder", "example", "changeme", "todo", "fixme"})
LONGEST_WORD = 16
"""Letters of a word that people write; what is drawn at random is longer, or has digits."""

SAME_SIGN = re.compile(r"(.)\1*", re.S)


@dataclass(frozen=True, kw_only=True)
class VaultCopy:
    """One environment's credentials as its vault has them, by their declared names."""

    declared: tuple[Declared, ...]
    values: Mapping[str, VaultValue] = field(repr=False)

    @property
    def missing(self) -> list[Declared]:
        """The declared ones that have no value, or an empty one."""
        return [one for one in self.declared if one.name not in self.values or not self.values[one.name].value.strip()]

    def placeholders(self, words: Sequence[str]) -> list[Declared]:
        """Return those whose value is not a credential yet."""
        there = [one for one in self.declared if one not in self.missing]
        return [one for one in there if is_placeholder(self.values[one.name].value, words)]

    def real(self, words: Sequence[str]) -> dict[str, VaultValue]:
        """Return the values that are credentials, by name."""
        left_out = {one.name for one in (*self.missing, *self.placeholders(words))}
        return {one.name: self.values[one.name] for one in self.declared if one.name not in left_out}

    def overdue(self, now: datetime, words: Sequence[str]) -> list[Declared]:
        """Return those that were to be rotated before now."""
        real = self.real(words)
        times = {name: value.changed_at for name, value in real.items()}
        return [one for one in self.declared if (changed := times.get(one.name)) is not None and now - changed > one.max_age]


def is_placeholder(value: str, words: Iterable[str]) -> bool:
    """Return whether a value stands for a credential that nobody put in yet.

    words: whole values, in any capitals and with any signs around or between them; `<...>` and `${...}` always count.
    """
    text = value.strip()
    if len(text) < SHORTEST_SECRET or SAME_SIGN.fullmatch(text):
        return True
    if (text.startswith("<") and text.endswith(">")) or re.fullmatch(r"\$?\{\{?[^{}]*\}?\}", text):
        return True
    return plain(text) in {plain(word) for word in words} or is_told(text)


def is_told(text: str) -> bool:
    """Whether a text is a sentence that asks for a credential, such as `your_chatwoot_token_here`, or a form of one without it.

    Words alone, joined by signs: it begins with who is to do what and names what is wanted, or says itself that it is none.
    The form of a key with one sign for all that is secret, such as `sk_live_xxxxxxxx`, is none either.
    """
    said = [word for word in re.split(r"[^A-Za-z0-9]+", text) if word]
    if len(said) > 1 and len(said[-1]) > 2 and SAME_SIGN.fullmatch(said[-1]) and not said[-1].isdigit():
        return True
    named = [word.lower() for word in said]
    if len(named) < 2 or not all(word.isalpha() and len(word) <= LONGEST_WORD for word in named):
        return False
    return bool(TELLING & set(named)) or (named[0] in ASKING and bool(WANTED & set(named[1:])))


def plain(text: str) -> str:
    return FRAME.sub("", text.lower())


def shared_values(copies: Mapping[str, VaultCopy], words: Sequence[str]) -> list[tuple[str, str, str, str]]:
    """Return each pair of environments with one value in both: environment, name, environment, name.

    Placeholders and values that are declared as shared are left out.
    """
    holders: dict[str, list[tuple[str, Declared]]] = defaultdict(list)
    for environment, copy in copies.items():
        real = copy.real(words)
        for one in copy.declared:
            if one.name in real and not one.may_be_shared:
                holders[real[one.name].value.strip()].append((environment, one))
    return sorted(
        (first[0], first[1].name, second[0], second[1].name)
        for same in holders.values()
        for first, second in combinations(same, 2)
        if first[0] != second[0]
    )


def open_vault(parts: Mapping[str, str], settings: Credentials, *, pack: Path, path: str) -> Vault:
    """Return one environment's folder of the vault. parts: of the target; its url is a folder or a KV v2 engine.

    Raises TargetError when it is neither.
    """
    try:
        address = urlsplit(parts["url"])
    except ValueError:
        raise TargetError("The vault's address can't be understood.", fix="Write it as https://host/<mount>/<path>.") from None
    if address.scheme not in ("http", "https"):
        # Of links in a circle, or a home that nobody has, the folder is simply not there.
        folder = Path(os.path.realpath(pack / os.path.expanduser(parts["url"]) / path))  # noqa: PTH111
        return VaultFolder(path=folder, name=f"{Path(parts['url']).name}/{path}")
    mount, _, before = address.path.strip("/").removeprefix("v1/").partition("/")
    if not mount:
        raise TargetError("The vault's address has no mount.", fix="Write it as https://host/<mount>/<path>.")
    return KvVault(
        url=f"{address.scheme}://{address.netloc.rpartition('@')[2]}",
        token=parts["token"],
        mount=mount,
        path="/".join(part for part in (before, path) if part),
        timeout_s=settings.timeout_s,
    )


def read_copy(vault: Vault, settings: Credentials) -> VaultCopy:
    """Return every declared credential that the vault has, redacted from here on. Raises TargetError when it cannot be read.

    A placeholder is not redacted: it is no credential, and a page may name it.
    """
    declared = declared_of(settings)
    found = vault.read([one.place for one in declared])
    copy = VaultCopy(declared=declared, values={one.name: found[one.place] for one in declared if one.place in found})
    register_secrets(one.value for one in copy.real(settings.placeholders).values())
    return copy
