"""Files are written in one step, only when something changed, and a person's are left as they are."""

from __future__ import annotations

import os
from pathlib import Path

import nbformat
import pytest

from lib.core.errors import ParamsError
from lib.onboarding.expectations import expect
from lib.onboarding.launch_files import LaunchPlan, write_launch
from lib.onboarding.observed import ObservedDatabase
from lib.onboarding.project_files import read_project
from lib.onboarding.yaml_text import MARK
from tests.support.onboarding_worlds import make_supabase_project, observation

ROWS = "insert into notes values (9);"
ALL = ["launch/project.yaml", "launch/rows.sql", "launch/confirm.ipynb", "launch/project.schema.json"]


@pytest.fixture
def pack(tmp_path: Path) -> Path:
    return make_supabase_project(tmp_path / "shop")


def launch(pack: Path, observed: ObservedDatabase, *, is_dry: bool = False) -> LaunchPlan:
    wanted = expect("shop", read_project(pack), observed)
    return write_launch(pack, wanted, rows=observed.rehearsal_rows, day="2026-11-26", is_dry=is_dry)


def paths(plan: LaunchPlan) -> list[str]:
    return [one.path for one in plan.changes]


def confirm_all(pack: Path) -> None:
    file = pack / "launch/project.yaml"
    file.write_text("\n".join(MARK.sub("", line).rstrip() for line in file.read_text().split("\n")))


def test_the_first_run_writes_all_and_the_second_nothing(pack: Path) -> None:
    first = launch(pack, observation(rehearsal_rows=ROWS))
    assert paths(first) == ALL and first.is_first
    kept = {name: (pack / name).read_bytes() for name in ALL}
    second = launch(pack, observation(rehearsal_rows=ROWS))
    assert second.changes == () and not second.is_first
    assert {name: (pack / name).read_bytes() for name in ALL} == kept
    assert [path.name for path in (pack / "launch").iterdir() if path.name.startswith(".")] == []
    nbformat.validate(nbformat.read(pack / "launch/confirm.ipynb", as_version=4))


def test_a_dry_run_writes_nothing(pack: Path) -> None:
    assert paths(launch(pack, observation(), is_dry=True)) == [
        "launch/project.yaml",
        "launch/confirm.ipynb",
        "launch/project.schema.json",
    ]
    assert not (pack / "launch").exists()


def test_made_up_rows_follow_until_they_are_confirmed(pack: Path) -> None:
    launch(pack, observation(rehearsal_rows=ROWS))
    assert paths(launch(pack, observation(rehearsal_rows=ROWS + " -- more"))) == ["launch/rows.sql"]
    confirm_all(pack)
    third = launch(pack, observation(rehearsal_rows=ROWS))
    assert third.changes == ()
    assert third.differences == ("launch/rows.sql is not what would be made up today; it was left as it is.",)


def test_made_up_rows_go_when_none_are_needed(pack: Path) -> None:
    launch(pack, observation(rehearsal_rows=ROWS))
    plan = launch(pack, observation())
    assert paths(plan) == ["launch/project.yaml", "launch/rows.sql"] and plan.changes[1].after is None
    assert not (pack / "launch/rows.sql").exists()


def test_rows_of_a_person_stay(pack: Path) -> None:
    (pack / "launch").mkdir()
    (pack / "launch/rows.sql").write_text("-- mine\n")
    launch(pack, observation(rehearsal_rows=ROWS))
    launch(pack, observation())
    assert (pack / "launch/rows.sql").read_text() == "-- mine\n"


def test_a_notebook_that_is_there_stays(pack: Path) -> None:
    launch(pack, observation())
    (pack / "launch/confirm.ipynb").write_text("{}")
    assert paths(launch(pack, observation())) == []


def make_link(pack: Path) -> None:
    (pack.parent / "elsewhere").mkdir()
    (pack / "launch").symlink_to(pack.parent / "elsewhere")


def make_fifo(pack: Path) -> None:
    (pack / "launch").mkdir()
    os.mkfifo(pack / "launch/project.yaml")


def make_broken(pack: Path) -> None:
    (pack / "launch").mkdir()
    (pack / "launch/project.yaml").write_text("rls: {\n")


@pytest.mark.parametrize("make", [make_link, make_fifo, make_broken, lambda pack: (pack / "launch").write_text("x")])
def test_a_launch_folder_that_cannot_be_is_one_sentence_and_nothing_is_written(pack: Path, make) -> None:
    make(pack)
    with pytest.raises(ParamsError, match="Fix: ") as caught:
        launch(pack, observation(rehearsal_rows=ROWS))
    assert "\n" not in str(caught.value)
    assert list(pack.rglob("rows.sql")) == list(pack.parent.glob("elsewhere/*")) == []
