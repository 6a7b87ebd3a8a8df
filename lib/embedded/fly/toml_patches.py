"""Old and loose spellings of a fly.toml, brought into the one form that flyctl reads.

Source: superfly/flyctl, internal/appconfig/patches.go. Each sentence here is flyctl's own.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from lib.embedded.fly.errors import CommandError
from lib.embedded.fly.go_values import format_duration, show, type_of

Table = dict[str, Any]
SECOND_NS, MILLISECOND_NS = 10**9, 10**6


class TomlError(CommandError):
    """A fly.toml that flyctl would refuse, in its words."""


def bring_into_form(said: Table) -> Table:
    """Return a config with every old spelling replaced; the given one may be changed. Raises TomlError in flyctl's words."""
    for patch in PATCHES:
        patch(said)
    return said


def patch_env(said: Table) -> None:
    if "env" in said:
        said["env"] = env_of(said["env"])


def env_of(raw: Any) -> dict[str, str]:
    if isinstance(raw, list):
        return {name: value for one in raw for name, value in env_of(one).items()}
    if not isinstance(raw, dict):
        raise TomlError(f"Do not know how to process 'env' section of type: {type_of(raw)}")
    return {name: value if isinstance(value, str) else show(value) for name, value in raw.items()}


def patch_services(said: Table) -> None:
    if "services" not in said:
        return
    try:
        services = tables_of(said["services"])
    except TomlError as exc:
        raise TomlError(f"Error processing services: {exc}") from exc
    said["services"] = [one for one in map(patch_service, services) if one]


def patch_service(service: Table) -> Table:
    if "concurrency" in service:
        service["concurrency"] = concurrency_of(service["concurrency"])
    if "ports" in service:
        try:
            ports = tables_of(service["ports"])
        except TomlError as exc:
            raise TomlError(f"Error processing ports: {type_of(service['ports'])}") from exc
        service["ports"] = [{**one, "port": whole(one["port"])} if "port" in one else one for one in ports]
    for kind in ("tcp_checks", "http_checks"):
        if kind in service:
            patch_checks_of(service, kind)
    if "internal_port" in service:
        service["internal_port"] = whole(service["internal_port"])
    return service


def concurrency_of(raw: Any) -> Any:
    """Return limits as a table; the old form is a text `soft,hard`."""
    if isinstance(raw, str):
        left, comma, right = raw.partition(",")
        if not comma:
            raise TomlError(f"Unknown value '{raw}' for concurrency limits")
        return {"type": "requests", "soft_limit": whole(left, ""), "hard_limit": whole(right, "")}
    if not isinstance(raw, dict):
        raise TomlError(f"Unknown type for service concurrency: {type_of(raw)}")
    return raw


def patch_checks_of(service: Table, kind: str) -> None:
    try:
        checks = [patch_check(one) for one in tables_of(service[kind])]
    except TomlError as exc:
        raise TomlError(f"Error processing {kind}: {exc}") from exc
    if checks:
        service[kind] = checks
    else:
        del service[kind]


def patch_check(check: Table) -> Table:
    for name in ("interval", "timeout", "grace_period"):
        if name in check:
            check[name] = duration_of(check[name], MILLISECOND_NS)
    if "headers" in check:
        check["headers"] = headers_of(check["headers"])
        if not check["headers"]:
            del check["headers"]
    return check


def headers_of(raw: Any) -> dict[str, str]:
    if isinstance(raw, dict):
        return {name: show(value) for name, value in raw.items()}
    if not isinstance(raw, list):
        raise TomlError(f"Unsupported headers format: {shown_whole(raw)}")
    headers = {}
    for one in raw:
        if not isinstance(one, dict):
            raise TomlError(f"Can't cast {shown_whole(one)} into map[string]any")
        if "name" not in one:
            raise TomlError(f"Unsupported headers format {shown_whole(one)}")
        headers[show(one["name"])] = show(one.get("value", ""))
    return headers


def shown_whole(value: Any) -> str:
    return f'"{value}"' if isinstance(value, str) else show(value)


def patch_processes(said: Table) -> None:
    raw = said.get("processes")
    if "processes" not in said or isinstance(raw, dict):
        return
    if not isinstance(raw, list):
        raise TomlError(f"Unknown processes type: {type_of(raw)}")
    groups = {show(one["name"]): show(one.get("command", "")) for one in raw if isinstance(one, dict) and "name" in one}
    del said["processes"]
    if groups:
        said["processes"] = groups


def patch_experimental(said: Table) -> None:
    if "experimental" not in said:
        return
    section = said["experimental"]
    if not isinstance(section, dict):
        raise TomlError(f"Experimental section of unknown type: {type_of(section)}")
    for name in ("cmd", "entrypoint", "exec"):
        if name in section:
            section[name] = words_of(section[name], name)
    if "kill_timeout" in section and "kill_timeout" not in said:
        said["kill_timeout"] = duration_of(section["kill_timeout"], SECOND_NS)
    metrics = {name.removeprefix("metrics_"): section[name] for name in ("metrics_port", "metrics_path") if name in section}
    if metrics and "metrics" not in said:
        said["metrics"] = metrics
    if not section:
        del said["experimental"]


def words_of(raw: Any, name: str) -> list[str]:
    if isinstance(raw, str):
        return [raw]
    if not isinstance(raw, list):
        raise TomlError(f"could not cast {show(raw)} of type {type_of(raw)} to []string on {name}")
    for one in raw:
        if not isinstance(one, str):
            raise TomlError(f"could not cast {show(one)} of type {type_of(one)} to string on {name}")
    return raw


def patch_checks(said: Table) -> None:
    if "checks" not in said:
        return
    raw = said["checks"]
    if isinstance(raw, list):
        checks = {}
        for one in raw:
            if not isinstance(one, dict):
                raise TomlError(f"check item of unknown type: {type_of(one)}")
            if not isinstance(one.get("name"), str):
                raise TomlError("check item name not a string")
            checks[one["name"]] = one
    elif isinstance(raw, dict):
        checks = raw
    else:
        raise TomlError(f"'checks' section of unknown type: {type_of(raw)}")
    for one in checks.values():
        if not isinstance(one, dict):
            raise TomlError(f"'checks' section of unknown type: {type_of(one)}")
        patch_check(one)
    said["checks"] = checks
    if not checks:
        del said["checks"]


def gather(said: Table, name: str, spellings: tuple[str, ...], text: str, what: str) -> None:
    """Bring a section that may be a table or an array, under any of its names, into one array; `text` may be a number."""
    found: list[Table] = []
    for spelling in spellings:
        if spelling in said:
            try:
                found += tables_of(said.pop(spelling))
            except TomlError as exc:
                raise TomlError(f"Error processing {what}: {exc}") from exc
    for one in found:
        if text in one:
            one[text] = show(one[text])
    if found:
        said[name] = found


def patch_compute(said: Table) -> None:
    gather(said, "vm", ("compute", "computes", "vm"), "memory", "compute")


def patch_mounts(said: Table) -> None:
    gather(said, "mounts", ("mount", "mounts"), "initial_size", "mounts")


def patch_metrics(said: Table) -> None:
    gather(said, "metrics", ("metric", "metrics"), "", "mounts")


def patch_top(said: Table) -> None:
    if "kill_timeout" in said:
        said["kill_timeout"] = duration_of(said["kill_timeout"], SECOND_NS)


def patch_build(said: Table) -> None:
    if "build" not in said:
        return
    section = said["build"]
    if not isinstance(section, dict):
        raise TomlError(f"Build section of unknown type: {type_of(section)}")
    if "build_target" in section:
        section["build-target"] = section.pop("build_target")
    if not section:
        del said["build"]


PATCHES: tuple[Callable[[Table], None], ...] = (
    patch_env, patch_services, patch_processes, patch_experimental, patch_checks, patch_compute, patch_mounts, patch_metrics,
    patch_top, patch_build,
)  # fmt: skip


def duration_of(raw: Any, unit_ns: int) -> str | None:
    """Return a duration as text; a bare number is in the unit. None, which is as if it was not there, for anything else."""
    if isinstance(raw, str):
        return raw or None
    if isinstance(raw, int | float) and not isinstance(raw, bool):
        return format_duration(int(raw) * unit_ns)
    return None


def whole(raw: Any, kind: str = " to integer") -> int:
    """Return a number that may be written as a text."""
    if isinstance(raw, str):
        if re.fullmatch(r"[+-]?\d{1,18}", raw, re.ASCII):
            return int(raw)
        raise TomlError(f"Can not convert '{raw}'{kind}: strconv.Atoi: parsing \"{raw}\": invalid syntax")
    if isinstance(raw, bool) or not isinstance(raw, int | float):
        raise TomlError(f"Unknown type for cast: {type_of(raw)}")
    return int(raw)


def tables_of(raw: Any) -> list[Table]:
    """Return the tables of an array, or a lone table as one of them."""
    if isinstance(raw, dict):
        return [raw]
    if not isinstance(raw, list):
        raise TomlError(f"Unknown type '{type_of(raw)}'")
    for one in raw:
        if not isinstance(one, dict):
            kind = "string" if isinstance(one, str) else f"%!t({type_of(one)}={show(one)})"
            shown = show(one) if isinstance(one, str) else f"%!s({type_of(one)}={show(one)})"
            kind = f"%!t(string={one})" if isinstance(one, str) else kind
            raise TomlError(f"Can not cast '{shown}' of type '{kind}' as map[string]any")
    return raw
