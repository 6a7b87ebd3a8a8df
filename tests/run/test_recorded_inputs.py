"""A run says what it was made on, without credentials; whatever differs later is named."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from lib.core.errors import ParamsError
from lib.core.last_look import look_once_more
from lib.run.params import Params, load_params
from lib.run.recorded_inputs import FILE, RecordedInputs, compare_inputs, gather_inputs, read_inputs, write_inputs
from lib.tasks.index import TASKS, task_named
from tests.support.layered import describe_project

MIGRATION = "supabase/migrations/20260101000000_init.sql"


@pytest.fixture
def pack(tmp_path: Path) -> Path:
    folder = describe_project(tmp_path / "project")
    (folder / MIGRATION).parent.mkdir(parents=True)
    (folder / MIGRATION).write_text("create table public.a (id int);")
    subprocess.run(["git", "-C", str(folder), "init", "-q"], check=True)
    return folder


def gathered(
    pack: Path, tmp_path: Path, *, params: Params | None = None, commit: str = "aaa", **variables: str
) -> RecordedInputs:
    params = params or load_params("staging", pack=str(pack), variables=variables)
    commits = {"project": commit, "workbook": "ccc"}
    return gather_inputs(params, TASKS, commits=commits, kept=tmp_path / "kept")


def differences(then: RecordedInputs, now: RecordedInputs, task: str = "rls") -> list[str]:
    return compare_inputs(then, now, [task_named(task)])


def test_it_is_kept_and_read_and_differs_in_nothing(pack: Path, tmp_path: Path) -> None:
    then = gathered(pack, tmp_path)
    write_inputs(tmp_path, then)
    assert read_inputs(tmp_path) == then
    assert differences(then, gathered(pack, tmp_path)) == []


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda pack: (pack / MIGRATION).write_text("select 1;"), f"{MIGRATION} differs"),
        (lambda pack: (pack / MIGRATION).unlink(), f"{MIGRATION} is gone"),
        (lambda pack: (pack / "new.sql").write_text("select 1;"), "new.sql is new"),
        (lambda pack: (pack / "to").symlink_to(pack / MIGRATION), "to is new"),
    ],
)
def test_the_file_that_differs_is_named_and_so_is_the_commit(
    pack: Path, tmp_path: Path, change: Callable[[Path], Any], said: str
) -> None:
    then = gathered(pack, tmp_path)
    change(pack)
    found = differences(then, gathered(pack, tmp_path, commit="bbb"))
    assert found == ["the pack is at commit bbb, the run judged aaa", said]


def test_another_commit_with_the_same_files_counts_for_who_looks_at_commits_alone(pack: Path, tmp_path: Path) -> None:
    then, now = gathered(pack, tmp_path), gathered(pack, tmp_path, commit="bbb")
    assert differences(then, now) == []
    assert differences(then, now, "guardrails") == ["the pack is at commit bbb, the run judged aaa"]


def test_a_setting_is_named_with_both_values_for_its_task_alone(pack: Path, tmp_path: Path) -> None:
    params = load_params("staging", pack=str(pack), variables={})
    changed = params.sections["rls"].model_copy(update={"statement_timeout_s": 77.0})
    then = gathered(pack, tmp_path, params=params)
    now = gathered(pack, tmp_path, params=replace(params, sections={**params.sections, "rls": changed}))
    was = params.sections["rls"].statement_timeout_s
    assert differences(then, now) == [f"rls.statement_timeout_s is 77.0, in the run {was}"]
    assert differences(then, now, "alerts") == []


def test_a_workbook_and_a_notebook_that_differ_are_said(pack: Path, tmp_path: Path) -> None:
    then = gathered(pack, tmp_path)
    other = then.model_copy(
        update={
            "programs": {**then.programs, "modules": "0", "Python": "3.99"},
            "notebooks": {**then.notebooks, "rls": then.notebooks["seed"]},
            "commits": {**then.commits, "workbook": "ddd"},
        }
    )
    assert differences(then, other) == [
        "the workbook is at commit ddd, the run was made by ccc",
        f"Python is 3.99, in the run {then.programs['Python']}",
        "the workbook's modules differ",
        "the notebook of rls differs",
    ]


def test_a_target_that_is_live_now_is_said_without_its_password(pack: Path, tmp_path: Path) -> None:
    then = gathered(pack, tmp_path)
    url = "postgresql://me:Zq7xK2mP9wLr4@db.example.com:5432/postgres"
    now = gathered(pack, tmp_path, STAGING_DATABASE_URL=url)
    said = next(one for one in differences(then, now) if one.startswith("database is"))
    assert "db.example.com" in said and said.endswith("in the run a part of ours")
    assert "Zq7xK2mP9wLr4" not in now.model_dump_json()


def test_credentials_and_their_digests_are_left_out(pack: Path, tmp_path: Path) -> None:
    vault = load_params("staging", pack=str(pack), variables={}).sections["credentials"].vault_folder or "vault"
    for name in (".env", ".env.local", f"{vault}/token.txt", ".env.example"):
        (pack / name).parent.mkdir(parents=True, exist_ok=True)
        (pack / name).write_text("TOKEN=Zq7xK2mP9wLr4\n")
    params = load_params("staging", pack=str(pack), variables={})
    settings = params.sections["credentials"].model_copy(update={"vault_folder": vault})
    found = gathered(pack, tmp_path, params=replace(params, sections={**params.sections, "credentials": settings}))
    assert [name for name in found.files if "env" in name or vault in name] == [".env.example"]


def test_what_it_keeps_does_not_pass_for_a_credential(pack: Path, tmp_path: Path) -> None:
    (pack / "api_token.txt").write_text("how tokens are made")
    (tmp_path / "run").mkdir()
    write_inputs(tmp_path / "run", gathered(pack, tmp_path))
    assert look_once_more(tmp_path / "run") == ()


def test_backups_that_are_gone_are_named_for_the_task_that_counts_them(pack: Path, tmp_path: Path) -> None:
    backup = tmp_path / "kept" / "backups" / "20261127T000348Z-567560"
    backup.mkdir(parents=True)
    then = gathered(pack, tmp_path)
    backup.rmdir()
    now = gathered(pack, tmp_path)
    assert differences(then, now) == []
    assert differences(then, now, "backup_restore") == [f"{backup.name}, kept when the run began, is not here"]


@pytest.mark.parametrize("content", [None, b"", b"{}", b'{"schema_version": 2}'])
def test_a_run_that_does_not_say_it_is_refused_in_one_sentence(tmp_path: Path, content: bytes | None) -> None:
    if content is not None:
        (tmp_path / FILE).write_bytes(content)
    with pytest.raises(ParamsError) as raised:
        read_inputs(tmp_path)
    assert len(raised.value.problems) == 1 and "Fix: " in raised.value.problems[0]
