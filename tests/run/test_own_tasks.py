"""A project's own tasks: read as data, executed from a copy, given only what they name; a broken one is its own error."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from lib.cli.new_own_task import new_own_task
from lib.core.errors import ParamsError
from lib.core.files import write_whole
from lib.run.notebook_parameters import own_problem
from lib.run.own_tasks import CONTRACT, FOLDER, READABLE, OwnTask, read_own_tasks, stage_own_tasks
from lib.run.params import load_params
from lib.tasks.index import TASKS, all_tasks, every_check, is_whole, use_own_tasks, using_own_tasks
from tests.support.layered import describe_project


@pytest.fixture(autouse=True)
def no_project() -> Iterator[None]:
    """Leave no test's tasks to the next one."""
    yield
    use_own_tasks(())


@pytest.fixture
def pack(tmp_path: Path) -> Path:
    pack = describe_project(tmp_path / "project")
    new_own_task("cdn_cache", pack=pack)
    return pack


def contract(pack: Path, text: str, name: str = "cdn_cache") -> OwnTask:
    write_whole(pack / FOLDER / name / CONTRACT, text)
    [one] = [one for one in read_own_tasks(pack) if one.name == name]
    return one


GOOD = "version: 1\ntitle: The cache\nchecks: {is_warm: {title: The cache is warm, fix: Warm it up.}}\n"


def test_it_joins_the_tasks_the_checks_and_the_launch_list(pack: Path) -> None:
    params = load_params("local", pack=str(pack), variables={})
    assert [task.name for task in all_tasks()] == [*(task.name for task in TASKS[:-1]), "cdn_cache", "readiness_summary"]
    assert "cdn_cache" in all_tasks()[-1].waits_for
    assert "cdn_cache.files_are_there" in every_check()
    assert not is_whole(TASKS)
    (pack / "launch" / "launch_list.yaml").unlink()
    params = load_params("local", pack=str(pack), variables={})
    assert params.launch_list[-2].checks == ["cdn_cache.files_are_there"]


def test_another_project_takes_its_own_along(pack: Path) -> None:
    load_params("local", pack=str(pack), variables={})
    with using_own_tasks(()):
        assert is_whole(TASKS)
    assert not is_whole(TASKS)
    load_params("local", variables={})
    assert is_whole(TASKS)


def test_an_environment_gives_other_parameters(pack: Path) -> None:
    (pack / "launch" / "local.yaml").write_text("own_tasks: {cdn_cache: {files: [a.txt]}}\n")
    [one] = load_params("local", pack=str(pack), variables={}).own_tasks
    assert one.parameters == {"files": ["a.txt"]}
    (pack / "launch" / "local.yaml").write_text("own_tasks: {cdn_cache: {file: [a.txt]}}\n")
    [one] = load_params("local", pack=str(pack), variables={}).own_tasks
    assert "has no parameter file, which own_tasks gives" in one.problem
    (pack / "launch" / "local.yaml").write_text("own_tasks: {cdn_cach: {}}\n")
    with pytest.raises(ParamsError, match="own_tasks names cdn_cach, and there is no"):
        load_params("local", pack=str(pack), variables={})


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (GOOD.replace("version: 1", "version: 2"), "version: input should be 1"),
        (GOOD.replace("version: 1\n", ""), "version: field required"),
        (GOOD.replace("checks", "check"), "checks: field required"),
        ("version: 1\ntitle: The cache\nchecks: {}\n", "checks: dictionary should have at least 1 item"),
        (GOOD.replace("is_warm", "Is-Warm"), "a check's name is lower-case words"),
        (GOOD.replace(", fix: Warm it up.", ""), "checks.is_warm.fix: field required"),
        (GOOD + "targets: [databse]\n", "targets.0"),
        (GOOD + "needs: [migrations.fuond]\n", "it needs or waits for migrations.fuond"),
        (GOOD + "needs: [cdn_cache.is_warm]\n", "it needs or waits for cdn_cache.is_warm"),
        (GOOD + "waits_for: [readiness_summary]\n", "it needs or waits for readiness_summary"),
        (GOOD + "colour: red\n", "colour: extra inputs"),
        ("a: [", "is not valid YAML"),
        ("", "the file"),
    ],
)
def test_a_contract_that_says_something_else_is_its_own_error(pack: Path, text: str, said: str) -> None:
    one = contract(pack, text)
    assert said in one.problem
    assert list(one.checks) == [READABLE]
    assert one.task.problem == one.problem


def test_a_good_contract_is_understood(pack: Path) -> None:
    one = contract(pack, GOOD + "targets: [database]\nneeds: [migrations.found]\nwaits_for: [seed]\nparameters: {n: 3, s: x}\n")
    assert (one.problem, one.targets, one.needs, one.waits_for) == ("", ("database",), ("migrations.found",), ("seed",))
    [check] = one.task.checks
    assert (check.id, check.gate, check.subject) == ("cdn_cache.is_warm", True, "project")


@pytest.mark.parametrize("name", ["rls", "readiness_summary", "CdnCache", "a-b", "x" * 31, "ä"])
def test_a_folder_that_can_be_no_task_is_told(pack: Path, name: str) -> None:
    (pack / FOLDER / name).mkdir()
    with pytest.raises(ParamsError, match=r"Fix: Rename the folder\."):
        read_own_tasks(pack)


def test_what_is_no_folder_is_no_task(pack: Path) -> None:
    (pack / FOLDER / "README.md").write_text("x")
    (pack / FOLDER / "__pycache__").mkdir()
    (pack / FOLDER / "link").symlink_to("/etc")
    assert [one.name for one in read_own_tasks(pack)] == ["cdn_cache"]


def test_it_is_executed_from_a_copy(pack: Path, tmp_path: Path) -> None:
    (pack / FOLDER / "cdn_cache" / "data").mkdir()
    (pack / FOLDER / "cdn_cache" / "data" / "a.json").write_text("{}")
    [one] = stage_own_tasks(read_own_tasks(pack), pack, tmp_path / "work", judge=own_problem)
    assert one.problem == ""
    assert one.folder == tmp_path / "work" / "own" / "cdn_cache"
    assert (one.folder / "data" / "a.json").read_text() == "{}"
    assert one.task.path.is_file()


def test_a_folder_with_odd_files_is_its_own_error(pack: Path, tmp_path: Path) -> None:
    folder = pack / FOLDER / "cdn_cache"
    for number, make in enumerate(
        (
            lambda path: os.mkfifo(path),
            lambda path: path.symlink_to("/etc/passwd"),
            lambda path: path.write_bytes(b"x" * 20_000_001),
        )
    ):
        make(folder / "odd")
        [one] = stage_own_tasks(read_own_tasks(pack), pack, tmp_path / str(number), judge=own_problem)
        assert "odd" in one.problem
        assert not (tmp_path / str(number) / "own" / "cdn_cache").exists()
        (folder / "odd").unlink()


def test_a_notebook_that_does_not_fit_is_its_own_error(pack: Path, tmp_path: Path) -> None:
    text = (pack / FOLDER / "cdn_cache" / CONTRACT).read_text()
    (pack / FOLDER / "cdn_cache" / CONTRACT).write_text(text.replace("  files: [launch", "  fils: [launch"))
    [one] = stage_own_tasks(read_own_tasks(pack), pack, tmp_path / "a", judge=own_problem)
    assert f"{FOLDER}/cdn_cache/cdn_cache.ipynb has no parameter 'fils'" in one.problem
    (pack / FOLDER / "cdn_cache" / CONTRACT).write_text(text)
    (pack / FOLDER / "cdn_cache" / "cdn_cache.ipynb").write_text("{")
    [one] = stage_own_tasks(read_own_tasks(pack), pack, tmp_path / "b", judge=own_problem)
    assert "can't be read" in one.problem
    (pack / FOLDER / "cdn_cache" / "cdn_cache.ipynb").unlink()
    assert "has no notebook cdn_cache.ipynb" in read_own_tasks(pack)[0].problem
