"""What a program inherits: a short list, whoever starts it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from lib.clients.npm import run_script
from lib.core.environment import PROGRAMS_INHERIT
from lib.transport.process import follow_command, run_command
from tests.support.credential_variables import set_fifty_credentials

SHOW = [sys.executable, "-c", "import os; print(dict(os.environ))"]


def test_a_program_sees_none_of_fifty_credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    values = set_fifty_credentials(monkeypatch)
    for done in (run_command(SHOW, timeout_s=30), follow_command(SHOW, timeout_s=30)):
        assert "PATH" in done.stdout
        assert [value for value in values if value in done.stdout] == []


def test_a_hook_of_git_sees_none(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    values = set_fifty_credentials(monkeypatch)
    subprocess.run(["git", "init", "-q", tmp_path], check=True)
    run = run_command(["git", "-C", tmp_path, "-c", "alias.show-all=!env", "show-all"], timeout_s=30)
    assert "PATH=" in run.stdout
    assert [value for value in values if value in run.stdout] == []


def test_a_command_of_the_project_sees_none_and_knows_that_it_is_run_by_a_machine(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    values = set_fifty_credentials(monkeypatch)
    (tmp_path / "package.json").write_text(json.dumps({"name": "x", "version": "1.0.0", "scripts": {"ci": "env"}}))
    done = run_script(tmp_path, "ci", timeout_s=60)
    assert done.run is not None and done.run.exit_code == 0 and "CI=true" in done.run.stdout
    assert [value for value in values if value in done.run.stdout] == []


def test_the_list_is_short_and_names_no_credential() -> None:
    assert len(PROGRAMS_INHERIT) <= 12
    assert not {name for name in PROGRAMS_INHERIT for word in ("KEY", "TOKEN", "SECRET", "PASS") if word in name}
    assert "PATH" in os.environ
