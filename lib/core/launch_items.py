"""The form of the launch list: its items, what proves each, and the document that they come from.

An item is proved by checks. What no check can prove is done by hand, by somebody who is named; what is not this project's
to do is not ours, with the reason. Neither of them ever counts as passed.
"""

from __future__ import annotations

from typing import Self

from pydantic import BaseModel, ConfigDict, Field, model_validator
from pydantic_core import PydanticCustomError

FILE = "launch/launch_list.yaml"
"""From the project's root."""
ONE_OF = "an item has checks, manual or not_ours: one of the three, and no second"


class ByHand(BaseModel):
    """What no check can prove: who does it, and how anybody sees that it is done."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    owner: str = Field(min_length=1)  # who does it
    how: str = Field(min_length=1)  # what is done, and where it is seen that it is


class LaunchItem(BaseModel):
    """One thing that the launch asks for, and what proves it."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    number: int = Field(ge=1)  # of the item; each once
    title: str = Field(min_length=1)  # what the launch asks for, in a sentence
    words: str = ""  # its task's words as the document has them; marks and white space don't count
    backlog: list[str] = []  # entries of the backlog that it belongs to, such as T2
    checks: list[str] = []  # ids of the checks that prove it
    manual: ByHand | None = None  # in the place of checks: who does it by hand
    not_ours: str = ""  # in the place of checks: why this project does not do it

    @model_validator(mode="after")
    def require_one_proof(self) -> Self:
        """Refuse an item that nothing proves, and one that says two things."""
        if sum((bool(self.checks), self.manual is not None, bool(self.not_ours.strip()))) != 1:
            raise PydanticCustomError("one_proof", ONE_OF)
        return self


class LaunchList(BaseModel):
    """The whole file."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    document: str = ""  # the direction that the items come from, from the project's root
    made_by_launch: list[str] = []  # patterns of paths that the document names and only the launch makes
    items: list[LaunchItem] = Field(min_length=1)  # what the launch asks for, in order
