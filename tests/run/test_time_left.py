"""How long a run still takes: by the graph that it is, and never a figure that nobody measured."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from lib.run.time_left import by_longest_way, describe_left, estimate_left
from lib.tasks.base import Task


def task(name: str, *, waits_for: tuple[str, ...] = (), needs: tuple[str, ...] = ()) -> Task:
    return Task(name=name, title=name, notebook=f"{name}.ipynb", checks=(), waits_for=waits_for, needs=needs)


A, B, C, D = task("a"), task("b", needs=("a.x",)), task("c"), task("d", waits_for=("a", "b", "c"))
TASKS = (A, B, C, D)
EXPECTED = {"a": 10.0, "b": 5.0, "c": 20.0, "d": 3.0}


def test_tasks_run_beside_each_other_where_they_may() -> None:
    assert estimate_left(TASKS, EXPECTED, {}, (), jobs=4) == 23
    assert estimate_left(TASKS, EXPECTED, {}, (), jobs=1) == 38
    assert estimate_left(TASKS, EXPECTED, {"b": 2.0, "c": 15.0}, ("a",), jobs=4) == 8
    assert estimate_left(TASKS, EXPECTED, {}, ("a", "b", "c", "d"), jobs=4) == 0


def test_a_task_that_takes_longer_than_before_ends_now() -> None:
    assert estimate_left((A,), EXPECTED, {"a": 99.0}, (), jobs=1) == 0
    assert describe_left(0) == "takes longer than before"


def test_without_a_figure_of_each_nothing_is_said() -> None:
    assert estimate_left(TASKS, {"a": 1.0}, {}, (), jobs=2) is None
    assert estimate_left(TASKS, {"d": 1.0}, {}, ("a", "b", "c"), jobs=2) == 1, "those that ended need none"
    assert describe_left(None) == ""


def test_it_is_said_as_coarse_as_it_is_known() -> None:
    assert [describe_left(seconds) for seconds in (1.2, 13, 58, 83, 3_600)] == [
        "about 5 s left", "about 15 s left", "about 1 min left", "about 1 min 20 s left", "about 1 h 00 min left",
    ]  # fmt: skip


@given(
    seconds=st.lists(st.floats(min_value=0, max_value=1e4), min_size=4, max_size=4), jobs=st.integers(min_value=1, max_value=5)
)
def test_it_is_between_the_longest_way_and_one_after_the_other(seconds: list[float], jobs: int) -> None:
    expected = dict(zip("abcd", seconds, strict=True))
    left = estimate_left(TASKS, expected, {}, (), jobs=jobs)
    longest = max(expected["a"] + expected["b"], expected["c"]) + expected["d"]
    assert left is not None and longest - 1e-6 <= left <= sum(seconds) + 1e-6


def names(tasks: tuple[Task, ...]) -> str:
    return "".join(one.name for one in tasks)


def test_what_the_end_waits_for_longest_is_started_first() -> None:
    assert names(by_longest_way(TASKS, EXPECTED)) == "cabd"
    assert names(by_longest_way(TASKS, {**EXPECTED, "c": 1.0})) == "abcd"
    first = by_longest_way((C, A, B, D), {"a": 6.0, "b": 5.0, "c": 10.0, "d": 3.0})
    assert names(first) == "acbd"  # c is the longest task, and a has the longest way


def test_without_earlier_runs_what_most_wait_for_comes_first() -> None:
    assert names(by_longest_way((C, D, B, A), {})) == "acbd"
    assert names(by_longest_way((B, A), {})) == "ab"
    assert by_longest_way((), {}) == ()


def test_tasks_that_wait_for_each_other_are_ordered_all_the_same() -> None:
    one, other = task("x", waits_for=("y",)), task("y", waits_for=("x",))
    assert {task.name for task in by_longest_way((one, other, A), {})} == {"x", "y", "a"}


@given(
    seconds=st.lists(st.floats(min_value=0, max_value=1e4), min_size=4, max_size=4), jobs=st.integers(min_value=1, max_value=5)
)
def test_the_order_is_one_in_which_nobody_starts_before_whom_it_waits_for(seconds: list[float], jobs: int) -> None:
    ordered = by_longest_way(TASKS, dict(zip("abcd", seconds, strict=True)))
    assert sorted(names(ordered)) == list("abcd")
    assert names(ordered).index("a") < names(ordered).index("b") < names(ordered).index("d")
    assert estimate_left(ordered, dict(zip("abcd", seconds, strict=True)), {}, (), jobs=jobs) is not None
