"""The workflows are valid, safe by an auditor's word without suppressions, and name what params name."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from lib.core.paths import ROOT
from lib.run.layers import read_targets
from lib.run.targets import variables_of

WORKFLOWS = sorted([*(ROOT / ".github" / "workflows").glob("*.yml"), *(ROOT / "pack" / ".github" / "workflows").glob("*.yml")])
MORE = {
    ".github/workflows/launch-readiness.yml": {"comment": {"contents": "read", "pull-requests": "write"}},
    "pack/.github/workflows/health-check.yml": {"keep": {"contents": "write"}},  # the answers, on a branch of their own
}
"""Workflow -> the jobs that may do more than read, and what."""
PINNED = re.compile(r"^[\w.-]+/[\w./-]+@[0-9a-f]{40}$")


def tool(name: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    program = Path(sys.executable).parent / name
    return subprocess.run([program, *arguments], capture_output=True, text=True, cwd=ROOT)


def read(path: Path) -> dict[str, Any]:
    # BaseLoader: YAML 1.1 reads the key `on` as a yes.
    return dict(yaml.load(path.read_text(), Loader=yaml.BaseLoader))


def steps(workflow: dict[str, Any]) -> list[dict[str, Any]]:
    return [step for job in workflow["jobs"].values() for step in job["steps"]]


def test_there_are_workflows() -> None:
    assert {path.name for path in WORKFLOWS} >= {"health-check.yml"}
    assert len([path for path in WORKFLOWS if path.name == "health-check.yml"]) == 2


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: str(path.relative_to(ROOT)))
class TestWorkflow:
    def test_it_is_valid(self, path: Path) -> None:
        done = tool("check-jsonschema", "--builtin-schema", "vendor.github-workflows", str(path))
        assert done.returncode == 0, done.stdout + done.stderr

    def test_an_auditor_finds_nothing(self, path: Path) -> None:
        done = tool("zizmor", "--offline", "--no-config", "--persona", "pedantic", "--format", "plain", str(path))
        assert done.returncode == 0, done.stdout + done.stderr

    def test_nothing_is_suppressed(self, path: Path) -> None:
        assert "zizmor:" not in path.read_text()

    def test_actions_are_pinned_by_digest_and_keep_no_credentials(self, path: Path) -> None:
        used = [step for step in steps(read(path)) if "uses" in step]
        assert used
        for step in used:
            assert PINNED.match(step["uses"])
            if step["uses"].startswith("actions/checkout@"):
                assert step["with"]["persist-credentials"] == "false"

    def test_permissions_are_minimal(self, path: Path) -> None:
        workflow = read(path)
        assert workflow["permissions"] == {}
        needed = {**{name: {"contents": "read"} for name in workflow["jobs"]}, **MORE.get(path.relative_to(ROOT).as_posix(), {})}
        assert {name: job["permissions"] for name, job in workflow["jobs"].items()} == needed


@pytest.mark.parametrize(
    "path", [path for path in WORKFLOWS if path.name == "health-check.yml"], ids=lambda path: str(path.relative_to(ROOT))
)
def test_it_runs_every_night_and_on_demand_and_keeps_the_evidence(path: Path) -> None:
    workflow = read(path)
    assert set(workflow["on"]) == {"schedule", "workflow_dispatch"}
    [upload] = [step for step in steps(workflow) if step.get("uses", "").startswith("actions/upload-artifact@")]
    assert upload["if"] == "always()"


@pytest.mark.parametrize("environment", ["staging", "production"])
def test_every_night_each_environment_is_asked_strictly_with_its_own_secrets_alone(environment: str) -> None:
    workflow = read(ROOT / ".github" / "workflows" / "health-check.yml")
    [job] = workflow["jobs"].values()
    assert environment in job["strategy"]["matrix"]["environment"]
    assert job["environment"] == "${{ matrix.environment }}"
    [step] = [step for step in job["steps"] if step.get("run") == f"make health ENV={environment}"]
    assert step["if"] == f"matrix.environment == '{environment}'"
    assert (step["env"]["STRICT"], step["env"]["ALLOW_WRITES"]) == ("1", environment)
    targets = read_targets(environment)
    wanted = variables_of({name: spec for name, spec in targets.items() if name in ("chatwoot", "publer", "mail")})
    assert {name for name in wanted if not name.endswith("PUBLER_URL")} <= step["env"].keys()
    assert all(value.startswith(f"${{{{ secrets.{environment.upper()}_") for value in step["env"].values() if "secrets." in value)


@pytest.mark.parametrize("folder", [ROOT, ROOT / "pack"], ids=["workbook", "pack"])
def test_the_guard_judges_every_state_of_a_pull_request_with_its_whole_history(folder: Path) -> None:
    workflow = read(folder / ".github" / "workflows" / "check-ci-guardrails.yml")
    assert {"synchronize", "labeled", "unlabeled", "edited"} <= set(workflow["on"]["pull_request"]["types"])
    first = workflow["jobs"]["guardrails"]["steps"][0]
    assert first["with"]["fetch-depth"] == "0"
    [judging] = [step for step in steps(workflow) if " guardrails " in step.get("run", "")]
    assert 'BASE="origin/$BASE_BRANCH"' in judging["run"]
    assert judging["env"] == {"BASE_BRANCH": "${{ github.base_ref }}"}


def test_no_untrusted_text_reaches_a_shell_by_a_template() -> None:
    for path in WORKFLOWS:
        assert not [step for step in steps(read(path)) if "${{" in step.get("run", "")], path
