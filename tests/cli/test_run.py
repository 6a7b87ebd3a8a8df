"""The whole way, from the command line to the published run, in processes of their own."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from lib.core.paths import ROOT
from lib.core.redact import password_of
from lib.core.results import Outcome, Provenance, SkipReason
from lib.embedded.state_folders import state_base
from lib.embedded.strays import find_strays
from lib.evidence.history import last_run, open_history
from lib.evidence.log import read_evidence
from lib.evidence.manifest import verify_run
from lib.tasks.index import TASKS
from tests.support.launch import Done, Whole, command, resume_lib, run_lib

LOOK_S = 0.02
"""Between two looks; looking without a pause takes a core from the run that is waited for."""
UNTIL_S = 90
"""Seconds within which a run gets to the point a test waits for; it takes a few on two cores."""


def test_a_clean_pack_is_rehearsed_and_exits_0(whole: Done) -> None:
    assert whole.exit_code == 0, whole.said
    assert "REHEARSED" in whole.said


def test_every_check_of_every_task_has_exactly_one_row(whole: Done) -> None:
    checks = [line.check for line in read_evidence(whole.folder)]
    assert sorted(checks) == sorted(check.id for task in TASKS for check in task.checks)


def test_no_gate_of_a_clean_pack_is_left_without_a_pass(whole: Done) -> None:
    unproved = {line.check: line.result for line in read_evidence(whole.folder) if line.gate and line.result is not Outcome.PASS}
    # Nobody is notified of a run in which nothing failed; roles are tried on the embedded database itself, which nobody could
    # change by hand; the sample has no function that the API may call, and declares no window for deploys from here.
    reasons = {
        "deploy_rehearsal.within_deployment_window": SkipReason.NOT_APPLICABLE,
        "health.notification_delivered": SkipReason.NOT_DUE,
        "migrations.target_is_as_built": SkipReason.NOT_DUE,
        "rls.twin_grants_the_same": SkipReason.NOT_DUE,
        "rls.exposed_functions_are_declared": SkipReason.NOT_APPLICABLE,
        "rls.functions_keep_to_matrix": SkipReason.NOT_APPLICABLE,
    }
    assert unproved == dict.fromkeys(reasons, Outcome.SKIP)
    assert {line.check: line.skipped_because for line in read_evidence(whole.folder) if line.check in reasons} == reasons


def test_every_result_says_what_it_speaks_about_and_where_it_was_performed(whole: Done) -> None:
    for line in read_evidence(whole.folder):
        assert line.subject in {"database", "chatwoot", "publer", "mail", "fly", "vault", "github", "project", "twin", "run"}
        # In a rehearsal only the project's own files and the run itself are real.
        assert line.provenance is not Provenance.LIVE or line.subject in ("project", "run"), line.check


def test_the_last_line_names_the_exit_code(whole: Done) -> None:
    assert whole.said.rstrip().splitlines()[-1] == "exit code 0: REHEARSED"


def test_the_rehearsal_is_said_first_and_on_every_page(whole: Done) -> None:
    assert "REHEARSAL on embedded parts: set STAGING_" in "\n".join(whole.said.splitlines()[:3])
    for page in whole.folder.glob("*.html"):
        assert "REHEARSAL" in page.read_text(), page.name


def test_every_task_has_a_page_and_an_executed_notebook(whole: Done) -> None:
    for task in TASKS[:-1]:
        assert (whole.folder / f"{task.name}.html").exists()
    for task in TASKS:
        assert (whole.folder / f"{task.name}.ipynb").exists()
    assert (whole.folder / "index.html").exists()
    assert (whole.folder / "docs" / "devops_execution_summary.md").exists()


def test_pages_ask_the_network_for_nothing(whole: Done) -> None:
    for page in whole.folder.glob("*.html"):
        text = page.read_text()
        assert not re.search(r"""(?:src|href)=["'](?:https?:)?//""", re.sub(r"<a\b[^>]*>", "", text)), page.name
        assert "default-src 'none'" in text


def test_every_link_within_the_run_resolves(whole: Done) -> None:
    for page in whole.folder.glob("*.html"):
        for link in re.findall(r'href="([^"#:]+)"', page.read_text()):
            assert (whole.folder / link).exists(), f"{page.name} links to {link}"


def test_the_seal_holds_and_latest_points_at_the_run(whole: Done) -> None:
    assert verify_run(whole.folder).problems == ()
    assert (whole.folder.parent / "latest").resolve() == whole.folder


def test_history_remembers_the_run(whole: Done) -> None:
    engine = open_history(whole.folder.parent.parent.parent)
    past = last_run(engine, "idea-board", "staging")
    engine.dispose()
    assert past is not None
    assert (past.run_id, past.results) == (whole.folder.name, whole.results)


def test_nothing_is_left_running_or_lying_about(whole: Whole) -> None:
    assert whole.states.is_dir()
    assert not (whole.states / whole.folder.name).exists()


def test_strict_refuses_a_rehearsal(tmp_path: Path) -> None:
    done = run_lib("staging", rendered=tmp_path, STRICT="1")
    assert done.exit_code == 2
    assert "STRICT is set" in done.said
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("stagng",), "there is no params/stagng.yaml"),
        (("local", "--only", "rsl"), "did you mean rls?"),
        (("local", "--pack", "no/such/folder"), "PACK=no/such/folder: there is no folder"),
    ],
)
def test_wrong_input_is_one_clear_line_and_exit_2(tmp_path: Path, words: tuple[str, ...], said: str) -> None:
    done = run_lib(*words, rendered=tmp_path)
    assert done.exit_code == 2
    assert said in done.said
    assert "Traceback" not in done.said
    assert len(done.said.strip().splitlines()) == 1


def test_a_live_database_that_does_not_answer_is_blocked_without_its_password(tmp_path: Path) -> None:
    url = "postgresql://postgres:hunter2hunter2@127.0.0.1:1/postgres"
    done = run_lib("staging", "--only", "rls", rendered=tmp_path, STAGING_DATABASE_URL=url)
    assert done.exit_code == 2, done.said
    assert {result for check, result in done.results.items() if check.startswith("rls.")} == {"error"}
    kept = [path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()]
    password = password_of(url)
    assert password is not None
    assert password not in done.said
    assert all(password.encode() not in content for content in kept)


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[..., subprocess.Popen[str]]]:
    started: list[subprocess.Popen[str]] = []

    def begin(*words: str) -> subprocess.Popen[str]:
        log = (tmp_path / "said.txt").open("w")
        process = subprocess.Popen(
            command(*words, rendered=tmp_path), cwd=ROOT, stdout=log, stderr=subprocess.STDOUT, text=True, start_new_session=True
        )
        log.close()
        started.append(process)
        return process

    yield begin
    for process in started:
        if process.poll() is None:
            process.kill()
        process.wait()


def wait_for_evidence(folder: Path, *, beside: str = "evidence.jsonl") -> Path:
    """Return the run's folder once it holds a file that is not empty; waits by looking, never for a fixed time."""
    until = time.monotonic() + UNTIL_S
    while time.monotonic() < until:
        found = list(folder.glob(f"2*/{beside}"))
        if found and found[0].stat().st_size:
            return found[0].parent
        time.sleep(LOOK_S)
    raise AssertionError(f"no evidence within {UNTIL_S} s: {(folder.parent / 'said.txt').read_text()}")


@pytest.mark.parametrize(("number", "exit_code"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
def test_a_stopped_run_ends_cleanly_and_keeps_what_it_found(
    tmp_path: Path, start: Callable[..., subprocess.Popen[str]], number: signal.Signals, exit_code: int
) -> None:
    process = start("local", "--only", "migrations,seed")
    folder = wait_for_evidence(tmp_path / "idea-board" / "local")
    process.send_signal(number)
    assert process.wait(timeout=UNTIL_S) == exit_code
    asked = [task for task in TASKS if task.name in {"migrations", "seed"}]
    assert {line.check for line in read_evidence(folder)} >= {check.id for task in asked for check in task.checks}
    assert not (tmp_path / "idea-board" / "local" / "latest").exists()
    assert json.loads((folder / "manifest.json").read_text())["finished"] is False
    assert "stopped" in (folder / "index.html").read_text().lower()
    assert not (state_base(ROOT) / folder.name).exists()


def test_a_signal_while_publishing_comes_too_late_to_cost_anything(
    tmp_path: Path, start: Callable[..., subprocess.Popen[str]]
) -> None:
    process = start("local", "--only", "alerts")
    folder = wait_for_evidence(tmp_path / "idea-board" / "local", beside="readiness_summary.ipynb")
    while process.poll() is None:
        process.send_signal(signal.SIGTERM)
        time.sleep(LOOK_S)
    said = (tmp_path / "said.txt").read_text()
    if process.returncode == 143:  # the signal came before publishing had begun
        assert "did not come to its end" in said
        assert json.loads((folder / "manifest.json").read_text())["finished"] is False
    else:
        assert process.returncode == 0, said
        assert json.loads((folder / "manifest.json").read_text())["finished"] is True
    assert verify_run(folder).problems == ()
    assert not (state_base(ROOT) / folder.name).exists()


def test_a_stand_in_that_dies_is_said_to_be_ours_and_nothing_waits_for_it(
    tmp_path: Path, start: Callable[..., subprocess.Popen[str]]
) -> None:
    process = start("local", "--only", "deploy_rehearsal")
    folder = wait_for_evidence(tmp_path / "idea-board" / "local")
    (platform,) = (
        one
        for one in psutil.Process(process.pid).children(recursive=True)
        if "lib.embedded.fly.service" in one.cmdline() and "lib.embedded.fly.service" not in one.parent().cmdline()
    )
    platform.kill()
    assert process.wait(timeout=UNTIL_S) == 2
    undetermined = [line for line in read_evidence(folder) if line.task == "deploy_rehearsal" and line.result is Outcome.ERROR]
    assert any("The Fly.io stand-in broke: its process was ended by signal 9" in line.detail for line in undetermined)
    assert not any(line.result is Outcome.FAIL for line in read_evidence(folder))
    assert "signal 9" in (folder / "artifacts/breakages/fly-01.txt").read_text()
    assert "a bug of ours, not a finding about the project" in (tmp_path / "said.txt").read_text()


def test_a_killed_run_is_published_by_the_next_one_and_finished_by_resume(
    tmp_path: Path, start: Callable[..., subprocess.Popen[str]]
) -> None:
    process = start("local", "--only", "migrations,seed")
    folder = wait_for_evidence(tmp_path / "idea-board" / "local", beside="migrations.ipynb")
    process.kill()
    process.wait()
    found = read_evidence(folder)
    left = state_base(ROOT) / folder.name
    assert found and left.exists()
    assert not (folder / "manifest.json").exists()

    done = run_lib("local", "--only", "alerts", rendered=tmp_path)
    assert f"Run {folder.name} was killed." in done.said and "left behind" in done.said
    assert not left.exists()
    assert find_strays(folder.name, places=[left]) == []
    assert "UNFINISHED" in (folder / "index.html").read_text()
    assert json.loads((folder / "manifest.json").read_text())["finished"] is False
    assert read_evidence(folder)[: len(found)] == found

    resumed = resume_lib(folder)
    assert "Kept: migrations. Executed now: seed and readiness_summary." in resumed.said
    assert resumed.exit_code == 0, resumed.said
    assert json.loads((folder / "manifest.json").read_text())["finished"] is True
    assert verify_run(folder).problems == ()
    assert set(resumed.results.values()) <= {"pass", "skip"}
    assert [line for line in read_evidence(folder) if line.task == "migrations"] == [
        line for line in found if line.task == "migrations"
    ]
    again = resume_lib(folder)
    assert (again.exit_code, "it is finished" in again.said) == (2, True)


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        (lambda rendered: (rendered / "history.sqlite").write_bytes(b"no database" * 400), "can't be used"),
        (lambda rendered: (rendered / "history.sqlite").mkdir(), "can't be used"),
        (lambda rendered: (rendered.rmdir(), rendered.write_text("")), "can't be written to"),
    ],
)
def test_what_would_stop_a_run_at_its_end_is_one_line_before_its_start(
    tmp_path: Path, damage: Callable[[Path], object], said: str
) -> None:
    rendered = tmp_path / "rendered"
    rendered.mkdir()
    damage(rendered)
    done = run_lib("local", "--only", "alerts", rendered=rendered)
    assert done.exit_code == 2
    assert said in done.said and "Fix:" in done.said
    assert len(done.said.strip().splitlines()) == 1, done.said
