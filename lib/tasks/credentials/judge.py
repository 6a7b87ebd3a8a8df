"""What the checks of 05_credentials make of what was seen: rows in, results out, no value in either."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from lib.clients.vault.vault_copy import VaultCopy
from lib.core.left_out import LeftOut, judge_all, name_causes
from lib.core.permissions import Refusal
from lib.core.results import Check, Result
from lib.core.wording import format_count, join_words
from lib.tasks.credentials.drift import Drift, State
from lib.tasks.credentials.task import (
    ENVIRONMENTS_SHARE_NO_VALUE,
    EVERY_VALUE_IN_VAULT,
    NO_PLACEHOLDER_VALUES,
    VAULT_IS_PRIVATE,
    WITHIN_ROTATION_AGE,
)

SYNC = ("Run `make sync-credentials` to see what it would set.", "Then run it again with APPLY=1.")


def count(things: Collection[object], noun: str = "credential") -> str:
    return format_count(len(things), noun)


def judge_complete(copy: VaultCopy, display_name: str) -> Result:
    """Judge whether every declared credential has a value in the vault."""
    named = [f"{one.name} ({one.place})" for one in copy.missing]
    detail = (
        f"{display_name} has no value for {join_words(named)}."
        if named
        else f"{display_name} has a value for each of {count(copy.declared, 'declared credential')}."
    )
    return EVERY_VALUE_IN_VAULT.judge(
        holds=not named,
        observed=len(named),
        expected=0,
        unit="missing values",
        objects=[one.name for one in copy.missing],
        detail=detail,
        fix=f"Put {join_words(named)} into the vault, or correct its place under credentials.declared.",
    )


def find_without_value(copy: VaultCopy, words: Sequence[str]) -> dict[str, str]:
    """Return each declared credential that the vault has no real value of, with the check that says so."""
    found = dict.fromkeys((one.name for one in copy.missing), EVERY_VALUE_IN_VAULT.id)
    return found | dict.fromkeys((one.name for one in copy.placeholders(words)), NO_PLACEHOLDER_VALUES.id)


def leave_out(names: Mapping[str, str], said: str) -> list[LeftOut]:
    """Return credentials that could not be judged, by the check that found why. names: with that check; said: what they lack."""
    return [LeftOut(reason=f"{said}: {join_words(some)}.", cause=cause) for cause, some in name_causes(names.items()).items()]


def judge_placeholders(copy: VaultCopy, words: Sequence[str]) -> Result:
    """Judge whether every value in the vault is a credential; one that is missing is judged by its own check."""
    check = NO_PLACEHOLDER_VALUES
    if len(copy.missing) == len(copy.declared):
        return check.errored(f"There is no value to look at: see {EVERY_VALUE_IN_VAULT.id}.", fix="Fill the vault first.")
    named = [one.name for one in copy.placeholders(words)]
    real = copy.real(words)
    detail = (
        f"The vault has a placeholder, or fewer than six characters, for {join_words(named)}."
        if named
        else f"{count(real, 'value')} in the vault are not known placeholders."
    )
    return judge_all(
        check,
        holds=not named,
        left_out=leave_out({one.name: EVERY_VALUE_IN_VAULT.id for one in copy.missing}, "Without a value"),
        detail=detail,
        fix=f"Put the real value of {join_words(named)} into the vault.",
        observed=len(real),
        expected=len(copy.declared),
        unit="values",
        objects=named,
    )


def judge_rotation(copy: VaultCopy, words: Sequence[str], now: datetime) -> Result:
    """Judge whether every credential was changed within its own maximum age."""
    check = WITHIN_ROTATION_AGE
    real = copy.real(words)
    undated = [name for name, value in real.items() if value.changed_at is None]
    if not real or len(undated) == len(real):
        return check.errored("The vault does not show for any credential when it last changed.", fix="Fill the vault first.")
    late = copy.overdue(now, words)
    oldest = max((now - value.changed_at).days for value in real.values() if value.changed_at is not None)
    named = [f"{one.name} (limit {one.max_age.days} days)" for one in late]
    left_out = leave_out(find_without_value(copy, words), "Without a real value")
    if undated:
        reason = f"The vault does not show when {join_words(undated)} last changed."
        left_out.append(LeftOut(reason=reason, fix="Keep it where changes leave a time."))
    detail = (
        f"Past their rotation age: {join_words(named)}."
        if late
        else f"The oldest of {count(real)} changed {format_count(oldest, 'day')} ago."
    )
    return judge_all(
        check,
        holds=not late,
        left_out=left_out,
        detail=detail,
        fix=[
            f"Rotate {join_words([one.name for one in late])} at the vendor, and put the new value into the vault.",
            "Run `make sync-credentials`.",
        ],
        observed=len(real) - len(undated) - len(late),
        objects=[one.name for one in late],
        expected=len(copy.declared),
        unit="credentials",
    )


def judge_privacy(too_open: Sequence[str] | None, display_name: str) -> Result:
    """Judge whether only its owner may read the vault's files."""
    check = VAULT_IS_PRIVATE
    if too_open is None:
        return check.not_applicable(
            f"{display_name} is a server: its own policies, which are not looked at, decide who may read there."
        )
    detail = (
        f"Others than the owner may read {join_words(list(too_open[:5]))}{' and more' if len(too_open) > 5 else ''}."
        if too_open
        else f"Every file of {display_name} is its owner's alone."
    )
    facts = {"observed": len(too_open), "expected": 0, "unit": "open files"}
    return check.judge(holds=not too_open, **facts, detail=detail, objects=too_open)


def judge_apart(
    shared: Sequence[tuple[str, str, str, str]], copies: Mapping[str, VaultCopy], own: str, words: Sequence[str]
) -> Result:
    """Judge whether no credential is in two environments.

    copies: path of an environment in the vault -> its credentials. own: this run's, whose lacks its own checks judge; what
    another lacks it shares with nobody, and is named. One with no value at all could not be compared.
    """
    check = ENVIRONMENTS_SHARE_NO_VALUE
    real = {path: copy.real(words) for path, copy in copies.items()}
    meant = sorted(one.name for one in copies[own].declared if one.may_be_shared)
    values = sum(len(some.keys() - set(meant)) for some in real.values())
    compared = [path for path, some in real.items() if some]
    if len(compared) < 2 or not values:
        return check.errored("There is no second environment with values to compare.", fix="Name one in credentials.apart_from.")
    left_out = leave_out(find_without_value(copies[own], words), f"Without a real value in {own}")
    empty = [path for path in copies if path not in compared]
    if empty:
        reason = f"There is no value in {join_words(empty)} to compare."
        left_out.append(LeftOut(reason=reason, fix="Fill it, or take it out of credentials.apart_from."))
    named = [f"{first_name} of {first} and {second_name} of {second}" for first, first_name, second, second_name in shared]
    lacking = [f"{name} of {path}" for path in compared if path != own for name in find_without_value(copies[path], words)]
    aside = {"Shared, as declared": meant, "Not there yet": lacking}
    said = [f"{format_count(values, 'value')} of {join_words(compared)} are all different."]
    said += [f"{why}: {join_words(names)}." for why, names in aside.items() if names]
    return judge_all(
        check,
        holds=not shared,
        left_out=left_out,
        detail=f"One value in two environments: {join_words(named)}." if shared else " ".join(said),
        observed=len(compared),
        expected=len(copies),
        unit="environments",
        objects=named,
    )


@dataclass(frozen=True, kw_only=True)
class TargetChecks:
    """The three checks of one target, and how people call it. age_unknown: why a copy's age may be unknown there."""

    title: str
    every_credential: Check
    nothing_undeclared: Check
    as_new_as_vault: Check
    age_unknown: str
    age_fix: str


def judge_target(target: TargetChecks, drifts: Sequence[Drift], without_value: Mapping[str, str] | None = None) -> list[Result]:
    """Judge one target's drift by its three checks.

    without_value: credentials that the vault has no real value of, each with the check that says so; None when the vault
    could not be read.
    """
    checks = (target.every_credential, target.nothing_undeclared, target.as_new_as_vault)
    if all(one.state in (State.UNDECLARED, State.ALLOWED) for one in drifts):
        reason = f"No credential is declared for {target.title}."
        return [check.errored(reason, fix="Declare under credentials.declared which it needs.") for check in checks]
    return [judge_present(target, drifts), judge_undeclared(target, drifts), judge_age(target, drifts, without_value or {})]


def format_drifts(drifts: Sequence[Drift]) -> str:
    """Return the names with where they are and what is noted of them."""
    return join_words([f"{one.name} ({one.where}{'; ' + one.note if one.note else ''})" for one in drifts])


def judge_present(target: TargetChecks, drifts: Sequence[Drift]) -> Result:
    """Judge whether every declared credential is in the target."""
    missing = [one for one in drifts if one.state is State.MISSING]
    declared = [one for one in drifts if one.state not in (State.UNDECLARED, State.ALLOWED)]
    detail = (
        f"{target.title} lacks {format_drifts(missing)}."
        if missing
        else f"{target.title} has each of {count(declared, 'declared credential')}."
    )
    return target.every_credential.judge(
        holds=not missing,
        observed=len(missing),
        expected=0,
        unit="missing credentials",
        detail=detail,
        fix=SYNC,
        objects=[f"{one.name} {one.where}" for one in missing],
    )


def judge_undeclared(target: TargetChecks, drifts: Sequence[Drift]) -> Result:
    """Judge whether everything in the target is declared or allowed."""
    extra = [one for one in drifts if one.state is State.UNDECLARED]
    respelled = [one for one in drifts if one.state is State.MISSING and one.note]
    allowed = [one for one in drifts if one.state is State.ALLOWED]
    left_out = []
    if respelled:
        reason = f"Spelled as nobody declared it: {format_drifts(respelled)}."
        left_out.append(LeftOut(reason=reason, cause=target.every_credential.id))
    noted = f" Allowed without being declared: {join_words([one.name for one in allowed])}." if allowed else ""
    detail = (
        f"{target.title} has {format_drifts(extra)}, which params do not declare."
        if extra
        else f"{target.title} has nothing that is not declared or allowed.{noted}"
    )
    return judge_all(
        target.nothing_undeclared,
        holds=not extra,
        left_out=left_out,
        detail=detail,
        observed=len(extra) + len(respelled),
        expected=0,
        unit="undeclared secrets",
        objects=[f"{one.name} {one.where}" for one in extra],
    )


def judge_age(target: TargetChecks, drifts: Sequence[Drift], without_value: Mapping[str, str]) -> Result:
    """Judge whether no copy is older than the vault's; an unknown age, which only a sync could make known, is never a pass."""
    check = target.as_new_as_vault
    declared = [one for one in drifts if one.state not in (State.UNDECLARED, State.ALLOWED)]
    known = [one for one in declared if one.state in (State.CURRENT, State.OLDER, State.CHANGED)]
    wrong = [one for one in known if one.state is not State.CURRENT]
    unknown = [one for one in declared if one.state is State.UNKNOWN]
    facts: dict[str, Any] = {"observed": len(known) - len(wrong), "expected": len(declared), "unit": "copies"}
    if not known and not unknown:
        return check.errored(
            f"{target.title} has no copy to compare with the vault's.", fix=f"Fix {target.every_credential.id} first."
        )
    hidden = {one.name: target.every_credential.id for one in declared if one.state is State.MISSING}
    hidden |= {
        one.name: without_value.get(one.name, EVERY_VALUE_IN_VAULT.id) for one in declared if one.state is State.NOT_IN_VAULT
    }
    if unknown and not wrong and not hidden:
        named = join_words([one.name for one in unknown])
        return check.not_allowed(
            Refusal(reason=f"The age of {named} is unknown: {target.age_unknown}", fix=target.age_fix), **facts
        )
    said = join_words([f"{one.name} ({one.where}) is {one.state.value}" for one in wrong])
    return judge_all(
        check,
        holds=not wrong,
        left_out=leave_out(hidden, "Without a copy on both sides to compare"),
        detail=f"{said}." if wrong else f"{format_count(len(known), 'copy', 'copies')} were set after the vault's last changed.",
        fix=SYNC,
        objects=[f"{one.name} {one.where}" for one in wrong],
        **facts,
    )
