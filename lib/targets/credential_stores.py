"""Where an environment's credentials are kept and needed, opened as params name them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from lib.core.errors import TargetError
from lib.core.files import write_whole
from lib.sections import Credentials
from lib.targets.credential_drift import Drift, Held, Noted, compare, show_moment
from lib.targets.credential_values import VaultCopy, Wanted
from lib.targets.fly import Fly
from lib.targets.fly_secrets import read_fly_secrets
from lib.targets.github import GitHub, read_github_secrets
from lib.targets.vault import Vault, VaultFolder
from lib.targets.vault_kv import KvVault
from lib.transport.context import World

WHERE = {"fly": "Fly app {fly_app}", "github_environment": "environment {github_environment}", "github_repository": "repository"}
"""How people call each target's part."""


def open_vault(parts: Mapping[str, str], settings: Credentials, *, pack: Path, path: str) -> Vault:
    """Return one environment's folder of the vault. parts: of the target; its url is a folder or a KV v2 engine.

    Raises TargetError when it is neither.
    """
    address = urlsplit(parts["url"])
    if address.scheme not in ("http", "https"):
        folder = (pack / Path(parts["url"]).expanduser() / path).resolve()
        return VaultFolder(path=folder, name=f"{Path(parts['url']).name}/{path}")
    mount, _, before = address.path.strip("/").removeprefix("v1/").partition("/")
    if not mount:
        raise TargetError("The vault's address names no mount. Next: write it as https://host/<mount>/<path>.")
    return KvVault(
        url=f"{address.scheme}://{address.netloc.rpartition('@')[2]}",
        token=parts["token"],
        mount=mount,
        path="/".join(part for part in (before, path) if part),
        timeout_s=settings.timeout_s,
    )


def wanted_of(settings: Credentials) -> tuple[Wanted, ...]:
    """Return what is declared, each with the maximum age in force."""
    return tuple(
        Wanted(
            name=name,
            place=one.vault,
            needed_by=tuple(one.needed_by),
            max_age=timedelta(days=one.max_age_days or settings.max_age_days),
            may_be_shared=one.may_be_shared,
        )
        for name, one in settings.declared.items()
    )


def read_copy(vault: Vault, settings: Credentials) -> VaultCopy:
    """Return every declared credential that the vault has. Raises TargetError when it can't be read."""
    wanted = wanted_of(settings)
    found = vault.read([one.place for one in wanted])
    return VaultCopy(wanted=wanted, values={one.name: found[one.place] for one in wanted if one.place in found})


def open_world_vault(world: World, path: str) -> Vault:
    """Return one environment's folder of the vault that this run looks at. Raises TargetError."""
    return open_vault(world.service("vault").parts, world.sections["credentials"], pack=world.pack, path=path)


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


def notes_path(world: World) -> Path:
    """Return where a sync notes Fly's digests: a stand-in's, which needs no token, end with the run."""
    folder = world.kept if world.service("fly").parts["token"] else world.work
    return folder / notes_name(world.sections["credentials"].fly_app)


def notes_name(app: str) -> str:
    return f"fly-secrets-{app}.json"


def read_notes(path: Path) -> dict[str, Noted]:
    """Return what earlier syncs noted of Fly's digests; nothing when there is no such file, or it can't be read."""
    try:
        said = json.loads(path.read_text(encoding="utf-8"))
        return {
            name: Noted(digest=one["digest"], changed_at=datetime.fromisoformat(one["changed_at"])) for name, one in said.items()
        }
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return {}  # without notes Fly's copies are of unknown age, which is what they are


def write_notes(path: Path, notes: Mapping[str, Noted]) -> None:
    """Keep the notes: digests that Fly itself shows, and times; no value."""
    said = {name: {**asdict(one), "changed_at": one.changed_at.isoformat()} for name, one in sorted(notes.items())}
    write_whole(path, json.dumps(said, indent=2) + "\n", mode=0o600)
