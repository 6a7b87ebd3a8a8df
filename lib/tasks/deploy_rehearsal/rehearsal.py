"""One rehearsal: deploy the candidate, watch it, roll back by the pack's script; users all the while."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from lib.clients.fly.flyctl import TOOL_BROKE, AppState, Fly, Machine, deploy, read_app, read_machines, said_by
from lib.clients.fly.machine_health import find_fault
from lib.core.busyness import QUIET_RECORD, Control, ControlRecord
from lib.core.errors import CommandError
from lib.core.wording import plain_text
from lib.tasks.deploy_rehearsal.outages import Phase, begin_stream
from lib.tasks.deploy_rehearsal.rollback import ReleaseSnapshot, RollbackPlan, run_rollback
from lib.tasks.deploy_rehearsal.smoke import SmokeCalls, make_smoke_calls, wait_for_image
from lib.tasks.deploy_rehearsal.telemetry import Telemetry
from lib.transport.control import ControlClock
from lib.transport.process import FollowedRun
from lib.transport.traffic import Sample, Stream

POLL_S = 0.2
"""Seconds between two looks at the machines while the candidate is watched."""


@dataclass(frozen=True, kw_only=True)
class RehearsalPlan:
    """What will be done, decided before anything is changed."""

    fly: Fly
    config: str
    image: str
    strategy: str
    endpoints: Sequence[str]
    per_second: float
    baseline_s: float
    watch_s: float
    health_timeout_s: float
    rollback_limit_s: float
    rollback: RollbackPlan
    before: AppState


@dataclass(frozen=True, kw_only=True)
class DeployPlan:
    """What is known before anything is changed, for the looks that follow.

    works: whether there is a rollback, and a candidate to deploy. telemetry: what the platforms measured, where they are asked.
    """

    plan: RehearsalPlan
    snapshot: ReleaseSnapshot
    works: bool
    telemetry: Telemetry | None = None


@dataclass(kw_only=True)
class Rehearsal:
    """What came of it; a part that was not reached is None.

    deploy_failure: why flyctl's own answer says nothing about the candidate. healthy_after_s: from the trigger.
    watched_s: how long the candidate was seen healthy; fell_over: what ended that early, and ended_itself whether a machine's
    program did; watch_failure: why the machines could not be read. rollback_failure: why the script did not end.
    control: what sleeps and work of this machine met all the while, on the stream's clock.
    """

    phases: list[Phase] = field(default_factory=list)
    samples: Sequence[Sample] = ()
    deploy: FollowedRun | None = None
    deploy_failure: str = ""
    healthy_after_s: float | None = None
    machines: tuple[Machine, ...] = ()
    watched_s: float = 0.0
    fell_over: str = ""
    ended_itself: bool = False
    watch_failure: CommandError | None = None
    smoke_before: SmokeCalls | None = None
    smoke_candidate: SmokeCalls | None = None
    smoke_after: SmokeCalls | None = None
    rollback: FollowedRun | None = None
    rollback_failure: str = ""
    after: AppState | None = None
    control: ControlRecord = QUIET_RECORD

    def phase(self, name: str) -> Phase:
        """Return one phase; an empty one where it was not reached."""
        return next((phase for phase in self.phases if phase.name == name), Phase(name=name, begin_s=0.0, end_s=0.0))

    def control_of(self, name: str) -> Control:
        """Return what the control met in one phase."""
        phase = self.phase(name)
        return self.control.within(phase.begin_s, phase.end_s)


def rehearse(plan: RehearsalPlan, *, at_stage: Callable[[str], None]) -> Rehearsal:
    """Do the whole rehearsal and return what came of it, however the candidate fared.

    at_stage: called with each stage as it begins, before anything is changed in it.
    Raises CommandError when the app cannot be read any more after the rollback.
    """
    seen = Rehearsal(smoke_before=make_smoke_calls(plan.before.url, plan.endpoints))
    with begin_stream(plan.before.url, plan.endpoints, per_second=plan.per_second) as stream, ControlClock() as clock:
        time.sleep(plan.baseline_s)
        marks = [("before", 0.0), ("deploy", stream.now())]
        at_stage("deploying the candidate")
        deploy_candidate(plan, seen, stream, began_s=marks[1][1])
        marks.append(("watch", stream.now()))
        if seen.healthy_after_s is not None:
            at_stage("watching the candidate")
            seen.smoke_candidate = make_smoke_calls(plan.before.url, plan.endpoints)
            watch_candidate(plan, seen)
        marks.append(("rollback", stream.now()))
        at_stage("rolling back")
        roll_back(plan, seen)
        marks.append(("after", stream.now()))
        time.sleep(plan.baseline_s)
        ended_s = stream.now()
        seen.control = clock.record().shifted(-stream.started)
    ends = [begin for _, begin in marks[1:]] + [ended_s]
    seen.phases = [Phase(name=name, begin_s=begin, end_s=end) for (name, begin), end in zip(marks, ends, strict=True)]
    seen.samples = sorted(stream.samples)
    seen.smoke_after = make_smoke_calls(plan.before.url, plan.endpoints)
    seen.after = read_app(plan.fly)
    return seen


def deploy_candidate(plan: RehearsalPlan, seen: Rehearsal, stream: Stream, *, began_s: float) -> None:
    """Deploy, and see whether every machine gets healthy on the candidate."""
    try:
        seen.deploy = deploy(
            plan.fly,
            plan.config,
            image=plan.image,
            strategy=plan.strategy,
            wait_s=plan.health_timeout_s,
            timeout_s=plan.fly.timeout_s,
        )
        if seen.deploy.exit_code in TOOL_BROKE or seen.deploy.exit_code < 0:
            seen.deploy_failure = f"flyctl deploy was cut off (exit code {seen.deploy.exit_code}): {said_by(seen.deploy)}."
        succeeded = seen.deploy.exit_code == 0
        healthy, seen.machines = wait_for_image(plan.fly, plan.image, timeout_s=plan.health_timeout_s if succeeded else 0)
        if healthy and succeeded:
            seen.healthy_after_s = stream.now() - began_s
    except CommandError as exc:
        seen.deploy_failure = exc.message  # its fix is another one after the rollback


def watch_candidate(plan: RehearsalPlan, seen: Rehearsal) -> None:
    """Look at the machines until the watch is over, or one is not healthy or ended by itself."""
    began = time.monotonic()
    known = {(machine.id, exit_ms) for machine in seen.machines for exit_ms in machine.exits}
    watched = {machine.id for machine in seen.machines}
    while not seen.fell_over and not seen.watch_failure and time.monotonic() - began < plan.watch_s:
        time.sleep(POLL_S)
        try:
            seen.machines = read_machines(plan.fly)
        except CommandError as exc:
            seen.watch_failure = exc
            break
        seen.watched_s = time.monotonic() - began
        exits = [machine.id for machine in seen.machines for exit_ms in machine.exits if (machine.id, exit_ms) not in known]
        fault = find_fault(seen.machines)
        gone = sorted(watched - {machine.id for machine in seen.machines})
        other = [machine.id for machine in seen.machines if machine.image != plan.image]
        if exits:
            seen.ended_itself = True
            seen.fell_over = f"machine {exits[0]} ended by itself {seen.watched_s:.1f} s after it was healthy"
        elif fault:
            seen.fell_over = f"{plain_text(fault, limit=200)}, {seen.watched_s:.1f} s later"
        elif gone or other:
            what = f"{gone[0]} was gone" if gone else f"{other[0]} ran another image"
            seen.fell_over = f"machine {what} {seen.watched_s:.1f} s later"


def roll_back(plan: RehearsalPlan, seen: Rehearsal) -> None:
    """Run the rollback script, and keep what it said."""
    try:
        seen.rollback = run_rollback(plan.fly, plan.rollback, timeout_s=plan.rollback_limit_s * 2 + plan.fly.timeout_s)
    except CommandError as exc:
        seen.rollback_failure = exc.message


def transcripts_of(seen: Rehearsal) -> dict[str, Any]:
    """Return what is kept of the rehearsal: transcripts with times, and every request."""
    kept: dict[str, Any] = {
        "phases.json": [asdict(phase) for phase in seen.phases],
        "requests.json": {
            "columns": ["sent_at_s", "path", "status", "took_ms", "version"],
            "rows": [list(one) for one in seen.samples],
        },
    }
    if seen.deploy is not None:
        kept["deploy.txt"] = seen.deploy.timed_transcript
    if seen.rollback is not None:
        kept["rollback.txt"] = seen.rollback.timed_transcript
    return kept


def format_machines(fly: Fly) -> str:
    """Return what each machine runs at this moment, or that it could not be read."""
    try:
        machines = read_machines(fly)
    except CommandError as exc:
        return f"The machines of {fly.app} could not be read: {exc}"
    return "\n".join(
        f"machine {one.id}: {one.state}, {one.image}, checks {', '.join(one.checks.values()) or 'none'}" for one in machines
    )
