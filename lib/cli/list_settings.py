"""The page about every key of every file of settings, docs/reference/settings.md, from the models that read them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from lib.cli.list_fields import field_lines, first_sentence, models_in, words_of
from lib.core.launch_items import FILE as LAUNCH_LIST
from lib.core.launch_items import LaunchList
from lib.core.paths import ROOT
from lib.run.layers import DEFAULTS, LAUNCH, PROJECT, PROJECTS, WORKBOOKS, read_layer
from lib.run.own_tasks import Contract
from lib.run.params_file import ParamsFile
from lib.run.schemas import MEANINGS, TITLES
from lib.run.waivers import FILE as WAIVERS
from lib.run.waivers import WaiverFile
from lib.tasks.guardrails.policy import FILE as POLICY
from lib.tasks.guardrails.policy import Policy
from lib.tasks.index import TASKS

FILE = "docs/reference/settings.md"
SOURCE = f"params/{DEFAULTS}.yaml"
OTHERS: Mapping[str, tuple[str, type[BaseModel]]] = {
    LAUNCH_LIST: ("The launch list", LaunchList),
    WAIVERS: ("Waivers", WaiverFile),
    f"{LAUNCH}/tasks/<task>/task.yaml": ("A task of the project's own", Contract),
    POLICY: ("What a branch may do", Policy),
}
"""Files of a project that are no layer -> what each is, and the model that reads it."""


def describe_settings() -> str:
    """Return the page: the layers, a table for each section, and the other files of a project."""
    defaults = read_layer(ROOT / SOURCE, SOURCE, root=ROOT).document
    return "\n".join([*head_lines(), *section_lines(defaults), *other_lines()])


def head_lines() -> Iterator[str]:
    """Yield what the page is, the layers in their order, and which keys each may say."""
    yield from ("# Every setting", "")
    yield "Written by `python -m lib list --write` from the models that read the files, and from `params/defaults.yaml`."
    yield from ("", "Four files say what is expected. The later one wins:", "", "| File | What it says |", "| --- | --- |")
    yield f"| `{SOURCE}` | {TITLES['defaults']} |"
    yield f"| `params/<environment>.yaml` | {TITLES['environment']} |"
    yield f"| `{LAUNCH}/{PROJECT}.yaml` of the project | {TITLES['project'].partition(';')[0]} |"
    yield f"| `{LAUNCH}/<environment>.yaml` of the project | What differs there |"
    yield ""
    yield f"Only `params/` says {names_of(WORKBOOKS)}: a project can't say what may be written or where targets are."
    yield f"Only the project says {names_of(PROJECTS)}. Every other section may stand in any of the four."
    yield ""
    yield "What belongs together, such as a matrix or the counts, is replaced whole by a later file. Sections are merged by key."
    yield "To see each value, and the file and line it comes from: `.venv/bin/python -m lib params staging --pack ../project`."
    yield ""


def names_of(keys: frozenset[str]) -> str:
    """Return keys as a list of words."""
    *most, last = (f"`{key}`" for key in sorted(keys))
    return f"{', '.join(most)} and {last}"


def section_lines(defaults: Mapping[str, Any]) -> Iterator[str]:
    """Yield the keys at the top, then each section with what stands in it."""
    yield from ("## Keys at the top", "", "| Key | Meaning | Said in |", "| --- | --- | --- |")
    tasks = {task.name: task.title for task in TASKS}
    fields = ParamsFile.model_fields
    for name in ["extends", *fields]:
        models = models_in(fields[name].annotation) if name in fields else []
        meaning = MEANINGS.get(name) or (f"{tasks[name]}: [its keys](#{name})" if name in tasks else f"[its keys](#{name})")
        where = "`params/`" if name in WORKBOOKS else "the project" if name in PROJECTS else "any of the four"
        yield f"| `{name}` | {meaning}{f' [Its keys](#{name}).' if models and name in MEANINGS else ''} | {where} |"
    yield ""
    for name, field in fields.items():
        for model in models_in(field.annotation)[:1]:
            yield from model_lines(model, defaults.get(name) or {}, title=f"`{name}`", level=2, seen=set())


def model_lines(
    model: type[BaseModel], defaults: Mapping[str, Any], *, title: str, level: int, seen: set[type[BaseModel]]
) -> Iterator[str]:
    """Yield a heading and a table for one model, and below it those that it holds, each once."""
    yield from (f"{'#' * level} {title}", "", first_sentence(model), "")
    yield from (*field_lines(model, defaults, source=SOURCE), "")
    for name, field in model.model_fields.items():
        for inner in models_in(field.annotation):
            if inner not in seen:
                seen.add(inner)
                said = defaults.get(name)
                plain = said if isinstance(said, Mapping) and not is_map(field.annotation) else {}
                shown = {} if repeats(model, inner) else plain
                yield from model_lines(inner, shown, title=words_of(inner).capitalize(), level=level + 1, seen=seen)


def is_map(annotation: Any) -> bool:
    """Return whether a field maps names of its own to models."""
    return str(annotation).startswith("dict")


def repeats(model: type[BaseModel], inner: type[BaseModel]) -> bool:
    """Return whether several fields of a model hold the same one, so that no defaults are those of all."""
    return sum(inner in models_in(one.annotation) for one in model.model_fields.values()) > 1


def other_lines() -> Iterator[str]:
    """Yield the files of a project that are read for themselves."""
    for file, (title, model) in OTHERS.items():
        yield from (f"## {title}", "", f"`{Path(file).as_posix()}` of the project, read for itself.", "")
        yield from (*field_lines(model, {}), "")
        for inner in dict.fromkeys(deep_models(model)):
            yield from (f"### {words_of(inner).capitalize()}", "", first_sentence(inner), "", *field_lines(inner, {}), "")


def deep_models(model: type[BaseModel]) -> Iterator[type[BaseModel]]:
    """Yield the models within a model, outermost first."""
    for field in model.model_fields.values():
        for inner in models_in(field.annotation):
            yield inner
            yield from deep_models(inner)
