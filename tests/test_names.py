"""One name in four places: notebook, checks, tests, params; and ids that say what they belong to."""

from __future__ import annotations

import re
from importlib import import_module

import pytest

from lib.core.paths import ROOT
from lib.run.params import load_params
from lib.tasks.base import Task
from lib.tasks.index import SECTIONS, SUMMARY, TASKS, every_check

CHECK_ID = re.compile(r"^[a-z_]+\.[a-z0-9_]+$")


@pytest.mark.parametrize("task", TASKS, ids=lambda task: task.name)
def test_the_name_is_in_all_four_places(task: Task) -> None:
    assert task.path.exists()
    assert task.path.stem.partition("_")[2] == task.name
    moved = (ROOT / "lib" / "tasks" / task.name / "looks.py").exists()
    assert moved or (ROOT / "lib" / "checks" / f"{task.name}.py").exists()
    assert (ROOT / "tests" / (f"tasks/{task.name}/test_looks.py" if moved else f"checks/test_{task.name}.py")).exists()
    assert task == SUMMARY or task.name in SECTIONS


@pytest.mark.parametrize("environment", ["local", "staging", "production"])
def test_every_section_is_in_every_environment(environment: str) -> None:
    assert set(load_params(environment, variables={}).sections) == set(SECTIONS)


def test_every_check_is_named_after_its_task_and_states_something() -> None:
    for task in TASKS:
        assert task.checks
        for check in task.checks:
            assert check.task == task.name
            assert CHECK_ID.match(check.id)
            assert check.title
            assert not check.title.endswith(".")


def test_ids_are_unique() -> None:
    ids = [check.id for task in TASKS for check in task.checks]
    assert len(ids) == len(set(ids))


def test_every_check_is_looked_at_by_a_look_its_notebook_makes() -> None:
    for task in TASKS:
        moved = (ROOT / "lib" / "tasks" / task.name / "looks.py").exists()
        module = import_module(f"lib.tasks.{task.name}.looks" if moved else f"lib.checks.{task.name}")
        source = task.path.read_text()
        looks = [value for name, value in vars(module).items() if hasattr(value, "check_ids") and f"{task.name}.{name}" in source]
        assert {check for look in looks for check in look.check_ids} == {check.id for check in task.checks}


def test_every_need_is_a_check_of_a_task_before() -> None:
    known = every_check()
    for place, task in enumerate(TASKS):
        before = {one.name for one in TASKS[:place]}
        assert all(need in known and known[need].task in before for need in task.needs)
        assert set(task.waits_for) <= before
