"""What a text hides is shown, what people write stays as it is, and nothing reaches the terminal another way."""

from __future__ import annotations

import ast
import io
import json
import unicodedata
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lib.core.paths import ROOT
from lib.core.visible import inert_json, plain_line, say, visible, whole_text

NOT_OURS = {
    *("core/visible.py", "cli/install.py", "cli/set_up_steps.py", "cli/check_machines.py", "cli/package_index.py"),
    "cli/strip_outputs.py",
}
"""The door itself; set-up, which runs before there is anything hostile and with nothing but the standard library; and git's
filter, which hands a file back to git."""
STAND_INS = "embedded/fly/"
"""Programs of their own, which speak as flyctl does."""


@pytest.mark.parametrize(
    "text",
    [
        "Grüße, straße, naïve, Ελλάδα, русский",
        "数据库 日本語 한국어",
        "العربية עברית",
        "می‌خواهم",
        "क्‍ष",
        "👩‍💻 👨‍👩‍👧 🏳️‍🌈 ❤️ 👍🏽",
        "🏴󠁧󠁢󠁥󠁮󠁧󠁿",
        "café",
        "two\nlines\tand a tab",
    ],
)
def test_what_people_write_stays(text: str) -> None:
    assert visible(text) == text


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("ok\x1b[2J\x1b[HGO Ready to launch", "ok\\x1b[2J\\x1b[HGO Ready to launch"),
        ("\x9b2Jx", "\\x9b2Jx"),
        ("bell\x07 back\x08 del\x7f", "bell\\x07 back\\x08 del\\x7f"),
        ("\x1b]8;;https://evil.example\x1b\\here", "\\x1b]8;;https://evil.example\\x1b\\here"),
        ("user\u202enimda\u2066\u2069", "user\\u202enimda\\u2066\\u2069"),
        ("zero\u200bwidth\u200djoin\ufeff", "zero\\u200bwidth\\u200djoin\\ufeff"),
        ("tag\U000e0041\U000e007f", "tag\\U000e0041\\U000e007f"),
        ("line\u2028par\u2029", "line\\u2028par\\u2029"),
        ("half \udcff", "half \\udcff"),
        ("no shape\u3164\u115f", "no shape\\u3164\\u115f"),
        ("\x1b[31mred\x1b[0m", "red"),
        ("soft\xadhyphen", "soft\\xadhyphen"),
    ],
)
def test_what_is_hidden_is_shown(text: str, shown: str) -> None:
    assert visible(text) == shown


def test_a_line_end_in_a_name_starts_no_line() -> None:
    assert plain_line("votes\nGO  Ready to launch") == "votes\\nGO  Ready to launch"


@given(st.text(max_size=200))
def test_no_text_gives_a_terminal_an_order(text: str) -> None:
    shown = whole_text(text)
    assert whole_text(shown) == shown
    assert not [char for char in shown if unicodedata.category(char) in ("Cc", "Cs", "Zl", "Zp") and char not in "\n\t"]
    assert "\n" not in plain_line(text)


@given(st.recursive(st.text(), lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner), max_leaves=8))
def test_inert_json_is_the_same_data(value: object) -> None:
    text = inert_json(json.dumps(value, ensure_ascii=False))
    assert json.loads(text) == value
    assert not [char for char in text if unicodedata.category(char) in ("Cc", "Cs", "Zl", "Zp")]


def test_what_is_said_is_redacted_and_inert() -> None:
    out = io.StringIO()
    say("to postgresql://me:hunter2hunter2@db/x\x1b[2J", to=out)
    assert out.getvalue() == "to postgresql://me:[redacted]@db/x\\x1b[2J\n"


def calls_in(code: str) -> list[ast.Call]:
    return [node for node in ast.walk(ast.parse(code)) if isinstance(node, ast.Call)]


def calls(path: Path) -> list[ast.Call]:
    return calls_in(path.read_text())


def is_print(call: ast.Call) -> bool:
    """Return whether a call writes to the terminal: also by ending the process with a sentence."""
    name = ast.unparse(call.func)
    says = any(
        isinstance(one, ast.JoinedStr) or (isinstance(one, ast.Constant) and isinstance(one.value, str)) for one in call.args
    )
    is_exit = name in ("sys.exit", "SystemExit") and says
    return name == "print" or name.endswith(("stdout.write", "stderr.write")) or is_exit


def test_nothing_is_printed_but_by_the_one_door() -> None:
    found = []
    for path in sorted((ROOT / "lib").rglob("*.py")):
        place = path.relative_to(ROOT / "lib").as_posix()
        if place not in NOT_OURS and not place.startswith(STAND_INS):
            found += [f"{place}:{call.lineno}" for call in calls(path) if is_print(call)]
    assert found == []
    assert is_print(calls_in("print(f'{name}')")[0]) and is_print(calls_in("sys.exit(f'{name}')")[0])
    assert not is_print(calls_in("sys.exit(main())")[0])


NAMES = ("pack.name", "root.name", ".sentence", "one.problem", "row['to']")
"""What comes from outside, by how our code calls it."""


def test_a_name_that_is_said_is_on_one_line() -> None:
    """In an f-string that is printed, a name from outside goes through plain_line, or the whole line does."""
    loose = []
    for path in sorted((ROOT / "lib" / "cli").glob("*.py")):
        for call in calls(path):
            is_said = ast.unparse(call.func) == "say" and not ast.unparse(call.args[0] if call.args else call).startswith(
                "plain_line("
            )
            parts = [part for argument in call.args for part in ast.walk(argument)] if is_said else []
            values = [ast.unparse(part.value) for part in parts if isinstance(part, ast.FormattedValue)]
            loose += [f"{path.name}:{call.lineno} {value}" for value in values if value.endswith(NAMES)]
    # A table keeps each value on one line itself; see tests/display/test_tables.py.
    assert [one for one in loose if not one.startswith("tidy.py")] == []
