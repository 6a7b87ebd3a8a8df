"""How what a target has differs from what is declared and from what the vault has; pure, and without any value.

A target shows a name and at most a time or a digest, so values are never compared: a copy is older than the vault's,
or as new, or its age is unknown.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum

from lib.clients.fly.digest_notes import LastSynced


class State(StrEnum):
    """What one credential is in one target."""

    CURRENT = "as new as the vault's copy"
    OLDER = "older than the vault's copy"
    CHANGED = "changed since the last sync"
    UNKNOWN = "there; its age is unknown"
    NOT_IN_VAULT = "there; the vault has none to compare"
    MISSING = "missing"
    UNDECLARED = "not declared"
    ALLOWED = "not declared, and allowed"


@dataclass(frozen=True, kw_only=True)
class Actual:
    """One secret as a target shows it. updated_at: None when the target does not show it; note: anything else it shows."""

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
    declared: Iterable[str],
    actual: Iterable[Actual],
    *,
    where: str,
    vault: Mapping[str, datetime | None],
    allowed: Sequence[str],
    any_case: bool,
    last_synced: Mapping[str, LastSynced] | None = None,
) -> list[Drift]:
    """Return one line for each credential that is declared for a target or there, by name.

    declared: names that this target needs. vault: name -> when the vault's copy changed; a name not in it has none.
    any_case: whether names that differ only by capitals are one name to the target.
    """
    found = {fold(one.name, any_case): one for one in actual}
    needed = {fold(name, any_case): name for name in declared}
    nearly = {name.upper() for name in needed}
    drifts = [
        judge_one(name, found.get(key), where=where, vault=vault, last_synced=(last_synced or {}).get(name), others=found)
        for key, name in needed.items()
    ]
    for key, one in found.items():
        # One that only differs by its capitals is named in the note of the one that is missing.
        if key not in needed and key.upper() not in nearly:
            state = State.ALLOWED if fold(one.name, True) in {fold(name, True) for name in allowed} else State.UNDECLARED
            drifts.append(Drift(name=one.name, where=where, state=state, updated_at=one.updated_at, note=one.note))
    return sorted(drifts, key=lambda drift: drift.name)


def fold(name: str, any_case: bool) -> str:
    return name.upper() if any_case else name


def judge_one(
    name: str,
    one: Actual | None,
    *,
    where: str,
    vault: Mapping[str, datetime | None],
    last_synced: LastSynced | None,
    others: Mapping[str, Actual],
) -> Drift:
    """Return what one declared credential is in one target."""
    changed_at = vault.get(name)
    if one is None:
        otherwise = next((other.name for other in others.values() if other.name.upper() == name.upper()), None)
        note = f"it is spelled {otherwise} there" if otherwise else ""
        return Drift(name=name, where=where, state=State.MISSING, changed_at=changed_at, note=note)
    state = State.NOT_IN_VAULT if name not in vault else age(one, changed_at, last_synced)
    return Drift(name=name, where=where, state=state, changed_at=changed_at, updated_at=one.updated_at, note=one.note)


def age(one: Actual, changed_at: datetime | None, last_synced: LastSynced | None) -> State:
    """Return how old a copy is compared with the vault's, as far as its time or its digest shows."""
    if changed_at is not None and one.updated_at is not None:
        # GitHub shows whole seconds: a copy set in the second of the change counts as current.
        return State.CURRENT if one.updated_at >= changed_at.replace(microsecond=0) else State.OLDER
    if changed_at is not None and one.digest and last_synced is not None:
        if one.digest != last_synced.digest:
            return State.CHANGED
        return State.CURRENT if changed_at <= last_synced.changed_at else State.OLDER
    return State.UNKNOWN


def format_moment(moment: datetime | None) -> str | None:
    """Return a time as tables show it, in UTC to the second."""
    return moment.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%SZ") if moment else None
