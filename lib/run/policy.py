"""A policy to decide kept runs again under: waivers, which gates stop a launch, where they must pass, how old facts may be.

It is one small YAML file. What it leaves out stays as it was in each run.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from lib.core.errors import ParamsError
from lib.core.results import Provenance
from lib.evidence.ages import Hours
from lib.run.check_names import unknown_checks
from lib.run.layers import read_yaml
from lib.run.waivers import Waiver

DEFAULT = "default"
"""Stands for every check that is not named."""

Places = Annotated[list[Annotated[Provenance, Field(strict=False)]], Field(min_length=1)]


class Policy(BaseModel):
    """By what rules kept runs are decided again. A check or `default` is a key of the maps."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    waivers: Annotated[tuple[Waiver, ...], Field(strict=False)] | None = None  # instead of those that each run had
    gates: Annotated[frozenset[str], Field(strict=False)] = frozenset()  # checks that stop the launch, whatever they are
    advisories: Annotated[frozenset[str], Field(strict=False)] = frozenset()  # checks that stop nothing
    provenance: Mapping[str, Places] = Field(default={})  # gate -> where it must have passed, else it is an error
    max_age_h: Mapping[str, Hours] = Field(default={})  # check -> how old its fact may be at the run's end, h

    @model_validator(mode="after")
    def refuse_contradictions(self) -> Policy:
        if both := sorted(self.gates & self.advisories):
            raise ValueError(f"{both[0]} is among gates and advisories")
        return self

    @property
    def checks(self) -> Iterator[str]:
        """Every check that it names."""
        yield from sorted({*self.gates, *self.advisories, *self.provenance, *self.max_age_h} - {DEFAULT})
        yield from (one.check for one in self.waivers or ())


AS_IT_WAS = Policy()
"""The policy that changes nothing."""


def load_policy(path: Path) -> Policy:
    """Return the policy of a file. Raises ParamsError with one line for each thing wrong."""
    path = path.absolute()
    _, document = read_yaml(path, path.name, root=path.parent)
    try:
        policy = Policy.model_validate(document or {})
    except ValidationError as exc:
        raise ParamsError([format_problem(path.name, one["loc"], one["msg"]) for one in exc.errors()]) from None
    problems = list(unknown_checks(path.name, dict.fromkeys(policy.checks)))
    if problems:
        raise ParamsError(problems)
    return policy


def format_problem(name: str, place: tuple[int | str, ...], said: str) -> str:
    """Return one line for one thing that does not fit."""
    where = ".".join(str(part + 1) if isinstance(part, int) else part for part in place)
    return (
        f"{name}: {f'{where}: ' if where else ''}{said.lower()}. "
        "Fix: A policy has waivers, gates, advisories, provenance and max_age_h, each optional."
    )
