"""Which tasks a change can touch: few where that is known, all where it is not, and never fewer for more files."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lib.run.affected import find_affected
from lib.tasks.index import SUMMARY, TASKS

DATABASE = {task.name for task in TASKS if "database" in task.targets}
OWN = replace(TASKS[1], name="cdn_cache", notebook="cdn_cache.ipynb", is_own=True, targets=())


def touched(*changed: str, prefix: str = "", is_workbook: bool = False) -> set[str] | None:
    found = find_affected(changed, TASKS, prefix=prefix, is_workbook=is_workbook).tasks
    return None if found is None else set(found)


@pytest.mark.parametrize(
    ("path", "names"),
    [
        ("supabase/tests/01_structure.test.sql", {"rls"}),
        ("supabase/migrations/20260101000000_init.sql", DATABASE),
        ("supabase/migrations/README.md", DATABASE),
        ("supabase/seed.sql", DATABASE),
        ("supabase/config.toml", DATABASE),
        ("prometheus-alerts.yml", {"alerts"}),
        ("monitoring/rules/api.yaml", {"alerts"}),
        ("fly.toml", {task.name for task in TASKS if "fly" in task.targets}),
        ("vault/occ/local/github.env", {"credentials", "deploy_rehearsal"}),
        ("docs/runbooks/alerts.md", {"alerts"}),
        ("docs/picture.png", set()),
        (".github/workflows/ci.yml", set()),
        ("LICENSE", set()),
    ],
)
def test_a_known_place_narrows_and_the_guardrails_always_look(path: str, names: set[str]) -> None:
    assert touched(path) == names | {"guardrails"}
    assert touched(f"app/{path}", prefix="app/") == names | {"guardrails"}


@pytest.mark.parametrize(
    "path",
    [
        "app/main.py",
        "package.json",
        "launch/project.yaml",
        "launch/waivers.yaml",
        "scripts/ops/deploy.sh",
        "Dockerfile",
        "x/fly.toml",
    ],
)
def test_an_unknown_place_can_touch_everything(path: str) -> None:
    found = find_affected(["LICENSE", path], TASKS)
    assert (found.tasks, found.why) == (None, path)


def test_nothing_changed_and_a_file_outside_the_project_are_everything() -> None:
    assert touched() is None
    assert touched("other/LICENSE", prefix="app/") is None


def test_every_task_touched_is_a_whole_run() -> None:
    names = {"supabase/seed.sql", "vault/a", "fly.toml"}
    assert touched(*names) == DATABASE | {"credentials", "deploy_rehearsal", "alerts", "guardrails"}
    tasks = [task for task in TASKS if task.name in {*DATABASE, "credentials", "guardrails", SUMMARY.name}]
    assert find_affected(names, tasks).tasks is None, "a whole run is no partial one"


def test_own_tasks_look_at_every_change_and_one_of_them_at_its_own_files() -> None:
    assert find_affected(["LICENSE"], (*TASKS, OWN)).tasks == ("guardrails", "cdn_cache")
    assert find_affected(["launch/tasks/cdn_cache/looks.py"], (*TASKS, OWN)).tasks == ("guardrails", "cdn_cache")
    assert find_affected(["launch/tasks/gone/looks.py"], TASKS).tasks is None, "a task that is gone is known to nobody"


@pytest.mark.parametrize(
    ("path", "names"),
    [
        ("notebooks/02_rls.ipynb", {"rls", "guardrails"}),
        ("tests/run/test_affected.py", {"guardrails"}),
        ("README.md", {"guardrails"}),
        ("pack/supabase/tests/x.sql", {"rls", "guardrails"}),
        ("lib/core/redact.py", None),
        ("notebooks/05_new.ipynb", None),
        ("params/local.yaml", None),
        ("requirements.txt", None),
        ("action.yml", None),
    ],
)
def test_in_the_workbooks_own_repository_its_files_count_too(path: str, names: set[str] | None) -> None:
    assert touched(path, prefix="pack/", is_workbook=True) == names


PATHS = st.sampled_from(
    ["LICENSE", "supabase/tests/a.sql", "supabase/seed.sql", "fly.toml", "docs/a.md", "vault/x", "a/b.py", "launch/tasks/x/y"]
)


@given(st.sets(PATHS, min_size=1), st.sets(PATHS))
def test_more_files_never_touch_less(some: set[str], more: set[str]) -> None:
    few, many = touched(*some), touched(*some, *more)
    assert many is None or (few is not None and few <= many)


def test_names_come_in_the_order_of_the_tasks() -> None:
    found = find_affected(["supabase/seed.sql"], TASKS).tasks
    assert found == tuple(task.name for task in TASKS if task.name in (found or ()))
    assert SUMMARY.name not in (found or ()), Path.cwd()
