"""Every setting is shown with the file and line it comes from, and what is shown reads back as what it is."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from lib.cli.show_params import format_value, show_params
from tests.support.layered import copy_params, describe_project


def test_what_is_shown_is_what_is_in_force(capsys: pytest.CaptureFixture[str]) -> None:
    assert show_params("production", pack=None) == 0
    shown = capsys.readouterr().out
    document = yaml.safe_load(shown)
    assert document["deploy_rehearsal"]["app"] == "idea-board"
    assert document["seed"]["applies"] is False
    assert document["rls"]["matrix"]["public.drafts"]["authenticated"]["select"] == "own"
    line = next(line for line in shown.splitlines() if line.strip().startswith("p95_limit_ms"))
    assert "params/production.yaml:" in line


def test_a_setting_that_is_wrong_is_shown_and_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pack = describe_project(tmp_path / "project")
    (pack / "launch" / "local.yaml").write_text("rls: {statement_timeout_s: soon}\n")
    assert show_params("local", pack=str(pack), folder=copy_params(tmp_path / "params")) == 2
    told = capsys.readouterr()
    assert "statement_timeout_s: soon" in told.out
    assert told.err.startswith("launch/local.yaml:1: rls.statement_timeout_s")


def test_lines_that_nobody_confirmed_are_counted(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pack = describe_project(tmp_path / "project")
    (pack / "launch" / "local.yaml").write_text("rls: {statement_timeout_s: 9}  # observed 2026-11-26, unconfirmed\n")
    assert show_params("local", pack=str(pack), folder=copy_params(tmp_path / "params")) == 0
    assert "# 1 of these lines was inferred" in capsys.readouterr().out


PLAIN = st.none() | st.booleans() | st.integers(-9999, 9999) | st.text(max_size=12)


@given(st.recursive(PLAIN, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3)))
def test_a_value_reads_back_as_it_was(value: object) -> None:
    assert yaml.safe_load(format_value(value)) == value
