"""REUSE=1 in a run: when it is refused, what is taken over, and what later runs are told of this one's inputs."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from datetime import datetime
from pathlib import Path

from lib.core.errors import ParamsError
from lib.core.visible import plain_line, say
from lib.run.endings import TaskRun
from lib.run.older_layout import open_rendered
from lib.run.params import Params, is_strict
from lib.run.production import is_production
from lib.run.reuse import Reuse, find_reusable
from lib.run.reuse_inputs import ReuseInputs, digest_for_reuse
from lib.run.signing import own_keys
from lib.tasks.base import Task

ENDED = frozenset({"ready", "not_ready", "kept"})
"""How a task ended whose notebook ran to its end."""


def require_reuse_allowed(params: Params) -> None:
    """Raise ParamsError where nothing but what is looked at now may count."""
    if is_production(params.environment) or params.promotes_from is not None:
        raise ParamsError(
            f"REUSE=1: a launch of {params.environment} rests on what is looked at now, so no result is reused there. "
            "Fix: Run it without REUSE."
        )
    if is_strict():
        raise ParamsError("REUSE=1 and STRICT=1 exclude each other: a reused result is never a GO. Fix: Run without one of them.")


def look_for_reusable(params: Params, tasks: Sequence[Task], inputs: ReuseInputs, rendered: Path, *, now: datetime) -> Reuse:
    """Return what is taken over from earlier runs, and say it, and of each other task why not."""
    runs = rendered / open_rendered(rendered, params.pack) / params.environment
    found = find_reusable(
        tasks,
        inputs,
        runs,
        now=now,
        max_age_h=params.run.reuse_max_age_h,
        keys=own_keys(),
        shelf_life=params.shelf_life,
    )
    for task in tasks:
        if task.name in found.sources:
            say(plain_line(f"{task.name} is reused: {found.sources[task.name].describe(now)}."))
        else:
            say(plain_line(f"{task.name} is executed: {found.refusals[task.name]}."))
    return found


def settled_inputs(
    params: Params, tasks: Collection[Task], before: ReuseInputs, task_runs: Iterable[TaskRun], resumed: Collection[str]
) -> dict[str, str]:
    """Return the inputs of the tasks that came to their end and whose inputs are the same as before.

    resumed: tasks that were kept from before an interruption; what their results rest on is not known so narrowly.
    """
    ended = {one.task.name for one in task_runs if one.ended in ENDED} - {*resumed}
    if not ended & before.digests.keys():
        return {}
    after = digest_for_reuse(params, tasks).digests
    return {name: digest for name, digest in before.digests.items() if name in ended and after.get(name) == digest}
