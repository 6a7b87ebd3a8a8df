"""The declared credentials compared with the vault, Fly.io and GitHub: read only, and without ever showing a value.

What is unknown is skipped, never passed: Fly.io shows a name and a digest, GitHub a name and a time.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from lib.clients.fly.digest_notes import read_notes
from lib.clients.vault.declared import Credentials
from lib.clients.vault.vault_copy import VaultCopy, read_copy, shared_values
from lib.core.offered import offer_looks
from lib.core.results import Findings, look
from lib.tasks.credentials.audit import (
    audit_fly,
    audit_github,
    drift_report,
    drift_row,
    notes_path,
    open_credentials_fly,
    open_environment,
    open_github,
)
from lib.tasks.credentials.drift import Drift
from lib.tasks.credentials.judge import (
    TargetChecks,
    find_without_value,
    judge_apart,
    judge_complete,
    judge_placeholders,
    judge_privacy,
    judge_rotation,
    judge_target,
)
from lib.tasks.credentials.sync import plan_steps
from lib.tasks.credentials.task import (
    ENVIRONMENTS_SHARE_NO_VALUE,
    EVERY_VALUE_IN_VAULT,
    FLY_AS_NEW_AS_VAULT,
    FLY_HAS_EVERY_CREDENTIAL,
    FLY_HAS_NOTHING_UNDECLARED,
    GITHUB_AS_NEW_AS_VAULT,
    GITHUB_HAS_EVERY_CREDENTIAL,
    GITHUB_HAS_NOTHING_UNDECLARED,
    NO_PLACEHOLDER_VALUES,
    VAULT_IS_PRIVATE,
    WITHIN_ROTATION_AGE,
)
from lib.transport.context import Context

TargetDrift = tuple[str, Drift]
"""A target's name in params, and one credential in it."""


@dataclass(frozen=True, kw_only=True)
class VaultTimes:
    """What later looks need of the vault: since when each credential has been what it is. No values.

    without_value: each credential that it has no real value of, with the check that says so.
    """

    changed_at: Mapping[str, datetime | None] = field(default_factory=dict)
    without_value: Mapping[str, str] = field(default_factory=dict)


@look(EVERY_VALUE_IN_VAULT, NO_PLACEHOLDER_VALUES, WITHIN_ROTATION_AGE)
def look_at_vault(context: Context[Credentials]) -> Findings[VaultTimes]:
    """Each declared credential as the vault has it."""
    settings, now = context.settings, datetime.now(UTC)
    vault = open_environment(context, settings.vault_path)
    copy = read_copy(vault, settings)
    real = copy.real(settings.placeholders)
    return Findings(
        results=[
            judge_complete(copy, vault.display_name),
            judge_placeholders(copy, settings.placeholders),
            judge_rotation(copy, settings.placeholders, now),
        ],
        rows=vault_rows(copy, settings.placeholders, now),
        facts=VaultTimes(
            changed_at={name: value.changed_at for name, value in real.items()},
            without_value=find_without_value(copy, settings.placeholders),
        ),
    )


def vault_rows(copy: VaultCopy, placeholders: Sequence[str], now: datetime) -> list[dict[str, Any]]:
    """Return one row a credential: where it is, how old, who needs it."""
    missing, unreal, late = copy.missing, copy.placeholders(placeholders), copy.overdue(now, placeholders)
    rows = []
    for one in copy.declared:
        value = copy.values.get(one.name)
        changed_at = value.changed_at if value else None
        named = {"missing": missing, "placeholder": unreal, "past its rotation age": late}
        state = next((word for word, members in named.items() if one in members), "there")
        rows.append(
            {
                "credential": one.name,
                "place in the vault": one.place,
                "state": state,
                "age": f"{(now - changed_at).days} of {one.max_age.days} days" if changed_at else None,
                "needed by": ", ".join(one.needed_by).replace("_", " "),
            }
        )
    return rows


@look(VAULT_IS_PRIVATE)
def look_at_permissions(context: Context[Credentials]) -> Findings[None]:
    """Files of the vault that more people than their owner may read."""
    vault = open_environment(context, context.settings.vault_path)
    too_open = vault.too_open()
    return Findings(results=[judge_privacy(too_open, vault.display_name)], rows=[{"file": line} for line in too_open or ()])


@look(ENVIRONMENTS_SHARE_NO_VALUE)
def look_at_environments(context: Context[Credentials]) -> Findings[None]:
    """Pairs of environments with one value in both; values that are meant to be shared are left out."""
    settings = context.settings
    paths = dict.fromkeys([settings.vault_path, *settings.apart_from])
    copies = {path: read_copy(open_environment(context, path), settings) for path in paths}
    shared = shared_values(copies, settings.placeholders)
    return Findings(
        results=[judge_apart(shared, copies, settings.vault_path, settings.placeholders)],
        rows=[dict(zip(("environment", "credential", "and", "has it as"), four, strict=True)) for four in shared],
    )


@look(FLY_HAS_EVERY_CREDENTIAL, FLY_HAS_NOTHING_UNDECLARED, FLY_AS_NEW_AS_VAULT)
def look_at_fly(context: Context[Credentials], *, vault: VaultTimes | None) -> Findings[list[TargetDrift]]:
    """Each secret of the Fly app: by name, and by the digest that the last sync noted."""
    settings = context.settings
    drifts = audit_fly(open_credentials_fly(context), settings, times_of(vault), read_notes(notes_path(context)))
    target = TargetChecks(
        title=f"The Fly app {settings.fly_app}",
        every_credential=FLY_HAS_EVERY_CREDENTIAL,
        nothing_undeclared=FLY_HAS_NOTHING_UNDECLARED,
        as_new_as_vault=FLY_AS_NEW_AS_VAULT,
        age_unknown="Fly.io shows a digest and no time, and no sync of this workbook has noted one here.",
        age_fix="Run `make sync-credentials` with APPLY=1: it sets them again and notes their digests.",
    )
    return Findings(
        results=judge_target(target, drifts, vault.without_value if vault else None),
        rows=[drift_row(one) for one in drifts],
        artifacts={"fly_drift.json": drift_report(target.title, drifts)},
        facts=[("fly", one) for one in drifts],
    )


@look(
    GITHUB_HAS_EVERY_CREDENTIAL,
    GITHUB_HAS_NOTHING_UNDECLARED,
    GITHUB_AS_NEW_AS_VAULT,
)
def look_at_github(context: Context[Credentials], *, vault: VaultTimes | None) -> Findings[list[TargetDrift]]:
    """Each secret of the GitHub environment and of the repository itself: by name, and by when it was set."""
    drifts = audit_github(open_github(context), context.settings, times_of(vault))
    target = TargetChecks(
        title=f"GitHub ({context.settings.github_repository})",
        every_credential=GITHUB_HAS_EVERY_CREDENTIAL,
        nothing_undeclared=GITHUB_HAS_NOTHING_UNDECLARED,
        as_new_as_vault=GITHUB_AS_NEW_AS_VAULT,
        age_unknown="the vault does not show when it changed.",
        age_fix="Keep it where changes leave a time.",
    )
    return Findings(
        results=judge_target(target, [one for _, one in drifts], vault.without_value if vault else None),
        rows=[drift_row(one) for _, one in drifts],
        artifacts={"github_drift.json": drift_report(target.title, [one for _, one in drifts])},
        facts=drifts,
    )


def times_of(vault: VaultTimes | None) -> Mapping[str, datetime | None]:
    """Return the vault's times; none when it could not be read, which leaves the targets' names to judge."""
    return vault.changed_at if vault is not None else {}


def sync_plan(*audits: Sequence[TargetDrift] | None) -> list[dict[str, str]]:
    """Return what a sync would set, one row a value; nothing is set here."""
    steps = plan_steps(one for found in audits for one in found or ())
    return [{"credential": step.name, "where": step.where, "why": step.why} for step in steps]


offer_looks(__name__, "sync_plan")
