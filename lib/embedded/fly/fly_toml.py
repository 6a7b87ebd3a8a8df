"""fly.toml, as far as the platform acts on it."""

from __future__ import annotations

import re
import tomllib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

STRATEGIES = ("rolling", "immediate", "canary", "bluegreen")
SECTIONS = {
    "app", "primary_region", "kill_signal", "kill_timeout", "swap_size_mb", "console_command", "build", "deploy", "env",
    "http_service", "services", "checks", "mounts", "processes", "vm", "metrics", "statics", "files", "restart", "experimental",
}  # fmt: skip
"""Source: superfly/docs, reference/configuration; an unknown section is a typing error."""


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
        text = path.read_text(encoding="utf-8")
        said = tomllib.loads(text)
    except OSError as exc:
        raise TomlError(f"failed loading app config from {path}: open {path}: {exc.strerror}") from exc
    except ValueError as exc:
        raise TomlError(f"failed loading app config from {path}: toml: {exc}") from exc
    unknown = sorted(said.keys() - SECTIONS)
    if unknown:
        raise TomlError(f"App configuration is not valid: unknown section '{unknown[0]}'")
    deploy, service = said.get("deploy", {}), said.get("http_service", {})
    strategy = deploy.get("strategy", "rolling")
    if strategy not in STRATEGIES:
        raise TomlError(f"unsupported deployment strategy '{strategy}'; must be one of {', '.join(STRATEGIES)}")
    if strategy == "canary" and "mounts" in said:
        raise TomlError("error canary deployment strategy is not supported when using mounted volumes")
    if "internal_port" not in service:
        raise TomlError("App configuration is not valid: http_service.internal_port is required")
    return AppConfig(
        app=said.get("app", ""),
        region=said.get("primary_region", "ams"),
        env={name: str(value) for name, value in said.get("env", {}).items()},
        internal_port=service["internal_port"],
        checks=read_checks(service.get("checks", []), said.get("checks", {})),
        strategy=strategy,
        release_command=deploy.get("release_command", ""),
        kill_signal=said.get("kill_signal", "SIGINT"),
        kill_timeout_s=seconds(said.get("kill_timeout", "5s")),
        mounts="mounts" in said,
        machines=max(1, int(service.get("min_machines_running", 1))),
        text=text,
    )


def read_checks(of_service: list[dict[str, Any]], of_app: dict[str, dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """Return every HTTP health check by name."""
    named = {f"servicecheck-{place:02}-http-{one.get('port', 8080)}": one for place, one in enumerate(of_service)}
    return {
        name: {
            "type": "http",
            "path": one.get("path", "/"),
            "interval_s": seconds(one.get("interval", "15s")),
            "timeout_s": seconds(one.get("timeout", "10s")),
            "grace_period_s": seconds(one.get("grace_period", "5s")),
        }
        for name, one in {**named, **of_app}.items()
    }


def seconds(text: str | int | float) -> float:
    """Return a duration such as `5m0s` or `500ms` in seconds. Raises TomlError when the text is not a duration."""
    if isinstance(text, int | float):
        return float(text)
    units = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0}
    if not re.fullmatch(r"(\d+(\.\d+)?(ms|s|m|h))+", text):
        raise TomlError(f'time: invalid duration "{text}"')
    return sum(float(number) * units[unit] for number, _, unit in re.findall(r"(\d+(\.\d+)?)(ms|s|m|h)", text))
