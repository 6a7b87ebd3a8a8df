"""Which part of a config is for which process group.

Source: superfly/flyctl, internal/appconfig/processgroups.go and service.go.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

Table = Mapping[str, Any]
APP_GROUP = "app"
FLATTENED = "--flatten--"
"""The key under which a config that was narrowed to one group has its name; no fly.toml can have it as flyctl reads one."""


def group_names(said: Table) -> list[str]:
    """Return every process group; `app` alone where the config names none."""
    return sorted(said.get("processes", {})) or [said.get(FLATTENED, APP_GROUP)]


def default_group(said: Table) -> str:
    """Return the group that a section without `processes` is for."""
    names = group_names(said)
    return APP_GROUP if APP_GROUP in names else names[0]


def flatten(said: Table, group: str) -> dict[str, Any]:
    """Return a config narrowed to one process group."""
    narrow: dict[str, Any] = {**said, FLATTENED: group}
    for name in ("services", "mounts", "files", "metrics", "restart"):
        narrow[name] = [{**one, "processes": [group]} for one in of_group(said, name, group)]
    narrow["checks"] = {name: {**one, "processes": [group]} for name, one in checks_of(said, group).items()}
    narrow["processes"] = {name: command for name, command in said.get("processes", {}).items() if name == group}
    http = narrow.pop("http_service", None)
    if http is not None and is_for(said, group, http.get("processes", [])):
        narrow["http_service"] = {**http, "processes": [group]}
    return narrow


def is_for(said: Table, group: str, processes: Sequence[str]) -> bool:
    """Return whether a section that names these groups is for this one; a section that names none is for the default group."""
    named = list(processes) or [""]
    return any(one == group or (one == "" and group == default_group(said)) for one in named)


def of_group(said: Table, name: str, group: str) -> list[Table]:
    """Return the tables of a section that are for a group."""
    return [one for one in said.get(name, []) if is_for(said, group, one.get("processes", []))]


def checks_of(said: Table, group: str) -> dict[str, Table]:
    """Return the top-level checks of a group."""
    return {name: one for name, one in said.get("checks", {}).items() if is_for(said, group, one.get("processes", []))}


def vm_of(said: Table, group: str) -> Table | None:
    """Return the [[vm]] of a group: the one that names it, else the one for every group; None where there is neither."""
    fitting: list[Table] = [
        one for one in said.get("vm", []) if not one.get("processes") or is_for(said, group, one["processes"])
    ]
    naming = [one for one in fitting if group in one.get("processes", [])]
    return next(iter(naming[-1:] or fitting[:1]), None)


def all_services(said: Table) -> list[dict[str, Any]]:
    """Return every service, the HTTP service first, as a service like the others."""
    http = said.get("http_service")
    services = [dict(one) for one in said.get("services", [])]
    return [service_of(http), *services] if http is not None else services


def service_of(http: Table) -> dict[str, Any]:
    """Return [http_service] as the service that it stands for."""
    options = {"http_options": http["http_options"]} if "http_options" in http else {}
    tls = {"tls_options": http["tls_options"]} if "tls_options" in http else {}
    force = {"force_https": True} if http.get("force_https") else {}
    ports = [
        {"port": 80, "handlers": ["http"], **force, **options},
        {"port": 443, "handlers": ["http", "tls"], **options, **tls},
    ]
    kept = ("internal_port", "concurrency", "processes", "machine_checks", "auto_stop_machines", "auto_start_machines",
            "min_machines_running")  # fmt: skip
    return {
        "protocol": "tcp",
        **{name: http[name] for name in kept if name in http},
        "http_checks": http.get("checks", []),
        "ports": ports,
    }


def services_of(said: Table, group: str) -> list[dict[str, Any]]:
    """Return every service of a group."""
    return [one for one in all_services(said) if is_for(said, group, one.get("processes", []))]
