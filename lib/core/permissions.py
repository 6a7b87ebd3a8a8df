"""What may be written where: one permission for one act, and how a refusal is told."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum


class Act(StrEnum):
    """One kind of write to a live target, as `writes:` of an environment's params names it."""

    MIGRATIONS = "migrations"  # push the project's migrations
    FIXTURES = "fixtures"  # apply the seed
    DEPLOY = "deploy"  # deploy the candidate and roll back
    CANARY = "canary"  # reopen and resolve the canary conversation
    NOTIFY = "notify"  # send a message to a person
    CREDENTIALS = "credentials"  # bring the vault's values to the targets


TARGETS: Mapping[Act, tuple[str, ...]] = {
    Act.MIGRATIONS: ("database",),
    Act.FIXTURES: ("database",),
    Act.DEPLOY: ("fly",),
    Act.CANARY: ("chatwoot",),
    Act.NOTIFY: ("mail",),
    Act.CREDENTIALS: ("fly", "github"),
}
"""Act -> the targets it writes to: on a part that was started for the run everything is allowed."""


@dataclass(frozen=True, kw_only=True)
class Refusal:
    """Why an act is not allowed, and what would allow it."""

    reason: str
    fix: str


def refuse(act: Act, *, environment: str, granted: frozenset[Act], asked: bool) -> Refusal:
    """Return why an act on a live target is not allowed.

    granted: the acts that the environment's params list. asked: ALLOW_WRITES names the environment.
    """
    if act not in granted:
        switch = "" if asked else f" and run with ALLOW_WRITES={environment}"
        return Refusal(
            reason=f"`writes` of {environment} does not list {act.value}, so nothing was changed there.",
            fix=f"Add {act.value} to `writes` in params/{environment}.yaml{switch}, if it may be done there.",
        )
    return Refusal(
        reason=f"Changes to {environment} are not allowed in this run.", fix=f"Run with ALLOW_WRITES={environment} to allow them."
    )
