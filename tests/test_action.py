"""The action and the workflow for pull requests: valid, safe by an auditor's word, pinned, and as their inputs say."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from lib.core.paths import ROOT

ACTION = ROOT / "action.yml"
WORKFLOW = ROOT / ".github" / "workflows" / "launch-readiness.yml"
SCRIPT = ROOT / ".github" / "run-action.sh"
PINNED = re.compile(r"^[\w.-]+/[\w./-]+@[0-9a-f]{40}$")


def tool(name: str, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run([Path(sys.executable).parent / name, *arguments], capture_output=True, text=True, cwd=ROOT)


def read(path: Path) -> dict[str, Any]:
    return dict(yaml.load(path.read_text(), Loader=yaml.BaseLoader))


def test_the_action_is_valid_and_an_auditor_finds_nothing() -> None:
    done = tool("check-jsonschema", "--builtin-schema", "vendor.github-actions", ACTION)
    assert done.returncode == 0, done.stdout + done.stderr
    done = tool("zizmor", "--offline", "--no-config", "--persona", "pedantic", "--format", "plain", ACTION)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "zizmor:" not in ACTION.read_text()


def test_the_action_pins_what_it_uses_and_puts_no_input_into_a_shell_by_a_template() -> None:
    steps = read(ACTION)["runs"]["steps"]
    assert all(PINNED.match(step["uses"]) for step in steps if "uses" in step)
    assert not [step for step in steps if "${{" in step.get("run", "")]
    assert all(step["shell"] == "bash" for step in steps if "run" in step)


def test_the_actions_inputs_and_outputs_are_what_is_asked_for_and_each_is_used() -> None:
    action = read(ACTION)
    assert set(action["inputs"]) == {"environment", "pack", "only", "base", "strict"}
    assert {"verdict", "exit-code", "summary", "run-folder"} <= set(action["outputs"])
    text = yaml.safe_dump(action["runs"])
    assert all(f"inputs.{name} " in text for name in action["inputs"])
    ids = {step["id"] for step in action["runs"]["steps"] if "id" in step}
    used = re.findall(r"steps\.(\w+)\.outputs", ACTION.read_text())
    assert set(used) == ids


def test_expressions_name_steps_inputs_and_jobs_that_are_there() -> None:
    """As actionlint checks it: an unknown name is an empty text, and nobody is told."""
    workflow = read(WORKFLOW)
    inputs = workflow["on"]["workflow_call"]["inputs"]
    text = WORKFLOW.read_text()
    assert set(re.findall(r"inputs\.([\w-]+)", text)) == set(inputs)
    assert all({"description", "type"} <= one.keys() for one in inputs.values())
    for job in workflow["jobs"].values():
        ids = {step["id"] for step in job["steps"] if "id" in step}
        assert set(re.findall(r"steps\.([\w-]+)\.", yaml.safe_dump(job))) <= ids
        needed = set(re.findall(r"needs\.([\w-]+)\.outputs\.([\w-]+)", yaml.safe_dump(job)))
        assert all(name in [job.get("needs")] and output in workflow["jobs"][name]["outputs"] for name, output in needed)


def test_only_the_job_that_runs_nothing_of_the_pull_request_may_comment() -> None:
    jobs = read(WORKFLOW)["jobs"]
    assert jobs["readiness"]["permissions"] == {"contents": "read"}
    assert jobs["comment"]["permissions"] == {"contents": "read", "pull-requests": "write"}
    assert "GITHUB_TOKEN" not in yaml.safe_dump(jobs["readiness"])
    checkouts = [step["with"] for step in jobs["comment"]["steps"] if step.get("uses", "").startswith("actions/checkout@")]
    assert [one["repository"] for one in checkouts] == ["${{ inputs.workbook }}"], "not the pull request's own code"
    assert "head.repo.full_name == github.repository" in jobs["comment"]["if"]


def test_the_action_and_the_workflow_hand_the_script_what_it_reads() -> None:
    wanted = set(re.findall(r"\$\{?([A-Z_]+)", SCRIPT.read_text())) - {"GITHUB_WORKSPACE", "GITHUB_OUTPUT", "RUNNER_TEMP"}
    for steps in (read(ACTION)["runs"]["steps"], read(WORKFLOW)["jobs"]["readiness"]["steps"]):
        [step] = [step for step in steps if "run-action.sh" in step.get("run", "")]
        assert wanted <= step["env"].keys()


FAKE = """#!/usr/bin/env bash
shift 2
echo "$@" >> "$ASKED"
[ "$1" = affected ] && { echo "why" >&2; echo "$TOUCHED"; exit 0; }
exit "$CODE"
"""


@pytest.mark.parametrize(
    ("only", "base", "touched", "ran"),
    [
        ("", "", "", ""),
        ("rls", "origin/main", "seed", "rls"),
        ("", "origin/main", "rls,seed", "rls,seed"),
        ("", "origin/main", "", ""),
    ],
)
@pytest.mark.parametrize("code", [0, 1, 2])
def test_the_script_runs_what_is_asked_or_touched_and_keeps_the_exit_code(
    tmp_path: Path, only: str, base: str, touched: str, ran: str, code: int
) -> None:
    program = tmp_path / ".venv" / "bin" / "python"
    program.parent.mkdir(parents=True)
    program.write_text(FAKE)
    program.chmod(0o755)
    given = {"ENVIRONMENT": "local", "PACK": "a b", "ONLY": only, "BASE": base, "STRICT": "false"}
    github = {"GITHUB_WORKSPACE": "/ws", "RUNNER_TEMP": "/tmp/x", "GITHUB_OUTPUT": str(tmp_path / "out")}
    ours = {"ASKED": str(tmp_path / "asked"), "TOUCHED": touched, "CODE": str(code)}
    done = subprocess.run(
        ["bash", SCRIPT], cwd=tmp_path, env={**os.environ, **given, **github, **ours}, capture_output=True, text=True
    )
    assert done.returncode == code, done.stderr
    asked = (tmp_path / "asked").read_text().splitlines()
    assert asked[-1] == f"run local --only={ran} --pack=/ws/a b --rendered=/tmp/x/launch-readiness"
    assert len(asked) == (2 if base and not only else 1)
    assert (tmp_path / "out").read_text() == f"exit-code={code}\n"


def test_the_script_is_sound() -> None:
    assert subprocess.run(["bash", "-n", SCRIPT]).returncode == 0
