"""The declared credentials held against the vault, Fly.io and GitHub: read only, and without ever showing a value.

What can't be known is said, not passed: Fly.io gives a name and a digest, GitHub a name and a time.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from lib.clients.fly.digest_notes import notes_path, read_notes
from lib.clients.vault.declared import VaultCopy, open_world_vault, read_copy, shared_values
from lib.core.results import Findings, looks_at
from lib.tasks.credentials.audit import audit_fly, audit_github, drift_row, open_credentials_fly, open_github
from lib.tasks.credentials.drift import Drift
from lib.tasks.credentials.judge import (
    judge_apart,
    judge_complete,
    judge_placeholders,
    judge_privacy,
    judge_rotation,
    judge_target,
)
from lib.tasks.credentials.sync import plan_steps
from lib.transport.context import World

NO_TIMES = (
    "Fly.io shows a digest and no time, and no sync of this workbook has noted one here. "
    "Next: `make sync-credentials` with APPLY=1 sets them again and notes their digests."
)


@dataclass(frozen=True, kw_only=True)
class VaultTimes:
    """What later looks need of the vault: since when each credential has been what it is. No values."""

    changed_at: Mapping[str, datetime | None] = field(default_factory=dict)


@looks_at("credentials.every_value_in_vault", "credentials.no_placeholder_values", "credentials.within_rotation_age")
def look_at_vault(world: World) -> Findings:
    """Each declared credential as the vault has it."""
    settings, now = world.settings, datetime.now(UTC)
    vault = open_world_vault(world, settings.vault_path)
    copy = read_copy(vault, settings)
    real = copy.real(settings.placeholders)
    return Findings(
        results=[
            judge_complete(copy, vault.shown),
            judge_placeholders(copy, settings.placeholders),
            judge_rotation(copy, settings.placeholders, now),
        ],
        rows=vault_rows(copy, settings.placeholders, now),
        facts=VaultTimes(changed_at={name: value.changed_at for name, value in real.items()}),
    )


def vault_rows(copy: VaultCopy, placeholders: Sequence[str], now: datetime) -> list[dict[str, Any]]:
    """Return one row a credential: where it is, how old, who needs it."""
    missing, unreal, late = copy.missing, copy.placeholders(placeholders), copy.overdue(now, placeholders)
    rows = []
    for one in copy.wanted:
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


@looks_at("credentials.vault_is_private")
def look_at_permissions(world: World) -> Findings:
    """Files of the vault that more people than their owner may read."""
    vault = open_world_vault(world, world.settings.vault_path)
    too_open = vault.too_open()
    return Findings(results=[judge_privacy(too_open, vault.shown)], rows=[{"file": line} for line in too_open or ()])


@looks_at("credentials.environments_share_no_value")
def look_at_environments(world: World) -> Findings:
    """Pairs of environments with one value in both; values that are meant to be shared are left out."""
    settings = world.settings
    paths = dict.fromkeys([settings.vault_path, *settings.apart_from])
    copies = {path: read_copy(open_world_vault(world, path), settings) for path in paths}
    real = {path: copy.real(settings.placeholders) for path, copy in copies.items()}
    shared = shared_values(copies, settings.placeholders)
    compared = [path for path, values in real.items() if values]
    meant = {one.name for one in copies[settings.vault_path].wanted if one.may_be_shared}
    values = sum(len(values.keys() - meant) for values in real.values())
    return Findings(
        results=[judge_apart(shared, compared, values)],
        rows=[dict(zip(("environment", "credential", "and", "has it as"), four, strict=True)) for four in shared],
    )


@looks_at("credentials.fly_has_every_credential", "credentials.fly_has_nothing_undeclared", "credentials.fly_as_new_as_vault")
def look_at_fly(world: World, *, vault: VaultTimes | None) -> Findings:
    """Each secret of the Fly app: by name, and by the digest that the last sync noted."""
    settings = world.settings
    drifts = audit_fly(open_credentials_fly(world), settings, times_of(vault), read_notes(notes_path(world)))
    return Findings(
        results=judge_target("fly", f"The Fly app {settings.fly_app}", drifts, NO_TIMES),
        rows=[drift_row(one) for one in drifts],
        facts=[("fly", one) for one in drifts],
    )


@looks_at(
    "credentials.github_has_every_credential",
    "credentials.github_has_nothing_undeclared",
    "credentials.github_as_new_as_vault",
)
def look_at_github(world: World, *, vault: VaultTimes | None) -> Findings:
    """Each secret of the GitHub environment and of the repository itself: by name, and by when it was set."""
    drifts = audit_github(open_github(world), world.settings, times_of(vault))
    cannot = "the vault does not say when it changed. Next: keep it where changes leave a time."
    return Findings(
        results=judge_target("github", f"GitHub ({world.settings.github_repository})", [one for _, one in drifts], cannot),
        rows=[drift_row(one) for _, one in drifts],
        facts=drifts,
    )


def times_of(vault: VaultTimes | None) -> Mapping[str, datetime | None]:
    """Return the vault's times; none when it could not be read, which leaves the targets' names to judge."""
    return vault.changed_at if vault is not None else {}


def sync_plan(*audits: Sequence[tuple[str, Drift]] | None) -> list[dict[str, str]]:
    """Return what a sync would set, one row a value; nothing is set here."""
    steps = plan_steps(one for found in audits for one in found or ())
    return [{"credential": step.name, "where": step.where, "why": step.why} for step in steps]
