"""The launch list: every item has checks that exist; a project without one has an item for each task that applies."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from lib.core.errors import ParamsError
from lib.core.files import write_whole
from lib.core.launch_items import FILE
from lib.core.paths import ROOT
from lib.run.launch_list import load_launch_list
from lib.run.layers import known_environments
from lib.run.params import load_params
from lib.tasks.index import TASKS, every_check

SAMPLE = ROOT / "pack"
GOOD = "items:\n  - number: 1\n    title: One\n    checks: [rls.pgtap_tests_pass]\n"


def written(pack: Path, text: str) -> Path:
    write_whole(pack / FILE, text)
    return pack


def test_all_eighteen_items_are_there_each_with_checks_that_exist() -> None:
    items = load_launch_list(SAMPLE)
    assert [item.number for item in items] == list(range(1, 19))
    for item in items:
        assert item.checks, f"item {item.number} has no check"
        assert set(item.checks) <= set(every_check()), f"item {item.number} names a check that does not exist"
        assert len(set(item.checks)) == len(item.checks)


def test_every_item_is_proved_by_a_gate() -> None:
    for item in load_launch_list(SAMPLE):
        assert any(every_check()[check].gate for check in item.checks), item.title


def test_the_defaults_are_no_environment() -> None:
    assert "defaults" not in known_environments()
    with pytest.raises(ParamsError, match=r"there is no params/defaults\.yaml"):
        load_params("defaults", variables={})


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("items: [", "is not valid YAML"),
        ("", "the file: input should be a valid dictionary"),
        ("items: []", "items: list should have at least 1 item"),
        (GOOD.replace("[rls.pgtap_tests_pass]", "[]"), "items.1: an item has checks, manual or not_ours"),
        (GOOD.replace("number: 1", "number: one"), "items.1.number: input should be a valid integer"),
        (GOOD.replace("    title: One\n", ""), "items.1.title: field required"),
        (GOOD + "    not_ours: the data team does it\n", "one of the three, and no second"),
        (GOOD + "    manual: {owner: ana@example.com, how: ask her}\n", "one of the three, and no second"),
        (GOOD.replace("checks: [rls.pgtap_tests_pass]", "not_ours: ' '"), "items.1: an item has checks, manual or not_ours"),
        (GOOD.replace("checks: [rls.pgtap_tests_pass]", "manual: {owner: ana}"), "items.1.manual.how: field required"),
        (GOOD + "    who: me\n", "items.1.who: extra inputs are not permitted"),
        (GOOD.replace("pgtap_tests_pass", "pgtap_test_pass"), "did you mean rls.pgtap_tests_pass?"),
        (GOOD + GOOD.removeprefix("items:\n"), "number 1 is there twice"),
    ],
)
def test_what_is_wrong_with_the_file_is_one_clear_line(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(ParamsError) as caught:
        load_launch_list(written(tmp_path, text))
    [problem] = caught.value.problems
    assert said in problem
    assert problem.startswith("launch/launch_list.yaml")
    assert "\n" not in problem


def test_an_item_may_be_done_by_hand_or_be_another_teams(tmp_path: Path) -> None:
    apart = "  - number: 2\n    title: Two\n    manual: {owner: ana@example.com, how: ask her}\n"
    apart += "  - number: 3\n    title: Three\n    not_ours: the data team does it\n"
    items = load_launch_list(written(tmp_path, f"document: docs/x.md\n{GOOD}{apart}"))
    assert [(one.checks, one.manual is not None, one.not_ours) for one in items[1:]] == [
        ([], True, ""),
        ([], False, "the data team does it"),
    ]


def test_a_file_that_is_no_text_or_no_file_is_told(tmp_path: Path) -> None:
    write_whole(tmp_path / FILE, b"\xff\xfe\x00")
    with pytest.raises(ParamsError, match="UTF-16 text"):
        load_launch_list(tmp_path)
    (tmp_path / FILE).unlink()
    os.mkfifo(tmp_path / FILE)
    with pytest.raises(ParamsError, match=r"launch/launch_list\.yaml is a named pipe"):
        load_launch_list(tmp_path)
    (tmp_path / FILE).unlink()
    (tmp_path / FILE).symlink_to("/etc/passwd")
    with pytest.raises(ParamsError, match="a link to something outside the project"):
        load_launch_list(tmp_path)


def test_a_project_without_a_list_has_an_item_for_each_task_that_applies(tmp_path: Path) -> None:
    items = load_launch_list(tmp_path, not_applicable={"health": "we have neither", "alerts": "no rules"})
    assert [item.title for item in items] == [task.title for task in TASKS if task.name not in ("health", "alerts")]
    gates = {check.id for task in TASKS for check in task.checks if check.gate and task.name not in ("health", "alerts")}
    assert {check for item in items for check in item.checks} == gates


def test_the_shipped_list_names_every_gate() -> None:
    listed = {check for item in load_launch_list(SAMPLE) for check in item.checks}
    gates = {check.id for task in TASKS for check in task.checks if check.gate}
    assert gates - listed == set(), "name each under the item that it proves, in launch/launch_list.yaml"
