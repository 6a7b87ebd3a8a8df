"""JSON Schemas of the layers of settings, so that an editor completes and checks what a person writes there.

Each says of a key what its line in the code says of it. A layer may leave anything out: only what belongs together is whole.
Source: https://json-schema.org/draft/2020-12 and https://github.com/redhat-developer/yaml-language-server
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator
from typing import Any

from pydantic import BaseModel

from lib.core.launch_items import LaunchList
from lib.core.section import Section, section_of
from lib.run.layers import PROJECTS, WORKBOOKS
from lib.run.params_file import ParamsFile

DIALECT = "https://json-schema.org/draft/2020-12/schema"
COMMENT = re.compile(r"^ {4}(\w+): .*?  # (.+)$")
"""A field's line in the code, with what it means behind it."""
TITLES = {
    "defaults": "Limits and mechanics of every task, and nothing about any project",
    "environment": "One environment: where its targets are, what may be written there, stricter limits",
    "project": "What the launch of a project is expected to be; also what differs in one environment",
    "launch_list": "What the launch asks for, item by item, and the checks that prove each",
}
MEANINGS = {
    "pack": "The project under launch where PACK names none.",
    "extends": "Another environment that this one is like, but for what is said here.",
    "writes": "What may be changed on live targets once ALLOW_WRITES names the environment.",
    "promotes_from": "Whose runs count for what may not be tried here.",
    "shelf_life": "How old a fact may be before it says nothing of now.",
    "name": "How the project is called: its runs are kept under this name.",
    "owners": "Task, or `default` -> who acts on what it finds.",
    "own_tasks": "Task of launch/tasks/ -> parameter -> value, in the place of what its task.yaml says.",
    "not_applicable": "Task, target, or check of the project's own files -> why there is nothing of the kind.",
}
"""What the keys at the top mean that no task owns."""


def describe_layers() -> dict[str, dict[str, Any]]:
    """Return the schema of each kind of file, by name."""
    whole = ParamsFile.model_json_schema()
    definitions = {name: relax(name, one) for name, one in whole.pop("$defs").items()}
    properties = {name: {**one, **described(MEANINGS.get(name))} for name, one in whole["properties"].items()}
    properties["extends"] = {"type": "string", **described(MEANINGS["extends"])}
    keys = {
        "defaults": properties.keys() - PROJECTS - {"extends"},
        "environment": properties.keys() - PROJECTS,
        "project": properties.keys() - WORKBOOKS,
    }
    schemas = {
        layer: {
            "$schema": DIALECT,
            "title": TITLES[layer],
            "type": "object",
            "additionalProperties": False,
            "properties": {name: properties[name] for name in sorted(own)},
            "$defs": definitions,
        }
        for layer, own in keys.items()
    }
    listed = LaunchList.model_json_schema()
    return {**schemas, "launch_list": {"$schema": DIALECT, **listed, "title": TITLES["launch_list"]}}


def relax(name: str, definition: dict[str, Any]) -> dict[str, Any]:
    """Return a section's schema with what its fields mean; a layer may leave out what another one says."""
    models = {model.__name__: model for model in all_models(ParamsFile)}
    model = models.get(name)
    if model is None:
        return definition
    meanings = dict(find_meanings(model))
    properties = {key: {**one, **described(meanings.get(key))} for key, one in definition.get("properties", {}).items()}
    merged = {one.__name__ for one in merged_models(ParamsFile)}
    kept = {key: value for key, value in definition.items() if key != "required" or name not in merged}
    return {**kept, "properties": properties}


def merged_models(model: type[Section]) -> Iterator[type[Section]]:
    """Yield the sections that a later layer is merged into, this one and those within."""
    yield model
    for one in model.model_fields.values():
        inner = section_of(one.annotation)
        if inner is not None:
            yield from merged_models(inner)


def all_models(model: type[Section]) -> set[type[Section]]:
    """Return every section within a section, also those that are values of a map."""
    found: set[type[Section]] = set()
    waiting: list[Any] = [model]
    while waiting:
        one = waiting.pop()
        if isinstance(one, type) and issubclass(one, Section):
            if one not in found:
                found.add(one)
                waiting += [field.annotation for field in one.model_fields.values()]
        else:
            waiting += getattr(one, "__args__", ())
    return found


def find_meanings(model: type[BaseModel]) -> Iterator[tuple[str, str]]:
    """Yield each field of a section with what the code says of it: its docstring, then its own line."""
    yield from docstring_meanings(model)
    try:
        lines = inspect.getsource(model).splitlines()
    except (OSError, TypeError):
        return  # it was made by a call, as the whole is
    for line in lines:
        if (match := COMMENT.match(line)) and not match.group(2).startswith("type: ignore"):
            yield match.group(1), match.group(2)


def docstring_meanings(model: type[BaseModel]) -> Iterator[tuple[str, str]]:
    """Yield each field that the text below a model's first line explains, as `name: what it means.`, with that."""
    _, _, text = inspect.cleandoc(model.__doc__ or "").partition("\n\n")
    names = "|".join(sorted(model.model_fields, key=len, reverse=True))
    parts = re.split(rf"(?<![\w`.])((?:(?:{names}), )*(?:{names})): ", " ".join(text.split())) if names else []
    for said, meaning in zip(parts[1::2], parts[2::2], strict=True):
        for name in said.split(", "):
            yield name, meaning.strip().rstrip(".;")


def described(meaning: str | None) -> dict[str, str]:
    """Return a schema's words for what a key means; nothing where nothing is said."""
    return {"description": meaning} if meaning else {}
