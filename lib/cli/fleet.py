"""`python -m lib fleet`: many projects in many environments, on a cluster or on two workers of this machine."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from lib.core.errors import ParamsError
from lib.core.visible import plain_line, say
from lib.core.wording import format_duration
from lib.run.cluster import Cluster, in_worker, open_cluster
from lib.run.fleet import Fleet, Outcome, collect, exit_code_of, new_fleet_id, run_members
from lib.run.fleet_inputs import choose_reused, digest_members, keep_latest
from lib.run.fleet_plan import Member, cross, read_fleet
from lib.run.fleet_worker import names_set
from lib.run.params import is_reuse, is_strict
from lib.run.signals import Interrupted, finish_first, handle_signals
from lib.transport.storage import Storage, open_storage

IN_MEMORY = "memory:"


def run_fleet(
    *, environments: Sequence[str], packs: Sequence[str], only: Sequence[str], file: str, scheduler: str, results: str
) -> int:
    """Run the fleet, publish its page, and return the exit code of the worst verdict.

    only: of each member that ENVS and PACKS name. Raises ParamsError before anything is started when what was asked can't be
    understood.
    """
    if is_reuse() and is_strict():
        raise ParamsError("REUSE=1 and STRICT=1 exclude each other: a reused result is never a GO. Fix: Run without one of them.")
    members = choose_members(environments, packs, only, file)
    storage = open_results(results)
    fleet = Fleet(id=new_fleet_id(datetime.now(UTC)), storage=storage, strict=is_strict())
    say(f"Fleet {fleet.id}: {len(members)} runs, results in {plain_line(storage.url)}")
    started_at = datetime.now(UTC)
    digests = digest_members(members)
    try:
        with handle_signals(), open_cluster(scheduler) as cluster:
            carry_out(fleet, members, digests, cluster)
    except Interrupted as stop:
        fleet.stopped_with = stop.exit_code
    return publish(fleet, members, digests, started_at)


def choose_members(environments: Sequence[str], packs: Sequence[str], only: Sequence[str], file: str) -> list[Member]:
    """Return what the fleet is made of, by ENVS and PACKS or by FLEET. Raises ParamsError for neither, and for both."""
    if file and (environments or packs or only):
        raise ParamsError("FLEET says it all: ENVS, PACKS and ONLY are not for it. Fix: Give FLEET alone, or ENVS and PACKS.")
    if file:
        return read_fleet(Path(file).expanduser().resolve())
    if not environments or not packs:
        raise ParamsError("A fleet needs ENVS and PACKS, or FLEET. Fix: make fleet ENVS=local,staging PACKS=../a,../b")
    return cross(packs, environments, base=Path.cwd(), only=only)


def open_results(results: str) -> Storage:
    """Return where results go; a path is made absolute, since workers stand elsewhere. Raises ParamsError."""
    if results.startswith(IN_MEMORY):
        raise ParamsError("RESULTS=memory:// is one process's own, and workers are others. Fix: Name a folder, or s3://...")
    return open_storage(results if "://" in results else str(Path(results).expanduser().resolve()))


def carry_out(fleet: Fleet, members: Sequence[Member], digests: dict[str, str | None], cluster: Cluster) -> None:
    """Run every member that has to be, and say what came of each."""
    progress = Progress(total=len(members), workers=cluster.workers)
    if is_reuse():
        asked = sorted({reference for one in members for reference in one.variables.values()})
        has = {name for names in cluster.ask(names_set, asked) for name in names}
        fleet.outcomes.update(choose_reused(fleet.storage, members, digests, set_at_worker=has))
        for outcome in fleet.outcomes.values():
            progress.done(outcome)
    left = [one for one in members if one.name not in fleet.outcomes]
    run_members(fleet, left, cluster.executor, task=in_worker, on_done=progress.done, on_lost=say_lost, keep_up=cluster.keep_up)
    if fleet.stopped_with is not None:
        say("Stopping: each run that has begun ends, and puts back what it changed.", to=sys.stderr)
        if not cluster.wait_until_idle():
            say("Some runs did not end in time. Fix: Look at the cluster's workers.", to=sys.stderr)


def publish(fleet: Fleet, members: Sequence[Member], digests: dict[str, str | None], started_at: datetime) -> int:
    """Write the page over the fleet, say the verdict, and return the exit code.

    A member whose inputs changed while it ran is not reused later.
    """
    from lib.reporters.fleet_page import PAGE, describe, write_fleet  # nbconvert takes long to import

    finish_first()
    outcomes = list(collect(fleet, members))
    done = [one for one in outcomes if one.committed is not None and not one.reused]
    inputs = digest_members(one.member for one in done)
    for one in done:
        name = one.member.name
        keep_latest(fleet.storage, one, inputs[name] if inputs[name] == digests[name] else None)
    data = write_fleet(fleet, outcomes, started_at=started_at, ended_at=datetime.now(UTC))
    say()
    say(f"{data['verdict']}  is the worst verdict. {describe(outcomes, is_stopped=fleet.stopped_with is not None)}")
    say(f"Read it: {plain_line(fleet.storage.url)}/{PAGE}")
    code = fleet.stopped_with if fleet.stopped_with is not None else exit_code_of(outcomes, strict=fleet.strict)
    say(f"exit code {code}: {'stopped' if fleet.stopped_with is not None else data['verdict']}")
    return code


def say_lost(member: Member, why: str) -> None:
    """Say that a member is tried again."""
    say(f"{plain_line(member.name)}: {why}; it is tried again.", to=sys.stderr)


class Progress:
    """Says one line for each member that is done, with the time left by what the ones before took."""

    def __init__(self, *, total: int, workers: int) -> None:
        self.total, self.workers = total, workers
        self.count = 0
        self.took: list[float] = []

    def done(self, outcome: Outcome) -> None:
        """Say what came of one member."""
        self.count += 1
        said = f"{outcome.verdict:<9}" if outcome.committed else f"{outcome.verdict:<9} {plain_line(outcome.problem)}"
        if outcome.committed is not None:
            began, ended = (datetime.fromisoformat(one) for one in (outcome.committed.started_at, outcome.committed.ended_at))
            took_s = (ended - began).total_seconds()
            if outcome.reused:
                said += f" reused, {format_duration((datetime.now(UTC) - ended).total_seconds())} old"
            else:
                self.took.append(took_s)
                said += f" in {format_duration(took_s)}"
        left = self.total - self.count
        if left and self.took:
            left_s = sum(self.took) / len(self.took) * left / min(self.workers, left)
            said += f"; about {format_duration(left_s)} left"
        say(f"{self.count} of {self.total}  {plain_line(outcome.member.name)}  {said}")
