"""A command that a person is told to run names the project and the environment that it is about."""

from __future__ import annotations

import shlex
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lib.cli.list_reference import make_targets
from lib.core.make_commands import OF_CHECKOUT, SAMPLE, TAKES, complete_commands, make_command, pack_word
from lib.core.paths import ROOT
from lib.tasks.index import every_check

SHOP = ROOT.parent / "my shop"


@pytest.mark.parametrize(
    ("text", "environment", "pack", "expected"),
    [
        ("Run `make sync-credentials`.", "local", SAMPLE, "Run `make sync-credentials`."),
        ("Run `make sync-credentials`.", "staging", SAMPLE, "Run `make sync-credentials ENV=staging`."),
        ("Run `make sync-credentials`.", "staging", SHOP, "Run `make sync-credentials ENV=staging PACK='../my shop'`."),
        ("Run `make adopt PACK=... ONLY=policy`, which", "local", SHOP, "Run `make adopt ONLY=policy PACK='../my shop'`, which"),
        ("Run `make adopt PACK=... ONLY=policy`, which", "local", SAMPLE, "Run `make adopt ONLY=policy`, which"),
        ("then `make tidy APPLY=1` to", "staging", SHOP, "then `make tidy APPLY=1 PACK='../my shop'` to"),
        ("`make tidy`", "local", SAMPLE, "`make tidy PACK=pack`"),
        ("`make tidy`", "local", ROOT, "`make tidy`"),
        ("once: make guardrails BASE=...; where", "local", SHOP, "once: make guardrails BASE=... PACK='../my shop'; where"),
        ("make notify-dry-run ENV=<environment>", "staging", SAMPLE, "make notify-dry-run ENV=staging"),
        ("make readiness ENV=staging PACK=../x.", "local", SHOP, "make readiness ENV=staging PACK=../x."),
        ("Run make health.", "staging", SAMPLE, "Run make health ENV=staging."),
        ("`make setup`, then make init-db, remake tidy", "staging", SHOP, "`make setup`, then make init-db, remake tidy"),
    ],
)  # fmt: skip
def test_what_is_missing_is_added(text: str, environment: str, pack: Path, expected: str) -> None:
    assert complete_commands(text, environment=environment, pack=pack) == expected


@given(
    st.text(alphabet="make tidy`PACK=./x' ENV.\n", max_size=60),
    st.sampled_from(["local", "staging"]),
    st.sampled_from([SHOP, SAMPLE]),
)
def test_what_is_complete_stays(text: str, environment: str, pack: Path) -> None:
    once = complete_commands(text, environment=environment, pack=pack)
    assert complete_commands(once, environment=environment, pack=pack) == once


def test_every_target_that_takes_them_is_known() -> None:
    taken = {name: variables for name, _, variables in make_targets((ROOT / "Makefile").read_text())}
    about = {name.replace("%", "local"): {"ENV", "PACK"} & set(taken[name]) for name in taken}
    assert {name for name, words in about.items() if "PACK" in words} - {"new-task"} == set(TAKES)
    assert {name for name, words in TAKES.items() if "ENV" in words} == {
        name for name, words in about.items() if "ENV" in words
    } - set(OF_CHECKOUT)


def test_no_fix_of_a_check_names_a_command_for_another_project() -> None:
    fixes = [
        one
        for check in every_check().values()
        for one in [*([check.fix] if isinstance(check.fix, str) else check.fix)]
        if "make " in one
    ]
    assert fixes
    for fix in fixes:
        said = complete_commands(fix, environment="staging", pack=SHOP)
        assert said.count("PACK=") == sum(said.count(f"make {target}") for target in TAKES if target != "readiness")


def test_a_value_is_quoted_and_none_is_left_out() -> None:
    assert shlex.split(make_command("readiness", ENV="local", ONLY="", PACK=pack_word(SHOP)))[2:] == [
        "ENV=local",
        "PACK=../my shop",
    ]
    assert pack_word(SAMPLE) == ""
