"""Whether machines are healthy by the meaning of their own config: asleep, standing by, done, or without a check.

`judge_machines` in the pack's scripts/ops/machines.bash says the same of the same machines, in the same words; both are
held to one table of cases.
Source: superfly/fly-go, machine_types.go (what is 0, false or off may be left out of the JSON); superfly/docs,
reference/configuration, on auto_stop_machines, min_machines_running and standbys.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from lib.core.plain_json import as_count, as_list, as_name, as_object

PASSING_GROUPS = ("fly_app_release_command", "fly_app_test_machine_command", "fly_app_console")
"""Process groups of machines that end by themselves and are destroyed."""
ASLEEP = ("stopped", "suspended")
OUR_OWN_CHECKS = "bg_deployments_compat"
"""The platform adds these to its answers for old clients; they are no checks."""


@dataclass(frozen=True, kw_only=True)
class Meaning:
    """What a machine's config makes of its state.

    checks: configured. sleeps: every service may stop it; wakes: none says that requests may not start it. least:
    min_machines_running, in the region `primary`, in any where it is empty. ended: exit code of its newest end, None where
    it was asked to end, or has not. host: how its host is where that is not ok.
    """

    group: str = "app"
    region: str = ""
    primary: str = ""
    checks: int = 0
    services: int = 0
    sleeps: bool = False
    wakes: bool = True
    least: int = 0
    stands_by: bool = False
    scheduled: bool = False
    policy: str = ""
    ended: int | None = None
    host: str = ""


class Judged(Protocol):
    """What is judged of a machine. checks: name -> status."""

    @property
    def id(self) -> str: ...
    @property
    def state(self) -> str: ...
    @property
    def checks(self) -> Mapping[str, str]: ...
    @property
    def meaning(self) -> Meaning: ...


def config_of(one: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return a machine's config; of a machine whose host is away there is only a part."""
    return as_object(one.get("config") or one.get("incomplete_config") or {})


def is_counted(one: Mapping[str, Any]) -> bool:
    """Return whether a machine belongs to what a deploy keeps: it is there, and neither passing nor somebody's own."""
    config = config_of(one)
    metadata = as_object(config.get("metadata") or {})
    if one.get("state") in ("destroyed", "destroying") or config.get("auto_destroy"):
        return False
    if metadata.get("fly_process_group") in PASSING_GROUPS or metadata.get("process_group") == "release_command":
        return False
    return not metadata or metadata.get("fly_platform_version") == "v2"


def read_meaning(one: Mapping[str, Any]) -> Meaning:
    """Return what a machine's config says of its health. Raises ValueError for what is no machine."""
    config = config_of(one)
    services = [as_object(service) for service in as_list(config.get("services"))]
    host = as_name(one.get("host_status") or "ok")
    return Meaning(
        group=as_name(as_object(config.get("metadata") or {}).get("fly_process_group") or "app"),
        region=as_name(one.get("region") or ""),
        primary=as_name(as_object(config.get("env") or {}).get("PRIMARY_REGION") or ""),
        checks=len(as_object(config.get("checks") or {})) + sum(len(as_list(service.get("checks"))) for service in services),
        services=len(services),
        sleeps=all(service.get("autostop") not in (None, False, "off") for service in services),
        wakes=all(service.get("autostart") is not False for service in services),
        least=max((as_count(service.get("min_machines_running") or 0) for service in services), default=0),
        stands_by=bool(as_list(config.get("standbys"))),
        scheduled=bool(config.get("schedule")),
        policy=as_name(as_object(config.get("restart") or {}).get("policy") or ""),
        ended=read_end(as_list(one.get("events"))),
        host="" if host == "ok" else host,
    )


def read_end(events: list[Any]) -> int | None:
    """Return the exit code of the newest end, None where there is none, or somebody asked for it."""
    for event in map(as_object, events):
        if event.get("type") != "exit":
            continue
        request = as_object(event.get("request") or {})
        monitor = as_object(request.get("MonitorEvent") or {})
        said = as_object(monitor.get("exit_event") or request.get("exit_event") or {})
        code = said.get("exit_code", 0)
        if not isinstance(code, int):
            raise ValueError(f"{code!r} is no exit code")
        return code if said and not said.get("requested_stop") else None
    return None


def is_unasked_exit(event: Mapping[str, Any], policy: str = "") -> bool:
    """Return whether an event says that the program ended without being asked to; one that is to end once ends well with 0."""
    said = as_object(as_object(event.get("request") or {}).get("exit_event") or {})
    is_done = policy == "no" and bool(said) and not said.get("exit_code")
    return event.get("type") == "exit" and not said.get("requested_stop", False) and not is_done


def find_machine_fault(one: Judged) -> str:
    """Return why a machine is not healthy, as a clause; '' when it is."""
    meaning = one.meaning
    if meaning.host:
        return f"the host of machine {one.id} is {meaning.host}"
    if meaning.stands_by and one.state in (*ASLEEP, "created"):
        return ""
    if one.state == "started":
        return find_check_fault(one)
    return find_sleep_fault(one) if one.state in ASLEEP else f"machine {one.id} is {one.state}"


def find_check_fault(one: Judged) -> str:
    """Return what is wrong with the checks of a machine that runs; one that has none is healthy as it runs."""
    for name, status in one.checks.items():
        if status != "passing":
            return f"check {name} of machine {one.id} is {status}"
    if len(one.checks) < one.meaning.checks:
        return f"machine {one.id} has reported {len(one.checks)} of its {one.meaning.checks} health checks"
    return ""


def find_sleep_fault(one: Judged) -> str:
    """Return why a machine that is stopped should not be; '' when its config says that it may."""
    meaning = one.meaning
    if meaning.ended:
        return f"machine {one.id} ended with exit code {meaning.ended}"
    if meaning.scheduled:
        return ""
    if not meaning.services:
        return "" if meaning.policy == "no" and meaning.ended == 0 else f"machine {one.id} is {one.state}"
    if not meaning.sleeps:
        return f"machine {one.id} is {one.state}, and auto_stop_machines is off"
    return "" if meaning.wakes else f"machine {one.id} is {one.state}, and auto_start_machines is off"


def find_fault(machines: Iterable[Judged]) -> str:
    """Return why an app's machines are not healthy together, as a clause; '' when they are."""
    every = list(machines)
    if not every:
        return "no machine is there"
    alone = (find_machine_fault(one) for one in every)
    groups = dict.fromkeys(one.meaning.group for one in every)
    together = (find_group_fault(group, [one for one in every if one.meaning.group == group]) for group in groups)
    return next((fault for faults in (alone, together) for fault in faults if fault), "")


def find_group_fault(group: str, machines: list[Judged]) -> str:
    """Return that fewer machines of a group run than its config asks for; '' when there are enough."""
    # Source: superfly/docs: min_machines_running says how many are left running where machines may be stopped; it makes none.
    least = max(one.meaning.least if one.meaning.sleeps else 0 for one in machines)
    primary = next((one.meaning.primary for one in machines if one.meaning.primary), "")
    running = sum(one.state == "started" and primary in ("", one.meaning.region) for one in machines)
    if running >= least:
        return ""
    where = f" in {primary}" if primary else ""
    return f"{running} of the {least} machines of group {group} that min_machines_running asks for run{where}"
