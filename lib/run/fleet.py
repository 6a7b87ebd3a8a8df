"""Runs many projects in many environments on a cluster, and returns the one result of each.

A worker that is lost takes its attempt along; the member is tried again, a bounded number of times. Results are counted by
what is committed (lib.run.fleet_commit), not by what attempts say.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, CancelledError, Executor, Future, wait
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from typing import Any

from lib.core.errors import WorkbookError
from lib.core.verdict import BROKEN_CODE, STRICT_CODE, Verdict
from lib.run.fleet_commit import Committed, find_committed, incoming
from lib.run.fleet_plan import Member
from lib.run.signals import Interrupted
from lib.transport.storage import Storage

MOST_SUBMISSIONS = 5
"""Times that a member is submitted. The scheduler starts each anew by itself when its worker is lost, by dask's own setting
`distributed.scheduler.allowed-failures`, 3: with both a member is started 20 times at most."""
KEEPS_UP_EVERY_S = 3
NOT_RUN = "it was not run: the fleet was stopped"


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What came of one member: what is committed, or why nothing is. reused: it was committed by an earlier fleet."""

    member: Member
    committed: Committed | None = None
    problem: str = ""
    exit_code: int | None = None
    reused: bool = False
    took_s: float = 0.0

    @property
    def code(self) -> int:
        """Its exit code: of its run, else what a run gives that could not begin."""
        if self.committed is not None:
            return self.committed.exit_code
        return BROKEN_CODE if self.exit_code == BROKEN_CODE else Verdict.BLOCKED.exit_code

    @property
    def verdict(self) -> str:
        """Its verdict's word; nothing that is known of a member is BLOCKED."""
        return self.committed.verdict if self.committed is not None else Verdict.BLOCKED.word


@dataclass(kw_only=True)
class Fleet:
    """One fleet under way. stopped_with: the exit code of one that was stopped."""

    id: str
    storage: Storage
    strict: bool
    outcomes: dict[str, Outcome] = field(default_factory=dict)
    stopped_with: int | None = None

    def job_of(self, member: Member) -> dict[str, Any]:
        """Return what a worker is sent: plain data, references in it and no value."""
        plain = {**asdict(member), "only": list(member.only), "optional": sorted(member.optional)}
        return {"member": plain, "fleet": self.id, "results": self.storage.url, "strict": self.strict}


def new_fleet_id(now: datetime) -> str:
    """Return an id that sorts by time and no other fleet has."""
    return f"{now.astimezone(UTC):%Y%m%dT%H%M%SZ}-{secrets.token_hex(3)}"


def run_members(
    fleet: Fleet,
    members: Sequence[Member],
    executor: Executor,
    *,
    task: Callable[[Mapping[str, Any]], dict[str, Any]],
    on_done: Callable[[Outcome], None],
    on_lost: Callable[[Member, str], None],
    keep_up: Callable[[], None] = lambda: None,
) -> None:
    """Run the members and keep each one's outcome, until all have one or a person stops it.

    task: what is submitted, with the job of one member. keep_up: called every few seconds, so that workers stay there.
    """
    started = {member.name: time.monotonic() for member in members}
    waiting: dict[Future[dict[str, Any]], Member] = {}
    tries: dict[str, int] = {}

    def submit(member: Member) -> None:
        tries[member.name] = tries.get(member.name, 0) + 1
        waiting[executor.submit(task, fleet.job_of(member))] = member

    try:
        for member in members:
            submit(member)
        while waiting:
            done, _ = wait(waiting, timeout=KEEPS_UP_EVERY_S, return_when=FIRST_COMPLETED)
            keep_up()
            for future in done:
                member = waiting.pop(future)
                answer, lost = read_answer(future)
                if lost and tries[member.name] < MOST_SUBMISSIONS:
                    on_lost(member, lost)
                    submit(member)
                    continue
                took_s = time.monotonic() - started[member.name]
                outcome = settle(fleet, member, answer, lost, took_s=took_s)
                fleet.outcomes[member.name] = outcome
                on_done(outcome)
    except Interrupted as stop:
        fleet.stopped_with = stop.exit_code
        for future in waiting:
            future.cancel()


def read_answer(future: Future[dict[str, Any]]) -> tuple[dict[str, Any], str]:
    """Return what an attempt answered, or why its worker could not: it was lost, or lacks what an attempt needs."""
    try:
        return future.result(), ""
    except CancelledError:
        return {}, "the scheduler let go of it"
    except Exception as exc:  # a lost worker's error is the scheduler's own class; an attempt of ours raises none
        return {}, f"its worker was lost ({type(exc).__name__})"


def settle(fleet: Fleet, member: Member, answer: Mapping[str, Any], lost: str, *, took_s: float) -> Outcome:
    """Return what counts of a member: what is committed, whoever said so, else the problem."""
    committed = find_committed(fleet.storage, fleet.id, member.project, member.environment)
    if committed is not None:
        return Outcome(member=member, committed=committed, took_s=took_s)
    problem = lost or str(answer.get("problem") or "it said that it was committed, and it is not in the results")
    return Outcome(member=member, problem=problem, exit_code=answer.get("exit_code"), took_s=took_s)


def collect(fleet: Fleet, members: Iterable[Member]) -> Iterator[Outcome]:
    """Yield one outcome a member, in their order, also of those that were committed while the fleet was being stopped.

    What attempts that don't count had uploaded is removed.
    """
    for member in members:
        known = fleet.outcomes.get(member.name)
        if known is None:
            try:
                committed = find_committed(fleet.storage, fleet.id, member.project, member.environment)
            except WorkbookError:
                committed = None
            known = Outcome(member=member, committed=committed, problem="" if committed else NOT_RUN)
        yield known
    fleet.storage.remove(incoming(fleet.id))


def exit_code_of(outcomes: Iterable[Outcome], *, strict: bool) -> int:
    """Return the code of the worst verdict: 1 for a NO-GO, else 3 when the workbook broke, else 2, else 0."""
    codes = {one.code for one in outcomes}
    if strict and any(one.verdict != Verdict.GO.word and not one.code for one in outcomes):
        codes.add(STRICT_CODE)
    worst = (Verdict.NO_GO.exit_code, BROKEN_CODE, *sorted(codes - {0}), 0)
    return next(code for code in worst if code in codes or not code)


def worst_of(outcomes: Iterable[Outcome]) -> Verdict:
    """Return the worst verdict of all."""
    words = {one.verdict for one in outcomes}
    return next(one for one in reversed(Verdict) if one.word in words or one is Verdict.GO)
