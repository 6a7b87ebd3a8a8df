"""One section of the settings: what every task's settings are made of.

Scalars and lists of scalars are also the notebook's parameters, by the same name; the nested
declarations stay in the file, and the notebook shows them as a table.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from types import UnionType
from typing import Any, Generic, Self, TypeVar, Union, get_args, get_origin

from pydantic import BaseModel, ConfigDict, Field, model_validator
from pydantic_core import PydanticCustomError

LONGEST_TIMES = {"ms": 1_728_000_000, "s": 1_728_000, "h": 87_600, "days": 3_650}
"""Unit -> the most that a setting of it may be: 20 days of waiting, which PostgreSQL still can count in ms, or ten years."""


class Section(BaseModel):
    """One part of a params file: unknown keys, wrong types and times beyond all use are refused, nothing is coerced."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, allow_inf_nan=False)

    @model_validator(mode="after")
    def refuse_endless_times(self) -> Self:
        """Refuse a time, by the unit in its name, that is longer than anything waits or is kept."""
        for name in type(self).model_fields:
            value, unit = getattr(self, name), name.rpartition("_")[2]
            if unit in LONGEST_TIMES and isinstance(value, int | float) and value > LONGEST_TIMES[unit]:
                raise PydanticCustomError(
                    "endless", f"{name} is {value:g} {unit}; at most {LONGEST_TIMES[unit]:,} {unit} make sense"
                )
        return self


MUST_SAY = "must_say"


def said_by_project(default: Any, *, about: str = "", **constraints: Any) -> Any:
    """Return a field that only the project can fill: empty where the task does not apply, and asked for where it does.

    about: the target that it speaks of, or the check of its task that reads it; without that nothing asks for it.
    """
    return Field(default=default, json_schema_extra={MUST_SAY: about}, **constraints)


def find_unsaid(section: Section, *, without: Collection[str] = ()) -> list[str]:
    """Return the fields that only the project can fill, and has not. without: the targets and checks that do not apply."""
    extras = {name: one.json_schema_extra for name, one in type(section).model_fields.items()}
    asked = {name: extra[MUST_SAY] for name, extra in extras.items() if isinstance(extra, dict) and MUST_SAY in extra}
    return [name for name, about in asked.items() if about not in without and not getattr(section, name)]


Value_co = TypeVar("Value_co", covariant=True)


@dataclass(frozen=True)
class Borrowed(Generic[Value_co]):
    """A setting of another task that a task reads; named in its task.py, so that nothing is borrowed unseen.

    task: whose section it is in. field: its name there; '' for the whole section. type: of the value.
    """

    task: str
    field: str
    type: type[Value_co]


def parameter_names(section: type[Section]) -> list[str]:
    """Return the fields that are the notebook's parameters: scalars and lists of scalars."""
    nested = {
        name
        for name, field in section.model_fields.items()
        if section_of(field.annotation) is not None or "dict" in str(field.annotation)
    }
    return [name for name in section.model_fields if name not in nested]


def section_of(annotation: Any) -> type[Section] | None:
    """Return the section that a field holds, perhaps among other things; None when it holds none."""
    inside = get_args(annotation) if get_origin(annotation) in (Union, UnionType) else (annotation,)
    return next((one for one in inside if isinstance(one, type) and issubclass(one, Section)), None)
