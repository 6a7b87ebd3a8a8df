"""What a task rests on changes its digest, and what it does not rest on leaves it."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from lib.run.inputs import digest_inputs
from lib.run.params import Params, load_params
from lib.tasks.index import TASKS, task_named
from tests.support.layered import describe_project


@pytest.fixture
def pack(tmp_path: Path) -> Path:
    folder = tmp_path / "project"
    (describe_project(folder) / "supabase").mkdir()
    (folder / "supabase" / "config.toml").write_text("")
    for words in (["init", "-q"], ["add", "."], ["-c", "user.name=x", "-c", "user.email=x@example.com", "commit", "-qm", "x"]):
        subprocess.run(["git", "-C", str(folder), *words], check=True)
    return folder


def params_of(pack: Path, **variables: str) -> Params:
    return load_params("staging", pack=str(pack), variables=variables)


def test_it_is_the_same_for_the_same(pack: Path) -> None:
    assert digest_inputs(params_of(pack), TASKS) == digest_inputs(params_of(pack), TASKS)


@pytest.mark.parametrize(
    "change",
    [
        lambda pack: (pack / "supabase" / "config.toml").write_text("# one comment\n"),
        lambda pack: (pack / "new.sql").write_text("select 1"),
        lambda pack: (pack / "supabase" / "config.toml").unlink(),
        lambda pack: (pack / "link").symlink_to("/etc/passwd"),
        lambda pack: subprocess.run(
            ["git", "-C", str(pack), "-c", "user.name=x", "-c", "user.email=x@x", "commit", "-q", "--allow-empty", "-m", "y"],
            check=True,
        ),
        lambda pack: ((pack / "vault").mkdir(), (pack / "vault" / "a.txt").write_text("a")),
    ],
)
def test_every_change_of_the_project_counts_for_every_task(pack: Path, change: Callable[[Path], object]) -> None:
    before = digest_inputs(params_of(pack), TASKS)
    change(pack)
    after = digest_inputs(params_of(pack), TASKS)
    assert [name for name in before if before[name] == after[name]] == []


def test_a_setting_counts_for_its_task_and_those_that_borrow_it(pack: Path) -> None:
    params = params_of(pack)
    changed = params.sections["alerts"].model_copy(update={"group_wait_s": 7.0})
    before, after = digest_inputs(params, TASKS), None
    object.__setattr__(params, "sections", {**params.sections, "alerts": changed})
    after = digest_inputs(params, TASKS)
    borrowers = {task.name for task in TASKS if any(one.task == "alerts" for one in task.borrows)}
    assert {name for name in before if before[name] != after[name]} == {"alerts"} | borrowers


def test_another_target_and_another_permission_count(pack: Path) -> None:
    rls = [task_named("rls")]
    url = "postgresql://postgres:hunter2hunter2@127.0.0.1:5432/postgres"
    seen = [
        digest_inputs(params_of(pack), rls),
        digest_inputs(params_of(pack, STAGING_DATABASE_URL=url), rls),
        digest_inputs(params_of(pack, STAGING_DATABASE_URL=url.replace("5432", "5433")), rls),
        digest_inputs(params_of(pack, STAGING_DATABASE_URL=url, ALLOW_WRITES="staging"), rls),
    ]
    assert len({one["rls"] for one in seen}) == len(seen)


def test_odd_files_are_no_reason_to_wait_or_to_stop(pack: Path) -> None:
    os.mkfifo(pack / "pipe")
    (pack / "loop").symlink_to("loop")
    (pack / os.fsdecode(b"bad-\xff-name")).write_text("x")
    with (pack / "large.bin").open("wb") as file:
        file.truncate(3_000_000_000)
    assert digest_inputs(params_of(pack), TASKS) == digest_inputs(params_of(pack), TASKS)
