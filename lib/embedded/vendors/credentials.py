"""The stand-ins of 05_credentials: the vault, and a GitHub and a Fly app synced from it, except for what params change."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

from lib.clients.fly.digest_notes import LastSynced, write_notes
from lib.clients.vault.declared import Credentials, declared_of
from lib.clients.vault.folder import VaultValue
from lib.clients.vault.vault_copy import VaultCopy, open_vault, read_copy
from lib.core.errors import TargetError
from lib.core.redact import register_secrets
from lib.embedded.switches import CredentialStandIns
from lib.embedded.vendors.github import GitHubStandIn
from lib.embedded.vendors.vault import VaultStandIn

BEFORE_THE_CHANGE = timedelta(days=30)
"""By this much an old copy is older than the vault's."""
MOUNT = "secret"


@dataclass(frozen=True, kw_only=True)
class CredentialServices:
    """What stands in: target -> its parts; the values of the Fly app, for whoever starts it, and as of which change of
    the vault's copy each is; the stand-in to ask.

    planted: tokens of the stand-ins, which nobody may keep.
    """

    services: dict[str, dict[str, str]]
    fly_secrets: Mapping[str, str] = field(repr=False)
    fly_times: Mapping[str, datetime]
    planted: tuple[str, ...] = field(repr=False)
    github: GitHubStandIn | None = None


def read_vault_copy(parts: Mapping[str, str], settings: Credentials, pack: Path, path: str) -> VaultCopy:
    """Return what the vault has, its values redacted from here on; an unreadable one has nothing, which the audit reports."""
    try:
        return read_copy(open_vault(parts, settings, pack=pack, path=path), settings)
    except TargetError:
        return VaultCopy(declared=declared_of(settings), values={})


def values_of(target: str, copy: VaultCopy, switches: CredentialStandIns) -> dict[str, str]:
    """Return the values that a target's stand-in starts with."""
    lacking = switches.lacking.get(target, [])  # type: ignore[call-overload]
    needed = [one.name for one in copy.declared if target in one.needed_by]
    # What the vault lost since, or what cannot be read there, a target that was synced before still has.
    declared = {name: copy.values[name].value if name in copy.values else "set-by-an-earlier-sync" for name in needed}
    more = dict.fromkeys(switches.undeclared.get(target, []), "nobody-declared-this")  # type: ignore[call-overload]
    return {**{name: value for name, value in declared.items() if name not in lacking}, **more}


@contextmanager
def start_credential_stand_ins(
    targets: Sequence[str],
    settings: Credentials,
    switches: CredentialStandIns,
    *,
    pack: Path,
    folder: Path,
    live: Mapping[str, Mapping[str, str]],
) -> Iterator[CredentialServices]:
    """Yield the stand-ins of these targets, running. folder: private. live: the parts of targets that nothing stands in for."""
    parts: Mapping[str, str] = live.get("vault") or {"url": str(pack / settings.vault_folder), "token": ""}
    copy = read_vault_copy(parts, settings, pack, settings.vault_path)
    for path in settings.apart_from:
        read_vault_copy(parts, settings, pack, path)  # only to have their values redacted here, too
    with ExitStack() as running:
        services: dict[str, dict[str, str]] = {}
        planted: list[str] = []
        github = None
        if "vault" in targets:
            services["vault"] = dict(parts)
            if switches.vault == "hashicorp":
                server = running.enter_context(VaultStandIn(mount=MOUNT, folder=folder))
                fill_vault(server, parts, settings, pack)
                services["vault"] = {"url": f"{server.base_url}/{MOUNT}", "token": server.token}
                planted += server.planted
        if "github" in targets:
            github = running.enter_context(
                GitHubStandIn(
                    slug=settings.github_repository,
                    environments=[settings.github_environment],
                    fault=switches.github_fault,
                    folder=folder,
                )
            )
            fill_github(github, copy, settings, switches)
            services["github"] = github.parts
            planted += github.planted
        register_secrets(planted)
        yield CredentialServices(
            services=services,
            fly_secrets=values_of("fly", copy, switches),
            fly_times=fly_times(copy, switches),
            planted=tuple(planted),
            github=github,
        )


def fly_times(copy: VaultCopy, switches: CredentialStandIns) -> dict[str, datetime]:
    """Return when the vault's copy had changed that each secret of the Fly app was set from."""
    old = switches.old.get("fly", [])
    times = {name: value.changed_at for name, value in copy.values.items() if value.changed_at is not None}
    return {name: changed_at - BEFORE_THE_CHANGE if name in old else changed_at for name, changed_at in times.items()}


def note_digests(path: Path, shown: Iterable[Mapping[str, str]], times: Mapping[str, datetime]) -> None:
    """Note the digests that the Fly app's stand-in shows, as the sync that filled it would have."""
    write_notes(
        path,
        {one["name"]: LastSynced(digest=one["digest"], changed_at=times[one["name"]]) for one in shown if one["name"] in times},
    )


def fill_github(github: GitHubStandIn, copy: VaultCopy, settings: Credentials, switches: CredentialStandIns) -> None:
    """Give the stand-in what a sync would have: each value set now, or before the vault's changed."""
    stores = {"github_environment": github.environments[settings.github_environment], "github_repository": github.repository}
    for target, store in stores.items():
        for name, value in values_of(target, copy, switches).items():
            changed_at = copy.values[name].changed_at if name in copy.values else None
            is_old = name in switches.old.get(target, []) and changed_at is not None  # type: ignore[call-overload]
            store.put(name, value.encode(), changed_at - BEFORE_THE_CHANGE if is_old and changed_at else datetime.now(UTC))


def fill_vault(server: VaultStandIn, parts: Mapping[str, str], settings: Credentials, pack: Path) -> None:
    """Put every environment's folder into the stand-in: each file is a path, as old as it is; a text file's one key is ''."""
    for path in (settings.vault_path, *settings.apart_from):
        files: dict[str, list[VaultValue]] = {}
        for value in read_vault_copy(parts, settings, pack, path).values.values():
            files.setdefault(value.place.partition("#")[0], []).append(value)
        for file, values in files.items():
            data = {value.place.partition("#")[2]: value.value for value in values}
            server.write(f"{path}/{file}", data, at=values[0].changed_at)
