"""Where an environment's credentials are kept and needed, opened as params name them."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from lib.clients.fly.app_secrets import read_fly_secrets
from lib.clients.fly.digest_notes import Noted
from lib.clients.fly.flyctl import Fly
from lib.clients.github import GitHub, read_github_secrets
from lib.clients.vault.declared import Credentials
from lib.tasks.credentials.drift import Drift, Held, compare, show_moment
from lib.transport.context import World

WHERE = {"fly": "Fly app {fly_app}", "github_environment": "environment {github_environment}", "github_repository": "repository"}
"""How people call each target's part."""


def open_credentials_fly(world: World) -> Fly:
    """Return flyctl for the app that is given credentials. Raises TargetError."""
    settings = world.sections["credentials"]
    token = world.service("fly").parts["token"] or None
    return Fly(program=world.programs.flyctl, app=settings.fly_app, timeout_s=settings.timeout_s, folder=world.pack, token=token)


def open_github(world: World) -> GitHub:
    """Return the repository on GitHub. Raises TargetError."""
    settings, parts = world.sections["credentials"], world.service("github").parts
    return GitHub(url=parts["url"], repository=settings.github_repository, timeout_s=settings.timeout_s, token=parts["token"])


def audit(
    target: str,
    held: list[Held],
    settings: Credentials,
    vault: Mapping[str, datetime | None],
    noted: Mapping[str, Noted] | None = None,
) -> list[Drift]:
    """Return how one target's secrets differ from what is declared for it."""
    return compare(
        [name for name, one in settings.declared.items() if target in one.needed_by],
        held,
        where=WHERE[target].format(**settings.model_dump()),
        vault=vault,
        allowed=settings.undeclared_allowed,
        any_case=target != "fly",
        noted=noted,
    )


def audit_fly(fly: Fly, settings: Credentials, vault: Mapping[str, datetime | None], notes: Mapping[str, Noted]) -> list[Drift]:
    """Return the drift of the Fly app, read only. Raises TargetError."""
    found = read_fly_secrets(fly).values()
    held = [
        Held(name=one.name, digest=one.digest, note="staged, not deployed yet" if one.status == "Staged" else "") for one in found
    ]
    return audit("fly", held, settings, vault, notes)


def audit_github(github: GitHub, settings: Credentials, vault: Mapping[str, datetime | None]) -> list[tuple[str, Drift]]:
    """Return the drift of the environment and of the repository itself, each with its target, read only. Raises TargetError."""
    drifts = []
    for target, environment in (("github_environment", settings.github_environment), ("github_repository", None)):
        found = read_github_secrets(github, environment).values()
        held = [Held(name=one.name, updated_at=one.updated_at) for one in found]
        drifts += [(target, drift) for drift in audit(target, held, settings, vault)]
    return drifts


def drift_row(drift: Drift) -> dict[str, Any]:
    """Return one line as the page shows it."""
    return {
        "credential": drift.name,
        "where": drift.where,
        "state": f"{drift.state.value} ({drift.note})" if drift.note else drift.state.value,
        "changed in the vault": show_moment(drift.changed_at),
        "set there": show_moment(drift.updated_at),
    }
