"""A slice of the experiment: projects are the same for the same seed, differ for another, and have every kind of table."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.resilience import clean
from tests.resilience.clean import KINDS, measure, write_project


def text_of(pack: Path) -> dict[str, str]:
    return {path.relative_to(pack).as_posix(): path.read_text() for path in (pack / "supabase").rglob("*") if path.is_file()}


def test_a_seed_makes_one_project(tmp_path: Path) -> None:
    one, again, other = (text_of(write_project(tmp_path / str(n), seed)) for n, seed in enumerate((1, 1, 2)))
    assert one == again and one != other


def test_every_kind_of_table_is_made(tmp_path: Path) -> None:
    made = "".join("".join(text_of(write_project(tmp_path / str(seed), seed)).values()) for seed in range(20))
    assert {kind for kind in KINDS if re.search(rf"create table public\.{kind}_", made)} == set(KINDS)


@pytest.mark.parametrize(("said", "problems"), [("pass ", 0), ("error x", 0), ("fail x", 1)])
def test_a_gate_that_fails_is_a_problem_and_one_that_is_unclear_is_counted(
    monkeypatch: pytest.MonkeyPatch, said: str, problems: int
) -> None:
    monkeypatch.setattr(clean, "run_project", lambda pack, rendered: {"rls.x": said})
    found = measure(share=0.01, seed=1)
    assert (found.tried, len(found.problems)) == (1, problems)
    assert f"gates: {said.split()[0]}" in found.figures
