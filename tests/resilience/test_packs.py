"""A slice of the experiment: what its cases are, and one hostile project run to its end."""

from __future__ import annotations

import os
from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest

from lib.core.paths import ROOT
from lib.tasks.guardrails.task import TASK
from tests.resilience.packs import KINDS, PLACES, Case, Seen, build_cases, find_wrong, judge, make_fifo


def test_there_are_enough_cases_and_every_kind_is_among_them() -> None:
    cases = build_cases(1)
    assert len(cases) >= 60
    assert len(set(one.name for one in cases)) == len(cases)
    assert Counter(kind for kind in KINDS if any(one.name.endswith(f" as {kind}") for one in cases)) == Counter(KINDS.keys())


def test_every_place_is_in_the_sample() -> None:
    assert [place for places in PLACES for place in places if not (ROOT / "pack" / place).is_file()] == []


def test_every_kind_can_be_made(tmp_path: Path) -> None:
    for number, make in enumerate(KINDS.values()):
        make(tmp_path / str(number))
        assert os.path.lexists(tmp_path / str(number))


def test_a_run_on_a_hostile_project_ends_with_a_result_for_every_check(tmp_path: Path) -> None:
    def spoil(pack: Path) -> None:
        (pack / ".github/launch-policy.yml").unlink()
        make_fifo(pack / ".github/launch-policy.yml")

    case = Case(name="a pipe", tasks=("guardrails",), spoil=spoil, named=(".github/launch-policy.yml is a named pipe",))
    wrong, seen = find_wrong(case, tmp_path)
    assert wrong == []
    assert seen.exit_code == 1  # the sample's direction names the policy, which is no file any more


GOOD = Seen(
    exit_code=2,
    output="",
    lines=[{"check": one.id, "result": "error", "detail": "a/file is a pipe", "observed": None} for one in TASK.checks],
)
WRONG = {
    "it did not end": {"exit_code": None},
    "exit code 0": {"exit_code": 0},
    "exit code 3": {"exit_code": 3},
    "1 tracebacks": {"tracebacks": 1},
    "a process of 700 MB": {"peak_bytes": 700 * 1024**2},
    "no result for": {"lines": GOOD.lines[1:]},
    "nothing names": {"lines": [{**one, "detail": "something"} for one in GOOD.lines]},
}


@pytest.mark.parametrize("said", WRONG)
def test_what_comes_out_wrong_is_found(said: str) -> None:
    case = Case(name="a pipe", tasks=(TASK.name,), spoil=lambda _: None, named=("a/file",))
    assert judge(case, GOOD) == []
    [found] = judge(case, replace(GOOD, **WRONG[said]))
    assert found.startswith(said)
