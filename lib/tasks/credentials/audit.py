"""Where an environment's credentials are kept and needed, opened as params name them, and how the targets differ."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from lib.clients.fly.app_secrets import read_fly_secrets
from lib.clients.fly.digest_notes import LastSynced, notes_name
from lib.clients.fly.flyctl import Fly
from lib.clients.github import GitHub, read_github_secrets
from lib.clients.vault.declared import Credentials
from lib.clients.vault.folder import Vault
from lib.clients.vault.vault_copy import open_vault
from lib.tasks.credentials.drift import Actual, Drift, State, compare, format_moment
from lib.transport.context import Context

WHERE = {"fly": "Fly app {fly_app}", "github_environment": "environment {github_environment}", "github_repository": "repository"}
"""What people call each target's part."""


def open_environment(context: Context[Credentials], path: str) -> Vault:
    """Return one environment's folder of the vault that this run looks at. Raises TargetError."""
    return open_vault(context.service("vault").parts, context.settings, pack=context.pack, path=path)


def notes_path(context: Context[Credentials]) -> Path:
    """Return where a sync notes Fly's digests: a stand-in's, which needs no token, end with the run."""
    folder = context.kept if context.service("fly").parts["token"] else context.work
    return folder / notes_name(context.settings.fly_app)


def open_credentials_fly(context: Context[Credentials]) -> Fly:
    """Return flyctl for the app that needs the credentials. Raises TargetError."""
    settings = context.settings
    token = context.service("fly").parts["token"] or None
    return Fly(
        program=context.programs.flyctl, app=settings.fly_app, timeout_s=settings.timeout_s, folder=context.pack, token=token
    )


def open_github(context: Context[Credentials]) -> GitHub:
    """Return the repository on GitHub. Raises TargetError."""
    settings, parts = context.settings, context.service("github").parts
    return GitHub(url=parts["url"], repository=settings.github_repository, timeout_s=settings.timeout_s, token=parts["token"])


def audit(
    target: str,
    actual: list[Actual],
    settings: Credentials,
    vault: Mapping[str, datetime | None],
    last_synced: Mapping[str, LastSynced] | None = None,
) -> list[Drift]:
    """Return how one target's secrets differ from what is declared for it."""
    return compare(
        [name for name, one in settings.declared.items() if target in one.needed_by],
        actual,
        where=WHERE[target].format(**settings.model_dump()),
        vault=vault,
        allowed=settings.undeclared_allowed,
        any_case=target != "fly",
        last_synced=last_synced,
    )


def audit_fly(
    fly: Fly, settings: Credentials, vault: Mapping[str, datetime | None], last_synced: Mapping[str, LastSynced]
) -> list[Drift]:
    """Return the drift of the Fly app, read only. Raises TargetError."""
    found = read_fly_secrets(fly).values()
    actual = [
        Actual(name=one.name, digest=one.digest, note="staged, not deployed yet" if one.status == "Staged" else "")
        for one in found
    ]
    return audit("fly", actual, settings, vault, last_synced)


def audit_github(github: GitHub, settings: Credentials, vault: Mapping[str, datetime | None]) -> list[tuple[str, Drift]]:
    """Return the drift of the environment and of the repository itself, each with its target, read only. Raises TargetError."""
    drifts = []
    for target, environment in (("github_environment", settings.github_environment), ("github_repository", None)):
        found = read_github_secrets(github, environment).values()
        actual = [Actual(name=one.name, updated_at=one.updated_at) for one in found]
        drifts += [(target, drift) for drift in audit(target, actual, settings, vault)]
    return drifts


def drift_row(drift: Drift) -> dict[str, Any]:
    """Return one line as the page shows it."""
    return {
        "credential": drift.name,
        "where": drift.where,
        "state": f"{drift.state.value} ({drift.note})" if drift.note else drift.state.value,
        "changed in the vault": format_moment(drift.changed_at),
        "set there": format_moment(drift.updated_at),
    }


def drift_report(title: str, drifts: Sequence[Drift]) -> dict[str, Any]:
    """Return what the audit of one target found, as it is attached to a run: by state, which credential where; never a value."""
    named = [(drift.state, f"{drift.name} ({drift.where})") for drift in drifts]
    return {
        "target": title,
        "looked_at": len(drifts),
        "by_state": {state.value: [name for found, name in named if found is state] for state in State},
        "credentials": [drift_row(drift) for drift in drifts],
    }
