"""Workflows that hold nothing up, and those that only look so."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from lib.clients.workflow_effect import find_effects
from lib.clients.workflow_rules import find_rule_breaches

RUN = {"run": "npm run ci"}


def said_of(root: Path, job: dict[str, Any], on: Any = None) -> list[str]:
    """Return what is found in a workflow of one job, in a project with one script and one folder."""
    (root / "scripts").mkdir(exist_ok=True)
    (root / "scripts/up.sh").write_text("exit 0\n")
    (root / "package.json").write_text(json.dumps({"scripts": {"ci": "node --test"}}))
    document = {"on": on or {"pull_request": None}, "jobs": {"a": {"runs-on": "ubuntu-24.04", **job}}}
    return [one.words for find in (find_rule_breaches, find_effects) for one in find("ci.yml", document, root=root)]


@pytest.mark.parametrize(
    ("job", "on", "said"),
    [
        ({"if": "false", "steps": [RUN]}, None, "never runs"),
        ({"steps": [{**RUN, "if": "${{ false }}"}]}, None, "never runs"),
        ({"continue-on-error": "true", "steps": [RUN]}, None, "let pass"),
        ({"steps": [{**RUN, "continue-on-error": True}]}, None, "let pass"),
        ({"steps": [{"run": "npm run ci || true"}]}, None, "let pass"),
        ({"steps": [{"run": "pytest -q || echo failed"}]}, None, "let pass"),
        ({"steps": [{"run": "set +e\nnpm run ci\nexit 0\n"}]}, None, "set +e"),
        ({"steps": [{**RUN, "working-directory": "packages/gone"}]}, None, "packages/gone"),
        ({"steps": [{"run": "npm run cii"}]}, None, "no such script"),
        ({"steps": [{"run": "bash scripts/gone.sh"}]}, None, "scripts/gone.sh"),
        ({"steps": [RUN]}, {"pull_request": {"branches-ignore": ["**"]}}, "never runs"),
        ({"steps": [RUN]}, {"push": {"paths-ignore": ["**"]}}, "never runs"),
        ({"steps": [RUN]}, {"push": {"paths": ["gone/**"]}}, "never runs"),
        ({"steps": [{**RUN, "id": "x"}, {**RUN, "id": "X"}]}, None, "several steps"),
        ({"timeout-minutes": "0", "steps": [RUN]}, None, "no time"),
        ({"steps": [{"run": "echo ${{ github.ref }"}]}, None, "no end"),
        ({"steps": [{"run": "echo ${{ steps.gone.outputs.x }}"}]}, None, "steps.gone"),
        ({"steps": [{"run": "echo ${{ needs.gone.outputs.x }}"}]}, None, "needs.gone"),
        ({"steps": [{**RUN, "if": "githb.ref == 'x'"}]}, None, "no context"),
        ({"steps": [{**RUN, "if": "github.ref = 'x'"}]}, None, "one ="),
        ({"steps": [{**RUN, "if": "secrets.X != ''"}]}, None, "secrets"),
        ({"steps": [{**RUN, "shell": "bahs"}]}, None, "not known"),
    ],
)
def test_what_lets_a_workflow_pass_is_named(tmp_path: Path, job: dict[str, Any], on: Any, said: str) -> None:
    assert any(said in one for one in said_of(tmp_path, job, on)), said_of(tmp_path, job, on)


@pytest.mark.parametrize(
    ("job", "on"),
    [
        ({"if": "github.actor != 'dependabot[bot]'", "steps": [RUN]}, None),
        ({"steps": [RUN, {"run": "cat log.txt", "if": "failure()"}]}, None),
        ({"steps": [{"run": "rm -rf tmp || true\nnpm run ci"}]}, None),
        ({"steps": [{"run": "mkdir -p out && cd out\n./made.sh"}]}, None),
        ({"steps": [{"run": "scripts/up.sh", "continue-on-error": True}, RUN]}, None),
        (
            {"steps": [{**RUN, "id": "t", "continue-on-error": True}, {"run": "a", "if": "steps.t.outcome == 'failure'"}]},
            None,
        ),
        ({"continue-on-error": "${{ matrix.experimental }}", "steps": [RUN]}, None),
        ({"steps": [RUN]}, {"pull_request": {"branches": ["main"], "paths": ["scripts/**", "*.md"]}}),
        ({"steps": [RUN]}, {"push": {"tags": ["v*"]}}),
        ({"steps": [{"uses": "actions/checkout@x", "with": {"repository": "a/b"}}, {"run": "bash scripts/gone.sh"}]}, None),
        ({"steps": [{"run": "echo ${{ github.event.pull_request.title || 'a.b = c' }}"}]}, None),
        ({"steps": [{"run": "echo ${{ fromJSON(env.X).name }} ${{ hashFiles('**/a.lock') }}"}]}, None),
        ({"steps": [{**RUN, "shell": "bash -e {0}"}]}, None),
    ],
)
def test_what_only_looks_like_it_is_passed_over(tmp_path: Path, job: dict[str, Any], on: Any) -> None:
    assert said_of(tmp_path, job, on) == []
