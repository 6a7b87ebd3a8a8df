"""A run with every target named and no leave to write: what a GO was said of once, and what is true of it now."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from lib.core.paths import ROOT
from lib.core.results import Outcome, SkipReason
from lib.evidence.log import EvidenceLine, read_evidence
from lib.run.params import Params, load_params
from lib.run.run_file import RunFile
from lib.run.stack import new_run_id, prepare_target, start_stack
from lib.tasks.index import TASKS
from tests.support.forked_commands import run_command
from tests.support.launch import Done, run_lib

NEEDS_WRITES = {
    "alerts.firing_alert_is_delivered",
    "credentials.fly_as_new_as_vault",
    "deploy_rehearsal.candidate_gets_healthy",
    "deploy_rehearsal.candidate_stays_healthy",
    "deploy_rehearsal.downtime_within_limit",
    "deploy_rehearsal.errors_within_limit",
    "deploy_rehearsal.everything_came_back",
    "deploy_rehearsal.neighbours_work_together",
    "deploy_rehearsal.drill_brings_everything_back",
    "deploy_rehearsal.old_version_answers",
    "deploy_rehearsal.rollback_is_quick",
    "health.chatwoot_workers_work",
    "readiness_summary.notify_dry_run_recorded",
    "seed.applied_twice_changes_nothing",
    "seed.applied_with_cli",
}


def git(folder: Path, *words: str) -> None:
    who = {"GIT_AUTHOR_NAME": "a", "GIT_AUTHOR_EMAIL": "a@x", "GIT_COMMITTER_NAME": "a", "GIT_COMMITTER_EMAIL": "a@x"}
    subprocess.run(["git", "-C", folder, *words], env={**os.environ, **who}, check=True, capture_output=True)


def make_project(folder: Path) -> Path:
    """Return the sample pack as a repository of its own, on a branch that changes one file."""
    shutil.copytree(ROOT / "pack", folder, ignore=shutil.ignore_patterns("__pycache__", "node_modules"))
    for path in (folder / "vault", *(folder / "vault").rglob("*")):
        path.chmod(0o700 if path.is_dir() else 0o600)
    git(folder, "init", "--quiet", "--initial-branch=main")
    git(folder, "add", "--all")
    git(folder, "commit", "--quiet", "-m", "Begin\n\nRefs #1")
    git(folder, "checkout", "--quiet", "-b", "feature/tiles")
    with (folder / "docs/runbooks/alerts.md").open("a") as page:
        page.write("\nMore is said here.\n")
    git(folder, "commit", "--quiet", "--all", "-m", "Say more\n\nRefs #2")
    return folder


def variables_of(run: RunFile) -> dict[str, str]:
    """Return the variables of staging, set to the stand-ins of a stack."""
    named = {"chatwoot": ("token", "account"), "publer": ("token", "workspace"), "github": ("token",)}
    spelled = {
        "chatwoot.url": "STAGING_CHATWOOT_URL", "chatwoot.token": "STAGING_CHATWOOT_API_TOKEN",
        "chatwoot.account": "STAGING_CHATWOOT_ACCOUNT_ID", "publer.url": "STAGING_PUBLER_URL",
        "publer.token": "STAGING_PUBLER_API_KEY", "publer.workspace": "STAGING_PUBLER_WORKSPACE_ID",
        "github.url": "STAGING_GITHUB_API_URL", "github.token": "STAGING_GITHUB_TOKEN",
    }  # fmt: skip
    values = {spelled[f"{name}.{part}"]: run.services[name][part] for name, parts in named.items() for part in ("url", *parts)}
    return {
        **values,
        "STAGING_DATABASE_URL": run.target_url,
        "STAGING_SMTP_URL": run.services["mail"]["url"],
        "STAGING_VAULT_URL": str(run.pack / "vault/occ"),
        "STAGING_FLY_API_URL": "http://127.0.0.1:9/",
        "STAGING_FLY_API_TOKEN": "token-of-the-stand-in",
    }


@dataclass(frozen=True, kw_only=True)
class Outside:
    """The project, and the variables that lead to servers which behave like the vendors."""

    home: Path
    pack: Path
    variables: dict[str, str]


@pytest.fixture(scope="module")
def outside(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Outside]:
    """Yield loopback servers that behave like the vendors, the database migrated and seeded."""
    home = tmp_path_factory.mktemp("live")
    pack = make_project(home / "idea-board")
    params: Params = replace(load_params("staging", variables={}), pack=pack)
    about = {"run_id": new_run_id(datetime.now(UTC)), "project": "x", "run_folder": home / "run", "rendered": home / "stack"}
    with start_stack(params, **about, tasks=tuple(task.name for task in TASKS)) as run:
        prepare_target(run, seeded=True)
        (home / "bin").mkdir()
        (home / "bin" / "flyctl").symlink_to(run.flyctl)
        path = f"{home / 'bin'}{os.pathsep}{os.environ['PATH']}"
        yield Outside(home=home, pack=pack, variables={"PATH": path, **variables_of(run)})


@pytest.fixture(scope="module")
def done(outside: Outside) -> Done:
    """Run every task of staging without ALLOW_WRITES."""
    return run_lib("staging", "--pack", str(outside.pack), rendered=outside.home / "rendered", **outside.variables)


def ask_at_night(outside: Outside, folder: Path, **changes: str) -> subprocess.CompletedProcess[str]:
    """Run what the nightly workflow runs, on a fresh checkout: with the vendors' variables alone."""
    vendors = {
        name: value for name, value in outside.variables.items() if "CHATWOOT" in name or "PUBLER" in name or "SMTP" in name
    }
    given = {**os.environ, **vendors, "STRICT": "1", "ALLOW_WRITES": "staging", **changes}
    return run_command("health", "staging", "--pack", str(outside.pack), "--rendered", str(folder), env=given, timeout_s=120)


def lines_of(done: Done) -> dict[str, EvidenceLine]:
    return {line.check: line for line in read_evidence(done.folder)}


def test_it_is_partial_and_says_how_many_gates_were_not_tried(done: Done) -> None:
    assert done.exit_code == 0, done.said
    assert f"but {len(NEEDS_WRITES)} gates would have to write where it is not allowed" in done.said
    assert done.said.rstrip().splitlines()[-1] == "exit code 0: PARTIAL"
    assert "GO Ready" not in done.said.replace("  ", " ")


def test_exactly_what_would_write_was_not_tried_each_with_what_would_allow_it(done: Done) -> None:
    found = lines_of(done)
    untried = {check: line for check, line in found.items() if line.skipped_because is SkipReason.NOT_ALLOWED}
    assert set(untried) == NEEDS_WRITES
    assert all(line.fix for line in untried.values())
    assert {check for check, line in found.items() if line.gate and line.result in (Outcome.FAIL, Outcome.ERROR)} == set()


def test_a_loopback_address_is_not_live(done: Done) -> None:
    targets = {line.subject: line.provenance.value for line in lines_of(done).values()}
    assert targets == {
        "database": "embedded", "twin": "embedded", "chatwoot": "simulated", "publer": "simulated", "mail": "simulated",
        "fly": "simulated", "github": "simulated", "vault": "live", "project": "live", "run": "live",
    }  # fmt: skip


def test_roles_were_tried_on_a_twin_all_the_same(done: Done) -> None:
    found = lines_of(done)
    assert found["rls.matrix_matches_declared"].observed == 132
    assert {found[f"rls.{name}"].result for name in ("twin_grants_the_same", "pgtap_tests_pass")} == {Outcome.PASS}


def test_what_was_tried_in_part_is_not_called_passed(done: Done) -> None:
    [tally] = [line for line in done.said.splitlines() if line.startswith("Launch list: ")]
    assert "18 of 18" not in tally
    assert "7 passed in part" in tally
    note = (done.folder / "docs" / "devops_execution_summary.md").read_text()
    for number in (3, 5, 7, 8, 10, 12, 13):
        assert f"| {number} |" in note
        [row] = [line for line in note.splitlines() if line.startswith(f"| {number} |")]
        assert "passed in part" in row
    assert tally.removeprefix("Launch list: ") in note
    assert tally.removeprefix("Launch list: ") in (done.folder / "index.html").read_text()


def test_a_nightly_run_is_green_while_the_vendors_are_healthy_and_red_when_one_is_sick(outside: Outside, tmp_path: Path) -> None:
    well = ask_at_night(outside, tmp_path)
    assert well.returncode == 0, well.stdout + well.stderr
    assert well.stdout.rstrip().splitlines()[-1] == "exit code 0: PARTIAL"
    sick = ask_at_night(outside, tmp_path, STAGING_CHATWOOT_API_TOKEN="a-token-that-is-not-known")
    assert sick.returncode == 1, sick.stdout + sick.stderr
    assert "health.chatwoot_token_accepted (gate) failed" in sick.stdout
    assert not any(tmp_path.glob("*/staging/latest")), "only a run of every task is the latest"


def test_a_nightly_run_without_its_secrets_is_red(outside: Outside, tmp_path: Path) -> None:
    nothing = dict.fromkeys((name for name in outside.variables if name.startswith("STAGING_")), "")
    done = ask_at_night(outside, tmp_path, **nothing)
    assert done.returncode == 2
    assert "STRICT is set, which refuses a rehearsal" in done.stderr


def test_no_run_writes_to_the_project(done: Done, outside: Outside) -> None:
    said = subprocess.run(["git", "-C", outside.pack, "status", "--porcelain"], capture_output=True, text=True, check=True).stdout
    assert said == ""
