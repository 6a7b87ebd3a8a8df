"""fly.toml, as far as the platform acts on it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from lib.core.errors import TargetError
from lib.core.pack_files import read_text_file
from lib.core.plain_toml import PlainTomlError, load_toml

STRATEGIES = ("rolling", "immediate", "canary", "bluegreen")
SECTIONS = {
    "app", "primary_region", "kill_signal", "kill_timeout", "swap_size_mb", "console_command", "build", "deploy", "env",
    "http_service", "services", "checks", "mounts", "processes", "vm", "metrics", "statics", "files", "restart", "experimental",
}  # fmt: skip
"""Source: superfly/docs, reference/configuration; an unknown section is a typing error."""

KILL_SIGNALS = ("SIGINT", "SIGTERM", "SIGQUIT", "SIGUSR1", "SIGUSR2", "SIGKILL", "SIGSTOP")
"""Source: superfly/docs, reference/configuration, kill_signal."""
APP_NAME = re.compile(r"[a-z0-9-]{1,63}")
MOST_MACHINES = 10
"""Machines of one app that the stand-in starts on this machine."""
SHORTEST_INTERVAL_S = 0.05
LONGEST_DURATION_S = 86_400.0


class TomlError(Exception):
    """A fly.toml that flyctl would refuse, in its words."""


@dataclass(frozen=True, kw_only=True)
class AppConfig:
    """What a fly.toml says. checks: name -> interval, timeout, grace period (s), path."""

    app: str
    region: str
    env: dict[str, str]
    internal_port: int
    checks: dict[str, dict[str, Any]]
    strategy: str
    release_command: str
    kill_signal: str
    kill_timeout_s: float
    mounts: bool
    machines: int
    text: str = field(repr=False)

    def machine_config(self) -> dict[str, Any]:
        """Return what a machine is configured with, without image and release."""
        port = {"port": 443, "handlers": ["tls", "http"]}
        return {
            "env": {**self.env, "FLY_PROCESS_GROUP": "app", "PRIMARY_REGION": self.region},
            "guest": {"cpu_kind": "shared", "cpus": 1, "memory_mb": 256},
            "services": [{"protocol": "tcp", "internal_port": self.internal_port, "ports": [port]}],
            "checks": self.checks,
            "restart": {"policy": "on-failure", "max_retries": 10},
            "stop_config": {"signal": self.kill_signal, "timeout": self.kill_timeout_s},
        }


def read_toml(path: Path) -> AppConfig:
    """Return the file's content. Raises TomlError in flyctl's words when it cannot be used."""
    try:
        # Beside the file nothing is followed: a config of a project is in the project.
        text = read_text_file(path, root=path.parent)
        said = load_toml(text)
    except TargetError as exc:
        raise TomlError(f"failed loading app config from {path}: {exc.message.rstrip('.')}") from exc
    except PlainTomlError as exc:
        raise TomlError(f"failed loading app config from {path}: toml: {exc}") from exc
    return read_config(said, text)


def read_config(said: Mapping[str, Any], text: str) -> AppConfig:
    """Return what a config says. Raises TomlError, naming the key, for a value that is not of its kind."""
    unknown = sorted(said.keys() - SECTIONS)
    if unknown:
        raise TomlError(f"App configuration is not valid: unknown section '{unknown[0]}'")
    deploy, service = table(said, "deploy"), table(said, "http_service")
    strategy = word(deploy, "strategy", "rolling", within="deploy.")
    if strategy not in STRATEGIES:
        raise TomlError(f"unsupported deployment strategy '{strategy}'; must be one of {', '.join(STRATEGIES)}")
    if strategy == "canary" and "mounts" in said:
        raise TomlError("error canary deployment strategy is not supported when using mounted volumes")
    if "internal_port" not in service:
        raise TomlError("App configuration is not valid: http_service.internal_port is required")
    app, kill_signal = word(said, "app", ""), word(said, "kill_signal", "SIGINT")
    if app and not APP_NAME.fullmatch(app):
        raise invalid("app", "a name of small letters, digits and dashes", app)
    if kill_signal not in KILL_SIGNALS:
        raise invalid("kill_signal", f"one of {', '.join(KILL_SIGNALS)}", kill_signal)
    return AppConfig(
        app=app,
        region=word(said, "primary_region", "ams"),
        env=read_env(table(said, "env")),
        internal_port=whole(service, "internal_port", 0, least=1, most=65_535, within="http_service."),
        checks=read_checks(service.get("checks", []), table(said, "checks")),
        strategy=strategy,
        release_command=word(deploy, "release_command", "", within="deploy."),
        kill_signal=kill_signal,
        kill_timeout_s=seconds(said.get("kill_timeout", "5s")),
        mounts="mounts" in said,
        machines=max(1, whole(service, "min_machines_running", 1, least=0, most=MOST_MACHINES, within="http_service.")),
        text=text,
    )


def invalid(place: str, wanted: str, seen: object) -> TomlError:
    """Return the error for a key whose value is not of its kind."""
    return TomlError(f"App configuration is not valid: {place} must be {wanted}, not {repr(seen)[:60]}")


def table(said: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    """Return a section, empty where it is not there. Raises TomlError when something else has its name."""
    value = said.get(key, {})
    if not isinstance(value, dict):
        raise invalid(key, "a section", value)
    return value


def word(said: Mapping[str, Any], key: str, default: str, *, within: str = "") -> str:
    """Return a text. Raises TomlError when it is something else, or has a NUL, which no process could be given."""
    value = said.get(key, default)
    if not isinstance(value, str) or "\0" in value:
        raise invalid(f"{within}{key}", "a text", value)
    return value


def whole(said: Mapping[str, Any], key: str, default: int, *, least: int, most: int, within: str) -> int:
    """Return a whole number. Raises TomlError when it is something else, or out of bounds."""
    value = said.get(key, default)
    if not isinstance(value, int) or isinstance(value, bool) or not least <= value <= most:
        raise invalid(f"{within}{key}", f"a whole number from {least} to {most}", value)
    return value


def read_env(said: Mapping[str, Any]) -> dict[str, str]:
    """Return the variables of [env]. Raises TomlError for one that no process could be given."""
    for name, value in said.items():
        if not name or "=" in name or "\0" in name:
            raise invalid("env", "variables by name", name)
        if isinstance(value, dict | list) or "\0" in str(value):
            raise invalid(f"env.{name}", "a text", value)
    return {name: str(value) for name, value in said.items()}


def read_checks(of_service: object, of_app: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """Return every HTTP health check by name. Raises TomlError for what is no check."""
    if not isinstance(of_service, list):
        raise invalid("http_service.checks", "a list of sections", of_service)
    every = [*(("http_service.checks", one) for one in of_service), *((f"checks.{name}", one) for name, one in of_app.items())]
    for place, one in every:
        if not isinstance(one, dict):
            raise invalid(place, "a section", one)
    named = {f"servicecheck-{place:02}-http-{one.get('port', 8080)}": one for place, one in enumerate(of_service)}
    return {name: read_check(name, one) for name, one in {**named, **of_app}.items()}


def read_check(name: str, one: Mapping[str, Any]) -> dict[str, Any]:
    """Return one health check. Raises TomlError for a path that is none, or times that are none."""
    path = word(one, "path", "/", within=f"{name}.")
    if not path.isprintable() or " " in path:
        raise invalid(f"{name}.path", "a path", path)
    return {
        "type": "http",
        "path": path,
        "interval_s": max(SHORTEST_INTERVAL_S, seconds(one.get("interval", "15s"))),
        "timeout_s": seconds(one.get("timeout", "10s")),
        "grace_period_s": seconds(one.get("grace_period", "5s")),
    }


def seconds(text: object) -> float:
    """Return a duration such as `5m0s` or `500ms` in seconds. Raises TomlError when it is not one, or longer than a day."""
    found = float(text) if isinstance(text, int | float) and not isinstance(text, bool) else parse_duration(text)
    if not 0 <= found <= LONGEST_DURATION_S:
        raise TomlError(f'time: duration "{text}" is not between 0 and {LONGEST_DURATION_S:g} s')
    return found


def parse_duration(text: object) -> float:
    """Return a text such as `5m0s` in seconds. Raises TomlError when it is not one."""
    units = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0}
    if not isinstance(text, str) or len(text) > 40 or not re.fullmatch(r"(\d+(\.\d+)?(ms|s|m|h))+", text, re.ASCII):
        raise TomlError(f'time: invalid duration "{repr(text)[1:60] if isinstance(text, str) else repr(text)[:60]}"')
    return sum(float(number) * units[unit] for number, _, unit in re.findall(r"(\d+(\.\d+)?)(ms|s|m|h)", text))
