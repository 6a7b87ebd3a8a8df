"""The workflow that the page about CI shows is one that GitHub takes and an auditor passes, and its tables are what is there."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from lib.core.paths import ROOT
from tests.docs.pages import DOCS

TEXT = (DOCS / "how-to" / "ci.md").read_text(encoding="utf-8")
[CALLER] = [block for block in re.findall(r"```yaml\n(.*?)```", TEXT, re.DOTALL) if "jobs:" in block]


def read(path: str) -> dict[str, Any]:
    return dict(yaml.load((ROOT / path).read_text(), Loader=yaml.BaseLoader))


@pytest.mark.parametrize(
    "tool",
    [
        ("check-jsonschema", "--builtin-schema", "vendor.github-workflows"),
        ("zizmor", "--offline", "--no-config", "--persona", "pedantic", "--format", "plain"),
    ],
)
def test_the_caller_is_a_sound_workflow(tmp_path: Path, tool: tuple[str, ...]) -> None:
    path = tmp_path / ".github" / "workflows" / "caller.yml"
    path.parent.mkdir(parents=True)
    path.write_text(CALLER, encoding="utf-8")
    done = subprocess.run([Path(sys.executable).parent / tool[0], *tool[1:], path], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_caller_gives_what_the_workflow_asks_for() -> None:
    called = read(".github/workflows/launch-readiness.yml")
    inputs = called["on"]["workflow_call"]["inputs"]
    [job] = yaml.safe_load(CALLER)["jobs"].values()
    assert {name for name, one in inputs.items() if one.get("required") == "true"} <= job["with"].keys() <= inputs.keys()
    granted = {scope: right for one in called["jobs"].values() for scope, right in one["permissions"].items()}
    assert job["permissions"] == granted


def test_the_tables_have_every_input_and_output_with_its_default() -> None:
    action, called = read("action.yml"), read(".github/workflows/launch-readiness.yml")
    for inputs in (action["inputs"], called["on"]["workflow_call"]["inputs"]):
        for name, one in inputs.items():
            default = f"`{one['default']}`" if one.get("default") else "empty" if "default" in one else "required"
            assert f"| `{name}` | {default} |" in TEXT
    assert all(f"| `{name}` |" in TEXT for name in action["outputs"])
