"""What stands after `--` is handed on untouched, wherever our own options stand before it."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lib.cli.project_commands import PASSING_ON, split_words
from tests.support.credential_worlds import copy_pack
from tests.support.forked_commands import run_command

SCRIPT = 'test -n "$PUBLER_API_KEY" && echo "$0 $*"'
WORDS = st.lists(st.sampled_from(["--", "--pack", "staging", "npx", "-c", ""]), max_size=8)


def load(*words: str) -> subprocess.CompletedProcess[str]:
    return run_command("load-credentials", *words, timeout_s=60)


@pytest.mark.parametrize("order", ["local --pack {}", "--pack {} local", "local --pack={}"])
def test_a_command_gets_the_words_after_the_dashes_in_every_order(tmp_path: Path, order: str) -> None:
    pack = copy_pack(tmp_path)
    done = load(*order.format(pack).split(), "--", "sh", "-c", SCRIPT, "me", "--pack", "x", "--", "y")
    assert (done.returncode, done.stdout, done.stderr) == (0, "me --pack x -- y\n", "")


@pytest.mark.parametrize("words", [("local", "npx", "server"), ("local", "npx", "--", "server"), ("local",), ("local", "--")])
def test_a_command_that_does_not_stand_there_is_told_in_a_sentence(words: tuple[str, ...]) -> None:
    done = load(*words)
    assert done.returncode == 2
    assert "`--`" in done.stderr and "Traceback" not in done.stderr


@given(before=WORDS.map(lambda words: [one for one in words if one != "--"]), after=WORDS)
def test_nothing_is_lost_and_nothing_after_the_dashes_is_ours(before: list[str], after: list[str]) -> None:
    for name in PASSING_ON:
        assert split_words([name, *before, "--", *after]) == ([name, *before], after)
        assert split_words([name, *before]) == ([name, *before], [])
    assert split_words(["run", *before, "--", *after]) == (["run", *before, "--", *after], [])
