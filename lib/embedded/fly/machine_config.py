"""What a machine of one process group is configured with, as the platform keeps it and `flyctl machine list` shows it.

Source: superfly/flyctl, internal/appconfig/machines.go; superfly/fly-go, machine_types.go.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from lib.embedded.fly.go_values import BINARY, GoError, format_duration, parse_size, split_words
from lib.embedded.fly.process_groups import checks_of, default_group, of_group, services_of, vm_of
from lib.embedded.fly.toml_patches import TomlError
from lib.embedded.fly.toml_rules import POLICIES

Table = Mapping[str, Any]
MEBIBYTE = 1024**2
SHARED_MB, PERFORMANCE_MB = 256, 2048
"""Memory of a preset for each CPU."""
PRESETS: dict[str, dict[str, Any]] = {
    **{f"shared-cpu-{n}x": {"cpu_kind": "shared", "cpus": n, "memory_mb": n * SHARED_MB} for n in (1, 2, 4, 6, 8)},
    **{
        f"performance-{n}x": {"cpu_kind": "performance", "cpus": n, "memory_mb": n * PERFORMANCE_MB}
        for n in (1, 2, 4, 6, 8, 10, 12, 14, 16)
    },
    **{
        name: {"gpu_kind": kind, "gpus": 1, "cpu_kind": "performance", "cpus": 8, "memory_mb": 16 * PERFORMANCE_MB}
        for name, kind in (("a100-40gb", "a100-pcie-40gb"), ("a100-80gb", "a100-sxm4-80gb"), ("l40s", "l40s"), ("a10", "a10"))
    },
}
DEFAULT_SIZE, DEFAULT_GPU_SIZE = "shared-cpu-1x", "performance-8x"
RELEASE_GROUP = "fly_app_release_command"
GUEST_KEYS = ("cpu_kind", "cpus", "memory_mb", "max_memory_mb", "gpus", "gpu_kind", "host_dedication_id", "persist_rootfs",
              "kernel_args")  # fmt: skip


def machine_config(said: Table, group: str) -> dict[str, Any]:
    """Return what a machine of the group is configured with, without image and release. Raises TomlError in flyctl's words."""
    command = words_of_group(said, group)
    experimental = said.get("experimental", {})
    init = {"cmd": command if command is not None else experimental.get("cmd")}
    init |= {name: experimental.get(name) for name in ("entrypoint", "exec")} | {"swap_size_mb": said.get("swap_size_mb")}
    metrics, checks = of_group(said, "metrics", group), top_checks(said, group)
    mounts = [mount_of(one) for one in of_group(said, "mounts", group)]
    found = {
        "init": without_none(init),
        "env": env_of(said, group),
        "guest": guest_of(said, vm_of(said, group)),
        "services": [machine_service(one) for one in services_of(said, group)],
        "checks": checks,
        "mounts": mounts,
        "metrics": {name: one for name, one in metrics[0].items() if name != "processes"} if metrics else None,
        "statics": said.get("statics"),
        "restart": restart_of(said, group),
        "stop_config": stop_of(said),
    }
    return {name: value for name, value in found.items() if value or name in ("init", "env", "guest")}


def words_of_group(said: Table, group: str) -> list[str] | None:
    """Return a group's command, None where it runs the image's own."""
    text = said.get("processes", {}).get(group, "")
    return split_words(text) if text else None


def env_of(said: Table, group: str) -> dict[str, str]:
    region = {"PRIMARY_REGION": said["primary_region"]} if said.get("primary_region") else {}
    return {**said.get("env", {}), "FLY_PROCESS_GROUP": group, **region}


def release_config(said: Table) -> dict[str, Any]:
    """Return what the machine of the release command is configured with: it ends, and is destroyed."""
    deploy = said.get("deploy", {})
    vm = deploy.get("release_command_vm")
    return {
        "init": {"cmd": split_words(deploy.get("release_command", ""))},
        "env": {**env_of(said, RELEASE_GROUP), "RELEASE_COMMAND": "1"},
        "guest": guest_of(said, vm) if vm else dict(PRESETS["shared-cpu-2x"]),
        "restart": {"policy": "no"},
        "auto_destroy": True,
    }


def guest_of(said: Table, vm: Table | None) -> dict[str, Any]:
    """Return the size of a machine. Raises TomlError for one that there is not."""
    if vm is None:
        return dict(PRESETS[DEFAULT_SIZE])
    size = vm.get("size") or (DEFAULT_GPU_SIZE if vm.get("gpu_kind") else DEFAULT_SIZE)
    if size not in PRESETS:
        raise TomlError(unknown_size(size))
    guest = dict(PRESETS[size])
    if said.get("host_dedication_id"):
        guest["host_dedication_id"] = said["host_dedication_id"]
    if vm.get("memory"):
        try:
            guest["memory_mb"] = parse_size(vm["memory"], base=BINARY, quotient=MEBIBYTE)
        except GoError as exc:
            raise TomlError(str(exc)) from exc
        if guest["memory_mb"] == 0:
            raise TomlError("memory cannot be zero")
    return {**guest, **{name: vm[name] for name in GUEST_KEYS if vm.get(name)}}


def unknown_size(size: str) -> str:
    kind = next((one for one in ("shared", "performance") if size.startswith(one)), "")
    if not kind:
        return f"invalid machine preset requested, '{size}', expected to start with 'shared' or 'performance'"
    return f"'{size}' is an invalid machine size, choose one of: [{' '.join(sorted(n for n in PRESETS if n.startswith(kind)))}]"


def machine_service(service: Table) -> dict[str, Any]:
    """Return a service as a machine has it."""
    autostop = service.get("auto_stop_machines")
    found = {
        "protocol": service.get("protocol"),
        "internal_port": service.get("internal_port"),
        # Source: fly-go: off and stop are told as truth values, for older clients.
        "autostop": {"off": False, "stop": True}.get(autostop, autostop) if autostop else None,
        "autostart": service.get("auto_start_machines"),
        "min_machines_running": service.get("min_machines_running"),
        "ports": service.get("ports"),
        "concurrency": service.get("concurrency"),
        "checks": [machine_check({**one, "type": "tcp"}) for one in service.get("tcp_checks", [])]
        + [machine_check({**one, "type": "http"}) for one in service.get("http_checks", [])],
    }
    return {name: value for name, value in found.items() if value is not None and value != []}


def machine_check(check: Table) -> dict[str, Any]:
    """Return a check as a machine has it: times as text, headers as a list."""
    found: dict[str, Any] = {name: one for name, one in check.items() if name not in ("processes", "headers")}
    for name in ("interval", "timeout", "grace_period"):
        if name in found:
            found[name] = format_duration(found[name])
    if check.get("headers"):
        found["headers"] = [{"name": name, "values": [value]} for name, value in check["headers"].items()]
    return found


def top_checks(said: Table, group: str) -> dict[str, dict[str, Any]]:
    """Return the top-level checks of a group. Raises TomlError for one without a port where no service has one."""
    http = said.get("http_service")
    ours = http is not None and group in (http.get("processes") or [default_group(said)])
    found = {}
    for name, check in checks_of(said, group).items():
        one = machine_check(check)
        if "method" in one:
            one["method"] = one["method"].upper()
        if "port" not in one:
            if not ours:
                of = f"Check '{name}' for process group '{group}'"
                raise TomlError(f"{of} has no port set and the group has no http_service to take it from")
            assert http is not None
            one["port"] = http.get("internal_port", 0)
        found[name] = one
    return found


def mount_of(mount: Table) -> dict[str, Any]:
    return without_none({"path": mount.get("destination"), "name": mount.get("source")})


def restart_of(said: Table, group: str) -> dict[str, Any] | None:
    """Return the restart policy of a group, None where it has the platform's own."""
    policies = of_group(said, "restart", group)
    if not policies:
        return None
    retries = {"max_retries": policies[-1]["retries"]} if policies[-1].get("retries") else {}
    return {"policy": POLICIES[policies[-1].get("policy", "")], **retries}


def stop_of(said: Table) -> dict[str, Any] | None:
    timeout = format_duration(said["kill_timeout"]) if "kill_timeout" in said else None
    return without_none({"timeout": timeout, "signal": said.get("kill_signal")}) or None


def without_none(found: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in found.items() if value is not None}


def group_of(config: Table) -> str:
    """Return the process group of a machine's config."""
    return str(config.get("metadata", {}).get("fly_process_group") or "app")


def standby_for(config: dict[str, Any], machines: list[str]) -> dict[str, Any]:
    """Return the config of a machine that stands by for others: it is to be stopped while they run."""
    return {**config, "standbys": machines, "env": {**config["env"], "FLY_STANDBY_FOR": ",".join(machines)}}


def wakes(config: Table) -> bool:
    """Return whether a user's request may start a machine that sleeps."""
    services = config.get("services", [])
    return bool(services) and all(one.get("autostart", bool(one.get("autostop"))) for one in services)


def checks_of_machine(config: Table) -> dict[str, dict[str, Any]]:
    """Return every health check of a machine by the name that the platform gives it, its port among the rest."""
    found: dict[str, dict[str, Any]] = {}
    for service in config.get("services", []):
        for check in service.get("checks", []):
            port = check.get("port") or service.get("internal_port", 0)
            found[f"servicecheck-{len(found):02}-{check['type']}-{port}"] = {**check, "port": port}
    return {**found, **config.get("checks", {})}


def stamped(config: dict[str, Any], release_id: str, version: int, *, group: str = "") -> dict[str, Any]:
    """Return a machine's config with its release in the metadata; group: its process group, where it has none yet."""
    metadata = {
        "fly_platform_version": "v2",
        "fly_process_group": group or group_of(config),
        "fly_release_id": release_id,
        "fly_release_version": str(version),
    }
    return {**config, "metadata": metadata}
