"""What a reused result may rest on changes its digest; what can't be known has none; what is never read leaves it."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from dataclasses import replace
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lib.core.paths import ROOT
from lib.run import reuse_inputs
from lib.run.params import Params, load_params
from lib.run.reuse_inputs import READS_DATABASE_FILES, WHY_NEVER, ReuseInputs, digest_for_reuse
from lib.tasks.index import TASKS, task_named
from tests.support.layered import describe_project

NAMES = ("migrations", "seed", "rls", "backup_restore")
CHOSEN = tuple(task_named(name) for name in NAMES)
CONFIG = '[db]\nmajor_version = 17\n[auth.email.template.invite]\ncontent_path = "./templates/invite.html"\n'


def make_pack(home: Path) -> Path:
    folder = describe_project(home / "above" / "project")
    for name, text in {
        "supabase/config.toml": CONFIG,
        "supabase/migrations/20260101000000_init.sql": "create table public.a (id int);",
        "supabase/tests/a.test.sql": "select 1;",
        "supabase/seed.sql": "select 1;",
        "templates/invite.html": "<p>",
        "README.md": "read me",
        "app/main.py": "print()",
    }.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    return folder


REAL = reuse_inputs.program_marks
ONCE = cache(REAL)


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ask this machine for its programs once; the tests that are about them ask anew."""
    monkeypatch.setattr(reuse_inputs, "program_marks", ONCE)


@pytest.fixture
def pack(tmp_path: Path) -> Path:
    return make_pack(tmp_path)


def params_of(pack: Path, environment: str = "local", **variables: str) -> Params:
    return load_params(environment, pack=str(pack), variables=variables)


def changed(params: Params, section: str, **changes: Any) -> Params:
    return replace(params, sections={**params.sections, section: params.sections[section].model_copy(update=changes)})


def inputs(pack: Path, **variables: str) -> ReuseInputs:
    return digest_for_reuse(params_of(pack, **variables), CHOSEN)


def differing(before: ReuseInputs, after: ReuseInputs) -> set[str]:
    return {name for name in NAMES if before.digests[name] != after.digests[name]}


READ: dict[str, Callable[[Path], object]] = {
    "content": lambda pack: (pack / "supabase/seed.sql").write_text("select 2;"),
    "same length": lambda pack: (pack / "supabase/tests/a.test.sql").write_text("select 9;"),
    "new": lambda pack: (pack / "supabase/migrations/20260102000000_b.sql").write_text(""),
    "ignored by git": lambda pack: (
        (pack / ".gitignore").write_text("*.env\n"),
        (pack / "supabase/x.env").write_text("A=1"),
    ),
    "removed": lambda pack: (pack / "supabase/tests/a.test.sql").unlink(),
    "renamed": lambda pack: (pack / "supabase/seed.sql").rename(pack / "supabase/seed2.sql"),
    "named by config.toml": lambda pack: (pack / "templates/invite.html").write_text("<b>"),
    "linter settings": lambda pack: (pack / ".squawk.toml").write_text("excluded_rules = []"),
    "linter settings below": lambda pack: (pack / "app/.squawk.toml").write_text(""),
    "linter settings above": lambda pack: (pack.parent / ".squawk.toml").write_text(""),
}
UNREAD: dict[str, Callable[[Path], object]] = {
    "readme": lambda pack: (pack / "README.md").write_text("read it"),
    "program": lambda pack: (pack / "app/main.py").unlink(missing_ok=True),
    "workflow": lambda pack: ((pack / ".github").mkdir(exist_ok=True), (pack / ".github/ci.yml").write_text("a: 1")),
    "fly": lambda pack: (pack / "fly.toml").write_text("app = 'a'"),
    "vault": lambda pack: (pack / "notes.env").write_text("A=1"),
    "link": lambda pack: (pack / "link").is_symlink() or (pack / "link").symlink_to("/etc/passwd"),
}


def test_they_are_the_same_for_the_same(pack: Path) -> None:
    first = inputs(pack)
    assert first == inputs(pack)
    assert set(first.digests) == set(NAMES)
    assert len(set(first.digests.values())) == len(NAMES)


@pytest.mark.parametrize("name", READ)
def test_every_file_that_these_tasks_read_counts_for_each(pack: Path, name: str) -> None:
    before = inputs(pack)
    READ[name](pack)
    assert differing(before, inputs(pack)) == set(NAMES)


@settings(max_examples=25, deadline=None)
@given(unread=st.lists(st.sampled_from(sorted(UNREAD))), read=st.sampled_from([None, *sorted(READ)]))
def test_whatever_else_changes_a_digest_is_another_exactly_when_a_file_is_that_is_read(
    unread: list[str], read: str | None
) -> None:
    with TemporaryDirectory() as home:
        pack = make_pack(Path(home))
        before = inputs(pack)
        for name in unread:
            UNREAD[name](pack)
        if read is not None:
            READ[read](pack)
        assert differing(before, inputs(pack)) == (set(NAMES) if read is not None else set())


def test_rows_for_trials_count_wherever_they_lie(pack: Path) -> None:
    (pack / "rows.sql").write_text("select 1;")
    params = changed(params_of(pack), "seed", rehearsal_rows="rows.sql")
    before = digest_for_reuse(params, CHOSEN)
    (pack / "rows.sql").write_text("select 2;")
    assert differing(before, digest_for_reuse(params, CHOSEN)) == set(NAMES)


def test_package_json_counts_for_the_task_that_asks_it_for_a_script(pack: Path) -> None:
    before = inputs(pack)
    (pack / "package.json").write_text('{"scripts": {"test": "true"}}')
    assert differing(before, inputs(pack)) == {"backup_restore"}


@pytest.mark.parametrize(
    ("section", "changes", "names"),
    [
        ("rls", {"statement_timeout_s": 11.0}, {"rls", "backup_restore"}),  # backup_restore borrows it
        ("backup_restore", {"command_timeout_s": 7.0}, {"backup_restore"}),
        ("seed", {"command_timeout_s": 7.0}, set(NAMES)),  # migrations borrows of it, and a section counts whole
        ("migrations", {"max_blocked_ms": 7.0}, set(NAMES)),
        ("alerts", {"group_wait_s": 7.0}, set()),
    ],
)
def test_a_setting_counts_for_its_task_its_borrowers_and_all_that_come_after(
    pack: Path, section: str, changes: dict[str, float], names: set[str]
) -> None:
    params = params_of(pack)
    before, after = digest_for_reuse(params, CHOSEN), digest_for_reuse(changed(params, section, **changes), CHOSEN)
    assert differing(before, after) == names


@pytest.mark.parametrize(
    "change",
    [
        lambda one: replace(one, environment="other"),
        lambda one: replace(one, name="another"),
        lambda one: replace(one, not_applicable={"fly": "there is no app here"}),
        lambda one: replace(one, run=one.run.model_copy(update={"kill_rate_s": 7.0})),
        lambda one: replace(one, run=one.run.model_copy(update={"kill_rate_floor": 0.5})),
        lambda one: replace(one, production_writes_allowed=True),
        lambda one: replace(
            one, embedded=one.embedded.model_copy(update={"fly": one.embedded.fly.model_copy(update={"boot_s": 9.0})})
        ),
    ],
)
def test_what_params_say_of_the_run_counts(pack: Path, change: Callable[[Params], Params]) -> None:
    params = params_of(pack)
    assert differing(digest_for_reuse(params, CHOSEN), digest_for_reuse(change(params), CHOSEN)) == set(NAMES)


def test_how_much_time_a_run_has_and_how_old_results_may_be_do_not_count(pack: Path) -> None:
    params = params_of(pack)
    spent = {"jobs": 7, "notebook_timeout_s": 9.0, "reuse_max_age_h": 1.0}
    after = replace(params, run=params.run.model_copy(update=spent))
    assert digest_for_reuse(params, CHOSEN) == digest_for_reuse(after, CHOSEN)


def test_another_project_of_the_same_name_and_content_counts_by_its_place(tmp_path: Path) -> None:
    assert differing(inputs(make_pack(tmp_path / "a")), inputs(make_pack(tmp_path / "b"))) == set(NAMES)


def test_the_notebook_counts_for_its_task_and_those_after_it(pack: Path, tmp_path: Path) -> None:
    for task in CHOSEN:
        shutil.copyfile(task.path, tmp_path / task.notebook)
    tasks = [replace(task, folder=tmp_path) for task in CHOSEN]
    before = digest_for_reuse(params_of(pack), tasks)
    (tmp_path / task_named("seed").notebook).write_text("{}")
    assert differing(before, digest_for_reuse(params_of(pack), tasks)) == {"seed", "rls", "backup_restore"}


@pytest.mark.parametrize("name", ["lib/a.py", "lib/b.sql", "lib/deep/c.unheard", "requirements.txt"])
def test_the_workbook_itself_counts(pack: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    root = tmp_path / "workbook"
    (root / "lib" / "deep").mkdir(parents=True)
    monkeypatch.setattr(reuse_inputs, "program_marks", REAL)
    monkeypatch.setattr(reuse_inputs, "ROOT", root)
    before = inputs(pack)
    (root / name).write_text("x")
    assert differing(before, inputs(pack)) == set(NAMES)


def test_another_program_or_variable_of_this_machine_counts(pack: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reuse_inputs, "program_marks", REAL)
    before = inputs(pack)
    monkeypatch.setenv("TZ", "Asia/Tokyo")
    zone = inputs(pack)
    program = tmp_path / "bin" / "psql"
    program.parent.mkdir()
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    monkeypatch.setattr(reuse_inputs.shutil, "which", lambda name: str(program) if name == "psql" else None)
    assert len({one.digests["rls"] for one in (before, zone, inputs(pack))}) == 3
    monkeypatch.setattr(reuse_inputs, "find_supabase", lambda _: tmp_path / "gone")
    assert inputs(pack).digests == {}, "a program that is not there is not known"


def test_which_tasks_of_the_run_came_before_counts(pack: Path) -> None:
    alone = digest_for_reuse(params_of(pack), [task_named("rls")])
    assert alone.digests["rls"] != inputs(pack).digests["rls"]


@pytest.mark.parametrize(
    "change",
    [
        lambda pack: (pack / "supabase/a.sql").symlink_to("seed.sql"),
        lambda pack: (pack / "supabase/linked").symlink_to(pack / "app"),
        lambda pack: ((pack / "supabase").rename(pack / "real"), (pack / "supabase").symlink_to("real")),
        lambda pack: os.mkfifo(pack / "supabase/pipe"),
        lambda pack: ((pack / "templates/invite.html").unlink(), (pack / "templates/invite.html").symlink_to("../README.md")),
        lambda pack: (pack / "supabase/config.toml").write_text("[[["),
    ],
)
def test_a_file_whose_content_is_not_known_keeps_all_from_being_reused(pack: Path, change: Callable[[Path], object]) -> None:
    change(pack)
    found = inputs(pack)
    assert found.digests == {}
    assert set(found.refusals) == set(NAMES)
    assert all(found.refusals.values())


def test_a_name_that_is_no_text_is_a_name_like_others(pack: Path) -> None:
    before = inputs(pack)
    with open(os.fsencode(pack / "supabase") + b"/\xff.sql", "w"):  # noqa: PTH123
        pass
    assert differing(before, inputs(pack)) == set(NAMES)


def test_a_file_or_a_folder_too_large_to_read_is_not_known(pack: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reuse_inputs, "LARGEST_READ", 8)
    assert "too large" in inputs(pack).refusals["rls"]
    monkeypatch.undo()
    monkeypatch.setattr(reuse_inputs, "MOST_FILES", 1)
    assert "more than 1 files" in inputs(pack).refusals["rls"]


def test_each_task_is_either_known_by_its_files_or_never_reused_with_a_reason() -> None:
    assert READS_DATABASE_FILES | WHY_NEVER.keys() == {task.name for task in TASKS}
    assert not READS_DATABASE_FILES & WHY_NEVER.keys()


def test_these_are_never_reused_and_nor_is_what_nobody_described(pack: Path) -> None:
    found = digest_for_reuse(params_of(pack), [*TASKS, replace(TASKS[0], name="new_one")])
    assert found.refusals == {**WHY_NEVER, "new_one": "nobody has said which files it reads"}


def test_a_live_target_is_never_reused_nor_one_of_which_a_part_is_missing(pack: Path) -> None:
    url = "postgresql://postgres:hunter2hunter2@db.example.com:5432/postgres"
    live = digest_for_reuse(params_of(pack, "staging", STAGING_DATABASE_URL=url), CHOSEN)
    missing = digest_for_reuse(params_of(pack, "staging", STAGING_SMTP_URL="smtp://a:hunter2hunter2@mail.example.com"), CHOSEN)
    assert (live.digests, missing.digests) == ({}, {})
    assert live.refusals["rls"] == "database is live, and may have changed since"


def test_programs_of_the_user_and_of_the_project_keep_their_tasks_from_being_reused(pack: Path) -> None:
    params = params_of(pack)
    own = replace(params, run=params.run.model_copy(update={"postgres_bin": "/opt/pg/bin"}))
    assert digest_for_reuse(own, CHOSEN).digests == {}
    (pack / "package.json").write_text('{"scripts": {"backup": "pg_dump"}}')
    found = inputs(pack)
    assert set(found.digests) == {"migrations", "seed", "rls"}
    assert "npm run backup" in found.refusals["backup_restore"]


def test_a_task_of_the_projects_own_is_executed_and_with_it_all_that_share_its_database(pack: Path) -> None:
    own = replace(TASKS[0], name="cdn", is_own=True, targets=(), waits_for=())
    assert set(digest_for_reuse(params_of(pack), [*CHOSEN, own]).digests) == set(NAMES)
    writer = replace(own, targets=("database",))
    assert digest_for_reuse(params_of(pack), [*CHOSEN, writer]).digests == {}


def test_what_comes_after_a_task_that_is_executed_is_executed(pack: Path) -> None:
    tasks = [replace(task, is_own=True) if task.name == "seed" else task for task in CHOSEN]
    tasks = [replace(task, targets=()) if task.is_own else task for task in tasks]
    found = digest_for_reuse(params_of(pack), tasks)
    assert set(found.digests) == {"migrations"}
    assert found.refusals["rls"] == "seed is executed before it"


def test_the_sample_counts_the_files_that_are_there() -> None:
    params = load_params("local", variables={})
    seen = {path.relative_to(ROOT / "pack").as_posix() for path in reuse_inputs.database_files(params) if path.exists()}
    there = {path.relative_to(ROOT / "pack").as_posix() for path in (ROOT / "pack" / "supabase").rglob("*") if path.is_file()}
    assert there <= seen
    assert len(there) > 10
