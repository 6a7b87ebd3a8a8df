"""The report tells dangers first and fits a terminal, whatever things are called."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lib.onboarding.observed import Finding
from lib.onboarding.project_files import ProjectFiles, read_project
from lib.onboarding.report import MOST_TOLD, WIDTH, format_report
from tests.support.onboarding_worlds import make_whole_project, observation


@pytest.fixture(scope="module")
def empty_project(tmp_path_factory: pytest.TempPathFactory) -> ProjectFiles:
    return read_project(tmp_path_factory.mktemp("empty"))


@given(st.lists(st.tuples(st.text(max_size=90), st.text(max_size=300)), max_size=15), st.lists(st.text(max_size=200), max_size=3))
@settings(max_examples=50, deadline=None)
def test_every_line_fits(empty_project: ProjectFiles, said: list[tuple[str, str]], problems: list[str]) -> None:
    findings = tuple(Finding(danger=True, place=place, question=question) for place, question in said)
    lines = format_report(
        empty_project, observation(findings=findings), problems=problems, waiting=[], differences=problems, pack="../p"
    )
    assert [line for line in lines if len(line) > WIDTH or "\n" in line] == []


def test_many_dangers_are_cut_with_a_count(tmp_path: Path) -> None:
    findings = tuple(Finding(danger=True, place=f"public.t{number}", question="Is that meant?") for number in range(20))
    files = read_project(make_whole_project(tmp_path))
    lines = format_report(files, observation(findings=findings), problems=[], waiting=[], differences=[], pack="../p")
    assert lines[1] == "Looks dangerous" and lines[2] == "  1. public.t0: Is that meant?"
    assert lines[2 + MOST_TOLD] == "  and 8 more, in launch/project.yaml"
    assert "  - Fly.io: shop-staging (fly.staging.toml) and shop (fly.toml)" in lines


def test_nothing_dangerous_is_said_of_what_could_be_tried_alone(tmp_path: Path) -> None:
    files = read_project(tmp_path)
    for problems, said in (([], "Nothing looks dangerous."), (["x"], "Nothing looks dangerous of what could be read and tried.")):
        assert said in format_report(files, None, problems=problems, waiting=[], differences=[], pack="../p")
