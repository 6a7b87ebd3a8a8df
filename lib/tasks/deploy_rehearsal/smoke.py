"""Smoke calls: the few requests that show whether a version of the app works on a database."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from lib.clients.fly.flyctl import Fly, Machine, deploy, read_app, read_machines, said_by
from lib.clients.fly.machine_health import find_fault
from lib.core.busyness import RUN_AGAIN, Standing, too_busy_for, weigh_timeout
from lib.core.errors import CommandError
from lib.core.wording import plain_text
from lib.tasks.deploy_rehearsal.answers import Form, form_of
from lib.transport.control import ControlClock
from lib.transport.traffic import LONGEST_VERSION, fetch_json

POLL_S = 0.1


@dataclass(frozen=True, kw_only=True)
class SmokeCalls:
    """What one version answered on one schema.

    failures: one line for each call that was bad. forms: endpoint -> the form of its body, of those that were good.
    """

    version: str
    calls: int
    failures: tuple[str, ...]
    forms: Mapping[str, Form] = field(default_factory=dict, repr=False)

    @property
    def works(self) -> bool:
        return self.calls > 0 and not self.failures


def make_smoke_calls(url: str, paths: Sequence[str]) -> SmokeCalls:
    """Return what the app answers on each path: 200, JSON, and no list of it empty."""
    failures, versions, forms = [], set(), {}
    for path in paths:
        status, body = fetch_json(url.rstrip("/") + path)
        problem = find_problem(status, body)
        if problem:
            failures.append(f"{path}: {problem}")
        else:
            forms[path] = form_of(body)
        if isinstance(body, dict) and body.get("version"):
            versions.add(plain_text(str(body["version"]), limit=LONGEST_VERSION))
    said = ", ".join(sorted(versions)) or "unknown"
    return SmokeCalls(version=said, calls=len(paths), failures=tuple(failures), forms=forms)


def find_problem(status: int, body: object) -> str:
    """Return what is wrong with an answer, '' for nothing."""
    if status != 200:
        return f"status {status}" if status else "no answer"
    if not isinstance(body, dict):
        return "no JSON object"
    empty = [name for name, value in body.items() if value == []]
    return f"'{plain_text(empty[0], limit=LONGEST_VERSION)}' is empty" if empty else ""


def wait_for_image(fly: Fly, image: str, *, timeout_s: float) -> tuple[bool, tuple[Machine, ...]]:
    """Return whether every machine ran the image and was healthy in time, and the machines as last seen."""
    deadline = time.monotonic() + timeout_s
    while True:
        machines = read_machines(fly)
        healthy = not find_fault(machines) and all(one.image == image for one in machines)
        if healthy or time.monotonic() > deadline:
            return healthy, machines
        time.sleep(POLL_S)


def wait_clearly(fly: Fly, image: str, *, timeout_s: float) -> tuple[bool, tuple[Machine, ...]]:
    """Wait as `wait_for_image` does. Raises CommandError when the time was over because this machine was busy."""
    with ControlClock() as clock:
        began_s = time.monotonic()
        healthy, machines = wait_for_image(fly, image, timeout_s=timeout_s)
        control = clock.since(began_s)
    if not healthy and weigh_timeout(timeout_s, control) is Standing.UNCLEAR:
        raise CommandError(f"{fly.app} was not healthy in time. {too_busy_for(control, timeout_s)}", fix=RUN_AGAIN)
    return healthy, machines


def try_image(fly: Fly, config: str, image: str, paths: Sequence[str], *, health_timeout_s: float) -> SmokeCalls:
    """Deploy the image to an app without users, and return its smoke calls. Raises CommandError when flyctl breaks."""
    state = read_app(fly)
    if {machine.image for machine in state.machines} != {image}:
        run = deploy(fly, config, image=image, strategy="immediate", wait_s=health_timeout_s, timeout_s=fly.timeout_s)
        if run.exit_code != 0:
            raise CommandError(
                f"{image} could not be deployed to {fly.app}: {said_by(run)}.", fix="Deploy it by hand to see more."
            )
    healthy, machines = wait_clearly(fly, image, timeout_s=health_timeout_s)
    if not healthy:
        fault = find_fault(machines) or "a machine runs another image"
        return SmokeCalls(version="unknown", calls=1, failures=(f"never healthy on {fly.app}: {plain_text(fault, limit=200)}",))
    return make_smoke_calls(state.url, paths)


def format_cell(app: str, schema: str, seen: SmokeCalls | None) -> dict[str, Any]:
    """Return one cell of the grid as a row."""
    if seen is None:
        return {"app": app, "schema": schema, "version": "", "calls": 0, "works": None, "failure": "not tried"}
    return {
        "app": app, "schema": schema, "version": seen.version, "calls": seen.calls, "works": seen.works,
        "failure": "; ".join(seen.failures) or None,
    }  # fmt: skip
