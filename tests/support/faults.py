"""Tries every fault of a task's faults.py on a clean subject, without a budget, as a run tries some of them."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from lib.core.faults import End, Trial
from lib.core.results import Look, Outcome
from lib.notebook.proving import plan
from lib.notebook.trying import CONTROL, Trying
from lib.run.run_file import RunFile
from lib.tasks.faults import Fault, Faults, Scene, open_base, same
from lib.transport.context import Context

FINE = (End.FOUND, End.QUIET, End.EQUIVALENT)


def make_run(folder: Path, **given: Any) -> RunFile:
    """Return the run file of a run that only proves."""
    paths = {name: folder / name for name in ("pack", "run_folder", "rendered", "work", "kept", "events", "spare")}
    for name in ("run_folder", "work", "kept"):
        paths[name].mkdir(exist_ok=True)
    fixed = {"run_id": "20261126T090000Z-abcd", "project": "p", "environment": "local", "rehearsal": True, "tasks": ("rls",)}
    programs = {name: Path(name) for name in ("supabase", "squawk", "postgres_bin")}
    return RunFile(**{**fixed, **paths, **programs, "sections": {}, "kill_rate_s": 60, "kill_rate_floor": 0.9, **given})


def try_faults(
    faults: Faults,
    look: Look[..., Any],
    context: Context[Any],
    folder: Path,
    *,
    only: str = "",
    most: int = 1000,
    one_each: Callable[[Fault], str] | None = None,
    **arguments: Any,
) -> list[Trial]:
    """Return a trial of each fault of a look's operators, but no control. only: of those with these words in their name.

    most: faults of each operator, from the first. one_each: of faults of which it says the same, the first alone.
    The look must pass on the subject as it is.
    """
    found = look.attempt(context, **arguments)
    assert [one for one in found.results if one.outcome is Outcome.FAIL] == []
    trials: list[Trial] = []
    operators = [one for one in faults.operators if one.look is look and only in one.name]
    with ExitStack() as standing:
        scene = Scene(context=context, arguments=arguments, found=found, standing=standing, base=faults.base or open_base)
        scene = faults.settle(scene)
        for operator in operators:
            around = faults.around.get(look.name, same)
            trying = Trying(run_id="run", task=look.checks[0].task, look=look, scene=scene, operators=[operator], around=around)
            planned = list(plan(trying, trials))
            if one_each is not None:
                planned = list({one_each(one.fault): one for one in reversed(planned)}.values())
            for one in planned[:most]:
                trying.try_one(one)
            trials += [one for one in trying.made if one.operator != CONTROL]
    return trials


def unfound(trials: list[Trial]) -> list[str]:
    """Return what did not come out as it must: a fault that was not found, a harmless change that was not quiet."""
    return [f"{one.end.value}: {one.key}: {one.came_to} {one.said}" for one in trials if one.end not in FINE]
