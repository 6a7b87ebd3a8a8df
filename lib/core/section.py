"""One section of params/<environment>.yaml: what every task's settings are made of.

Scalars and lists of scalars are also the notebook's parameters, by the same name; the nested
declarations stay in the file, and the notebook shows them as a table.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Generic, Self, TypeVar

from pydantic import BaseModel, ConfigDict, model_validator
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
        name for name, field in section.model_fields.items() if is_section(field.annotation) or "dict" in str(field.annotation)
    }
    return [name for name in section.model_fields if name not in nested]


def is_section(annotation: object) -> bool:
    return isinstance(annotation, type) and issubclass(annotation, Section)
