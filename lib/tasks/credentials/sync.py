"""Copying the vault's credentials to the targets: a plan first, then one value at a time, each read back.

The plan is made of what the audit found, so what is as new as the vault's copy is left as it is, and nothing is ever removed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum

from lib.clients.fly.app_secrets import choose_door, read_fly_secrets, set_fly_secret
from lib.clients.fly.digest_notes import LastSynced
from lib.clients.fly.flyctl import Fly
from lib.clients.github import GitHub, read_github_secret, set_github_secret
from lib.clients.vault.folder import VaultValue
from lib.core.errors import TargetError
from lib.tasks.credentials.drift import Drift, State

REASONS = {
    State.MISSING: "add it: it is missing",
    State.OLDER: "replace it: it is older than the vault's copy",
    State.CHANGED: "replace it: it was changed since the last sync",
    State.UNKNOWN: "set it again: whether it is the vault's copy is unknown",
}
LEAST_CLOCK_AGREEMENT_S = 300
"""Seconds by which a target's clock may be behind ours before its copy counts as an old one."""


class Outcome(StrEnum):
    """What became of one step."""

    PLANNED = "planned"
    SET = "set and read back"
    FAILED = "failed"
    NOT_TRIED = "not tried"


@dataclass(frozen=True, kw_only=True)
class Step:
    """One value to set in one place. target: fly, github_environment or github_repository."""

    name: str
    target: str
    where: str
    why: str


@dataclass(frozen=True, kw_only=True)
class Done:
    """One step and what became of it. failure: why it failed. last_synced: what Fly showed afterwards."""

    step: Step
    outcome: Outcome
    failure: str = ""
    last_synced: LastSynced | None = None


def plan_steps(drifts: Iterable[tuple[str, Drift]]) -> list[Step]:
    """Return what a sync would set, in the order it would. drifts: each with its target's name in params."""
    return [
        Step(name=drift.name, target=target, where=drift.where, why=REASONS[drift.state])
        for target, drift in drifts
        if drift.state in REASONS
    ]


def plan_problems(steps: Sequence[Step], values: Mapping[str, VaultValue]) -> list[str]:
    """Return why the whole plan cannot be carried out, one line each; found before anything is set."""
    problems = [f"{step.name}: the vault has no value that could be set." for step in steps if step.name not in values]
    for step in steps:
        if step.target == "fly" and step.name in values:
            try:
                choose_door(step.name, values[step.name].value)
            except TargetError as exc:
                problems.append(str(exc))
    return list(dict.fromkeys(problems))


@dataclass(frozen=True, kw_only=True)
class Setter:
    """Who sets values, and where. environment: of GitHub."""

    fly: Fly | None
    github: GitHub | None
    environment: str
    clock: Callable[[], datetime] = lambda: datetime.now(UTC)

    def set_one(self, step: Step, value: VaultValue) -> LastSynced | None:
        """Set one value and read back that it arrived; return what Fly showed. Raises TargetError when it did not."""
        if step.target == "fly":
            if self.fly is None:
                raise TargetError("Fly.io is not named among the targets.", fix="Set the variables that targets.fly names.")
            return set_on_fly(self.fly, step, value)
        if self.github is None:
            raise TargetError("GitHub is not named among the targets.", fix="Set the variables that targets.github names.")
        environment = self.environment if step.target == "github_environment" else None
        began = self.clock()
        set_github_secret(self.github, environment, step.name, value.value)
        seen = read_github_secret(self.github, environment, step.name)
        if (began - seen.updated_at).total_seconds() > LEAST_CLOCK_AGREEMENT_S:
            raise TargetError(
                f"GitHub still shows the {step.name} of {seen.updated_at:%Y-%m-%d %H:%M:%S}Z.",
                fix="Check it on GitHub, then run again.",
            )
        return None


def set_on_fly(fly: Fly, step: Step, value: VaultValue) -> LastSynced | None:
    """Set one value on Fly and return the digest that it then shows. Raises TargetError when it did not arrive."""
    set_fly_secret(fly, step.name, value.value)
    seen = read_fly_secrets(fly).get(step.name)
    if seen is None:
        raise TargetError(f"flyctl took {step.name}, but does not list it.", fix="Run `flyctl secrets list`, then run again.")
    return LastSynced(digest=seen.digest, changed_at=value.changed_at) if value.changed_at else None


def carry_out(steps: Sequence[Step], values: Mapping[str, VaultValue], setter: Setter) -> Iterator[Done]:
    """Yield what became of each step as it is done; after the first that fails, nothing more is tried."""
    waiting = iter(steps)
    for step in waiting:
        try:
            last_synced = setter.set_one(step, values[step.name])
        except TargetError as exc:
            yield Done(step=step, outcome=Outcome.FAILED, failure=str(exc))
            break
        yield Done(step=step, outcome=Outcome.SET, last_synced=last_synced)
    yield from (Done(step=step, outcome=Outcome.NOT_TRIED) for step in waiting)
