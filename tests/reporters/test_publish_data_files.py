"""What other programs read is written of every run, sealed, and marked where the run is unfinished."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path

import pytest

from lib.cli.killed_runs import publish_killed
from lib.evidence.durations import durations_lately
from lib.evidence.history import open_history
from lib.evidence.log import append_line
from lib.evidence.manifest import MANIFEST, verify_run
from lib.reporters import data_files
from lib.reporters import publish as publishing
from lib.reporters.data_files import WRITERS
from lib.reporters.pages import OTHERS, list_links
from lib.run.endings import RunOutcome, TaskRun
from lib.run.record import read_record, write_record
from lib.run.run_file import RunFile
from lib.tasks.index import TASKS
from tests.support.paper_worlds import AT, all_lines, make_pack, run_in

FILES = {"junit.xml", "results.sarif", "ctrf.json", "oscal.json", "metrics.prom", "summary.md"}


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> RunFile:
    """Return a run that has just ended: every check passed, nothing is published."""
    monkeypatch.delenv("HISTORY_URL", raising=False)
    run = run_in(tmp_path, "20261124T021600Z-abcd", pack=make_pack(tmp_path))
    for line in all_lines(run, {}, AT):
        append_line(run.run_folder, line)
    write_record(run, started_at=AT, rehearsed_for=(), inputs={})
    return run


def go(run: RunFile, *, finished: bool = True) -> publishing.Published:
    ended = AT + timedelta(minutes=1)
    outcome = RunOutcome(started_at=AT, ended_at=ended, finished=finished, partial=False, rehearsed_for=())
    runs = [TaskRun(task=task, ended="ready", started_at=AT, ended_at=AT + timedelta(seconds=17)) for task in TASKS]
    return publishing.publish(run, runs, outcome)


def test_they_are_written_and_sealed(run: RunFile) -> None:
    assert go(run).problems == ()
    assert set(WRITERS) == FILES <= json.loads((run.run_folder / MANIFEST).read_bytes())["files"].keys()
    assert verify_run(run.run_folder).problems == ()
    listed = {one.path: one.about for one in list_links(run.run_folder)}
    page = (run.run_folder / "index.html").read_text()
    assert set(WRITERS) == set(OTHERS) and all(listed[name] == OTHERS[name] and name in page for name in WRITERS)
    assert 'task="rls"} 17\n' in (run.run_folder / "metrics.prom").read_text()
    assert durations_lately(open_history(run.rendered), run.project, run.environment)["rls"] == 17


@pytest.mark.parametrize("how", ["stopped", "killed"])
def test_an_unfinished_run_has_them_too_and_each_says_so(run: RunFile, how: str) -> None:
    if how == "stopped":
        go(run, finished=False)
    else:
        record = read_record(run.run_folder)
        assert record is not None
        list(publish_killed(record, run))
    texts = {name: (run.run_folder / name).read_text() for name in FILES}
    assert "UNFINISHED" in texts["summary.md"] and 'name="unfinished"' in texts["junit.xml"]
    assert "launch_readiness_run_finished{" in texts["metrics.prom"] and '"executionSuccessful": false' in texts["results.sarif"]
    assert 'run_finished{project="pack",environment="staging"} 0' in texts["metrics.prom"]
    assert verify_run(run.run_folder).problems == ()


@pytest.mark.parametrize("name", sorted(FILES))
def test_one_that_can_not_be_written_is_said_and_the_others_know_that_the_run_is_unfinished(
    run: RunFile, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    def full(report: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(publishing, "WRITERS", {**data_files.WRITERS, name: full})
    done = go(run)
    assert done.problems == (f"The file {name}: No space left on device.",) and done.exit_code == 2
    assert {path.name for path in run.run_folder.iterdir()} & FILES == FILES - {name}
    left = "metrics.prom" if name != "metrics.prom" else "summary.md"
    assert ("run_finished{" in (text := (run.run_folder / left).read_text()) and "} 0\n" in text) or "UNFINISHED" in text
    assert "UNFINISHED" in (run.run_folder / "index.html").read_text()
