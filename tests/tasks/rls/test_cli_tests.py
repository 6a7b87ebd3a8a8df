"""`supabase test db` beside our own run: only where Docker is and nothing stays, and its "no tests" is never a pass."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from lib.clients.supabase.cli import SupabaseCli
from lib.core.busyness import QUIET
from lib.core.results import Outcome
from lib.tasks.rls.cli_tests import CliTests, find_unsafe, read_tests, run_by_cli
from lib.tasks.rls.judge_pgtap import judge_pgtap
from lib.tasks.rls.tap_output import TapFile
from lib.transport.database import Database

SQL = "begin;\nselect plan(1);\nselect ok(true);\nselect * from finish();\nrollback;\n"
PASS = "/tests/one.sql .. ok\nAll tests successful.\nFiles=1, Tests=1,  0 wallclock secs\nResult: PASS\n"
FAIL = "/tests/one.sql .. Failed 1/1 subtests\nFiles=1, Tests=1,  0 wallclock secs\nResult: FAIL\n"
NONE = "Files=0, Tests=0,  0 wallclock secs\nResult: NOTESTS\n"
GOOD = TapFile(path="supabase/tests/one.sql", planned=1, ran=1)
BROKEN = TapFile(path="supabase/tests/one.sql", planned=1, ran=1, failed=("1: one",))


def pack_with(folder: Path, text: str) -> Path:
    (folder / "pack/supabase/tests").mkdir(parents=True)
    (folder / "pack/supabase/tests/one.sql").write_text(text)
    return folder / "pack"


def program(folder: Path, name: str, text: str) -> Path:
    folder.mkdir(exist_ok=True)
    path = folder / name
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)
    return path


@pytest.fixture
def cli(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> SupabaseCli:
    """A stand-in of the CLI that says what TAP has, and of Docker that answers."""
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:{os.environ['PATH']}")
    program(tmp_path / "bin", "docker", "echo 28.0.0")
    (tmp_path / "said.txt").write_text(PASS)
    said = f'echo "$@" > "{tmp_path}/argv.txt"; cat "{tmp_path}/said.txt"; grep -q "Result: PASS" "{tmp_path}/said.txt"'
    binary = program(tmp_path / "bin", "supabase", said)
    return SupabaseCli(binary=binary, major=3, workdir=tmp_path, timeout_s=20)


TARGET = Database(url="postgresql://postgres:sesame-open@127.0.0.1:5/postgres")


def test_what_the_command_ran_is_read_and_it_gets_no_password(cli: SupabaseCli, tmp_path: Path) -> None:
    found = run_by_cli(lambda: cli, TARGET, pack_with(tmp_path, SQL))
    assert (found.why_not, found.result, found.tests) == ("", "PASS", 1)
    argv = (tmp_path / "argv.txt").read_text()
    assert argv.startswith("test db --remote=postgresql://postgres@127.0.0.1:5/") and "sesame" not in argv + found.transcript


def test_without_a_daemon_it_is_not_run(cli: SupabaseCli, tmp_path: Path) -> None:
    program(tmp_path / "bin", "docker", "echo cannot connect >&2; exit 1")
    assert run_by_cli(lambda: cli, TARGET, pack_with(tmp_path, SQL)) == CliTests(why_not="No Docker daemon answers here.")
    assert not (tmp_path / "argv.txt").exists()


@pytest.mark.parametrize(
    ("text", "is_safe"),
    [
        (SQL, True),
        (SQL.replace("begin", "BEGIN TRANSACTION").replace("rollback", "ROLLBACK"), True),
        ("-- begin\nselect plan(1);\nrollback;\n", False),
        (SQL.replace("rollback", "commit"), False),
        (SQL + "create table left_over (id int);\n", False),
        (SQL + SQL, False),
        ("\\! id\n" + SQL, False),
    ],
    ids=["own transaction", "in capitals", "no begin", "commits", "goes on after it", "twice", "a psql command"],
)
def test_only_a_file_that_leaves_nothing_is_given_to_psql(tmp_path: Path, text: str, is_safe: bool) -> None:
    assert (find_unsafe(pack_with(tmp_path, text)) == "") is is_safe


@pytest.mark.parametrize(
    ("said", "code", "result"),
    [
        (PASS, 0, "PASS"),
        (FAIL, 1, "FAIL"),
        (NONE, 0, "NOTESTS"),
        ("Result: NOTESTS\n", 0, "NOTESTS"),
        (PASS, 1, ""),
        ("failed to pull", 1, ""),
    ],
)
def test_only_the_last_lines_of_pg_prove_count(said: str, code: int, result: str) -> None:
    found = read_tests(said, exit_code=code, transcript="")
    assert found.result == result and bool(found.why_not) is not bool(result)


@pytest.mark.parametrize(
    ("files", "by_cli", "outcome", "said"),
    [
        ([GOOD], CliTests(result="PASS", tests=1), Outcome.PASS, "`supabase test db` ran 1 test: PASS."),
        ([GOOD], None, Outcome.PASS, ""),
        ([GOOD], CliTests(why_not="No Docker daemon answers here."), Outcome.PASS, "was not counted: No Docker daemon"),
        ([GOOD], CliTests(result="NOTESTS"), Outcome.ERROR, "`supabase test db` found no tests, and supabase/tests has 1 file."),
        ([GOOD], CliTests(result="FAIL", tests=1), Outcome.FAIL, "FAIL, unlike the files one by one"),
        ([BROKEN], CliTests(result="PASS", tests=1), Outcome.FAIL, "PASS, unlike the files one by one"),
        ([BROKEN], CliTests(result="FAIL", tests=1), Outcome.FAIL, "1: one"),
    ],
)
def test_both_ways_must_agree(files: list[TapFile], by_cli: CliTests | None, outcome: Outcome, said: str) -> None:
    result = judge_pgtap(files, QUIET, timeout_s=10, by_cli=by_cli)
    assert result.outcome is outcome and said in result.detail
