"""What a project does not have does not apply, and only that."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from lib.onboarding.applies import find_inapplicable
from lib.onboarding.project_files import read_project
from lib.tasks.alerts.task import THRESHOLDS_AS_DECLARED
from lib.tasks.guardrails.task import PROJECT_COMMANDS_PASS
from tests.support.onboarding_worlds import RULES, make_supabase_project, make_whole_project, observation, write

TASKS = {"migrations", "seed", "rls", "health", "credentials", "deploy_rehearsal", "alerts", "backup_restore"}


def tasks_without(root: Path) -> set[str]:
    return set(find_inapplicable(read_project(root))) & TASKS


def test_a_project_with_supabase_alone_keeps_the_tasks_of_its_database(tmp_path: Path) -> None:
    assert tasks_without(make_supabase_project(tmp_path)) == {"health", "credentials", "deploy_rehearsal", "alerts"}


def test_a_whole_project_keeps_everything(tmp_path: Path) -> None:
    root = make_whole_project(tmp_path)
    policy = root / ".github/launch-policy.yml"
    policy.parent.mkdir(exist_ok=True)
    policy.write_text("branches: {}\n")
    assert find_inapplicable(read_project(root)) == {}


def test_checks_that_have_nothing_to_look_at_are_named(tmp_path: Path) -> None:
    write(
        make_supabase_project(tmp_path), {"package.json": "{}", "alerts.yml": RULES.replace("latency_seconds > 0.5", "up == up")}
    )
    files = read_project(tmp_path)
    reasons = find_inapplicable(files, observation(matrix={}))
    assert {PROJECT_COMMANDS_PASS.id, THRESHOLDS_AS_DECLARED.id, "rls"} <= set(reasons)
    assert "rls" not in find_inapplicable(files, observation(matrix={}, problems=("The server stopped.",)))
    (tmp_path / "package.json").write_text("{")
    assert PROJECT_COMMANDS_PASS.id not in find_inapplicable(read_project(tmp_path))


def test_an_empty_project_keeps_its_guardrails(tmp_path: Path) -> None:
    assert tasks_without(tmp_path) == TASKS
    reasons = set(find_inapplicable(read_project(tmp_path)).values())
    assert all(one.startswith("no ") and one.endswith(" in this project") for one in reasons)


def test_a_seed_that_says_nothing_or_is_switched_off_does_not_apply(tmp_path: Path) -> None:
    make_supabase_project(tmp_path)
    write(tmp_path, {"supabase/seed.sql": "-- later\n"})
    assert "seed" in tasks_without(tmp_path)
    write(tmp_path, {"supabase/seed.sql": "select 1;", "supabase/config.toml": "[db.seed]\nenabled = false\n"})
    assert "seed" in tasks_without(tmp_path)


@pytest.mark.parametrize("name", ["fly.toml", "prometheus-alerts.yml", "supabase/seed.sql"])
def test_what_cannot_be_read_is_no_reason_to_say_that_there_is_none(tmp_path: Path, name: str) -> None:
    make_supabase_project(tmp_path)
    (tmp_path / name).unlink(missing_ok=True)
    os.mkfifo(tmp_path / name)
    gone = {"fly.toml": "deploy_rehearsal", "prometheus-alerts.yml": "alerts", "supabase/seed.sql": "seed"}[name]
    assert gone not in tasks_without(tmp_path)


def test_a_supabase_folder_further_down_is_no_reason_to_say_there_is_none(tmp_path: Path) -> None:
    make_supabase_project(tmp_path / "apps/web")
    assert find_inapplicable(read_project(tmp_path))["rls"] == "no supabase folder but that of apps/web in this project"


def test_one_vendor_is_enough_for_health(tmp_path: Path) -> None:
    write(tmp_path, {".env.example": "CHATWOOT_API_TOKEN=\n"})
    reasons = find_inapplicable(read_project(tmp_path))
    assert "publer" in reasons and not {"chatwoot", "health", "mail"} & set(reasons)
