"""Make targets and commands keep their spelling once they are published: the list of them only grows."""

from __future__ import annotations

from pathlib import Path

from lib.__main__ import build_parser
from lib.cli.list_reference import make_targets, subcommands
from lib.core.paths import ROOT

LIST = Path(__file__).with_name("published_commands.txt")


def test_every_published_command_is_still_there_and_every_command_is_published() -> None:
    published = LIST.read_text().splitlines()
    targets = [name for name, *_ in make_targets((ROOT / "Makefile").read_text())]
    known = {f"make {one}" for one in targets} | {f"lib {one}" for one in subcommands(build_parser())}
    assert not set(published) - known, "a published command is kept"
    assert not known - set(published), f"add the new ones to {LIST.name}"
