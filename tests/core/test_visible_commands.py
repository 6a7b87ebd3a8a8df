"""No printed text is a command of a CI, wherever it comes from."""

from __future__ import annotations

import io
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lib.core.visible import say, without_commands

HOSTILE = [
    "::set-output name=verdict::GO",
    "   ::error::x",
    "\u2003::add-mask::e",
    "all well\n::stop-commands::abc",
    "before ##[error]after",
    "##[set-env name=PATH]/tmp",
    "##vso[task.setvariable variable=a]b",
    "# ##[group]x",
    "x\r::warning::y",
    "\x1b[0m::error::coloured",
]


def obeyed(text: str) -> list[str]:
    """Return the lines that a runner would obey, by its own rules (ActionCommand.cs)."""
    lines = re.split("\r\n|\r|\n", text)
    return [line for line in lines if line.lstrip().startswith("::") or "##[" in line or "##vso[" in line]


@pytest.mark.parametrize("text", HOSTILE)
def test_what_is_said_is_never_obeyed(text: str) -> None:
    assert obeyed(re.sub(r"\x1b\[[0-9;]*m", "", text)), "else it proves nothing"
    out = io.StringIO()
    say(text, to=out)
    assert obeyed(out.getvalue()) == []


@given(st.text(alphabet=st.sampled_from("#:[ \n\ta:vso"), max_size=60))
def test_no_text_is_a_command(text: str) -> None:
    assert obeyed(without_commands(text)) == []


@pytest.mark.parametrize("text", ["rls: ready", "public.votes::text is cast", "## Tasks", "#1 [a]", "exit code 0: GO", " : : "])
def test_other_texts_stay_as_they_are(text: str) -> None:
    assert without_commands(text) == text
