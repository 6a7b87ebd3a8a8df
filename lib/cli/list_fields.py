"""Tables of fields for the generated reference: what a model's field is called, may hold, holds by default, and means."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from enum import Enum
from types import UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from lib.cli.show_params import format_value
from lib.core.section import MUST_SAY
from lib.run.schemas import MEANINGS, find_meanings

PLAIN = {str: "text", int: "whole number", float: "number", bool: "true or false", object: "anything", Any: "any JSON"}
UNITS = {"ms": "ms", "s": "s", "h": "h", "days": "days", "bytes": "bytes", "percent": "%"}
"""What the end of a name says of its unit."""
UNNAMED_UNITS = {"requests_per_s": "requests a second"}
"""Names whose end says something else."""
LONGEST_DEFAULT = 60
"""Characters of a default that a table has room for."""
BOUNDS = {"gt": ">", "ge": ">=", "lt": "<", "le": "<="}
HEAD = ("| Key | Type | Default | Unit | Meaning |", "| --- | --- | --- | --- | --- |")


def first_sentence(model: type[BaseModel]) -> str:
    """Return the first line of what the code says of a model."""
    return (model.__doc__ or "").strip().partition("\n")[0]


def field_lines(model: type[BaseModel], defaults: Mapping[str, Any], *, source: str = "") -> Iterator[str]:
    """Yield the table of a model's fields. defaults: key -> what a file says. source: that file, named where a value is long."""
    meanings = dict(find_meanings(model))
    yield from HEAD
    for name, field in model.model_fields.items():
        inner = next(iter(models_in(field.annotation)), None)
        meaning = meanings.get(name) or MEANINGS.get(name) or (first_sentence(inner) if inner else "")
        meaning = meaning.removesuffix(f", {unit_of(name)}")  # the unit has a column of its own
        kind = describe_type(field.annotation, field.metadata)
        yield f"| `{name}` | {kind} | {describe_default(name, field, defaults, source)} | {unit_of(name)} | {escape(meaning)} |"


def escape(text: str) -> str:
    """Return a text that ends no cell of a table."""
    return text.replace("|", "\\|")


def unit_of(name: str) -> str:
    """Return the unit that the end of a name says, '' of none."""
    return UNNAMED_UNITS.get(name) or UNITS.get(name.rpartition("_")[2], "")


def describe_default(name: str, field: FieldInfo, defaults: Mapping[str, Any], source: str) -> str:
    """Return what holds where nobody says anything: of a file, else of the code, else who has to say it."""
    extra = field.json_schema_extra
    if name not in defaults and isinstance(extra, dict) and MUST_SAY in extra:
        return "the project says it"
    if name in defaults:
        value = defaults[name]
    elif field.is_required():
        return "required"
    else:
        value = field.get_default(call_default_factory=True)
    if models_in(field.annotation) and isinstance(value, Mapping) and value:
        return "below"
    shown = format_value(list(value) if isinstance(value, tuple) else value)
    return f"`{shown}`" if len(shown) <= LONGEST_DEFAULT else f"`{source}` lists it"


def describe_type(annotation: Any, metadata: list[Any] | None = None) -> str:
    """Return in words what a field may hold, with its bounds."""
    origin, inside = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        return describe_type(inside[0], list(inside[1:]))
    if origin in (Union, UnionType):
        kinds = [describe_type(one) for one in inside if one not in (type(None), Literal[""])]
        return ", or ".join(kinds) + describe_bounds(metadata or []) + (" or null" if type(None) in inside else "")
    if origin is Literal:
        return "one of " + ", ".join(f"`{one}`" for one in inside) if len(inside) > 1 else f"`{inside[0]}`"
    if origin in (list, tuple):
        return f"list of {describe_type(inside[0])}" + describe_bounds(metadata or [])
    if origin is dict:
        return f"{describe_type(inside[0])} -> {describe_type(inside[1])}"
    if isinstance(annotation, type) and issubclass(annotation, Enum):
        return "one of " + ", ".join(f"`{one.value}`" for one in annotation)
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return f"[{words_of(annotation)}](#{anchor_of(annotation)})"
    return PLAIN.get(annotation, "time" if "datetime" in str(annotation) else "text") + describe_bounds(metadata or [])


def describe_bounds(metadata: list[Any]) -> str:
    """Return the bounds of a number or a length, with a comma before them."""
    said = [f"{sign} {getattr(one, key)}" for one in flatten(metadata) for key, sign in BOUNDS.items() if hasattr(one, key)]
    shortest = [one.min_length for one in flatten(metadata) if getattr(one, "min_length", None)]
    return "".join(f", {one}" for one in said) + (", not empty" if shortest else "")


def flatten(metadata: list[Any]) -> Iterator[Any]:
    """Yield the constraints of a field; those of an annotated type stand within it."""
    for one in metadata:
        yield from one.metadata if isinstance(one, FieldInfo) else [one]


def models_in(annotation: Any) -> list[type[BaseModel]]:
    """Return the models that a field may hold, also as values of a map or entries of a list."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    return [found for one in get_args(annotation) for found in models_in(one)]


def words_of(model: type[BaseModel]) -> str:
    """Return a model's name in words: `ChatwootStandIn` is "chatwoot stand in"."""
    return re.sub(r"(?<!^)(?=[A-Z])", " ", model.__name__).lower()


def anchor_of(model: type[BaseModel]) -> str:
    """Return the anchor of the heading that a model has on its page."""
    return words_of(model).replace(" ", "-")
