"""fly.toml as flyctl reads it: the same files are taken, and the others refused in its words.

Source: superfly/flyctl, internal/appconfig/serde.go and validation.go.
"""

from __future__ import annotations

import copy
import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from lib.core.errors import TargetError
from lib.core.pack_files import read_text_file
from lib.core.plain_toml import PlainTomlError, check_values, load_toml
from lib.embedded.fly.go_values import GoError, parse_duration
from lib.embedded.fly.machine_config import machine_config
from lib.embedded.fly.process_groups import group_names, of_group, services_of
from lib.embedded.fly.toml_patches import TomlError, bring_into_form
from lib.embedded.fly.toml_rules import STRATEGIES, validate
from lib.embedded.fly.toml_shape import read_shape

__all__ = ["STRATEGIES", "AppConfig", "TomlError", "read_config", "read_toml", "seconds"]
MOST_MACHINES = 10
"""Machines of one group that the stand-in starts on this machine."""
LONGEST_DURATION_S = 86_400.0


@dataclass(frozen=True, kw_only=True)
class AppConfig:
    """What a config says.

    said: every key that flyctl knows, as it has it once read. fault: why it could not be read. text: of the file.
    """

    app: str
    said: Mapping[str, Any]
    path: str
    fault: str = ""
    text: str = field(default="", repr=False)

    @property
    def region(self) -> str:
        return str(self.said.get("primary_region") or "ams")

    @property
    def strategy(self) -> str:
        return str(self.said.get("deploy", {}).get("strategy", ""))

    @property
    def release_command(self) -> str:
        return str(self.said.get("deploy", {}).get("release_command", ""))

    @property
    def groups(self) -> list[str]:
        return group_names(self.said)

    def verdict(self) -> tuple[str, str]:
        """Return flyctl's error, '' when it takes the config, and what it says besides."""
        return (self.fault, "") if self.fault else validate(self.said, self.path)

    def machine_config(self, group: str) -> dict[str, Any]:
        """Return what a machine of a group is configured with. Raises TomlError in flyctl's words."""
        return machine_config(self.said, group)

    def machines(self, group: str) -> int:
        """Return how many machines of a group the stand-in starts with: what its services want running, one at least."""
        wanted = [service.get("min_machines_running", 1) for service in services_of(self.said, group)]
        return max(1, min(MOST_MACHINES, max(wanted, default=1)))

    def has_mounts(self, group: str) -> bool:
        return bool(of_group(self.said, "mounts", group))


def read_toml(path: Path) -> AppConfig:
    """Return the file's content, TOML or, as its name says, JSON. Raises TomlError in flyctl's words when it is neither."""
    try:
        # Beside the file nothing is followed: a config of a project is in the project.
        text = read_text_file(path, root=path.parent)
        said = load_json(text) if path.suffix == ".json" else load_toml(text)
        return replace(read_config(said, path=str(path)), text=text)
    except TargetError as exc:
        raise TomlError(f"failed loading app config from {path}: {exc.message.rstrip('.')}") from exc
    except PlainTomlError as exc:
        raise TomlError(f"failed loading app config from {path}: {exc}") from exc


def load_json(text: str) -> dict[str, Any]:
    try:
        said = json.loads(text)
    except (ValueError, RecursionError) as exc:
        raise PlainTomlError(str(exc)) from exc
    if not isinstance(said, dict):
        raise PlainTomlError("it is no object")
    check_values(said)
    return said


def read_config(said: Mapping[str, Any], *, path: str = "fly.toml") -> AppConfig:
    """Return what a config says; one that can't be read has its name alone, and why."""
    name = said.get("app")
    try:
        found = read_shape(bring_into_form(copy.deepcopy(dict(said))))
    except TomlError as exc:
        return AppConfig(app=name if isinstance(name, str) else "", said={}, path=path, fault=str(exc))
    return AppConfig(app=found.get("app", ""), said=found, path=path)


def seconds(text: str) -> float:
    """Return a flag's duration such as `5m0s`, or a number of seconds. Raises TomlError when it is neither, or over a day."""
    try:
        found = float(text) if text.isascii() and text.isdigit() else parse_duration(text) / 10**9
    except GoError as exc:
        raise TomlError(str(exc)) from exc
    if not 0 <= found <= LONGEST_DURATION_S:
        raise TomlError(f'time: duration "{text}" is not between 0 and {LONGEST_DURATION_S:g} s')
    return found
