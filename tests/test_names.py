"""One name in four places: package, notebook, params, tests; tests lie where their module does; ids say what they belong to."""

from __future__ import annotations

import ast
import re
from importlib import import_module
from pathlib import Path
from typing import get_origin

import pytest

from lib.core.paths import ROOT
from lib.core.results import Look
from lib.run.params import load_params
from lib.tasks.base import Task
from lib.tasks.index import SECTIONS, SUMMARY, TASKS, every_check

CHECK_ID = re.compile(r"^[a-z_]+\.[a-z0-9_]+$")
WHOLE = {
    "browser",
    "docs",
    "faults",
    "notebooks",
    "pack",
    "benchmarks",
    "resilience",
    "test_action.py",
    "test_conftest.py",
    "test_catalogue_queries.py",
    "test_container.py",
    "test_denominators.py",
    "test_layers.py",
    "test_limits.py",
    "test_names.py",
    "test_workflows.py",
}
"""Folders and files of tests/ that are about the whole system or the project itself, not about one module."""
TEST_FILES = sorted((ROOT / "tests").rglob("test_*.py"))


@pytest.mark.parametrize("task", TASKS, ids=lambda task: task.name)
def test_the_name_is_in_all_four_places(task: Task) -> None:
    package = ROOT / "lib" / "tasks" / task.name
    assert [name for name in ("task.py", "looks.py", "judge.py") if not (package / name).exists()] == []
    assert task.path.exists()
    assert task.path.stem.partition("_")[2] == task.name
    assert task == SUMMARY or task.name in SECTIONS
    assert (ROOT / "tests" / "tasks" / task.name / "test_looks.py").exists()


def test_every_package_is_a_task_of_the_list() -> None:
    packages = {path.parent.name for path in (ROOT / "lib" / "tasks").glob("*/__init__.py")}
    assert packages == {task.name for task in TASKS}


@pytest.mark.parametrize("path", TEST_FILES, ids=lambda path: path.relative_to(ROOT / "tests").as_posix())
def test_a_test_lies_where_its_module_does(path: Path) -> None:
    """tests/tasks/rls/test_judge.py is about lib/tasks/rls/judge.py, and so is test_judge_grants.py beside it."""
    folder = path.parent.relative_to(ROOT / "tests")
    if path.relative_to(ROOT / "tests").parts[0] in WHOLE:
        return
    about = path.stem.removeprefix("test_")
    modules = [one.stem for one in (ROOT / "lib" / folder).glob("*.py")]
    assert any(about == name or about.startswith(f"{name}_") for name in modules), f"no module of lib/{folder} is named {about}"


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


def test_an_id_stands_once_in_lib() -> None:
    """A misspelt constant is found by the type checker; a misspelt id would be found by nobody."""
    places: dict[str, list[str]] = {check.id: [] for task in TASKS for check in task.checks}
    for path in sorted((ROOT / "lib").rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Constant) and node.value in places:
                places[str(node.value)].append(path.relative_to(ROOT / "lib").as_posix())
    assert {check: found for check, found in places.items() if found != [f"tasks/{check.partition('.')[0]}/task.py"]} == {}


def test_what_a_task_borrows_is_there_and_of_its_type() -> None:
    sections = load_params("local", variables={}).sections
    for task in TASKS:
        for one in task.borrows:
            value = getattr(sections[one.task], one.field) if one.field else sections[one.task]
            assert isinstance(value, get_origin(one.type) or one.type), f"{task.name} borrows {one}"


def test_every_check_is_looked_at_by_a_look_its_notebook_makes() -> None:
    for task in TASKS:
        module = import_module(f"lib.tasks.{task.name}.looks")
        source = task.path.read_text()
        looks = [value for name, value in vars(module).items() if isinstance(value, Look) and f"{task.name}.{name}" in source]
        assert {check for look in looks for check in look.checks} == set(task.checks)


def test_every_need_is_a_check_of_a_task_before() -> None:
    known = every_check()
    for place, task in enumerate(TASKS):
        before = {one.name for one in TASKS[:place]}
        assert all(need in known and known[need].task in before for need in task.needs)
        assert set(task.waits_for) <= before
