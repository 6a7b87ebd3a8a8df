"""Shows how much a pass is worth: makes faults on copies of what a look has just seen, and looks again, for a bounded time."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from lib.core.errors import TargetError
from lib.core.faults import End, KillRate, Trial, describe_weakness, is_weak, measure, spread
from lib.core.results import Check, Findings, Look, Outcome, Result
from lib.evidence.fault_log import append_trials, recall, remember
from lib.notebook.trying import Planned, Trying, controls_of, is_lasting
from lib.run.inputs import digest
from lib.run.run_file import RunFile
from lib.tasks.fault_operators import faults_of
from lib.tasks.faults import Base, Faults, Operator, Scene, base_of, needs_database, open_base, same
from lib.transport.context import Context
from lib.transport.database import Database

FIX_WEAKNESS = "Read faults.html: add the fixture or the test that would tell, or report what was missed as our defect."


@dataclass(kw_only=True)
class Proving:
    """What a task may still spend on faults, look by look.

    a_kind_s: seconds for each kind of fault. spare_s: what earlier looks left over. floor: the part that a gate must find.
    waiting: the looks of this task that have faults and were not made yet.
    """

    run: RunFile
    task: str
    faults: Faults
    a_kind_s: float = 0
    spare_s: float = 0
    floor: float = 0
    waiting: set[str] = field(default_factory=set)
    standing: ExitStack = field(default_factory=ExitStack, repr=False)
    bases: list[Database] = field(default_factory=list, repr=False)

    @classmethod
    def of(cls, run: RunFile, task: str) -> Proving:
        """Return what a task may spend in this run."""
        faults = faults_of(task) if run.kill_rate_s else Faults()
        return cls(
            run=run,
            task=task,
            faults=faults,
            a_kind_s=run.kill_rate_s / max(len(faults.operators), 1),
            floor=run.kill_rate_floor,
            waiting={one.look.name for one in faults.operators},
        )

    def prove(
        self, look: Look[..., Any], context: Context[Any], arguments: Mapping[str, Any], found: Findings[Any], took_s: float = 0
    ) -> dict[str, KillRate]:
        """Return what each passing check of a look is worth, by its id; checks without faults have none.

        took_s: what the look itself took. What was tried is kept in the run's folder, and remembered.
        """
        mine = self.operators_for(look, found)
        self.spare_s += self.a_kind_s * sum(one.look is look for one in self.faults.operators)
        self.waiting.discard(look.name)
        if not mine:
            return {}
        lend = partial(self.lend, self.faults.base or open_base)
        trials: list[Trial] = []
        untried: Mapping[str, int] = {}
        with suppress(TargetError):  # a server that is gone meanwhile proves nothing, and takes nothing back
            with ExitStack() as standing:
                scene = Scene(context=context, arguments=arguments, found=found, standing=standing, base=lend)
                settled = self.faults.settle(scene)
                trials, untried = self.try_all(look, settled, mine, took_s if settled is scene else 0)
            if not self.waiting:
                self.standing.close()
        with suppress(OSError):  # a full disk is said by the evidence itself
            append_trials(self.run.run_folder, trials)
        return {check.id: measure(check.id, trials, untried.get(check.id, 0)) for check in {one.check for one in mine}}

    @contextmanager
    def lend(self, base: Base, context: Context[Any]) -> Iterator[Database]:
        """Yield the database that clones are made of: the one of an earlier look, where the task keeps it."""
        if not self.faults.keeps_base:
            with base(context) as database:
                yield database
            return
        if not self.bases:
            self.bases.append(self.standing.enter_context(base(context)))
        yield self.bases[0]

    def operators_for(self, look: Look[..., Any], found: Findings[Any]) -> list[Operator]:
        """Return the operators whose check has passed in this look: there is nothing to prove of any other."""
        passed = {one.check for one in found.results if one.outcome is Outcome.PASS}
        return [one for one in self.faults.operators if one.look is look and one.check.id in passed]

    def try_all(
        self, look: Look[..., Any], scene: Scene, operators: Sequence[Operator], took_s: float
    ) -> tuple[list[Trial], dict[str, int]]:
        """Return the trials, remembered ones among them, and how many faults of each check were not tried.

        took_s: what one trial is expected to take.
        """
        digest, key = self.digest(look, scene), f"{self.task}.{look.name}"
        past = recall(self.run.kept, key, digest)
        known = {(one.operator, one.place): one for one in past}
        trying = Trying(
            run_id=self.run.run_id,
            task=self.task,
            look=look,
            scene=scene,
            operators=operators,
            around=self.faults.around.get(look.name, same),
            controls=controls_of(past),
        )
        settled: list[Trial] = []
        planned = list(plan(trying, settled))
        remembered = [known[one.key] for one in planned if one.key in known]
        left = [one for one in planned if one.key not in known]
        short = [one for one in left if expect_s(one, took_s) < self.spare_s]
        if short:
            rest = self.try_some(trying, short, took_s)
            left = [one for one in left if one not in short or one in rest]
            with suppress(OSError):
                remember(self.run.kept, key, digest, [*past, *(one for one in trying.made if is_lasting(one))])
        untried = Counter(one.operator.check.id for one in left if not one.operator.is_harmless)
        return [*settled, *remembered, *trying.made], untried

    def try_some(self, trying: Trying, planned: Sequence[Planned], took_s: float) -> list[Planned]:
        """Try until the time is over, or the look comes out otherwise on a copy as it is; return what is left.

        Copying the database once is not counted. A look that took too long takes nothing from those to come.
        """
        with suppress(TargetError):  # then each of them says why it can't be made
            if needs_database(one.fault for one in planned):
                base_of(trying.scene)
        began, usual = time.monotonic(), 0.0
        groups: dict[str, list[Planned]] = {}
        for one in planned:
            groups.setdefault(f"{one.operator.check.id} {one.operator.name}", []).append(one)
        harmless = {name for name, some in groups.items() if some[0].operator.is_harmless}
        order = spread(groups, f"{self.run.run_id} {self.task} {trying.look.name}", later=harmless)
        while order and not trying.is_hopeless:
            expected_s = max(usual, expect_s(order[0], took_s))
            if time.monotonic() + expected_s >= began + self.spare_s:
                break
            spent_s = trying.try_one(order.pop(0)).duration_s
            usual = spent_s if not usual else (usual + spent_s) / 2
        self.spare_s = max(0.0, self.spare_s - (time.monotonic() - began))
        return order

    def digest(self, look: Look[..., Any], scene: Scene) -> str:
        """Return the digest of all that the look's faults rest on: the code, the settings, the files, and the target."""
        settings = scene.context.settings.model_dump(mode="json") if scene.context.settings is not None else {}
        told = [look.name, self.run.inputs.get(self.task, self.run.run_id), settings, *self.faults.subject(scene)]
        return digest(told)


def expect_s(planned: Planned, took_s: float) -> float:
    """Return what a trial is expected to take, s. took_s: what its look took; a narrowed one takes a part of that."""
    return planned.operator.takes_s or (0.0 if planned.fault.narrow else took_s)


def plan(trying: Trying, settled: list[Trial]) -> Iterator[Planned]:
    """Yield what is to be tried. settled: filled with what changes nothing, and what could not be thought out here."""
    for operator in trying.operators:
        try:
            faults = list(operator.faults(trying.scene))
        except Exception as exc:  # an odd subject costs this kind of fault, and never the task
            said = exc.message if isinstance(exc, TargetError) else f"{type(exc).__name__}: {exc}"
            settled.append(trying.trial(operator.name, operator.check, "all", End.NOT_MADE, said=said))
            continue
        for fault in faults:
            if fault.equivalent:
                settled.append(trying.trial(operator.name, operator.check, fault.place, End.EQUIVALENT, said=fault.equivalent))
            else:
                yield Planned(operator=operator, fault=fault)


def weigh(result: Result, check: Check, rate: KillRate | None, floor: float) -> Result:
    """Return a result as it counts once its worth is known: a gate's pass that found too few faults is none."""
    if rate is None or result.outcome is not Outcome.PASS or not check.gate or not is_weak(rate, floor):
        return result
    fix = "Read faults.html: add the fixture or the test that would tell, or report the missed fault as a defect of the workbook."
    return check.errored(
        describe_weakness(rate, floor), observed=result.observed, expected=result.expected, unit=result.unit, fix=fix
    )
