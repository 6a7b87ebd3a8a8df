"""The shape that flyctl reads a config into: each key's kind, and its sentence for a value of another one.

Keys that it does not know are passed over, as it does; letters count in either case.
Source: superfly/flyctl, internal/appconfig/config.go, service.go and toplevelcheck.go; superfly/fly-go, machine_types.go;
Go's encoding/json.
"""

from __future__ import annotations

from typing import Any

from lib.embedded.fly.go_values import GoError, parse_duration
from lib.embedded.fly.toml_patches import TomlError

OF_SERVICE = "internal_port int, auto_stop_machines autostop, auto_start_machines bool, min_machines_running int, processes []string, concurrency fly.MachineServiceConcurrency, machine_checks []appconfig.ServiceMachineCheck"  # fmt: skip # noqa: E501
OF_CHECK = "interval duration, timeout duration, grace_period duration"
OF_HTTP = "method string, path string, protocol string, tls_skip_verify bool, tls_server_name string, headers map[string]string"  # fmt: skip # noqa: E501
OF_GUEST = "cpu_kind string, cpus int, memory_mb int, max_memory_mb int, gpus int, gpu_kind string, host_dedication_id string, persist_rootfs rootfs, kernel_args []string"  # fmt: skip # noqa: E501
TEXTS = {
    "appconfig.Config": (
        "app string, primary_region string, kill_signal string, kill_timeout duration, swap_size_mb int, console_command string, "
        "experimental appconfig.Experimental, build appconfig.Build, deploy appconfig.Deploy, env map[string]string, "
        "processes map[string]string, mounts []appconfig.Mount, http_service appconfig.HTTPService, "
        "services []appconfig.Service, checks map[string]appconfig.ToplevelCheck, files []appconfig.File, "
        "host_dedication_id string, machine_config string, container string, "
        "machine_checks []appconfig.ServiceMachineCheck, restart []appconfig.Restart, vm []appconfig.Compute, "
        "statics []appconfig.Static, metrics []appconfig.Metrics"
    ),
    "appconfig.Deploy": (
        "strategy string, max_unavailable float64, wait_timeout duration, release_command string, "
        "release_command_timeout duration, release_command_vm appconfig.Compute, seed_command string"
    ),
    "appconfig.HTTPService": (
        f"{OF_SERVICE}, force_https bool, tls_options fly.TLSOptions, http_options fly.HTTPOptions, "
        "checks []appconfig.ServiceHTTPCheck"
    ),
    "appconfig.Service": (
        f"{OF_SERVICE}, protocol string, ports []fly.MachinePort, tcp_checks []appconfig.ServiceTCPCheck, "
        "http_checks []appconfig.ServiceHTTPCheck"
    ),
    "appconfig.ServiceTCPCheck": OF_CHECK,
    "appconfig.ServiceHTTPCheck": f"{OF_CHECK}, {OF_HTTP}",
    "appconfig.ToplevelCheck": f"{OF_CHECK}, {OF_HTTP}, port int, type string, processes []string",
    "appconfig.ServiceMachineCheck": (
        "command []string, image string, entrypoint []string, kill_signal string, kill_timeout duration"
    ),
    "appconfig.File": (
        "guest_path string, local_path string, secret_name string, raw_value string, processes []string"
    ),
    "appconfig.Static": "guest_path string, url_prefix string, tigris_bucket string, index_document string",
    "appconfig.Mount": (
        "source string, destination string, initial_size string, snapshot_retention int, scheduled_snapshots bool, "
        "auto_extend_size_threshold int, auto_extend_size_increment string, auto_extend_size_limit string, processes []string"
    ),
    "appconfig.Build": (
        "builder string, args map[string]string, buildpacks []string, image string, settings map[string]any, builtin string, "
        "dockerfile string, ignorefile string, build-target string, compose appconfig.BuildCompose, compression string, "
        "compression_level int"
    ),
    "appconfig.BuildCompose": "file string",
    "appconfig.Experimental": (
        "cmd []string, entrypoint []string, exec []string, auto_rollback bool, enable_consul bool, enable_etcd bool, "
        "lazy_load_images bool, attached appconfig.Attached, machine_config string"
    ),
    "appconfig.Attached": "secrets appconfig.AttachedSecrets",
    "appconfig.AttachedSecrets": "export map[string]string",
    "appconfig.Compute": f"size string, memory string, processes []string, {OF_GUEST}",
    "appconfig.Restart": "policy appconfig.RestartPolicy, retries int, processes []string",
    "appconfig.Metrics": "port int, path string, https bool, processes []string",
    "fly.MachinePort": (
        "port int, start_port int, end_port int, handlers []string, force_https bool, tls_options fly.TLSOptions, "
        "http_options fly.HTTPOptions, proxy_proto_options fly.ProxyProtoOptions"
    ),
    "fly.MachineServiceConcurrency": "type string, hard_limit int, soft_limit int",
    "fly.TLSOptions": "alpn []string, versions []string, default_self_signed bool",
    "fly.HTTPOptions": (
        "compress bool, response fly.HTTPResponseOptions, h2_backend bool, idle_timeout uint32, headers_read_timeout uint32, "
        "replay_cache []fly.ReplayCache"
    ),
    "fly.HTTPResponseOptions": "headers map[string]any, pristine bool",
    "fly.ProxyProtoOptions": "version string",
    "fly.ReplayCache": "path_prefix string, ttl_seconds int, type string, name string, allow_bypass bool",
}  # fmt: skip
SHAPES = {name: dict(pair.rsplit(" ", 1) for pair in text.split(", ")) for name, text in TEXTS.items()}
"""Struct -> key -> kind. `any` is taken as it is."""
INNER = {"appconfig.RestartPolicy": "string"}
NUMBERS = {"int": (-(2**63), 2**63 - 1), "uint32": (0, 2**32 - 1)}


class Reader:
    """One reading: where it is, and the first value that is of another kind. Go goes on after it, and so does this."""

    def __init__(self) -> None:
        self.path: list[str] = []
        self.struct = "Config"
        self.first = ""

    def read(self, value: Any, kind: str) -> Any:
        """Return the value as flyctl has it, None for what is not there. Raises TomlError for what a kind's reader refuses."""
        if value is None or kind == "any":
            return value
        if kind in SHAPES:
            return self.read_struct(value, kind)
        if kind.startswith("[]"):
            return self.read_list(value, kind)
        if kind.startswith("map[string]"):
            return self.read_map(value, kind)
        if kind in ("duration", "autostop", "rootfs"):
            return {"duration": read_duration, "autostop": read_autostop, "rootfs": read_rootfs}[kind](value)
        return self.read_plain(value, kind)

    def read_list(self, value: Any, kind: str) -> Any:
        if not isinstance(value, list):
            return self.note(value, kind)
        read = [self.read(one, kind[2:]) for one in value]
        return [one for one in read if one is not None]

    def read_struct(self, value: Any, kind: str) -> Any:
        if not isinstance(value, dict):
            return self.note(value, kind)
        shape, found, outer = SHAPES[kind], {}, self.struct
        for name in sorted(value):
            key = name if name in shape else name.lower()
            if key in shape:
                self.struct = kind.partition(".")[2]
                self.path.append(key)
                read = self.read(value[name], shape[key])
                self.path.pop()
                if read is not None:
                    found[key] = read
        self.struct = outer
        return found

    def read_map(self, value: Any, kind: str) -> Any:
        if not isinstance(value, dict):
            return self.note(value, kind)
        inner = kind.removeprefix("map[string]")
        read = {name: self.read(value[name], inner) for name in sorted(value)}
        return {name: one for name, one in read.items() if one is not None}

    def read_plain(self, value: Any, kind: str) -> Any:
        wanted = INNER.get(kind, kind)
        if isinstance(value, bool):
            return value if wanted == "bool" else self.note(value, kind)
        if wanted in NUMBERS and isinstance(value, int | float) and value == int(value):
            least, most = NUMBERS[wanted]
            return int(value) if least <= value <= most else self.note(value, kind, f"number {value}")
        if wanted in NUMBERS and isinstance(value, float):
            return self.note(value, kind, f"number {value}")
        if wanted == "float64" and isinstance(value, int | float):
            return float(value)
        text = value if isinstance(value, str) else None
        if wanted == "string" and not isinstance(value, int | float | dict | list):
            return text if text is not None else str(value)
        return self.note(value, kind)

    def note(self, value: Any, kind: str, seen: str = "") -> None:
        """Keep what is of another kind, in Go's words; only the first is told."""
        seen = seen or json_kind(value)
        place = f"Go struct field {self.struct}.{'.'.join(self.path)}" if self.path else "Go value"
        self.first = self.first or f"json: cannot unmarshal {seen} into {place} of type {kind.replace('any', 'interface {}')}"


def json_kind(value: Any) -> str:
    if isinstance(value, bool):
        return "bool"
    if isinstance(value, int | float):
        return "number"
    return "object" if isinstance(value, dict) else "array" if isinstance(value, list) else "string"


def read_duration(value: Any) -> int:
    """Return a duration in nanoseconds: a bare number is in them already."""
    if isinstance(value, int | float) and not isinstance(value, bool):
        return int(value)
    if not isinstance(value, str):
        kind = {"object": "map[string]interface {}", "array": "[]interface {}"}.get(json_kind(value), json_kind(value))
        raise TomlError(f"Unknown duration type: {kind}")
    try:
        return parse_duration(value)
    except GoError as exc:
        raise TomlError(str(exc)) from exc


def read_autostop(value: Any) -> str:
    """Return off, stop or suspend."""
    if isinstance(value, bool):
        return "stop" if value else "off"
    if not isinstance(value, str):
        raise TomlError("autostop value is not a valid bool or string")
    if value not in ("off", "stop", "suspend"):
        raise TomlError(f'invalid autostop string value "{value}"')
    return value


def read_rootfs(value: Any) -> str:
    if value not in ("", "none", "never", "restart", "always"):
        raise TomlError(f'invalid persist_rootfs string value "{value}"')
    return str(value)


def read_shape(said: dict[str, Any]) -> dict[str, Any]:
    """Return a config as flyctl has it once read: durations in ns, autostop as a word. Raises TomlError in its words."""
    reader = Reader()
    found: dict[str, Any] = reader.read(said, "appconfig.Config")
    if reader.first:
        raise TomlError(reader.first)
    return found
