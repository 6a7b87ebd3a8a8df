"""A run's record tells whoever finds it what was asked, never a credential, and whether anybody still executes it."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from lib.embedded.leftovers import process_start
from lib.run.record import FILE, find_abandoned, read_record, remove_record, write_record
from lib.run.run_file import RunFile
from tests.support.paper_worlds import AT, make_pack, run_in

RUN = "20261124T021600Z-abcd"


@pytest.fixture
def run(tmp_path: Path) -> RunFile:
    run = run_in(tmp_path, RUN, pack=make_pack(tmp_path))
    private = {"target_url": "postgresql://postgres:hunter2hunter2@127.0.0.1/x", "secrets": ("hunter3hunter3",)}
    return run.model_copy(update={**private, "services": {"chatwoot": {"url": "https://x", "token": "hunter4hunter4"}}})


def test_it_comes_back_without_any_credential(run: RunFile) -> None:
    write_record(run, started_at=AT, rehearsed_for=("STAGING_DATABASE_URL",), inputs={"rls": "abc"})
    assert "hunter" not in (run.run_folder / FILE).read_text()
    record = read_record(run.run_folder)
    assert record is not None
    assert (record.run.run_id, record.run.tasks, record.inputs) == (RUN, run.tasks, {"rls": "abc"})
    assert record.run.secrets == () and record.run.services == {}


def test_a_living_owner_is_no_leftover_and_a_dead_one_is(run: RunFile) -> None:
    write_record(run, started_at=AT, rehearsed_for=(), inputs={})
    assert list(find_abandoned(run.rendered)) == []
    dead = subprocess.Popen([sys.executable, "-c", ""])
    dead.wait()
    kept = json.loads((run.run_folder / FILE).read_text())
    (run.run_folder / FILE).write_text(json.dumps({**kept, "owner_pid": dead.pid}))
    assert [one.run.run_id for one in find_abandoned(run.rendered)] == [RUN]
    (run.run_folder / FILE).write_text(json.dumps({**kept, "owner_started": "another boot/1"}))
    assert [one.run.run_id for one in find_abandoned(run.rendered)] == [RUN], "its number was given to another process"
    (run.run_folder / FILE).write_text(json.dumps({**kept, "host": "elsewhere", "owner_pid": dead.pid}))
    assert list(find_abandoned(run.rendered)) == [], "a run on another machine can't be judged from here"
    assert process_start(dead.pid) is None


def test_it_moves_with_the_folder_and_goes_when_the_run_is_finished(run: RunFile, tmp_path: Path) -> None:
    write_record(run, started_at=AT, rehearsed_for=(), inputs={})
    (tmp_path / "rendered").rename(tmp_path / "moved")
    folder = tmp_path / "moved" / "pack" / "staging" / RUN
    record = read_record(folder)
    assert record is not None and record.run.run_folder == folder and record.run.rendered == tmp_path / "moved"
    remove_record(folder)
    assert read_record(folder) is None


@pytest.mark.parametrize("content", ["", "{", "[]", '{"run": 1}', "\0"])
def test_one_that_can_not_be_read_is_none(run: RunFile, content: str) -> None:
    (run.run_folder / FILE).write_text(content)
    assert read_record(run.run_folder) is None
    assert list(find_abandoned(run.rendered)) == []
