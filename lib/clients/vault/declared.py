"""The credentials that params declare; apart from who reads them, which takes long to import."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import timedelta
from typing import Literal, Self

from pydantic import Field, model_validator

from lib.core.section import Section, said_by_project

CredentialTarget = Literal["fly", "github_environment", "github_repository", "mcp"]
"""Who needs a credential: the Fly app, GitHub's environment, the GitHub repository, or the operator's own MCP servers."""
SECRET_NAME = re.compile(r"(?!(?i:GITHUB_))[A-Za-z_][A-Za-z0-9_]*")
"""Source: https://docs.github.com/en/actions/reference/security/secrets, naming"""


class Credential(Section):
    """One declared credential; its name is the one it has in the targets.

    vault: its place: `file.txt`, `file.env#NAME`, `file.json#key`; in HashiCorp Vault `path#key`.
    """

    vault: str = Field(pattern=r"^[^#\\]+\.txt$|^[^#\\]+#[^#]+$")
    needed_by: list[CredentialTarget] = Field(min_length=1)  # who must have it
    max_age_days: float | None = Field(default=None, gt=0)  # instead of the section's own
    may_be_shared: bool = False  # one value in several environments is meant


class Credentials(Section):
    """What 05_credentials expects of the vault, Fly.io and GitHub."""

    vault_folder: str = ""  # the vault in the pack, where targets.vault names no other
    vault_path: str = said_by_project("")  # the environment's own folder in the vault
    apart_from: list[str] = Field(default=[])  # folders of the environments that must have other values
    max_age_days: float = Field(gt=0)  # longest a credential may go unchanged, days
    placeholders: list[str] = Field(min_length=1)  # values that are placeholders, in any spelling
    undeclared_allowed: list[str] = Field(default=[])  # names that a target may have besides the declared ones
    fly_app: str = said_by_project("", about="fly", pattern="^[a-z0-9-]*$")  # the Fly app that needs the credentials
    github_repository: str = said_by_project("", about="github", pattern="^([A-Za-z0-9_.-]+/[A-Za-z0-9_.-]+)?$")  # owner/name
    github_environment: str = said_by_project("", about="github")  # its environment
    timeout_s: float = Field(gt=0)  # longest one request may take, s
    declared: dict[str, Credential] = said_by_project({})  # name in the targets -> where it is in the vault, and who needs it

    @model_validator(mode="after")
    def check_names(self) -> Self:
        problems = [
            f"'{name}' is not a name that every target accepts" for name in self.declared if not SECRET_NAME.fullmatch(name)
        ]
        upper = [name.upper() for name in self.declared]
        problems += [f"'{name}' is also declared in other capitals" for name in self.declared if upper.count(name.upper()) > 1]
        if problems:
            raise ValueError("; ".join(problems))
        return self


@dataclass(frozen=True, kw_only=True)
class Declared:
    """One declared credential. needed_by: the targets that must have it."""

    name: str
    place: str
    needed_by: tuple[str, ...]
    max_age: timedelta
    may_be_shared: bool = False


def declared_of(settings: Credentials) -> tuple[Declared, ...]:
    """Return what is declared, each with the maximum age in force."""
    return tuple(
        Declared(
            name=name,
            place=one.vault,
            needed_by=tuple(one.needed_by),
            max_age=timedelta(days=one.max_age_days or settings.max_age_days),
            may_be_shared=one.may_be_shared,
        )
        for name, one in settings.declared.items()
    )
