"""Lines that wait are found wherever they stand, and only the one that is named is changed."""

from __future__ import annotations

from pathlib import Path

import pytest

from lib.core.errors import ParamsError
from lib.core.plain_yaml import load_yaml
from lib.onboarding.unconfirmed import Unconfirmed, change_line, confirm_line, find_unconfirmed, present_value
from lib.onboarding.yaml_text import MARK
from tests.support.onboarding_worlds import write

AT_END = "# observed 2026-11-26, unconfirmed"
TEXT = f"""# DECIDE? The seed is empty: is that meant?  {AT_END}
# DANGER? public.b: anon may insert: is that meant?  {AT_END}
name: shop
rls:
  scopes:
    public.a:
      own: "a = '# no comment'"  # as agreed  {AT_END}
  matrix:
    public.a:
      anon: {{select: deny}}  {AT_END}
    public.b:
      anon: {{select: allow}}  {AT_END}
      authenticated: {{select: allow}}
guardrails:
  commands:
    - lint  {AT_END}
"""


@pytest.fixture
def pack(tmp_path: Path) -> Path:
    return write(tmp_path, {"launch/project.yaml": TEXT, "launch/staging.yaml": f"seed: {{applies: false}}  {AT_END}\n"})


def named(pack: Path, label: str) -> Unconfirmed:
    return next(one for one in find_unconfirmed(pack) if one.label == label)


def test_dangerous_lines_come_first_then_what_they_are_about(pack: Path) -> None:
    assert [one.label for one in find_unconfirmed(pack)] == ["2", "12", "1", "7", "10", "16", "staging.yaml:1"]


def test_a_line_says_where_it_stands_and_where_it_was_seen(pack: Path) -> None:
    line = named(pack, "10")
    assert (line.section, line.shown) == ("rls.matrix.public.a", "anon: {select: deny}")
    assert "Every verb was tried" in line.seen
    assert (named(pack, "2").section, named(pack, "2").can_change) == ("questions", False)


def test_a_confirmed_line_just_loses_its_mark(pack: Path) -> None:
    for line in find_unconfirmed(pack):
        confirm_line(pack, line)
    text = (pack / "launch/project.yaml").read_text()
    expected = TEXT.replace(f"is that meant?  {AT_END}", "is that meant? Seen and accepted.").replace(f"  {AT_END}", "")
    assert text == expected
    assert find_unconfirmed(pack) == []


def test_a_changed_line_is_confirmed_and_others_stay(pack: Path) -> None:
    change_line(pack, named(pack, "10"), "{select: own, insert: deny}")
    text = (pack / "launch/project.yaml").read_text()
    assert text == TEXT.replace(f"{{select: deny}}  {AT_END}", "{select: own, insert: deny}")
    change_line(pack, named(pack, "7"), "\"b = 'x # y'\"")
    assert load_yaml((pack / "launch/project.yaml").read_text())["rls"]["scopes"]["public.a"]["own"] == "b = 'x # y'"
    assert "# as agreed\n" in (pack / "launch/project.yaml").read_text()


def test_the_present_value_is_what_stands_there(pack: Path) -> None:
    assert present_value(named(pack, "12")) == "{select: allow}"


@pytest.mark.parametrize("typed", ["{select: ", "a: b: c", "'", "[1", "x\ny: 1\n- z"])
def test_what_is_no_yaml_is_refused_and_changes_nothing(pack: Path, typed: str) -> None:
    with pytest.raises(ParamsError, match="This is not"):
        change_line(pack, named(pack, "10"), typed)
    assert (pack / "launch/project.yaml").read_text() == TEXT


def test_a_line_that_was_changed_meanwhile_is_left(pack: Path) -> None:
    line = named(pack, "10")
    write(pack, {"launch/project.yaml": "# one more line\n" + TEXT})
    with pytest.raises(ParamsError, match="changed meanwhile"):
        confirm_line(pack, line)
    assert (pack / "launch/project.yaml").read_text() == "# one more line\n" + TEXT


def test_a_list_in_lines_can_be_confirmed_but_not_changed(pack: Path) -> None:
    line = named(pack, "16")
    assert not line.can_change
    confirm_line(pack, line)
    assert "    - lint\n" in (pack / "launch/project.yaml").read_text()


def test_without_a_launch_folder_init_is_named(tmp_path: Path) -> None:
    with pytest.raises(ParamsError, match="Fix: Run make init PACK="):
        find_unconfirmed(tmp_path)


def test_every_marked_line_is_listed(pack: Path) -> None:
    lines = [line for path in (pack / "launch").iterdir() for line in path.read_text().split("\n")]
    assert len(find_unconfirmed(pack)) == sum(bool(MARK.search(line)) for line in lines)
