"""What init would write: decisions, questions, and what it could not look at this time."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from lib.onboarding.observed import Finding
from lib.onboarding.yaml_text import Line

HEADER = (
    "# yaml-language-server: $schema=project.schema.json",
    "# What {name} is expected to be when it launches. `make init` wrote it from what is in the project.",
    '# A line that ends in "unconfirmed" was guessed: `make confirm` asks about each. Change any line by hand.',
)
SECTION_NOTES: Mapping[str, str] = {
    "name": "",
    "owners": "Who acts on a task; default is for all that name nobody.",
    "not_applicable": "Tasks and targets that this project does not have, each with the reason.",
    "migrations": "The schemas that the project owns, and since which version a migration needs a rollback.",
    "seed": "How many rows the seed puts into each table.",
    "rls": "What each role may do to each table: allow, deny, or to the rows of a scope. `:uid` is the user's id.",
    "health": "The services that must be well.",
    "credentials": "Credentials by name: where the vault has each, and who needs it. Values are never written here.",
    "deploy_rehearsal": "The Fly app that the deploy is rehearsed on, and what its users ask for.",
    "alerts": "The alerts, and the value beyond which each must fire.",
    "guardrails": "The branch to compare with, and the project's own commands that must pass.",
}
"""Section -> the comment above it, in the order that sections stand."""


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """What the file should say by what is seen today.

    unseen: paths below which nothing was looked at, so nothing that stands there is out of date.
    """

    name: str
    lines: tuple[Line, ...]
    questions: tuple[Finding, ...] = ()
    unseen: tuple[tuple[str, ...], ...] = ()

    @property
    def header(self) -> list[str]:
        return [one.format(name=self.name) for one in HEADER]
