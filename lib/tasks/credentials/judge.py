"""What the checks of 05_credentials make of what was seen: rows in, results out, no value in either."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from datetime import datetime

from lib.clients.vault.declared import VaultCopy
from lib.core.results import Result, failed, judge, passed, skipped, unseen
from lib.core.wording import join_words, show_count
from lib.tasks.credentials.drift import Drift, State

SYNC = "Next: see what `make sync-credentials` would set, then run it with APPLY=1."
NOT_FOR_THE_VAULT = "what the vault lacks is judged by credentials.every_value_in_vault"


def count(things: Collection[object], noun: str = "credential") -> str:
    return show_count(len(things), noun)


def judge_complete(copy: VaultCopy, shown: str) -> Result:
    """Judge whether every declared credential has a value in the vault."""
    named = [f"{one.name} ({one.place})" for one in copy.missing]
    detail = (
        f"{shown} has no value for {join_words(named)}. Next: put it there, or mend its place under credentials.declared."
        if named
        else f"{shown} has a value for each of {count(copy.wanted, 'declared credential')}."
    )
    return judge(
        "credentials.every_value_in_vault", holds=not named, observed=len(named), expected=0, unit="missing values", detail=detail
    )


def judge_placeholders(copy: VaultCopy, words: Sequence[str]) -> Result:
    """Judge whether every value in the vault is a credential."""
    check = "credentials.no_placeholder_values"
    if len(copy.missing) == len(copy.wanted):
        return unseen(check, f"There is no value to look at: {NOT_FOR_THE_VAULT}. Next: fill the vault first.")
    named = [one.name for one in copy.placeholders(words)]
    detail = (
        f"The vault has a placeholder, or fewer than six signs, for {join_words(named)}. Next: put the real value there."
        if named
        else f"{count(copy.real(words), 'value')} in the vault are none of the known placeholders."
    )
    return judge(check, holds=not named, observed=len(named), expected=0, unit="placeholders", detail=detail)


def judge_rotation(copy: VaultCopy, words: Sequence[str], now: datetime) -> Result:
    """Judge whether every credential was changed within its own maximum age."""
    check = "credentials.within_rotation_age"
    real = copy.real(words)
    untold = [name for name, value in real.items() if value.changed_at is None]
    if not real or len(untold) == len(real):
        return unseen(check, "The vault says of no credential when it last changed. Next: fill the vault first.")
    late = copy.overdue(now, words)
    oldest = max((now - value.changed_at).days for value in real.values() if value.changed_at is not None)
    named = [f"{one.name} (limit {one.max_age.days} days)" for one in late]
    detail = (
        f"Past their rotation age: {join_words(named)}. Next: rotate at the vendor, put the new value into the vault, then sync."
        if late
        else f"The oldest of {count(real)} changed {show_count(oldest, 'day')} ago."
    )
    return judge(check, holds=not late, observed=len(late), expected=0, unit="overdue credentials", detail=detail)


def judge_privacy(too_open: Sequence[str] | None, shown: str) -> Result:
    """Judge whether nobody but its owner may read the vault's files."""
    check = "credentials.vault_is_private"
    if too_open is None:
        return skipped(check, f"{shown} is a server: who may read there is set in its own policies, which are not looked at.")
    detail = (
        f"Others than the owner may read {join_words(list(too_open[:5]))}{' and more' if len(too_open) > 5 else ''}. "
        "Next: `chmod -R go= ` the vault folder."
        if too_open
        else f"Every file of {shown} is its owner's alone."
    )
    return judge(check, holds=not too_open, observed=len(too_open), expected=0, unit="open files", detail=detail)


def judge_apart(shared: Sequence[tuple[str, str, str, str]], compared: Sequence[str], values: int) -> Result:
    """Judge whether no two environments have a value in common."""
    check = "credentials.environments_share_no_value"
    if len(compared) < 2 or not values:
        return unseen(check, "There is no second environment with values to compare. Next: name one in credentials.apart_from.")
    named = [f"{first_name} of {first} and {second_name} of {second}" for first, first_name, second, second_name in shared]
    detail = (
        f"One value in two environments: {join_words(named)}. Next: issue one for each, or declare it may_be_shared."
        if shared
        else f"{show_count(values, 'value')} of {join_words(list(compared))} are all different."
    )
    return judge(check, holds=not shared, observed=len(shared), expected=0, unit="shared values", detail=detail)


def judge_target(target: str, title: str, drifts: Sequence[Drift], cannot: str) -> list[Result]:
    """Judge one target's drift by its three checks. cannot: why a copy's age may not be known there."""
    wanted = [one for one in drifts if one.state not in (State.UNDECLARED, State.ALLOWED)]
    checks: tuple[tuple[str, Callable[..., Result]], ...] = (
        (f"credentials.{target}_has_every_credential", judge_present),
        (f"credentials.{target}_has_nothing_undeclared", judge_undeclared),
        (f"credentials.{target}_as_new_as_vault", judge_age),
    )
    if not wanted:
        return [
            unseen(check, f"No credential is declared for {title}. Next: declare which it needs in params.")
            for check, _ in checks
        ]
    return [judged(check, title, drifts, cannot) for check, judged in checks]


def say_drifts(drifts: Sequence[Drift]) -> str:
    """Return the names with where they are and what is noted of them."""
    return join_words([f"{one.name} ({one.where}{'; ' + one.note if one.note else ''})" for one in drifts])


def judge_present(check: str, title: str, drifts: Sequence[Drift], _: str) -> Result:
    """Judge whether every declared credential is in the target."""
    missing = [one for one in drifts if one.state is State.MISSING]
    wanted = [one for one in drifts if one.state not in (State.UNDECLARED, State.ALLOWED)]
    detail = (
        f"{title} lacks {say_drifts(missing)}. {SYNC}"
        if missing
        else f"{title} has each of {count(wanted, 'declared credential')}."
    )
    return judge(check, holds=not missing, observed=len(missing), expected=0, unit="missing credentials", detail=detail)


def judge_undeclared(check: str, title: str, drifts: Sequence[Drift], _: str) -> Result:
    """Judge whether everything in the target is declared or allowed."""
    extra = [one for one in drifts if one.state is State.UNDECLARED]
    detail = (
        f"{title} has {say_drifts(extra)}, which params do not declare. "
        "Next: remove it there by hand, declare it, or name it in credentials.undeclared_allowed; a sync removes nothing."
        if extra
        else f"{title} has nothing that is not declared or allowed."
    )
    return judge(check, holds=not extra, observed=len(extra), expected=0, unit="undeclared secrets", detail=detail)


def judge_age(check: str, title: str, drifts: Sequence[Drift], cannot: str) -> Result:
    """Judge whether no copy is older than the vault's; what can't be known is a skip, never a pass."""
    known = [one for one in drifts if one.state in (State.CURRENT, State.OLDER, State.CHANGED)]
    wrong = [one for one in known if one.state is not State.CURRENT]
    unknown = [one for one in drifts if one.state is State.UNKNOWN]
    facts = {"observed": len(wrong), "expected": 0, "unit": "old copies"}
    if wrong:
        said = join_words([f"{one.name} ({one.where}) is {one.state.value}" for one in wrong])
        return failed(check, detail=f"{said}. {SYNC}", **facts)
    if unknown:
        return skipped(check, f"It can't be known of {join_words([one.name for one in unknown])}: {cannot}")
    if not known:
        return unseen(check, f"{title} has no copy to compare with the vault's. Next: see the other two checks of it first.")
    return passed(check, detail=f"{show_count(len(known), 'copy', 'copies')} were set after the vault's last changed.", **facts)
