"""The declared credentials as the vault has them, and what can be said of their values without showing one."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import combinations
from pathlib import Path
from typing import Literal, Self
from urllib.parse import urlsplit

from pydantic import Field, model_validator

from lib.clients.vault.folder import Vault, VaultFolder, VaultValue
from lib.clients.vault.kv import KvVault
from lib.core.errors import TargetError
from lib.core.redact import SHORTEST_SECRET
from lib.core.section import Section
from lib.transport.context import World

FRAME = re.compile(r"[^a-z0-9]+")
SAME_SIGN = re.compile(r"(.)\1*", re.S)
CredentialTarget = Literal["fly", "github_environment", "github_repository", "mcp"]
"""Who needs a credential: the Fly app, GitHub's environment, the GitHub repository, or the operator's own MCP servers."""
SECRET_NAME = re.compile(r"(?!(?i:GITHUB_))[A-Za-z_][A-Za-z0-9_]*")
"""Source: https://docs.github.com/en/actions/reference/security/secrets, naming"""


class Credential(Section):
    """One declared credential; its name is the one it has in the targets.

    vault: its place: `file.txt`, `file.env#NAME`, `file.json#key`; in HashiCorp Vault `path#key`.
    """

    vault: str = Field(pattern=r"^[^#\\]+\.txt$|^[^#\\]+#[^#]+$")
    needed_by: list[CredentialTarget] = Field(min_length=1)
    max_age_days: float | None = Field(default=None, gt=0)  # instead of the section's own
    may_be_shared: bool = False  # one value in several environments is meant


class Credentials(Section):
    """What 05_credentials holds the vault, Fly.io and GitHub to."""

    vault_folder: str  # the vault in the pack, where targets.vault names no other
    vault_path: str = Field(min_length=1)  # the environment's own folder in the vault
    apart_from: list[str]  # folders of the environments that must have other values
    max_age_days: float = Field(gt=0)  # longest a credential may go unchanged, days
    placeholders: list[str] = Field(min_length=1)  # values that stand for none, in any spelling
    undeclared_allowed: list[str]  # names that a target may have besides the declared ones
    fly_app: str = Field(pattern="^[a-z0-9-]+$")  # the Fly app that is given credentials
    github_repository: str = Field(pattern="^[A-Za-z0-9_.-]+/[A-Za-z0-9_.-]+$")  # owner/name
    github_environment: str = Field(min_length=1)  # its environment
    timeout_s: float = Field(gt=0)  # longest one question may take, s
    declared: dict[str, Credential] = Field(min_length=1)

    @model_validator(mode="after")
    def check_names(self) -> Self:
        problems = [f"'{name}' is no name that every target takes" for name in self.declared if not SECRET_NAME.fullmatch(name)]
        upper = [name.upper() for name in self.declared]
        problems += [f"'{name}' is declared in other capitals, too" for name in self.declared if upper.count(name.upper()) > 1]
        if problems:
            raise ValueError("; ".join(problems))
        return self


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """One declared credential. needed_by: the targets that must have it."""

    name: str
    place: str
    needed_by: tuple[str, ...]
    max_age: timedelta
    may_be_shared: bool = False


@dataclass(frozen=True, kw_only=True)
class VaultCopy:
    """One environment's credentials as its vault has them, by their declared names."""

    wanted: tuple[Wanted, ...]
    values: Mapping[str, VaultValue] = field(repr=False)

    @property
    def missing(self) -> list[Wanted]:
        """The declared ones that have no value, or an empty one."""
        return [one for one in self.wanted if one.name not in self.values or not self.values[one.name].value.strip()]

    def placeholders(self, words: Sequence[str]) -> list[Wanted]:
        """Return those whose value is no credential yet."""
        there = [one for one in self.wanted if one not in self.missing]
        return [one for one in there if is_placeholder(self.values[one.name].value, words)]

    def real(self, words: Sequence[str]) -> dict[str, VaultValue]:
        """Return the values that are credentials, by name."""
        left_out = {one.name for one in (*self.missing, *self.placeholders(words))}
        return {one.name: self.values[one.name] for one in self.wanted if one.name not in left_out}

    def overdue(self, now: datetime, words: Sequence[str]) -> list[Wanted]:
        """Return those that were to be rotated before now."""
        real = self.real(words)
        times = {name: value.changed_at for name, value in real.items()}
        return [one for one in self.wanted if (changed := times.get(one.name)) is not None and now - changed > one.max_age]


def is_placeholder(value: str, words: Iterable[str]) -> bool:
    """Return whether a value stands for a credential that nobody put in yet.

    words: whole values, in any capitals and with any signs around or between them; `<...>` and `${...}` are always one.
    """
    text = value.strip()
    if len(text) < SHORTEST_SECRET or SAME_SIGN.fullmatch(text):
        return True
    if (text.startswith("<") and text.endswith(">")) or re.fullmatch(r"\$?\{\{?[^{}]*\}?\}", text):
        return True
    return plain(text) in {plain(word) for word in words}


def plain(text: str) -> str:
    return FRAME.sub("", text.lower())


def shared_values(copies: Mapping[str, VaultCopy], words: Sequence[str]) -> list[tuple[str, str, str, str]]:
    """Return each pair of environments with one value in both: environment, name, environment, name.

    Placeholders and values that are declared as shared are left out.
    """
    holders: dict[str, list[tuple[str, Wanted]]] = defaultdict(list)
    for environment, copy in copies.items():
        real = copy.real(words)
        for one in copy.wanted:
            if one.name in real and not one.may_be_shared:
                holders[real[one.name].value.strip()].append((environment, one))
    return sorted(
        (first[0], first[1].name, second[0], second[1].name)
        for same in holders.values()
        for first, second in combinations(same, 2)
        if first[0] != second[0]
    )


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
