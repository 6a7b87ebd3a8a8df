"""Machines as `flyctl machine list --json` prints them, and what is wrong with them: the one table of both judgements."""

from __future__ import annotations

from typing import Any

Machine = dict[str, Any]
HTTP = {"type": "http", "path": "/up"}


def machine(
    id: str = "m1", state: str = "started", group: str = "app", checks: dict[str, str] | None = None, **config: Any
) -> Machine:
    """Return a machine; config: what is added to its config, None takes it away. top: its top-level checks."""
    host, region, events = config.pop("host", "ok"), config.pop("region", "ams"), config.pop("events", [])
    config = {**config, "checks": config.pop("top", None)}
    said = {
        "image": "registry.fly.io/a:1",
        "env": {"FLY_PROCESS_GROUP": group, "PRIMARY_REGION": "ams"},
        "metadata": {"fly_platform_version": "v2", "fly_process_group": group, "fly_release_version": "3"},
        **config,
    }
    return {
        "id": id,
        "state": state,
        "region": region,
        "image_ref": {"repository": "a", "tag": "1", "digest": "sha256:1"},
        "config": {name: value for name, value in said.items() if value is not None},
        "events": events,
        "checks": [{"name": name, "status": status, "output": "x"} for name, status in (checks or {}).items()],
        "host_status": host,
    }


def service(*, checks: int = 0, **changes: Any) -> dict[str, Any]:
    return {"protocol": "tcp", "internal_port": 8080, "checks": [HTTP] * checks, **changes}


def ended(code: int | None, *, asked: bool = False, monitored: bool = False) -> list[dict[str, Any]]:
    """Return the events of a machine whose newest end has this code; a code of 0 is left out, as the vendor leaves it."""
    said: dict[str, Any] = {"exited_at": "2026-11-26T10:00:00Z", **({"exit_code": code} if code else {})}
    request = {"exit_event": {**said, **({"requested_stop": True} if asked else {})}}
    older = {"type": "exit", "status": "stopped", "timestamp": 1, "request": {"exit_event": {"exit_code": 99, "signal": 9}}}
    newest = {"type": "exit", "status": "stopped", "timestamp": 3, "request": {"MonitorEvent": request} if monitored else request}
    return [newest, {"type": "start", "status": "started", "timestamp": 2}, older]


ASLEEP = service(autostop=True, autostart=True)
UP = {"servicecheck-00-http-8080": "passing"}
CASES: dict[str, tuple[list[Machine], str]] = {
    "nothing": ([], "no machine is there"),
    "runs, every check passes": ([machine(checks=UP, services=[service(checks=1)])], ""),
    "a check is critical": (
        [machine(checks={"a": "passing", "b": "critical"}, services=[service(checks=2)])],
        "check b of machine m1 is critical",
    ),
    "a check warns": ([machine(checks={"a": "warning"}, services=[service(checks=1)])], "check a of machine m1 is warning"),
    "no check was reported yet": ([machine(services=[service(checks=1)])], "machine m1 has reported 0 of its 1 health checks"),
    "a check of the app was not reported": (
        [machine(checks=UP, services=[service(checks=1)], top={"alive": {"type": "tcp", "port": 80}})],
        "machine m1 has reported 1 of its 2 health checks",
    ),
    "a check of the platform's for old clients": (
        [machine(checks={**UP, "bg_deployments_compat_0": "critical"}, services=[service(checks=1)])], "",
    ),
    "a worker without checks runs": ([machine(group="worker")], ""),
    "a service without checks runs": ([machine(services=[service()])], ""),
    "a worker without checks stopped": (
        [machine(group="worker", state="stopped", events=ended(0))], "machine m1 is stopped",
    ),
    "a worker that crashed too often": (
        [machine(group="worker", state="stopped", events=ended(70))], "machine m1 ended with exit code 70",
    ),
    "a worker that always is to run ended well": (
        [machine(group="worker", state="stopped", events=ended(0), restart={"policy": "always"})], "machine m1 is stopped",
    ),
    "a worker that somebody stopped": (
        [machine(group="worker", state="stopped", events=ended(137, asked=True))], "machine m1 is stopped",
    ),
    "a job that is done": ([machine(group="job", state="stopped", events=ended(0), restart={"policy": "no"})], ""),
    "a job that is done, as the monitor says": (
        [machine(group="job", state="stopped", events=ended(0, monitored=True), restart={"policy": "no"})], "",
    ),
    "a job that failed": (
        [machine(group="job", state="stopped", events=ended(3, monitored=True), restart={"policy": "no"})],
        "machine m1 ended with exit code 3",
    ),
    "a job that never ran": ([machine(group="job", state="stopped", restart={"policy": "no"})], "machine m1 is stopped"),
    "asleep": ([machine(state="stopped", services=[ASLEEP], events=ended(130, asked=True))], ""),
    "suspended": ([machine(state="suspended", services=[service(autostop="suspend")])], ""),
    "asleep by the new spelling": ([machine(state="stopped", services=[service(autostop="stop", autostart=True, checks=1)])], ""),
    "asleep, and ended by itself when idle": ([machine(state="stopped", services=[ASLEEP], events=ended(0))], ""),
    "asleep after a crash": (
        [machine(state="stopped", services=[ASLEEP], events=ended(70))], "machine m1 ended with exit code 70",
    ),
    "one sleeps, one runs": (
        [machine("m1", checks=UP, services=[{**ASLEEP, "min_machines_running": 1, "checks": [HTTP]}]),
         machine("m2", state="stopped", services=[{**ASLEEP, "min_machines_running": 1, "checks": [HTTP]}])], "",
    ),
    "all sleep though one is to run": (
        [machine(name, state="stopped", services=[{**ASLEEP, "min_machines_running": 1}]) for name in ("m1", "m2")],
        "0 of the 1 machines of group app that min_machines_running asks for run in ams",
    ),
    "the one that runs is in another region": (
        [machine("m1", region="iad", services=[{**ASLEEP, "min_machines_running": 1}]),
         machine("m2", state="stopped", services=[{**ASLEEP, "min_machines_running": 1}])],
        "0 of the 1 machines of group app that min_machines_running asks for run in ams",
    ),
    "no region is primary": (
        [machine("m1", region="iad", env={}, services=[{**ASLEEP, "min_machines_running": 1}])], "",
    ),
    "fewer than the config asks for": (
        [machine(env={}, services=[{**ASLEEP, "min_machines_running": 2}])],
        "1 of the 2 machines of group app that min_machines_running asks for run",
    ),
    "fewer, where nothing may be stopped": ([machine(services=[service(min_machines_running=2)])], ""),
    "stopped where nothing stops it": (
        [machine(state="stopped", services=[service(autostop=False, autostart=True)])],
        "machine m1 is stopped, and auto_stop_machines is off",
    ),
    "stopped where only one of two services may stop it": (
        [machine(state="stopped", services=[ASLEEP, service()])], "machine m1 is stopped, and auto_stop_machines is off",
    ),
    "asleep, and no request may start it": (
        [machine(state="stopped", services=[service(autostop=True, autostart=False)])],
        "machine m1 is stopped, and auto_start_machines is off",
    ),
    "stands by": ([machine("m1", group="worker"), machine("m2", "stopped", "worker", standbys=["m1"])], ""),
    "stands by, never started": ([machine("m1", group="worker"), machine("m2", "created", "worker", standbys=["m1"])], ""),
    "stands in for one that is gone": (
        [machine("m1", "stopped", "worker", events=ended(9)), machine("m2", "started", "worker", standbys=["m1"])],
        "machine m1 ended with exit code 9",
    ),
    "waits for its hour": ([machine(group="cron", state="stopped", schedule="hourly", events=ended(0))], ""),
    "failed in its hour": (
        [machine(group="cron", state="stopped", schedule="hourly", events=ended(1))], "machine m1 ended with exit code 1",
    ),
    "starting": ([machine(state="starting")], "machine m1 is starting"),
    "failed": ([machine(state="failed")], "machine m1 is failed"),
    "created and never started": ([machine(state="created")], "machine m1 is created"),
    "its host is away": ([machine(host="unreachable")], "the host of machine m1 is unreachable"),
    "a release command and a console are not counted": (
        [machine("m1", checks=UP, services=[service(checks=1)]),
         machine("m2", "stopped", "fly_app_release_command", events=ended(3)),
         machine("m3", "starting", "fly_app_console"), machine("m4", "stopped", auto_destroy=True)], "",
    ),
    "nothing but a release command": ([machine("m2", "stopped", "fly_app_release_command")], "no machine is there"),
    "what is being destroyed is not counted": ([machine("m1"), machine("m2", "destroying"), machine("m3", "destroyed")], ""),
    "somebody's own machine is not counted": (
        [machine("m1"), machine("m2", "stopped", metadata={"fly_flyctl_version": "0.3.1"})], "",
    ),
    "a machine without any mark is counted": ([machine("m1", "stopped", metadata=None)], "machine m1 is stopped"),
    "each group has its own number": (
        [machine("m1", services=[service(min_machines_running=1)]), machine("m2", "stopped", "api", services=[
            {**ASLEEP, "min_machines_running": 1}])],
        "0 of the 1 machines of group api that min_machines_running asks for run in ams",
    ),
}  # fmt: skip
"""What they are -> the machines, and the sentence; '' where they are healthy."""
