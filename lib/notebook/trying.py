"""Tries the faults of one look: each on a copy of its own, by the same look, beside a control that nothing was changed in."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from lib.core.errors import TargetError
from lib.core.faults import End, Trial, judge_fault, judge_harmless
from lib.core.results import Check, Findings, Look, Outcome, Result
from lib.core.wording import plain_text
from lib.tasks.faults import Change, Fault, Operator, Scene, needs_database, same, unchanged

CONTROL = "nothing changed"
"""The operator of a control: on a copy as it is, the look must come to what it came to."""
UNLIKE = "On a copy as it is the look comes to something else, so nothing can be said by a changed one."
MOVE = "Add a fixture or a test that tells it from what is right, or report it as a defect of the workbook."
"""What would tell a fault that was missed, where its kind says nothing better."""
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
class Trying:
    """One look whose faults are tried. about: the checks that its operators are about. around: what each trial is made within.

    controls: (place, check) -> the control made, of an earlier run too. made: the trials of this run, controls among them.
    """

    run_id: str
    task: str
    look: Look[..., Any]
    scene: Scene
    operators: Sequence[Operator]
    around: Change = same
    controls: dict[tuple[str, str], Trial] = field(default_factory=dict)
    made: list[Trial] = field(default_factory=list)

    @property
    def about(self) -> set[str]:
        return {one.check.id for one in self.operators}

    @property
    def is_hopeless(self) -> bool:
        """Whether the look as a whole came to something else on a copy as it is."""
        place = unchanged().place
        return any(one.end is not End.QUIET for (where, _), one in self.controls.items() if where == place)

    def try_one(self, planned: Planned) -> Trial:
        """Make one change, look, and return what came of it; it is among those made from then on."""
        operator, fault = planned.operator, planned.fault
        started = time.monotonic()
        said, result = "", None
        try:
            end, result = self.look_again(operator, fault)
        except TargetError as exc:
            end, said = End.NOT_MADE, exc.message
        except Exception as exc:  # the look broke on it: nothing was found, and the run goes on
            end, said = End.MISSED, f"The look broke: {type(exc).__name__}: {exc}"
        found = self.trial(operator.name, operator.check, fault.place, end, result=result, said=said, move=operator.move)
        self.made.append(found.model_copy(update={"duration_s": round(time.monotonic() - started, 3)}))
        return self.made[-1]

    def look_again(self, operator: Operator, fault: Fault) -> tuple[End, Result | None]:
        """Return what a look at the changed copy says: at the part that the change can show in, then at the whole.

        Raises TargetError when the change can't be made, or the look comes out otherwise on a copy as it is.
        """
        with self.around(self.scene) as apart, fault.make(apart) as changed:
            if fault.narrow is not None and not operator.is_harmless:
                result = failed_in(see(self.look, narrowed(changed, fault)), operator.check)
                if result is not None and self.is_like(operator.check, fault, is_part=True):
                    return End.FOUND, result
            seen = see(self.look, changed)
        if operator.is_harmless:
            end, result = judge_harmless(self.scene.found.results, seen, self.about | {operator.check.id})
        else:
            end, result = judge_fault(operator.check.id, self.scene.found.results, seen)
        if end in (End.FOUND, End.ELSEWHERE, End.FALSE_ALARM) and not self.is_like(operator.check, fault, is_part=False):
            raise TargetError(UNLIKE)
        return end, result

    def is_like(self, check: Check, fault: Fault, *, is_part: bool) -> bool:
        """Return whether the look comes to the same on a copy as it is: at the part that a fault shows in, or at the whole."""
        copied = unchanged(is_cloned=needs_database([fault]))
        place = f"{copied.place}, {fault.part}" if is_part else copied.place
        key = (place, check.id if is_part else "")
        if key not in self.controls:
            started = time.monotonic()
            with self.around(self.scene) as apart, copied.make(apart) as copy:
                seen = see(self.look, narrowed(copy, fault) if is_part else copy)
            end, result = judge_harmless(self.scene.found.results, seen, self.about | {check.id})
            if is_part:  # what a narrowed look leaves out is no fault of it
                result = failed_in(seen, check)
                end = End.FALSE_ALARM if result else End.QUIET
            control = self.trial(CONTROL, check, place, end, result=result)
            self.controls[key] = control.model_copy(update={"duration_s": round(time.monotonic() - started, 3)})
            self.made.append(self.controls[key])
        return self.controls[key].end is End.QUIET

    def trial(
        self, operator: str, check: Check, place: str, end: End, *, result: Result | None = None, said: str = "", move: str = ""
    ) -> Trial:
        """Return one trial, as it is kept."""
        return Trial(
            task=self.task,
            look=self.look.name,
            operator=operator,
            place=plain_text(place, limit=MOST_SAID),
            check=check.id,
            end=end,
            came_to=result.outcome.value if result else "",
            said=plain_text(said or (result.detail if result else ""), limit=MOST_SAID),
            move=(move or MOVE) if end is End.MISSED else "",
            run_id=self.run_id,
        )


def failed_in(results: Sequence[Result], check: Check) -> Result | None:
    """Return the result of a check where it is a fail."""
    return next((one for one in results if one.check == check.id and one.outcome is Outcome.FAIL), None)


def narrowed(scene: Scene, fault: Fault) -> Scene:
    """Return the part of a scene that a fault can show in."""
    return replace(scene, context=fault.narrow(scene.context)) if fault.narrow is not None else scene


def see(look: Look[..., Any], scene: Scene) -> Sequence[Result]:
    """Make the look on a scene, as a session makes it."""
    found: Findings[Any] = look.attempt(scene.context, **scene.arguments)
    return found.results


def controls_of(past: Sequence[Trial]) -> dict[tuple[str, str], Trial]:
    """Return the controls among what is remembered."""
    whole = unchanged().place
    return {(one.place, "" if one.place == whole else one.check): one for one in past if one.operator == CONTROL}


def is_lasting(trial: Trial) -> bool:
    """Whether a trial is remembered: what a busy machine or a lost connection may have caused is tried anew."""
    is_bad_control = trial.operator == CONTROL and trial.end is not End.QUIET
    return not is_bad_control and trial.end is not End.NOT_MADE and trial.came_to != Outcome.ERROR.value
