"""Shows how much a pass is worth: makes faults on copies of what a look has just seen, and looks again, for a bounded time."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping, Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

from lib.core.errors import TargetError
from lib.core.faults import End, KillRate, Trial, describe_weakness, is_weak, judge_fault, judge_harmless, measure, spread
from lib.core.results import Check, Findings, Look, Outcome, Result
from lib.core.wording import plain_text
from lib.evidence.fault_log import append_trials, recall, remember
from lib.run.inputs import digest
from lib.run.run_file import RunFile
from lib.tasks.fault_operators import faults_of
from lib.tasks.faults import Fault, Faults, Operator, Scene, open_base, same, unchanged
from lib.transport.context import Context

CONTROL = "nothing changed"
"""The operator of the first trial of each look: on a copy as it is, the look must come to what it came to."""
FIX_WEAKNESS = "Read faults.html: add the fixture or the test that would tell, or report what was missed as our defect."
LONGEST = 0.1
"""The part of a task's time for faults that one trial may take."""
MOST_SAID = 300
"""Characters of a result's detail that a trial keeps."""


@dataclass(frozen=True, kw_only=True)
class Planned:
    """One fault to try, and the kind it is of."""

    operator: Operator
    fault: Fault

    @property
    def key(self) -> tuple[str, str]:
        return self.operator.name, self.fault.place


@dataclass(kw_only=True)
class Proving:
    """What a task may still spend on faults, look by look.

    left_s: seconds. longest_s: of one trial. waiting: looks of this task that have faults and were not made yet.
    """

    run: RunFile
    task: str
    left_s: float = 0
    longest_s: float = float("inf")
    floor: float = 0
    waiting: set[str] = field(default_factory=set)

    @cached_property
    def faults(self) -> Faults:
        return faults_of(self.task)

    @classmethod
    def of(cls, run: RunFile, task: str) -> Proving:
        """Return what a task may spend in this run."""
        proving = cls(run=run, task=task, left_s=run.kill_rate_s, floor=run.kill_rate_floor)
        proving.longest_s = LONGEST * proving.left_s
        proving.waiting = {one.look.name for one in proving.operators} if proving.left_s else set()
        return proving

    @property
    def operators(self) -> list[Operator]:
        """The operators of which one trial is not too long for the time that there is."""
        return [one for one in self.faults.operators if one.takes_s <= self.longest_s]

    def prove(
        self, look: Look[..., Any], context: Context[Any], arguments: Mapping[str, Any], found: Findings[Any]
    ) -> dict[str, KillRate]:
        """Return what each passing check of a look is worth, by its id; checks without faults have none.

        What was tried is kept in the run's folder, and remembered.
        """
        mine = self.operators_for(look, found)
        if not mine:
            self.waiting.discard(look.name)
            return {}
        started, share = time.monotonic(), self.left_s * self.part_of(look)
        self.waiting.discard(look.name)
        with ExitStack() as standing:
            scene = Scene(
                context=context, arguments=arguments, found=found, standing=standing, base=self.faults.base or open_base
            )
            trials, untried = self.try_all(look, scene, mine, until=started + share)
        self.left_s -= time.monotonic() - started
        with suppress(OSError):  # a full disk is said by the evidence itself
            append_trials(self.run.run_folder, trials)
        return {check.id: measure(check.id, trials, untried.get(check.id, 0)) for check in {one.check for one in mine}}

    def part_of(self, look: Look[..., Any]) -> float:
        """Return the part of what is left that a look may spend: by the kinds of faults that it and those to come have."""
        kinds = [one.look.name for one in self.operators if one.look.name in self.waiting]
        return kinds.count(look.name) / len(kinds) if kinds else 0

    def operators_for(self, look: Look[..., Any], found: Findings[Any]) -> list[Operator]:
        """Return the operators whose check has passed in this look: there is nothing to prove of any other."""
        passed = {one.check for one in found.results if one.outcome is Outcome.PASS}
        return [one for one in self.operators if one.look is look and one.check.id in passed]

    def try_all(
        self, look: Look[..., Any], scene: Scene, operators: Sequence[Operator], *, until: float
    ) -> tuple[list[Trial], dict[str, int]]:
        """Return the trials, remembered ones among them, and how many faults of each check were not tried."""
        trials: list[Trial] = []
        planned = list(self.plan(look, scene, operators, trials))
        digest = self.digest(look, scene)
        past = {(one.operator, one.place): one for one in recall(self.run.kept, look_key(self.task, look), digest)}
        known = [past[one.key] for one in planned if one.key in past]
        left = [one for one in planned if one.key not in past]
        tried: list[Trial] = []
        if left:
            tried, left = self.try_some(look, scene, left, past.get((CONTROL, unchanged().place)), until=until)
        everything = [*known, *tried]
        if tried:
            with suppress(OSError):
                lasting = [one for one in tried if is_lasting(one)]
                remember(self.run.kept, look_key(self.task, look), digest, [*past.values(), *lasting])
        untried: dict[str, int] = {}
        for one in left:
            if not one.operator.is_harmless:
                untried[one.operator.check.id] = untried.get(one.operator.check.id, 0) + 1
        return [*trials, *everything], untried

    def plan(self, look: Look[..., Any], scene: Scene, operators: Sequence[Operator], trials: list[Trial]) -> Iterable[Planned]:
        """Yield what is to be tried; what changes nothing, or could not be thought out here, is a trial already."""
        for operator in operators:
            try:
                faults = list(operator.faults(scene))
            except TargetError as exc:
                trials.append(
                    self.trial(look, operator, Fault(place="all", make=unchanged().make), End.NOT_MADE, said=exc.message)
                )
                continue
            for fault in faults:
                if fault.equivalent:
                    trials.append(self.trial(look, operator, fault, End.EQUIVALENT, said=fault.equivalent))
                else:
                    yield Planned(operator=operator, fault=fault)

    def try_some(
        self, look: Look[..., Any], scene: Scene, planned: Sequence[Planned], control: Trial | None, *, until: float
    ) -> tuple[list[Trial], list[Planned]]:
        """Try until the time is over, and return the trials and what is left.

        Nothing is tried when the look on a copy as it is came to something else than on the subject.
        """
        groups: dict[str, list[Planned]] = {}
        for one in planned:
            groups.setdefault(f"{one.operator.check.id} {one.operator.name}", []).append(one)
        order = spread(groups, f"{self.run.run_id} {self.task} {look.name}")
        trials: list[Trial] = []
        longest = 0.0
        if control is None:
            first = Operator(name=CONTROL, check=order[0].operator.check, look=look, faults=lambda _: (), is_harmless=True)
            if time.monotonic() >= until:
                return [], order
            trials.append(self.try_one(look, scene, Planned(operator=first, fault=unchanged())))
            control = trials[0]
        if control.end is not End.QUIET:
            return trials, order
        while order and time.monotonic() + longest < until:
            trials.append(self.try_one(look, scene, order.pop(0)))
            longest = max(longest, trials[-1].duration_s) if len(trials) < 4 else (longest + trials[-1].duration_s) / 2
        return trials, order

    def try_one(self, look: Look[..., Any], scene: Scene, planned: Planned) -> Trial:
        """Make one change, look, and return what came of it."""
        operator, fault = planned.operator, planned.fault
        started = time.monotonic()
        try:
            end, result = self.look_again(look, scene, operator, fault)
        except TargetError as exc:
            return self.trial(look, operator, fault, End.NOT_MADE, said=exc.message, duration_s=time.monotonic() - started)
        except Exception as exc:  # the look broke on it: nothing was found, and the run goes on
            said = f"The look broke: {type(exc).__name__}: {exc}"
            return self.trial(look, operator, fault, End.MISSED, said=said, duration_s=time.monotonic() - started)
        return self.trial(look, operator, fault, end, result=result, duration_s=time.monotonic() - started)

    def look_again(self, look: Look[..., Any], scene: Scene, operator: Operator, fault: Fault) -> tuple[End, Result | None]:
        """Return what a look at the changed copy says: at the part that the change can show in, then at the whole."""
        around = self.faults.around.get(look.name, same)
        with around(scene) as apart, fault.make(apart) as changed:
            if fault.narrow is not None and not operator.is_harmless:
                part = replace(changed, context=fault.narrow(changed.context))
                end, result = judge_fault(operator.check.id, scene.found.results, see(look, part).results)
                if end is End.FOUND:
                    return end, result
            seen = see(look, changed).results
        if operator.is_harmless:
            return judge_harmless(scene.found.results, seen)
        return judge_fault(operator.check.id, scene.found.results, seen)

    def trial(
        self,
        look: Look[..., Any],
        operator: Operator,
        fault: Fault,
        end: End,
        *,
        result: Result | None = None,
        said: str = "",
        duration_s: float = 0,
    ) -> Trial:
        return Trial(
            task=self.task,
            look=look.name,
            operator=operator.name,
            place=plain_text(fault.place, limit=MOST_SAID),
            check=operator.check.id,
            end=end,
            came_to=result.outcome.value if result else "",
            said=plain_text(said or (result.detail if result else ""), limit=MOST_SAID),
            move=operator.move if end is End.MISSED else "",
            run_id=self.run.run_id,
            duration_s=round(duration_s, 3),
        )

    def digest(self, look: Look[..., Any], scene: Scene) -> str:
        """Return the digest of all that the look's faults rest on: the code, the settings, the files, and the target."""
        settings = scene.context.settings.model_dump(mode="json") if scene.context.settings is not None else {}
        told = [look.name, self.run.inputs.get(self.task, self.run.run_id), settings, *self.faults.subject(scene)]
        return digest(told)


def see(look: Look[..., Any], scene: Scene) -> Findings[Any]:
    """Make the look on a scene, as a session makes it."""
    return look.attempt(scene.context, **scene.arguments)


def is_lasting(trial: Trial) -> bool:
    """Whether a trial is remembered: what a busy machine or a lost connection may have caused is tried anew."""
    is_bad_control = trial.operator == CONTROL and trial.end is not End.QUIET
    return not is_bad_control and trial.end is not End.NOT_MADE and trial.came_to != Outcome.ERROR.value


def look_key(task: str, look: Look[..., Any]) -> str:
    """Return the name under which a look's trials are remembered."""
    return f"{task}.{look.name}"


def weigh(result: Result, check: Check, rate: KillRate | None, floor: float) -> Result:
    """Return a result as it counts once its worth is known: a gate's pass that found too few faults is none."""
    if rate is None or result.outcome is not Outcome.PASS or not check.gate or not is_weak(rate, floor):
        return result
    fix = "Read faults.html: add the fixture or the test that would tell, or report the missed fault as a defect of the workbook."
    return check.errored(
        describe_weakness(rate, floor), observed=result.observed, expected=result.expected, unit=result.unit, fix=fix
    )
