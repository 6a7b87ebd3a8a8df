"""A direction is read in whatever style it was written, and says the same when it was written by us."""

from __future__ import annotations

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lib.core.direction import Direction, name_key, read_direction
from lib.core.paths import ROOT

SAMPLE = (ROOT / "pack/docs/directions/devops.md").read_text(encoding="utf-8")
BULLETS = "# D\n\n**Owner:** Ana\n**Effective:** 2026-01-02\n\n## Tasks\n\n- Do `one`\n- Do two\n  - in part\n- Write feedback\n"
HEAD = "# D\n\n- Owner: Ana\n- Effective: 2026-01-02\n\n"
NUMBERED = "1. Do `one`\n2. Do two\n   - in part\n3. Write feedback\n"
TABLE = """# D

| Owner | Ana |
| --- | --- |
| Effective | 2026-01-02 |

## Tasks

| # | Task | Who |
| --- | --- | --- |
| 1 | Do `one` | a very long name of somebody |
| 2 | Do two in part | x |
| 3 | Write feedback | x |
"""
STYLES = {
    "bulleted": BULLETS,
    "windows and a byte order mark": "\ufeff" + BULLETS.replace("\n", "\r\n"),
    "no line end at its end": BULLETS.rstrip("\n"),
    "ticked off": BULLETS.replace("- Do", "- [x] Do").replace("- Write", "- [ ] Write"),
    "underlined": f"D\n=\n\nOwner: Ana\nEffective: 2026-01-02\n\nTasks\n-----\n\n{NUMBERED}",
    "numbered with ones": BULLETS.replace("\n- ", "\n1. ").replace("  - in", "   - in"),
    "a table": TABLE,
    "a heading a task": f"{HEAD}## Current Tasks\n\n### Do `one`\n\n### Do two\n\nin part\n\n### Write feedback\n",
    "front matter": f"---\nowner: Ana\neffective: 2026-01-02\n---\n# D\n\n## 2. Tasks\n\n{NUMBERED.replace('.', ')')}",
    "other words": f"{HEAD}## Aktuelle Aufgaben 🚀\n\n{NUMBERED}",
    "below headings of their own": f"{HEAD}## Current Tasks\n\n### First\n\n1. Do `one`\n\n### Then\n\n"
    "1. Do two\n   - in part\n2. Write feedback\n",
}


@pytest.mark.parametrize("style", STYLES)
def test_every_style_says_the_same(style: str) -> None:
    direction = read_direction(STYLES[style])
    assert [(task.number, task.words) for task in direction.tasks] == [
        (1, "Do one"),
        (2, "Do two in part"),
        (3, "Write feedback"),
    ]
    assert direction.owner == "Ana"
    effective = direction.said("Effective")
    assert effective is not None and effective.value == "2026-01-02"


def test_the_sample_is_read_whole() -> None:
    direction = read_direction(SAMPLE)
    assert [task.number for task in direction.tasks] == list(range(1, 19))
    assert [section.title for section in direction.sections] == [
        "Objective", "Current Tasks", "Constraints", "Definition of Done", "Risk & Rollback", "Links & References", "Change Log",
    ]  # fmt: skip
    assert [(entry.day, entry.version) for entry in direction.changes] == [
        (date(2026, 11, 23), (1, 1)),
        (date(2026, 11, 9), (1,)),
    ]
    assert direction.backlog == ["T2", "T6"]
    assert direction.owner == "operator@example.com"


def test_a_line_that_wraps_is_one_value() -> None:
    [field] = read_direction("## Tasks\n\n- x\n\n## Constraints\n\n- **Dirs:** `a/`,\n  `b/`, note: `c/`\n").fields_of(
        "Constraints"
    )
    assert (field.codes, field.value) == (("a/", "b/", "c/"), "a/, b/, note: c/")


def test_a_list_below_a_label_is_its_value() -> None:
    [field] = read_direction("## Tasks\n\n- x\n\n## Constraints\n\n- **Tools:**\n  - bash\n  - node\n").fields_of("Constraints")
    assert field.value == "bash, node"


def test_numbers_that_are_there_twice_stay_so() -> None:
    assert [task.number for task in read_direction("## Tasks\n\n1. a\n\ntext\n\n1. b\n").tasks] == [1, 1]


@pytest.mark.parametrize(("title", "key"), [("3) Risk & Rollback", "risk and rollback"), ("🚀 Tasks", "tasks"), ("2025", "2025")])
def test_a_title_is_compared_without_number_and_signs(title: str, key: str) -> None:
    assert name_key(title) == key


@pytest.mark.parametrize(
    "text", ["", "\n", "no heading at all", "# Only a title", "---\n", "|a|\n|-|\n", "- - - -\n1.\n2.\n", "## Tasks\n"]
)
def test_a_document_that_says_nothing_is_read_all_the_same(text: str) -> None:
    assert read_direction(text).tasks == ()


@given(st.text(max_size=400))
def test_no_text_breaks_it(text: str) -> None:
    direction = read_direction(text)
    assert isinstance(direction, Direction)
    assert all(task.number >= 0 for task in direction.tasks)
    assert [*direction.changes, *direction.backlog, direction.owner]


words = st.text(alphabet=st.characters(categories=["L", "N"], include_characters=" ,.-"), min_size=1, max_size=40)


@given(
    st.lists(words.map(lambda one: f"Do {' '.join(one.split())} now"), min_size=1, max_size=12),
    st.sampled_from(["1.", "1)", "-", "* [ ]"]),
)
def test_tasks_that_are_written_are_read(tasks: list[str], style: str) -> None:
    lines = [f"{style.replace('1', str(number))} {task}" for number, task in enumerate(tasks, start=1)]
    read = read_direction("# D\n\n## Current Tasks\n\n" + "\n".join(lines) + "\n").tasks
    assert [task.number for task in read] == list(range(1, len(tasks) + 1))
    assert all(one.has_words(task) for one, task in zip(read, tasks, strict=True))
