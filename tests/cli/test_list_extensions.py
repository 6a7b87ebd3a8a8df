"""The page about the embedded platform names every extension, and what it says is what the servers have."""

from __future__ import annotations

from lib.cli.list_extensions import BEGIN, END
from lib.cli.list_platform import FILE, describe_platform
from lib.core.paths import ROOT
from lib.embedded.postgres.extensions_at_hand import every_extension
from lib.embedded.postgres.stand_ins import STAND_INS


def test_the_table_is_current() -> None:
    text = (ROOT / FILE).read_text()
    assert text == describe_platform(), "run `python -m lib list --write`"
    assert (text.count(BEGIN), text.count(END)) == (1, 1)


def test_every_extension_has_a_line_and_every_stand_in_says_what_it_lacks() -> None:
    lines = (ROOT / FILE).read_text().splitlines()
    table = lines[lines.index(BEGIN.strip()) : lines.index(END.strip())]
    named = [line.split("`")[1] for line in table if line.startswith("| `")]
    assert named == every_extension()
    assert [one.name for one in STAND_INS.values() if len(one.simplified) < 40 or not one.simplified.endswith(".")] == []
