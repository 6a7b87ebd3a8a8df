"""The four layers of settings as plain data, one laid over the other, each value with the file and line it comes from.

Later wins: `params/defaults.yaml`, `params/<environment>.yaml`, `<project>/launch/project.yaml` and
`<project>/launch/<environment>.yaml`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from copy import deepcopy
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any

from lib.core.errors import ParamsError, TargetError
from lib.core.pack_files import read_text_file
from lib.core.paths import ROOT
from lib.core.plain_yaml import PlainYamlError, find_lines, load_yaml

ENVIRONMENT_NAME = re.compile(r"^[a-z][a-z0-9_-]{0,31}$")
DEFAULTS = "defaults"
"""The one file in params/ that is no environment: it lies below each."""
LAUNCH = "launch"
"""The folder in which a project says what its launch is expected to be."""
PROJECT = "project"
"""The file there that holds for every environment."""
UNCONFIRMED = re.compile(r"#\s*observed \d{4}-\d{2}-\d{2}, unconfirmed\s*$")
"""What stands behind a line that was inferred from the project and that nobody has confirmed yet."""
WORKBOOKS = frozenset({"pack", "writes", "promotes_from", "targets", "run", "embedded", "extends"})
"""What a project's own files may not say: where targets are, and what may be written there."""
PROJECTS = frozenset({"name", "owners", "not_applicable", "own_tasks"})
"""What only a project's own files may say."""

MOST_REMEMBERED = 32
"""Texts of YAML files whose data is kept in memory: the workbook's own are a handful, and a project's two."""

Keys = tuple[str, ...]
"""Where a value is: the keys that lead to it."""


@dataclass(frozen=True, kw_only=True)
class Layer:
    """One file. where: as the user knows it. lines: the keys that lead to a value -> its line. unconfirmed: lines."""

    where: str
    document: Mapping[str, Any]
    lines: Mapping[Keys, int] = field(default_factory=dict)
    unconfirmed: tuple[int, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Merged:
    """What the layers say together. origins: the keys that lead to a value -> `file:line` of the layer that has it."""

    document: Mapping[str, Any]
    origins: Mapping[Keys, str]

    def origin(self, place: Keys) -> str:
        """Return where a value comes from, or the nearest thing around it that comes from a file; '' of nothing."""
        for length in range(len(place), 0, -1):
            if place[:length] in self.origins:
                return self.origins[place[:length]]
        return ""


def known_environments(folder: Path = ROOT / "params") -> list[str]:
    """Return the environments there are: one a file."""
    return sorted(path.stem for path in folder.glob("*.yaml") if path.stem != DEFAULTS)


def read_environment(environment: str, folder: Path) -> list[Layer]:
    """Return the layers of the workbook's own: the defaults, what the environment `extends`, and the environment itself."""
    if environment == DEFAULTS or not ENVIRONMENT_NAME.match(environment) or not (folder / f"{environment}.yaml").is_file():
        raise ParamsError.no_such_environment(environment, known_environments(folder))
    layers: list[Layer] = []
    names: list[str] = []
    name: str | None = environment
    while name is not None:
        if name in names:
            raise ParamsError(f"params/{name}.yaml extends itself, by way of {', '.join(names)}.")
        if names and (name == DEFAULTS or not ENVIRONMENT_NAME.match(name) or not (folder / f"{name}.yaml").is_file()):
            raise ParamsError.no_such_environment(name, known_environments(folder))
        names.append(name)
        layer = read_layer(folder / f"{name}.yaml", f"params/{name}.yaml", root=folder)
        base = layer.document.get("extends")
        layers.insert(0, layer)
        name = None if base is None else str(base)
    return [read_layer(folder / f"{DEFAULTS}.yaml", f"params/{DEFAULTS}.yaml", root=folder), *layers]


def read_targets(environment: str, folder: Path = ROOT / "params") -> dict[str, Any]:
    """Return what an environment names as its targets. Raises ParamsError when its files can't be read."""
    targets: dict[str, Any] = {}
    for layer in read_environment(environment, folder):
        said = layer.document.get("targets") or {}
        targets.update(said if isinstance(said, dict) else {})
    return targets


def read_project(environment: str, pack: Path, *, named: str, is_bare: bool = False) -> list[Layer]:
    """Return the layers of the project's own: what its launch is expected to be, and what differs in this environment.

    named: how the user calls the project. is_bare: it need not say anything. Raises ParamsError when it says nothing and must.
    """
    path = pack / LAUNCH / f"{PROJECT}.yaml"
    if not path.exists() and not path.is_symlink():
        if is_bare:
            return []
        raise ParamsError(
            f"{named} has no {LAUNCH}/{PROJECT}.yaml, which says what is expected of its launch. "
            f"Fix: Let `make init PACK={named}` write one from what the project has."
        )
    layers = [read_layer(path, f"{LAUNCH}/{PROJECT}.yaml", root=pack)]
    own = pack / LAUNCH / f"{environment}.yaml"
    if environment != PROJECT and (own.exists() or own.is_symlink()):
        layers.append(read_layer(own, f"{LAUNCH}/{environment}.yaml", root=pack))
    return layers


def read_layer(path: Path, where: str, *, root: Path) -> Layer:
    """Return one file. Raises ParamsError with one line that says what is wrong, and where."""
    text, document = read_yaml(path, where, root=root)
    if document is None:
        document = {}
    if not isinstance(document, dict):
        raise ParamsError(
            f"{where} must be a mapping of sections; saw {type(document).__name__}. Fix: Write `name: value` lines."
        )
    marked = tuple(number for number, line in enumerate(text.splitlines(), start=1) if UNCONFIRMED.search(line))
    return Layer(where=where, document=document, lines=lines_of(text), unconfirmed=marked)


def read_yaml(path: Path, where: str, *, root: Path) -> tuple[str, Any]:
    """Return the text of a YAML file and its plain data. Raises ParamsError with one line that says what is wrong, and where.

    where: the file as the user knows it. root: the folder that it must not lead out of.
    """
    try:
        text = read_text_file(path, root=root)
        return text, deepcopy(parse_text(text))
    except TargetError as exc:
        said = exc.message.replace(path.relative_to(root).as_posix(), where, 1)
        raise ParamsError(" ".join([said, "Fix: Put the file back as UTF-8 text."])) from exc
    except PlainYamlError as exc:
        raise ParamsError(f"{where} is not valid YAML: {exc}. Fix: Correct that line.") from exc


@lru_cache(maxsize=MOST_REMEMBERED)
def parse_text(text: str) -> Any:
    """Return what `load_yaml` does; the workbook's own files are read several times a run, and once a project in a fleet."""
    return load_yaml(text)


@lru_cache(maxsize=MOST_REMEMBERED)
def lines_of(text: str) -> Mapping[tuple[str, ...], int]:
    """Return what `find_lines` does."""
    return find_lines(text)


def misplaced(layer: Layer, *, is_projects: bool) -> Iterator[str]:
    """Yield one line for each key that belongs into another kind of file."""
    for key in layer.document:
        if is_projects and key in WORKBOOKS:
            yield (
                f"{layer.where}:{layer.lines.get((key,), 1)}: a project does not say `{key}`. "
                "Fix: Say it in params/<environment>.yaml of the workbook."
            )
        elif not is_projects and key in PROJECTS:
            yield (
                f"{layer.where}:{layer.lines.get((key,), 1)}: `{key}` is the project's to say. "
                f"Fix: Say it in {LAUNCH}/{PROJECT}.yaml of the project."
            )


def merge_layers(layers: list[Layer], *, is_whole: Callable[[Keys], bool]) -> Merged:
    """Return the layers laid over one another, the last on top.

    is_whole: whether a mapping belongs together, so that a later one replaces it instead of being merged into it.
    """
    origins: dict[Keys, str] = {}
    document: dict[str, Any] = {}
    for layer in layers:
        document = lay_over(document, layer.document, layer, (), is_whole, origins)
    document.pop("extends", None)
    return Merged(document=document, origins=origins)


def lay_over(
    base: Mapping[str, Any],
    over: Mapping[str, Any],
    layer: Layer,
    place: Keys,
    is_whole: Callable[[Keys], bool],
    origins: dict[Keys, str],
) -> dict[str, Any]:
    """Return one mapping laid over another; what is replaced takes its own origins along."""
    merged = dict(base)
    for key, value in over.items():
        here = (*place, str(key))
        if isinstance(value, Mapping) and isinstance(merged.get(key, {}), Mapping) and not is_whole(here):
            merged[key] = lay_over(merged.get(key, {}), value, layer, here, is_whole, origins)
            origins.setdefault(here, f"{layer.where}:{layer.lines.get(here, 1)}")
            continue
        for old in [one for one in origins if one[: len(here)] == here]:
            del origins[old]
        merged[key] = value
        origins.update({one: f"{layer.where}:{line}" for one, line in layer.lines.items() if one[: len(here)] == here})
        origins.setdefault(here, f"{layer.where}:1")
    return merged
