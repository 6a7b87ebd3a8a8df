"""The nightly workflow's own branch: the answers are kept there, with their sha256, whatever a vendor said."""

from __future__ import annotations

import hashlib
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from lib.core.paths import ROOT

WORKFLOW = yaml.safe_load((ROOT / "pack/.github/workflows/health-check.yml").read_text())
KEEP: dict[str, Any] = WORKFLOW["jobs"]["keep"]
STEP: dict[str, Any] = KEEP["steps"][-1]
BRANCH = STEP["env"]["BRANCH"]


def git(folder: Path, *words: str) -> str:
    return subprocess.run(["git", "-C", folder, *words], check=True, capture_output=True, text=True).stdout


@pytest.fixture
def origin(tmp_path: Path) -> Path:
    """A project's repository with one commit, and a checkout of it as the workflow has one."""
    git(tmp_path, "init", "-q", "-b", "main", "origin")
    origin = tmp_path / "origin"
    (origin / "README.md").write_text("# Project\n")
    git(origin, "add", ".")
    git(origin, "-c", "user.name=x", "-c", "user.email=x@example.com", "commit", "-qm", "Begin")
    return origin


def keep(origin: Path, run: str, answers: dict[str, str]) -> subprocess.CompletedProcess[str]:
    """Run the workflow's step in a fresh checkout."""
    temp = origin.parent / f"temp-{run}"
    (temp / "health" / f"staging-{run}").mkdir(parents=True)  # an artifact's own folder
    for name, text in answers.items():
        (temp / "health" / f"staging-{run}" / name).write_text(text)
    git(origin.parent, "clone", "-q", "--depth", "1", origin.as_uri(), f"checkout-{run}")
    own = {name: str(value) for name, value in STEP["env"].items()}
    environment = {"PATH": os.environ["PATH"], "HOME": str(temp), "RUNNER_TEMP": str(temp), **own, "RUN": run, "GH_TOKEN": "t"}
    command = ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", STEP["run"]]
    return subprocess.run(command, cwd=origin.parent / f"checkout-{run}", env=environment, capture_output=True, text=True)


def test_each_nights_answers_are_added_and_none_is_lost(origin: Path) -> None:
    before = git(origin, "rev-parse", "main")
    assert keep(origin, "health-1-1", {"chatwoot.json": "{}\n", "publer.json": "[]\n"}).returncode == 0
    assert keep(origin, "health-2-1", {"chatwoot.json": '{"is": "down"}\n'}).returncode == 0
    assert git(origin, "ls-tree", "-r", "--name-only", BRANCH).split() == [
        "artifacts/ops/health-1-1/SHA256SUMS", "artifacts/ops/health-1-1/staging-health-1-1/chatwoot.json",
        "artifacts/ops/health-1-1/staging-health-1-1/publer.json",
        "artifacts/ops/health-2-1/SHA256SUMS", "artifacts/ops/health-2-1/staging-health-2-1/chatwoot.json",
    ]  # fmt: skip
    sums = git(origin, "show", f"{BRANCH}:artifacts/ops/health-1-1/SHA256SUMS")
    kept = hashlib.sha256(b"{}\n").hexdigest()
    assert f"{kept}  ./staging-health-1-1/chatwoot.json\n" in sums
    assert git(origin, "rev-parse", "main") == before, "the branch that is released was touched"


def test_without_an_answer_nothing_is_pushed_and_the_step_fails(origin: Path) -> None:
    assert keep(origin, "health-3-1", {}).returncode != 0
    assert BRANCH not in git(origin, "branch", "--list")


def test_the_token_is_in_no_command_line_and_the_job_with_the_secrets_may_not_write() -> None:
    assert "TOKEN" not in STEP["run"] and "github.token" not in STEP["run"]
    assert WORKFLOW["permissions"] == {} and WORKFLOW["jobs"]["health"]["permissions"] == {"contents": "read"}
    assert "secrets." not in str(KEEP)
    assert KEEP["needs"] == "health" and KEEP["if"].startswith("always()")
