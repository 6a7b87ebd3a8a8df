"""The files in params/ as plain data: which environments there are, and one laid over what it extends."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from lib.core.errors import ParamsError
from lib.core.paths import ROOT
from lib.core.plain_yaml import PlainYamlError, load_yaml

ENVIRONMENT_NAME = re.compile(r"^[a-z][a-z0-9_-]{0,31}$")
LAUNCH_LIST = "launch_list"
"""The one file in params/ that is no environment."""


def known_environments(folder: Path = ROOT / "params") -> list[str]:
    """Return the environments there are: one a file."""
    return sorted(path.stem for path in folder.glob("*.yaml") if path.stem != LAUNCH_LIST)


def read_document(environment: str, folder: Path, *, seen: tuple[str, ...] = ()) -> dict[str, Any]:
    """Return one params file as plain data, laid over the environment it `extends`, if any."""
    path = folder / f"{environment}.yaml"
    if environment == LAUNCH_LIST or not ENVIRONMENT_NAME.match(environment) or not path.is_file():
        raise ParamsError.no_such_environment(environment, known_environments(folder))
    if environment in seen:
        raise ParamsError(f"params/{environment}.yaml extends itself, by way of {', '.join(seen)}.")
    document = read_yaml(path, f"params/{environment}.yaml")
    if not isinstance(document, dict):
        raise ParamsError(f"params/{environment}.yaml must be a mapping of sections; saw {type(document).__name__}.")
    base = document.pop("extends", None)
    if base is None:
        return document
    return merge(read_document(str(base), folder, seen=(*seen, environment)), document)


def read_yaml(path: Path, where: str) -> Any:
    """Return a YAML file of ours as plain data. Raises ParamsError with one line that says what is wrong, and where.

    where: the file as the user knows it.
    """
    try:
        return load_yaml(path.read_text(encoding="utf-8"))
    except OSError as exc:
        raise ParamsError(f"{where} can't be read: {exc.strerror}. Fix: Bring the file back.") from exc
    except UnicodeDecodeError as exc:
        raise ParamsError(f"{where} is no UTF-8 text (byte {exc.start + 1}). Fix: Save it as UTF-8.") from exc
    except PlainYamlError as exc:
        raise ParamsError(f"{where} is not valid YAML: {exc}. Fix: Correct that line.") from exc


def merge(base: Mapping[str, Any], over: Mapping[str, Any]) -> dict[str, Any]:
    """Return `over` laid over `base`: mappings are merged, everything else is replaced."""
    merged = dict(base)
    for key, value in over.items():
        both = isinstance(value, Mapping) and isinstance(merged.get(key), Mapping)
        merged[key] = merge(merged[key], value) if both else value
    return merged
