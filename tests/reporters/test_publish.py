"""Whatever can be published is, each part by itself; what can't be is said, and leaves a run that is not green."""

from __future__ import annotations

import json
import stat
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import nbformat
import pytest

from lib.cli.killed_runs import publish_killed
from lib.core.results import Check
from lib.evidence import manifest
from lib.evidence.log import FILE, append_line
from lib.evidence.manifest import ENVELOPE, MANIFEST, UNFINISHED, verify_run
from lib.reporters import publish as publishing
from lib.reporters import sealing
from lib.reporters.publish import Published, publish
from lib.run.endings import RunOutcome, TaskRun
from lib.run.record import read_record, write_record
from lib.run.run_file import RunFile
from lib.tasks.index import SUMMARY, TASKS
from tests.support.paper_worlds import AT, all_lines, make_pack, run_in

RUN = "20261124T021600Z-abcd"


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> RunFile:
    """Return a run that has just ended: every check passed, nothing is published."""
    monkeypatch.delenv("HISTORY_URL", raising=False)
    run = run_in(tmp_path, RUN, pack=make_pack(tmp_path))
    for line in all_lines(run, {}, AT):
        append_line(run.run_folder, line)
    nbformat.write(nbformat.v4.new_notebook(), run.run_folder / f"{SUMMARY.name}.ipynb")
    write_record(run, started_at=AT, rehearsed_for=(), inputs={})
    return run


def go(run: RunFile, *, finished: bool = True) -> Published:
    outcome = RunOutcome(
        started_at=AT,
        ended_at=AT + timedelta(minutes=1),
        finished=finished,
        partial=False,
        rehearsed_for=("STAGING_DATABASE_URL",),
    )
    return publish(run, [TaskRun(task=task, ended="ready") for task in TASKS], outcome)


def about(run: RunFile) -> dict[str, object]:
    return dict(json.loads((run.run_folder / MANIFEST).read_bytes()))


def is_latest(run: RunFile) -> bool:
    latest = run.run_folder.parent / "latest"
    return latest.is_symlink() and latest.readlink().name == run.run_id


def test_a_whole_run_is_sealed_known_and_finished(run: RunFile) -> None:
    done = go(run)
    assert (done.exit_code, done.problems) == (0, ())
    assert is_latest(run) and about(run)["finished"] is True
    assert not (run.run_folder / UNFINISHED).exists()
    assert verify_run(run.run_folder).problems == ()


def test_a_stopped_run_is_never_green(run: RunFile) -> None:
    done = go(run, finished=False)
    assert (done.exit_code, done.verdict.word) == (2, "BLOCKED")
    assert not is_latest(run) and (run.run_folder / UNFINISHED).exists()
    assert "did not come to its end" in done.words


@pytest.mark.parametrize(
    ("part", "said"),
    [
        ("write_task_page", "The page of migrations: No space left on device."),
        ("write_document", "The document devops_execution_summary.md: No space left on device."),
        ("write_index", "The front page: No space left on device."),
        ("seal_run", "The seal: No space left on device."),
        ("draft_documents", "The documents: No space left on device."),
        ("look_once_more", "The last look for credentials: No space left on device."),
    ],
)
def test_a_part_that_can_not_be_made_costs_that_part_alone(
    run: RunFile, monkeypatch: pytest.MonkeyPatch, part: str, said: str
) -> None:
    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(sealing if part == "seal_run" else publishing, part, full)
    done = go(run)
    assert any(problem.replace("docs/", "").endswith(said) for problem in done.problems), done.problems
    assert done.exit_code == 2
    assert not is_latest(run)
    assert (run.run_folder / UNFINISHED).exists(), "so that it can be finished later"
    if part != "write_index":
        assert "UNFINISHED" in (run.run_folder / "index.html").read_text()
    if part not in ("seal_run", "write_index"):
        assert verify_run(run.run_folder).problems == ()
        assert about(run)["finished"] is False


def test_a_seal_that_is_half_made_is_no_seal(run: RunFile, monkeypatch: pytest.MonkeyPatch) -> None:
    real = manifest.write_whole

    def fails(path: Path, content: bytes | str, **named: Any) -> str:
        if path.name == ENVELOPE:
            raise OSError(5, "Input/output error")
        return real(path, content, **named)

    monkeypatch.setattr(manifest, "write_whole", fails)
    done = go(run)
    assert done.exit_code == 2 and not is_latest(run)
    monkeypatch.undo()
    record = read_record(run.run_folder)
    assert record is not None
    assert "UNFINISHED" in " ".join(publish_killed(record, run)), "the next start takes it for what it is"
    assert about(run)["finished"] is False and not is_latest(run)
    assert verify_run(run.run_folder).problems == ()


def test_a_bug_in_one_page_is_said_to_be_ours_and_costs_no_other(run: RunFile, monkeypatch: pytest.MonkeyPatch) -> None:
    real = publishing.write_task_page

    def breaks(report: object, one: object, notebook: object) -> None:
        if one.task.name == "rls":  # type: ignore[attr-defined]
            raise KeyError("surprise")
        real(report, one, notebook)  # type: ignore[arg-type]

    monkeypatch.setattr(publishing, "write_task_page", breaks)
    done = go(run)
    assert done.problems == ("The page of rls: KeyError: 'surprise' (a bug of ours).",)
    assert (run.run_folder / "seed.html").exists() and not (run.run_folder / "rls.html").exists()


@pytest.mark.parametrize(
    "damage",
    [
        lambda rendered: (rendered / "history.sqlite").write_bytes(b"no database" * 500),
        lambda rendered: (rendered / "history.sqlite").mkdir(),
    ],
)
def test_a_history_that_broke_meanwhile_costs_no_page(run: RunFile, damage: Callable[[Path], object]) -> None:
    damage(run.rendered)
    done = go(run)
    assert "can't be used" in done.problems[0] and done.exit_code == 2
    assert (run.run_folder / "index.html").exists() and verify_run(run.run_folder).problems == ()


def test_a_torn_line_is_said_and_its_check_is_not_determined(run: RunFile) -> None:
    path = run.run_folder / FILE
    lines = path.read_bytes().splitlines()
    path.write_bytes(b"\n".join([lines[0][:40], *lines[1:]]) + b"\n")
    done = go(run)
    assert (done.exit_code, done.verdict.word) == (2, "BLOCKED")
    assert "evidence.jsonl, line 1" in done.words
    assert "A line of the evidence" in (run.run_folder / "migrations.html").read_text()


def test_a_line_that_no_disk_took_is_in_what_is_published(run: RunFile) -> None:
    path = run.run_folder / FILE
    *kept, last = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join(kept))
    run.spare.write_bytes(last)
    assert go(run).exit_code == 0
    assert not run.spare.exists()
    assert path.read_bytes().count(b"\n") == len(kept) + 1


def test_a_run_that_holds_a_credential_is_marked_locked_and_never_the_latest(run: RunFile) -> None:
    secret = "sbp_" + "0123456789abcdef" * 2 + "01234567"
    (run.run_folder / "artifacts" / "health" / "odd.txt").write_text(f"TOKEN={secret}\n")
    done = go(run)
    assert done.exit_code == 2 and not is_latest(run)
    assert "artifacts/health/odd.txt" in done.words and secret not in done.words
    assert "CREDENTIALS INSIDE" in (run.run_folder / "index.html").read_text()
    assert about(run)["finished"] is False
    open_to_others = stat.S_IRWXG | stat.S_IRWXO
    assert [path for path in [run.run_folder, *run.run_folder.rglob("*")] if path.stat().st_mode & open_to_others] == []


def test_a_check_without_a_line_is_never_passed_over(run: RunFile) -> None:
    check: Check = next(check for check in TASKS[0].checks if check.gate)
    path = run.run_folder / FILE
    path.write_bytes(
        b"".join(line for line in path.read_bytes().splitlines(keepends=True) if f'"{check.id}"'.encode() not in line)
    )
    done = go(run)
    assert done.verdict.word == "BLOCKED"
    assert f"{check.id} (gate) not determined" in done.words
