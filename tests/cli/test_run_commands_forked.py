"""A command that is forked for a test comes to what a started one does: its exit code, what it prints, the files it leaves."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import pytest

from lib.evidence.log import read_evidence
from lib.evidence.manifest import verify_run
from tests.support import forked_commands
from tests.support.branch_worlds import make_project
from tests.support.forked_commands import CommandServer, run_command, start_command

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="commands are forked on Linux alone")

Way = Callable[..., subprocess.CompletedProcess[str]]
VARYING = re.compile(
    r"\d{8}T\d{6}Z-\w{4}| *\d+(\.\d+)? (ms|s|min)\b( \d+ s)?|\d\d:\d\d(:\d\d)?|\b[0-9a-f]{7,64}\b|127\.0\.0\.1:\d+"
    r"|(?<=purpose: )\d+.*"
)
"""Run ids, durations, times of day, digests, ports, and how many faults a second was enough for: another each time."""


def both_ways(*words: str, folder: Path, **variables: str) -> list[tuple[int, str, str]]:
    """Return the exit code and both outputs of a command that was started and of one that was forked."""
    found = []
    for number, way in enumerate((start_command, run_command)):
        own = [word.replace("{}", str(folder / str(number))) for word in words]
        done = way(*own, env={**os.environ, **variables})
        out, err = (VARYING.sub("*", text.replace(str(folder / str(number)), "{}")) for text in (done.stdout, done.stderr))
        found.append((done.returncode, out, err))
    return found


@pytest.mark.parametrize(
    ("words", "variables", "code"),
    [
        ("list", {}, 0),
        ("--help", {}, 0),
        ("params staging", {}, 0),
        ("no-such-command", {}, 2),
        ("run", {}, 2),
        ("run stagng", {}, 2),
        ("run staging --rendered {}", {"STRICT": "1", "PYTHONOPTIMIZE": "2", "PGHOST": "h"}, 2),
        ("verify {}", {}, 2),
        ("look rls --run {}", {}, 2),
        ("resume {}", {}, 2),
        ("guardrails local --base gone --pack {}", {}, 2),
        ("confirm --pack {}", {}, 2),
    ],
)
def test_it_says_the_same(tmp_path: Path, words: str, variables: dict[str, str], code: int) -> None:
    started, forked = both_ways(*words.split(), folder=tmp_path, **variables)
    assert forked == started
    assert started[0] == code, started
    assert started[1] + started[2]


def test_a_branch_is_judged_alike(tmp_path: Path) -> None:
    (tmp_path / "0").mkdir()
    make_project(tmp_path / "0" / "project")
    shutil.copytree(tmp_path / "0", tmp_path / "1")
    started, forked = both_ways("guardrails", "local", "--base", "main", "--pack", "{}/project", folder=tmp_path)
    assert forked == started
    assert started[0] == 0, started


def test_a_run_finds_says_and_keeps_the_same(tmp_path: Path) -> None:
    with tempfile.TemporaryDirectory() as own:  # the next run of a checkout says which killed ones it cleaned up after
        started, forked = both_ways("run", "local", "--only", "credentials", "--rendered", "{}", folder=tmp_path, TMPDIR=own)
    assert (started[0], started[2]) == (0, ""), started
    assert forked[0::2] == started[0::2]
    # What a terminal shows of the tasks' course depends on when each of them began; its lines are the same.
    assert sorted(forked[1].splitlines()) == sorted(started[1].splitlines())
    folders = [next((tmp_path / name).glob("*/local/2*")) for name in ("0", "1")]
    lines = [[(one.check, one.result, one.provenance, one.observed) for one in read_evidence(one)] for one in folders]
    assert lines[0] == lines[1] and lines[0]
    files = [{path.relative_to(folder) for path in folder.rglob("*") if path.is_file()} for folder in folders]
    assert files[0] == files[1]
    assert [verify_run(folder).problems for folder in folders] == [(), ()]


def test_nothing_of_a_command_is_there_for_the_next() -> None:
    said = [run_command("params", "staging", env={**os.environ, **more}).stdout for more in ({"STAGING_SMTP_URL": "x"}, {})]
    canary = {"STAGING_DATABASE_URL": "postgresql://a:canary-value@db.example.com/b"}
    with_canary = run_command("run", "staging", "--only", "nothing", env={**os.environ, **canary})
    assert with_canary.returncode == 2 and "canary-value" not in with_canary.stdout + with_canary.stderr
    server = forked_commands.servers[0]
    assert b"canary-value" not in Path(f"/proc/{server.process.pid}/environ").read_bytes()
    assert run_command("params", "staging").stdout == said[1]


def test_one_that_takes_too_long_is_ended_and_the_next_is_none_the_worse(tmp_path: Path) -> None:
    with pytest.raises(subprocess.TimeoutExpired):
        run_command("run", "local", "--only", "credentials", "--rendered", str(tmp_path), timeout_s=0.01)
    assert run_command("run", "stagng").returncode == 2


def test_a_server_ends_once_it_is_let_go_of() -> None:
    server = CommandServer()
    assert server.run(["run", "stagng"], os.environ, 60).returncode == 2
    server.close()
    assert server.process.returncode == 0
