"""A launch list drafted from a direction: nothing is written over, and each guess waits for a person's word."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lib.core.direction import read_direction
from lib.core.files import write_whole
from lib.core.launch_items import FILE, LaunchList
from lib.core.plain_yaml import load_yaml
from lib.core.results import Outcome
from lib.onboarding.draft_list import DraftedList, draft_list, spell_list
from lib.onboarding.yaml_text import MARK
from lib.run.launch_list import load_launch_list, unconfirmed_items
from lib.tasks.guardrails.direction import DirectionFile, Template
from lib.tasks.guardrails.judge_direction import judge_match

DAY = "2026-11-26"
TEXT = """# D

- **Owner:** ana: "the boss" #1

## Current Tasks

1. Apply the `db: push` migrations, for T7. # now
2. Agree with marketing: "Monday"
7. Write *feedback*.

## Notes

See T2.
"""


def drafted(
    pack: Path, *, text: str = TEXT, names: tuple[str, ...] = ("docs/directions/devops.md",), **more: object
) -> DraftedList:
    for name in names:
        write_whole(pack / name, text)
    given = {"not_applicable": {}, "owner": "ops@example.com", "day": DAY, **more}
    return draft_list(pack, names, **given)  # type: ignore[arg-type]


def test_numbers_words_and_owner_are_kept_and_each_guess_is_marked(tmp_path: Path) -> None:
    change = drafted(tmp_path).change
    assert change is not None and change.after is not None
    write_whole(tmp_path / FILE, change.after)
    first, second, last = load_launch_list(tmp_path)
    assert [one.number for one in (first, second, last)] == [1, 2, 7]
    assert first.words == "Apply the `db: push` migrations, for T7. # now"
    assert first.backlog == ["T7", "T2"]
    assert "migrations.pushed_to_target" in first.checks
    assert second.manual is not None and second.manual.owner == 'ana: "the boss" #1'
    guessed = [line for line in change.after.splitlines() if MARK.search(line)]
    assert len(guessed) == len(unconfirmed_items(tmp_path)) == 1 + 1 + 3
    assert all(line.split(":")[0].strip() in ("document", "backlog", "checks", "manual") for line in guessed)
    assert LaunchList.model_validate(load_yaml(change.after)).document == "docs/directions/devops.md"


def test_what_only_the_launch_makes_is_guessed_where_the_direction_names_it(tmp_path: Path) -> None:
    text = TEXT + "\n- `feedback/devops/2026-01-02.md`, `artifacts/ops/`, `app/feedback/x.md`\n"
    change = drafted(tmp_path, text=text).change
    assert change is not None and change.after is not None
    assert LaunchList.model_validate(load_yaml(change.after)).made_by_launch == ["artifacts/**", "feedback/**"]
    plain = drafted(tmp_path).change
    assert plain is not None and "made_by_launch" not in (plain.after or "")


def test_what_does_not_apply_is_proposed_for_nothing(tmp_path: Path) -> None:
    change = drafted(tmp_path, not_applicable={"migrations": "no database"}).change
    assert change is not None and change.after is not None
    items = LaunchList.model_validate(load_yaml(change.after)).items
    assert items[0].manual is not None and not items[0].checks


def test_a_list_that_is_there_is_left_alone(tmp_path: Path) -> None:
    write_whole(tmp_path / FILE, "items: []\n")
    assert drafted(tmp_path) == DraftedList()


@pytest.mark.parametrize("text", ["", "# D\n\nNo task here.\n", "## Tasks\n\nNone yet.\n"])
def test_a_direction_without_tasks_drafts_nothing(tmp_path: Path, text: str) -> None:
    assert drafted(tmp_path, text=text) == DraftedList()


def test_a_direction_that_cannot_be_read_is_one_sentence(tmp_path: Path) -> None:
    write_whole(tmp_path / "DIRECTION.md", b"\xff\xfe\x00")
    [problem] = draft_list(tmp_path, ("DIRECTION.md",), not_applicable={}, owner="", day=DAY).problems
    assert "DIRECTION.md" in problem and "\n" not in problem


def test_of_several_the_likeliest_is_taken_and_the_others_are_named(tmp_path: Path) -> None:
    found = drafted(tmp_path, names=("docs/directions/ai.md", "docs/directions/devops.md"))
    assert found.change is not None and "document: docs/directions/devops.md" in (found.change.after or "")
    assert found.problems == (f"{FILE} was drafted from docs/directions/devops.md; docs/directions/ai.md has tasks, too.",)


def test_numbers_that_are_there_twice_do_not_break_the_list(tmp_path: Path) -> None:
    change = drafted(tmp_path, text="## Tasks\n\n1. Seed\n\ntext\n\n1. Deploy\n\n0. None\n").change
    assert change is not None and change.after is not None
    assert [one.number for one in LaunchList.model_validate(load_yaml(change.after)).items] == [1]


signs = st.text(alphabet=st.sampled_from("ab é1`*_[](){}<>#:&!|\\\"'-+.,~$%T7"), min_size=1, max_size=30)


@given(st.lists(signs, min_size=1, max_size=6), st.sampled_from(["{}. ", "- ", "* [ ] "]))
def test_what_was_drafted_matches_its_direction(tasks: list[str], begins: str) -> None:
    lines = [f"{begins.format(number)}Do {task}" for number, task in enumerate(tasks, start=1)]
    text = "# D\n\n## Current Tasks\n\n" + "\n".join(lines) + "\n"
    direction = read_direction(text)
    assert [task.number for task in direction.tasks] == list(range(1, len(tasks) + 1))
    listed = LaunchList.model_validate(load_yaml(spell_list("d.md", direction, not_applicable={}, owner="", day=DAY)))
    found = DirectionFile(path="d.md", text=text, direction=direction, launch_list=listed, template=Template(), files=())
    assert judge_match(found).outcome is Outcome.PASS, judge_match(found).detail
