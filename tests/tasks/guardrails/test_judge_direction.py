"""A direction compared with its list, its template and its files: each fault is found by its check, what is sound passes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from lib.core.direction import read_direction
from lib.core.errors import TargetError
from lib.core.launch_items import LaunchItem, LaunchList
from lib.core.results import Outcome
from lib.tasks.guardrails.direction import DirectionFile, Template
from lib.tasks.guardrails.judge_direction import judge_links, judge_match, judge_template
from lib.tasks.guardrails.references import Surroundings, follow

PATH = "docs/directions/devops.md"
GOOD = """# Direction

- **Owner:** ana@example.com
- **Effective:** 2026-01-02
- **Version:** 1.1

## Objective

Launch `app/main.py`.

## Current Tasks

1. Push the migrations (`supabase db push`), for T2.
2. Run `scripts/check.{mjs,sh}` every night.
3. Write feedback to `feedback/2026-01-02.md`.

## Constraints

- **Budget:** 3 files

## Definition of Done

- [ ] The task list is that of 2026-01-02.
- [ ] Launched before 2026-02-28.

## Risk & Rollback

Low.

## Links & References

- [The README](../../README.md#how-it-works), https://example.com/a
- Scripts: `scripts/*.sh`, `scripts/`

## Change Log

- 2025-12-24: Version 1.0. First.
- 2026-01-02: Version 1.1. More.
"""
TEMPLATE = "# T\n\n- **Owner:** x\n\n## Current Tasks\n\n- x\n\n## Contract Test\n\nx\n\n## Notes (optional)\n"
FILES = ("app/main.py", "scripts/check.mjs", "scripts/check.sh", "README.md", PATH)
WORDS = (
    "Push the migrations (supabase db push), for T2.",
    "Run `scripts/check.{mjs,sh}`   every\n night.",
    "Write feedback to `feedback/2026-01-02.md`.",
)


def item(number: int, words: str, **more: object) -> LaunchItem:
    return LaunchItem.model_validate({"number": number, "title": "x", "words": words, "checks": ["a.b"], **more})


ITEMS = [item(1, WORDS[0], backlog=["T2"]), item(2, WORDS[1]), item(3, WORDS[2])]


def world(text: str = GOOD, *, items: list[LaunchItem] | None = None, template: Template | None = None) -> DirectionFile:
    return DirectionFile(
        path=PATH,
        text=text,
        direction=read_direction(text),
        launch_list=LaunchList(document=PATH, made_by_launch=["feedback/**"], items=items or ITEMS),
        template=template or Template(),
        files=FILES,
    )


def links(found: DirectionFile) -> tuple[Outcome, str]:
    texts = {"README.md": "# A\n\n## How it works\n"}
    made = tuple(found.launch_list.made_by_launch)
    around = Surroundings(document=PATH, files=frozenset(FILES), made=made, read=lambda path: texts.get(path, ""))
    result = judge_links(PATH, follow(found.direction.references, around))
    return result.outcome, result.detail


def three(found: DirectionFile) -> dict[str, str]:
    """Return what did not pass of the three checks, with what each says."""
    match, template, (led, said) = judge_match(found), judge_template(found), links(found)
    all_of_it = {"match": (match.outcome, match.detail), "template": (template.outcome, template.detail), "links": (led, said)}
    assert all(result.fix for result in (match, template) if result.outcome is not Outcome.PASS)
    assert all("\n" not in detail for _, detail in all_of_it.values())
    return {name: f"{outcome.value}: {detail}" for name, (outcome, detail) in all_of_it.items() if outcome is not Outcome.PASS}


def test_a_sound_direction_passes_all_three() -> None:
    assert three(world()) == {}
    assert judge_match(world()).observed == judge_match(world()).expected == 3


def swap(old: str, new: str) -> Callable[[str], str]:
    def change(text: str) -> str:
        assert old in text
        return text.replace(old, new, 1)

    return change


BROKEN: dict[str, tuple[Callable[[str], str], str, str]] = {
    "no owner": (swap("- **Owner:** ana@example.com\n", ""), "template", "Owner is missing"),
    "an empty owner": (swap(" ana@example.com", ""), "template", "Owner says nothing"),
    "no version": (swap("- **Version:** 1.1\n", ""), "template", "Version is missing"),
    "a version of words": (swap("Version:** 1.1", "Version:** final"), "template", "Version is not a version"),
    "an older version": (swap("Version:** 1.1", "Version:** 1.0"), "template", "the newest entry of the change log says"),
    "a day that is none": (swap("Effective:** 2026-01-02", "Effective:** 2026-02-30"), "template", "Effective is not one date"),
    "another day": (
        swap("Effective:** 2026-01-02", "Effective:** 2026-01-03"),
        "template",
        "newest entry of the change log is of",
    ),
    "two days": (
        swap("Effective:** 2026-01-02", "Effective:** 2026-01-02 or 2026-01-03"),
        "template",
        "Effective is not one date",
    ),
    "no objective": (swap("## Objective", "Objective"), "template", "the section Objective is missing"),
    "a section called otherwise": (swap("## Constraints", "## Constraint"), "template", "missing; there is Constraint"),
    "an empty section": (swap("\nLow.\n", ""), "template", "the section Risk & Rollback is empty"),
    "a section twice": (swap("## Change Log", "## Objective\n\nx\n\n## Change Log"), "template", "Objective is there 2 times"),
    "no change log": (swap("## Change Log", "### Log"), "template", "the section Change Log is missing"),
    "a change log without days": (swap("2026-01-02: Version 1.1", "1.1").__call__, "template", "the newest entry"),
    "a change on no day": (swap("- 2026-01-02: V", "- 2026-01-32: V"), "template", "has a date that is none"),
    "done on another day": (swap("that of 2026-01-02", "that of 2025-12-24"), "template", "names 2025-12-24, and Effective"),
    "feedback of another day": (
        swap("`feedback/2026-01-02.md`", "`feedback/2026-01-01.md`"),
        "template",
        "the path feedback/2026-01-01.md",
    ),
    "no feedback at the end": (
        swap("3. Write feedback to `feedback/2026-01-02.md`.\n", ""),
        "template",
        "not the entry of feedback",
    ),
    "a task gone": (swap("2. Run `scripts/check.{mjs,sh}` every night.\n", ""), "match", "item 2 has no task"),
    "a task more": (swap("3. Write", "3. Tell QA.\n4. Write"), "match", "item 3 has the words of task 4"),
    "tasks in another order": (swap("1. Push", "2. Push").__call__, "match", "task 1 has no item|number 2 is there 2 times"),
    "a number twice": (swap("2. Run", "1. Run"), "match", "number 1 is there 2 times (lines 13 and 14)"),
    "a task reworded": (swap("every night", "every week"), "match", "item 2 says 'Run `scripts/check.{mjs,sh}` every night.'"),
    "a backlog that no item has": (swap("Low.", "Low, see T6."), "match", "names backlog T6, and no item does"),
    "a backlog that is gone": (swap(", for T2", ""), "match", "item 1 names backlog T2"),
    "a dead path": (
        swap("app/main.py", "app/man.py"),
        "links",
        "app/man.py (line 9) is no file of the project; did you mean app/main.py?",
    ),
    "a dead link": (swap("../../README.md", "../README.md"), "links", "../README.md"),
    "a dead heading": (swap("#how-it-works", "#how"), "links", "README.md has no heading #how"),
    "half of the braces": (
        swap("{mjs,sh}` every", "{mjs,py}` every"),
        "links",
        "stands for scripts/check.py, which is no file of the project",
    ),
    "a part left out": (swap("`app/main.py`", "`app/.../main.py`"), "links", "leaves out a part of its path"),
    "a glob of nothing": (swap("scripts/*.sh", "scripts/*.rb"), "links", "matches no file"),
    "a link out of the project": (swap("../../README.md", "../../../../etc/passwd"), "links", "leads out of the project"),
}


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_document_is_found_by_its_check_and_a_repair_passes(name: str) -> None:
    change, check, said = BROKEN[name]
    found = three(world(change(GOOD)))
    assert check in found, found
    assert found[check].startswith("fail: "), found
    assert any(one in found[check] for one in said.split("|")), found[check]
    assert three(world(GOOD)) == {}


LOOK_ALIKES: dict[str, Callable[[str], str]] = {
    "line ends of Windows": lambda text: text.replace("\n", "\r\n"),
    "a byte order mark": lambda text: f"\ufeff{text}",
    "no line end at the end": lambda text: text.rstrip("\n"),
    "other signs for the same": lambda text: text.replace("- **", "* __").replace(":**", ":__"),
    "a deadline in the definition of done": swap("2026-02-28", "2026-03-01"),
    "numbers at headings": lambda text: text.replace("## Objective", "## 1. Objective"),
    "a changelog in one word": lambda text: text.replace("## Change Log", "## Changelog"),
    "a branch, an endpoint, a host and a command": swap(
        "Low.", "Low: `origin/main`, `/account_info`, `example.com/x.json`, `npm run ci`, `node.js`, `a@b.com`, `X=y/z.md`."
    ),
    "the newest entry first": lambda text: text.replace(
        "- 2025-12-24: Version 1.0. First.\n- 2026-01-02: Version 1.1. More.", "- 2026-01-02: 1.1 More.\n- 2025-12-24: 1.0 First."
    ),
    "a comment": swap("## Objective", "<!-- ## Objective -->\n\n## Objective"),
}


@pytest.mark.parametrize("name", LOOK_ALIKES)
def test_what_only_looks_broken_passes(name: str) -> None:
    assert three(world(LOOK_ALIKES[name](GOOD))) == {}


def test_items_renumbered_in_the_list_are_found_with_both_texts() -> None:
    turned = [item(1, WORDS[1]), item(2, WORDS[0], backlog=["T2"]), item(3, WORDS[2])]
    said = three(world(items=turned))["match"]
    assert "item 1 has the words of task 2" in said and "Push the migrations" in said


def test_items_in_another_order_without_words_or_without_a_task_are_found() -> None:
    assert "are not in order: 2 stands too late" in three(world(items=[ITEMS[0], ITEMS[2], ITEMS[1]]))["match"]
    assert "item 2 does not say the words of its task" in three(world(items=[ITEMS[0], item(2, ""), ITEMS[2]]))["match"]
    assert "item 4 has no task in the document: 'More'" in three(world(items=[*ITEMS, item(4, "More")]))["match"]
    assert "task 3 has no item" in three(world(items=ITEMS[:2]))["match"]


def test_two_tasks_of_the_same_words_are_no_fault() -> None:
    text = swap("2. Run `scripts/check.{mjs,sh}` every night.", "2. Push the migrations (`supabase db push`), for T2.")(GOOD)
    assert "match" not in three(world(text, items=[ITEMS[0], item(2, WORDS[0]), ITEMS[2]]))


def test_a_document_without_tasks_is_undetermined_for_the_list_and_broken_for_the_template() -> None:
    found = three(world("# D\n\n## Notes\n\nNothing.\n"))
    assert found["match"].startswith("error: No section with tasks was found")
    assert "it has no tasks" in found["template"]


def test_the_projects_own_template_decides() -> None:
    own = Template(path="docs/t.md", direction=read_direction(TEMPLATE))
    said = three(world(template=own))["template"]
    assert "the section Contract Test is missing" in said
    assert "Notes" not in said and "Objective" not in said
    with_it = swap("## Risk & Rollback", "## Contract Test\n\n`npm run ci` passes.\n\n## Risk & Rollback")
    assert three(world(with_it(GOOD), template=own)) == {}
    short = swap("## Objective\n\nLaunch `app/main.py`.\n", "")(with_it(GOOD))
    assert three(world(short, template=own)) == {}


def test_a_template_that_cannot_be_read_is_undetermined_and_hides_no_fault() -> None:
    lost = Template(path="docs/t.md", problem="Its template could not be read: it is not there.")
    assert three(world(template=lost))["template"].startswith("error: Its template could not be read")
    assert three(world(swap("## Objective", "Objective")(GOOD), template=lost))["template"].startswith("fail")


def test_a_direction_that_names_no_file_is_skipped() -> None:
    outcome, detail = links(world("# D\n\n## Tasks\n\n- See https://example.com and <https://example.com/b>\n"))
    assert outcome is Outcome.SKIP
    assert "names no file" in detail


def test_more_paths_than_anybody_follows_are_not_followed_in_part() -> None:
    many = " ".join(f"`a/{number}.md`" for number in range(600))
    with pytest.raises(TargetError, match="names more than 500 links and paths"):
        links(world(f"# D\n\n## Tasks\n\n- {many}\n"))


def test_what_the_launch_makes_is_named_and_only_where_it_is_said() -> None:
    outcome, detail = links(world())
    assert outcome is Outcome.PASS
    assert "Made by the launch itself" in detail and "feedback/2026-01-02.md" in detail
    bare = replace(world(), launch_list=LaunchList(document=PATH, items=ITEMS))
    assert links(bare)[0] is Outcome.FAIL
