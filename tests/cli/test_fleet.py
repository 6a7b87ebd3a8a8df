"""`python -m lib fleet`: real runs of two projects, their one page, and what is reused of them; what can't be understood."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from lib.core.paths import ROOT
from lib.evidence.manifest import verify_run


def fleet(*words: str, **variables: str) -> subprocess.CompletedProcess[str]:
    argv = [sys.executable, "-m", "lib", "fleet", *words]
    return subprocess.run(argv, cwd=ROOT, capture_output=True, text=True, timeout=280, env={**os.environ, **variables})


def test_two_projects_are_run_shown_and_reused(tmp_path: Path) -> None:
    packs = [tmp_path / "one", tmp_path / "two"]
    for pack in packs:
        shutil.copytree(ROOT / "pack", pack)
    results = tmp_path / "results"
    words = ("--environments", "local", "--packs", ",".join(map(str, packs)), "--only", "credentials", "--results", str(results))
    done = fleet(*words)
    assert done.returncode == 0, done.stdout + done.stderr
    members = json.loads((results / "fleet.json").read_text())["members"]
    assert [one["verdict"] for one in members] == ["PARTIAL", "PARTIAL"]
    for one in members:
        assert verify_run(results / one["folder"]).problems == ()
        assert f"./{one['folder']}/index.html" in (results / "index.html").read_text()
    again = fleet(*words, REUSE="1")
    assert again.returncode == 0, again.stdout + again.stderr
    assert again.stdout.count("reused, ") == 2
    assert "reused" in (results / "index.html").read_text()


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ((), "ENVS and PACKS, or FLEET"),
        (("--environments", "local", "--packs", "nowhere"), "there is no folder"),
        (("--environments", "local", "--packs", "pack", "--results", "memory://x"), "RESULTS=memory://"),
        (("--file", "x.yaml", "--packs", "pack"), "FLEET says it all"),
    ],
)
def test_what_can_not_be_understood_is_one_sentence(words: tuple[str, ...], said: str) -> None:
    done = fleet(*words)
    assert done.returncode == 2
    assert said in done.stderr
    assert "Traceback" not in done.stderr


def test_reuse_and_strict_exclude_each_other() -> None:
    done = fleet("--environments", "local", "--packs", "pack", REUSE="1", STRICT="1")
    assert (done.returncode, "exclude each other" in done.stderr) == (2, True)
