"""make init from outside: what it says, what it writes, and what a person did wrong in one sentence."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from lib.__main__ import main
from lib.cli.init import init
from lib.core.errors import DatabaseError
from lib.core.paths import ROOT
from lib.core.plain_yaml import load_yaml
from lib.onboarding.observed import ObservedDatabase
from lib.onboarding.unconfirmed import confirm_line, find_unconfirmed
from lib.run.params import load_params
from tests.support.onboarding_worlds import make_supabase_project, make_whole_project, observation

SECRETS = ("sk_live_do_not_show_this_0123456789", "abcdefgh12345678", "zyxwvuts87654321")


def seeing(observed: ObservedDatabase) -> Callable[..., ObservedDatabase]:
    def observe(pack: Path, *, emit: Callable[[str], None]) -> ObservedDatabase:
        emit("starting PostgreSQL 17")
        return observed

    return observe


def test_the_first_run_writes_tells_dangers_first_and_fits_a_terminal(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pack = make_whole_project(tmp_path / "shop")
    assert init(str(pack), observe=seeing(observation())) == 0
    said = capsys.readouterr().out
    order = [
        said.index(one) for one in ("Trying the database", "Wrote 3 files", "Looks dangerous", "Found", "To decide:", "Next")
    ]
    assert order == sorted(order)
    assert "  1. anon may insert into public.notes: is that meant?" in said
    assert f"make confirm PACK={pack}" in said and f"make readiness ENV=local PACK={pack}" in said
    assert [line for line in said.splitlines() if len(line) > 80 and str(tmp_path) not in line] == []
    written = (pack / "launch/project.yaml").read_text()
    assert not any(secret in said + written for secret in SECRETS)
    assert load_yaml(written)["name"] == "shop"
    assert f"To decide: {written.count(', unconfirmed')} lines" in said


def test_a_second_run_writes_nothing_and_a_third_shows_its_diff(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pack = make_supabase_project(tmp_path / "shop")
    init(str(pack), observe=seeing(observation()))
    before = (pack / "launch/project.yaml").read_bytes()
    capsys.readouterr()
    init(str(pack), observe=seeing(observation()))
    assert "Nothing to write" in capsys.readouterr().out
    assert (pack / "launch/project.yaml").read_bytes() == before
    init(str(pack), observe=seeing(observation(seed_counts={"public.notes": 4})), is_dry=True)
    said = capsys.readouterr().out
    assert "-    public.notes: 3" in said and "+    public.notes: 4" in said and "Dry run" in said
    assert (pack / "launch/project.yaml").read_bytes() == before
    init(str(pack), observe=seeing(observation(seed_counts={"public.notes": 4})))
    assert "public.notes: 4" in (pack / "launch/project.yaml").read_text()


def test_a_database_that_cannot_be_observed_takes_nothing_away(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pack = make_supabase_project(tmp_path / "shop")
    init(str(pack), observe=seeing(observation()))
    before = (pack / "launch/project.yaml").read_bytes()

    def fail(pack: Path, *, emit: object) -> ObservedDatabase:
        raise DatabaseError("The server did not answer.", fix="Look at its log.")

    assert init(str(pack), observe=fail) == 0
    assert "The server did not answer." in capsys.readouterr().out
    assert (pack / "launch/project.yaml").read_bytes() == before


def test_a_project_without_a_database_is_not_tried(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    def never(pack: Path, *, emit: object) -> ObservedDatabase:
        raise AssertionError("there is no database to observe")

    assert init(str(tmp_path), name="Shop", observe=never) == 0
    written = load_yaml((tmp_path / "launch/project.yaml").read_text())
    assert written["name"] == "Shop" and written["not_applicable"]["rls"] == "no supabase folder in this project"
    assert "Trying the database" not in capsys.readouterr().out


@pytest.mark.parametrize(
    ("pack", "said"),
    [
        ("", "PACK is not given"),
        ("/there/is/none", "there is no folder"),
        (str(ROOT / "pack"), "is inside this workbook"),
        (str(ROOT), "is inside this workbook"),
        (str(ROOT / "Makefile"), "is a file, not a folder"),
    ],
)
@pytest.mark.parametrize("command", ["init", "confirm"])
def test_a_mistake_is_one_sentence_and_exit_code_2(
    capsys: pytest.CaptureFixture[str], command: str, pack: str, said: str
) -> None:
    assert main([command, "--pack", pack]) == 2
    error = capsys.readouterr().err
    assert said in error and "Fix: " in error and error.count("\n") == 1


def test_a_name_that_cannot_be_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["init", "--pack", str(tmp_path), "--name", "../x"]) == 2
    assert "NAME=../x" in capsys.readouterr().err and not (tmp_path / "launch").exists()


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_folder_that_cannot_be_written_is_said_before_anything_is_looked_at(tmp_path: Path, capsys) -> None:
    tmp_path.chmod(0o500)
    assert main(["init", "--pack", str(tmp_path)]) == 2
    tmp_path.chmod(0o700)
    assert "can't be written into" in capsys.readouterr().err


def test_a_real_database_is_observed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The whole of it, once: the embedded server, migrations, seed, every verb, and a second run without a change."""
    pack = make_supabase_project(tmp_path / "shop")
    assert main(["init", "--pack", str(pack)]) == 0
    written = load_yaml((pack / "launch/project.yaml").read_text())
    assert "public.notes" in written["rls"]["matrix"] and written["seed"]["expected_counts"]["public.notes"] == 1
    capsys.readouterr()
    assert main(["init", "--pack", str(pack)]) == 0
    assert "Nothing to write" in capsys.readouterr().out


DIRECTION = """# Direction

- **Owner:** ana@example.com

## Current Tasks

1. Apply the migrations.
2. Agree with marketing.
"""


def test_a_direction_drafts_the_launch_list_once_and_its_guesses_wait(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pack = make_supabase_project(tmp_path / "shop")
    (pack / "docs/directions").mkdir(parents=True)
    (pack / "docs/directions/devops.md").write_text(DIRECTION)
    (pack / "docs/directions/agenttemplate.md").write_text(DIRECTION)
    assert init(str(pack), observe=seeing(observation()), is_dry=True) == 0
    said = capsys.readouterr().out
    assert "launch/launch_list.yaml" in said and not (pack / "launch").exists()
    waiting = said.partition("To decide: ")[2].split()[0]
    assert init(str(pack), observe=seeing(observation())) == 0
    assert f"To decide: {waiting} lines" in capsys.readouterr().out
    path = pack / "launch/launch_list.yaml"
    written = path.read_text()
    items = load_yaml(written)["items"]
    assert [one["words"] for one in items] == ["Apply the migrations.", "Agree with marketing."]
    assert "migrations.pushed_to_target" in items[0]["checks"] and items[1]["manual"]["owner"] == "ana@example.com"
    params = load_params("local", pack=str(pack), variables={})
    assert [line for line in params.unconfirmed if line.startswith("launch/launch_list.yaml:")] == [
        f"launch/launch_list.yaml:{number}" for number, line in enumerate(written.splitlines(), 1) if line.endswith("unconfirmed")
    ]
    for one in find_unconfirmed(pack):
        if one.file == "launch/launch_list.yaml":
            confirm_line(pack, one)
    assert "unconfirmed" not in path.read_text().partition("items:")[2]
    confirmed = path.read_text()
    init(str(pack), observe=seeing(observation()))
    assert path.read_text() == confirmed
