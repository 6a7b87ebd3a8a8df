"""How long a run still takes, and what it should start first, by how long its tasks took before. Pure."""

from __future__ import annotations

import heapq
from collections.abc import Collection, Mapping, Sequence

from lib.core.wording import format_duration
from lib.tasks.base import Task

UNTIMED_S = 5.0
"""How long a task is taken to last that no earlier run tells of, s: then what most wait for comes first."""


def by_longest_way(tasks: Sequence[Task], expected: Mapping[str, float]) -> tuple[Task, ...]:
    """Return tasks in the order in which they should be started: first what the end of the run waits for longest.

    expected: task -> seconds it takes. Tasks of equally long ways stay in their order.
    """
    ways: dict[str, float] = {}
    left = list(tasks)
    while left:
        # A task's own way is known once those of all that wait for it are. In a circle, which never starts, none would be.
        ready = [one for one in left if not any(one.name in names_before(other, tasks) for other in left)] or left[:1]
        for task in ready:
            after = [ways[other.name] for other in tasks if other.name in ways and task.name in names_before(other, tasks)]
            ways[task.name] = expected.get(task.name, UNTIMED_S) + max(after, default=0.0)
            left.remove(task)
    return tuple(sorted(tasks, key=lambda task: -ways[task.name]))


def estimate_left(
    tasks: Sequence[Task], expected: Mapping[str, float], elapsed: Mapping[str, float], ended: Collection[str], *, jobs: int
) -> float | None:
    """Return the seconds until the last task ends, or None when one that has not ended was never timed.

    tasks: in the order in which they are started. expected: task -> seconds it takes. elapsed: task -> seconds it has been
    running. ended: tasks that are over. jobs: how many run at once. A running task that takes longer than expected is taken to
    end now.
    """
    left = [task for task in tasks if task.name not in ended]
    if any(task.name not in expected for task in left):
        return None
    running = [(max(0.0, expected[name] - seconds), name) for name, seconds in elapsed.items() if name not in ended]
    heapq.heapify(running)
    done, started, now = {*ended}, {*ended, *elapsed}, 0.0
    while True:
        for task in left:
            if len(running) < jobs and task.name not in started and names_before(task, tasks) <= done:
                started.add(task.name)
                heapq.heappush(running, (now + expected[task.name], task.name))
        if not running:
            return now
        now, name = heapq.heappop(running)
        done.add(name)


def names_before(task: Task, tasks: Collection[Task]) -> set[str]:
    """Return the tasks of this run that must have ended before one may start."""
    selected = {one.name for one in tasks}
    return selected & {*task.waits_for, *(check.partition(".")[0] for check in task.needs)}


def describe_left(seconds: float | None) -> str:
    """Return how long it still takes, in a few words, as coarse as it is known; '' when nobody knows."""
    if seconds is None:
        return ""
    if seconds < 1:
        return "takes longer than before"
    step = 5 if seconds < 60 else 10
    rounded = max(step, round(seconds / step) * step)
    return f"about {f'{rounded} s' if rounded < 60 else format_duration(rounded)} left"
