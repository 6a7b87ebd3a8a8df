"""Whatever a table, scope or alert is called, its line loads back to the same value."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from lib.core.plain_yaml import load_yaml
from lib.onboarding.yaml_text import MARK, Line, mark, spell_line, spell_tree, spell_value, to_data

DAY = "2026-11-26"
TEXTS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00"), max_size=40) | st.sampled_from(
    [
        'public."My: Table"',
        "a # b",
        "yes",
        "20250101",
        "~",
        "- x",
        "a\nb",
        "'",
        '"',
        "\u2028",
        "é",
        "a: b",
        "{",
        "!x",
        "&a",
        "*a",
        "1:30",
    ]
)
KEYS = TEXTS.filter(lambda text: text != "<<")
VALUES: st.SearchStrategy[Any] = st.recursive(
    TEXTS | st.integers(-(10**14), 10**14) | st.booleans() | st.none(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=3),
    max_leaves=6,
)


@given(KEYS, VALUES)
def test_a_line_loads_back_to_its_value(key: str, value: object) -> None:
    text = spell_line(Line(path=(key,), value=value, note="a note"), indent=0, day=DAY)
    assert "\n" not in text
    assert load_yaml(text) == {key: value}


@given(st.lists(st.tuples(KEYS, KEYS, VALUES), min_size=1, max_size=6, unique_by=lambda one: one[:2]))
def test_a_tree_loads_back_to_its_values(rows: list[tuple[str, str, Any]]) -> None:
    lines = [Line(path=("rls", table, role), value=value) for table, role, value in rows]
    assert load_yaml("\n".join(spell_tree(lines, below=0, indent=0, day=DAY))) == to_data(lines)


@given(VALUES)
def test_only_a_line_that_was_inferred_is_marked(value: object) -> None:
    sure = Line(path=("key",), value=value, is_sure=True)
    assert not MARK.search(spell_line(sure, indent=0, day=DAY))
    assert MARK.search(spell_line(Line(path=("key",), value=value), indent=2, day=DAY))


def test_values_are_written_as_by_hand() -> None:
    assert spell_value({"select": "deny", "update": "own -> all"}) == '{select: deny, update: "own -> all"}'
    assert spell_value("user_id = :uid and kind = 'x'") == "\"user_id = :uid and kind = 'x'\""
    assert spell_value("20250101000000") == "'20250101000000'"
    assert mark(DAY) == "# observed 2026-11-26, unconfirmed"
