"""What can be said of the vault's values without showing one: placeholders, ages, and values that environments share."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import combinations

from lib.core.redact import SHORTEST_SECRET
from lib.targets.vault import VaultValue

FRAME = re.compile(r"[^a-z0-9]+")
SAME_SIGN = re.compile(r"(.)\1*", re.S)


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """One declared credential. needed_by: the targets that must have it."""

    name: str
    place: str
    needed_by: tuple[str, ...]
    max_age: timedelta
    may_be_shared: bool = False


@dataclass(frozen=True, kw_only=True)
class VaultCopy:
    """One environment's credentials as its vault has them, by their declared names."""

    wanted: tuple[Wanted, ...]
    values: Mapping[str, VaultValue] = field(repr=False)

    @property
    def missing(self) -> list[Wanted]:
        """The declared ones that have no value, or an empty one."""
        return [one for one in self.wanted if one.name not in self.values or not self.values[one.name].value.strip()]

    def placeholders(self, words: Sequence[str]) -> list[Wanted]:
        """Return those whose value is no credential yet."""
        there = [one for one in self.wanted if one not in self.missing]
        return [one for one in there if is_placeholder(self.values[one.name].value, words)]

    def real(self, words: Sequence[str]) -> dict[str, VaultValue]:
        """Return the values that are credentials, by name."""
        left_out = {one.name for one in (*self.missing, *self.placeholders(words))}
        return {one.name: self.values[one.name] for one in self.wanted if one.name not in left_out}

    def overdue(self, now: datetime, words: Sequence[str]) -> list[Wanted]:
        """Return those that were to be rotated before now."""
        real = self.real(words)
        times = {name: value.changed_at for name, value in real.items()}
        return [one for one in self.wanted if (changed := times.get(one.name)) is not None and now - changed > one.max_age]


def is_placeholder(value: str, words: Iterable[str]) -> bool:
    """Return whether a value stands for a credential that nobody put in yet.

    words: whole values, in any capitals and with any signs around or between them; `<...>` and `${...}` are always one.
    """
    text = value.strip()
    if len(text) < SHORTEST_SECRET or SAME_SIGN.fullmatch(text):
        return True
    if (text.startswith("<") and text.endswith(">")) or re.fullmatch(r"\$?\{\{?[^{}]*\}?\}", text):
        return True
    return plain(text) in {plain(word) for word in words}


def plain(text: str) -> str:
    return FRAME.sub("", text.lower())


def shared_values(copies: Mapping[str, VaultCopy], words: Sequence[str]) -> list[tuple[str, str, str, str]]:
    """Return each pair of environments with one value in both: environment, name, environment, name.

    Placeholders and values that are declared as shared are left out.
    """
    holders: dict[str, list[tuple[str, Wanted]]] = defaultdict(list)
    for environment, copy in copies.items():
        real = copy.real(words)
        for one in copy.wanted:
            if one.name in real and not one.may_be_shared:
                holders[real[one.name].value.strip()].append((environment, one))
    return sorted(
        (first[0], first[1].name, second[0], second[1].name)
        for same in holders.values()
        for first, second in combinations(same, 2)
        if first[0] != second[0]
    )
