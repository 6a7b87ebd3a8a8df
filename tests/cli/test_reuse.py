"""REUSE=1 from the command line: where it is refused, what it takes over, and that nothing is started for it."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from lib.cli import reuse as reusing
from lib.cli.resume import may_keep
from lib.cli.reuse import require_reuse_allowed, settled_inputs
from lib.core.errors import ParamsError
from lib.core.paths import ROOT
from lib.core.results import Provenance
from lib.evidence.log import ReusedFrom, line_of, read_evidence
from lib.evidence.manifest import MANIFEST, verify_run
from lib.run.endings import TaskRun
from lib.run.params import is_reuse, load_params
from lib.run.params_file import PromotesFrom
from lib.run.reuse_inputs import ReuseInputs
from lib.tasks.index import SUMMARY, task_named
from tests.support.launch import Done, run_lib

NAMES = ("migrations", "seed", "rls", "backup_restore")
READ = ("supabase", "launch")
"""What these tasks read of a project, and what says how to judge it."""


def copy_some(pack: Path) -> Path:
    """Bring the sample to a folder without anything that these tasks are not known to read."""
    for name in READ:
        shutil.copytree(ROOT / "pack" / name, pack / name)
    shutil.rmtree(pack / "launch" / "tasks", ignore_errors=True)
    return pack


def bring_the_rest(pack: Path) -> None:
    """Bring the rest of the sample, but for package.json, whose script would be run."""
    shutil.copytree(
        ROOT / "pack", pack, dirs_exist_ok=True, ignore=shutil.ignore_patterns(*READ, "package.json", "node_modules", ".git")
    )


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> tuple[Done, Done]:
    """Return a run, and one after it with REUSE=1 once everything else of the project is there."""
    home = tmp_path_factory.mktemp("reuse")
    pack = copy_some(home / "board")
    words = ("local", "--only", ",".join(NAMES), "--pack", str(pack))
    first = run_lib(*words, rendered=home / "rendered")
    bring_the_rest(pack)
    return first, run_lib(*words, rendered=home / "rendered", REUSE="1")


def test_the_tasks_that_may_be_reused_need_no_other_file_of_a_project(runs: tuple[Done, Done]) -> None:
    first, _ = runs
    assert first.exit_code == 0, first.said
    assert {line.task for line in read_evidence(first.folder)} == {*NAMES, SUMMARY.name}
    assert "error" not in {line.result.value for line in read_evidence(first.folder) if line.task in NAMES}, first.said


def test_every_result_is_the_earlier_runs_with_its_time_and_provenance(runs: tuple[Done, Done]) -> None:
    first, second = runs
    assert second.exit_code == 0, second.said
    assert first.folder != second.folder
    before = [line for line in read_evidence(first.folder) if line.task in NAMES]
    after = [line for line in read_evidence(second.folder) if line.task in NAMES]
    plain = [line.model_copy(update={"run_id": first.folder.name, "reused_from": None}) for line in after]
    assert sorted(plain, key=lambda line: line.check) == sorted(before, key=lambda line: line.check)
    assert {line.reused_from.run_id if line.reused_from else None for line in after} == {first.folder.name}
    assert all(line.reused_from is None for line in read_evidence(second.folder) if line.task == SUMMARY.name)


def test_what_was_taken_over_is_sealed_with_the_run_and_said_at_its_start_and_end(runs: tuple[Done, Done]) -> None:
    first, second = runs
    assert verify_run(second.folder).problems == ()
    about = json.loads((second.folder / MANIFEST).read_text())
    assert set(about["reused"]) == set(NAMES)
    assert set(about["inputs"]) == set(NAMES)
    assert f"rls is reused: looked at in run {first.folder.name}" in second.said
    assert f"{SUMMARY.name} is executed: it adds up this run." in second.said
    assert second.said.count(f"reused: looked at in run {first.folder.name}") >= len(NAMES)
    assert "PARTIAL" in second.said


def test_its_pages_say_that_they_are_an_earlier_runs(runs: tuple[Done, Done]) -> None:
    first, second = runs
    for name in NAMES:
        page = (second.folder / f"{name}.html").read_text()
        assert f"<strong>REUSED</strong> Looked at in run {first.folder.name}" in page
        assert (second.folder / f"{name}.ipynb").read_bytes() == (first.folder / f"{name}.ipynb").read_bytes()
    assert first.folder.name in (second.folder / "index.html").read_text()
    assert "<strong>REUSED</strong>" not in (first.folder / "rls.html").read_text()


def test_it_is_asked_for_and_never_by_default() -> None:
    assert [is_reuse({"REUSE": value}) for value in ("1", " 1 ", "", "0", "true")] == [True, True, False, False, False]
    assert not is_reuse({})


def test_production_and_strict_refuse_it_before_anything_is_started(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    done = run_lib("production", rendered=tmp_path, REUSE="1")
    assert done.exit_code == 2
    assert "rests on what is looked at now, so no result is reused there. Fix: Run it without REUSE." in done.said
    assert not any(tmp_path.iterdir())
    monkeypatch.delenv("STRICT", raising=False)
    params = load_params("local", variables={})
    require_reuse_allowed(params)
    launching = replace(params, promotes_from=PromotesFrom(environment="staging", max_age_h=24))
    with pytest.raises(ParamsError, match="rests on what is looked at now"):
        require_reuse_allowed(launching)
    monkeypatch.setenv("STRICT", "1")
    with pytest.raises(ParamsError, match="REUSE=1 and STRICT=1 exclude each other"):
        require_reuse_allowed(params)


def test_what_was_reused_is_not_kept_over_an_interruption_too(tmp_path: Path) -> None:
    seed = task_named("seed")
    now = datetime(2026, 11, 26, 12, tzinfo=UTC)
    (tmp_path / "seed.ipynb").write_text("{}")
    about: dict[str, Any] = {"run_id": "r", "environment": "local", "provenance": Provenance.EMBEDDED, "duration_s": 1}
    lines = [line_of(check.passed(), check, started_at=now, **about) for check in seed.checks]
    assert may_keep(seed, lines, tmp_path, now)
    taken = lines[0].model_copy(update={"reused_from": ReusedFrom(run_id="q", looked_at=now)})
    assert not may_keep(seed, [taken, *lines[1:]], tmp_path, now)


def test_inputs_count_for_later_runs_only_where_a_task_ended_and_they_stayed_the_same(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    ends = {"migrations": "ready", "seed": "not_ready", "rls": "broken", "backup_restore": "ready", "health": "kept"}
    task_runs = [TaskRun(task=task_named(name), started_at=datetime.now(UTC), ended=how) for name, how in ends.items()]
    before = ReuseInputs(digests=dict.fromkeys(ends, "same"), refusals={})
    after = ReuseInputs(digests={**before.digests, "backup_restore": "another"}, refusals={})
    monkeypatch.setattr(reusing, "digest_for_reuse", lambda *_: after)
    params = load_params("local", variables={})
    tasks = [one.task for one in task_runs]
    assert set(settled_inputs(params, tasks, before, task_runs, ())) == {"migrations", "seed", "health"}
    assert set(settled_inputs(params, tasks, before, task_runs, {"health"})) == {"migrations", "seed"}
    assert settled_inputs(params, tasks, ReuseInputs(digests={}, refusals={}), task_runs, ()) == {}
