"""Small copies that are only looked at go to one folder, all others to another; both are known as the run's own."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from lib.transport.context import LARGEST_SMALL, Context


def context(**given: Path) -> Context[None]:
    fixed = {"environment": "local", "settings": None, "sections": {}, "target": None, "scratch": None, "programs": None}
    return Context(**{**fixed, "pack": Path("/pack"), "work": Path("/work"), "kept": Path("/kept"), **given})  # type: ignore[arg-type]


def test_a_small_copy_goes_to_the_folder_for_such() -> None:
    one = context(small=Path("/small"))
    assert one.place_for(LARGEST_SMALL) == Path("/small")
    assert one.private == (Path("/work"), Path("/small"))


def test_a_large_copy_and_one_of_unknown_size_stay_in_the_work_folder() -> None:
    one = context(small=Path("/small"))
    assert one.place_for(LARGEST_SMALL + 1) == one.place_for(None) == Path("/work")


def test_without_a_folder_for_small_copies_all_go_to_the_work_folder() -> None:
    one = replace(context(small=Path("/small")), small=None)
    assert one.place_for(1) == Path("/work")
    assert one.private == (Path("/work"),)
