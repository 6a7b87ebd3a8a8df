"""How what a target holds differs from what is declared and from what the vault has; pure, and without any value.

A target says a name and at most a time or a digest, so a copy is never compared with the vault's: it is older than the
vault's copy, or as new, or that can't be known.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum

from lib.clients.fly.digest_notes import Noted


class State(StrEnum):
    """What one credential is in one target."""

    CURRENT = "as new as the vault's copy"
    OLDER = "older than the vault's copy"
    CHANGED = "changed since the last sync"
    UNKNOWN = "there; its age can't be known"
    NOT_IN_VAULT = "there; the vault has none to compare"
    MISSING = "missing"
    UNDECLARED = "not declared"
    ALLOWED = "not declared, and allowed"


@dataclass(frozen=True, kw_only=True)
class Held:
    """One secret as a target shows it. updated_at: None when the target does not say; note: anything else it says."""

    name: str
    updated_at: datetime | None = None
    digest: str | None = None
    note: str = ""


@dataclass(frozen=True, kw_only=True)
class Drift:
    """One credential in one target. where: the target's part, as people call it."""

    name: str
    where: str
    state: State
    changed_at: datetime | None = None
    updated_at: datetime | None = None
    note: str = ""


def compare(
    wanted: Iterable[str],
    held: Iterable[Held],
    *,
    where: str,
    vault: Mapping[str, datetime | None],
    allowed: Sequence[str],
    any_case: bool,
    noted: Mapping[str, Noted] | None = None,
) -> list[Drift]:
    """Return one line for each credential that is wanted or held here, by name.

    wanted: names declared for this target. vault: name -> when the vault's copy changed; a name not in it has none.
    any_case: whether the target takes names in any capitals as one.
    """
    found = {fold(one.name, any_case): one for one in held}
    asked = {fold(name, any_case): name for name in wanted}
    nearly = {name.upper() for name in asked}
    drifts = [
        judge_one(name, found.get(key), where=where, vault=vault, noted=(noted or {}).get(name), others=found)
        for key, name in asked.items()
    ]
    for key, one in found.items():
        # One that only differs by its capitals is told of by the one that is missing.
        if key not in asked and key.upper() not in nearly:
            state = State.ALLOWED if fold(one.name, True) in {fold(name, True) for name in allowed} else State.UNDECLARED
            drifts.append(Drift(name=one.name, where=where, state=state, updated_at=one.updated_at, note=one.note))
    return sorted(drifts, key=lambda drift: drift.name)


def fold(name: str, any_case: bool) -> str:
    return name.upper() if any_case else name


def judge_one(
    name: str,
    one: Held | None,
    *,
    where: str,
    vault: Mapping[str, datetime | None],
    noted: Noted | None,
    others: Mapping[str, Held],
) -> Drift:
    """Return what one declared credential is in one target."""
    changed_at = vault.get(name)
    if one is None:
        otherwise = next((other.name for other in others.values() if other.name.upper() == name.upper()), None)
        note = f"it is spelled {otherwise} there" if otherwise else ""
        return Drift(name=name, where=where, state=State.MISSING, changed_at=changed_at, note=note)
    state = State.NOT_IN_VAULT if name not in vault else age(one, changed_at, noted)
    return Drift(name=name, where=where, state=state, changed_at=changed_at, updated_at=one.updated_at, note=one.note)


def age(one: Held, changed_at: datetime | None, noted: Noted | None) -> State:
    """Return how old a copy is beside the vault's, as far as its time or its digest says."""
    if changed_at is not None and one.updated_at is not None:
        # GitHub tells whole seconds: a copy set in the second of the change counts as its copy.
        return State.CURRENT if one.updated_at >= changed_at.replace(microsecond=0) else State.OLDER
    if changed_at is not None and one.digest and noted is not None:
        if one.digest != noted.digest:
            return State.CHANGED
        return State.CURRENT if changed_at <= noted.changed_at else State.OLDER
    return State.UNKNOWN


def show_moment(moment: datetime | None) -> str | None:
    """Return a time as the tables have it, in UTC to the second."""
    return moment.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%SZ") if moment else None
