"""In Actions the summary is appended, outputs are set, and annotations are printed; elsewhere nothing is."""

from __future__ import annotations

from pathlib import Path

import pytest

from lib.cli.tell_github import tell_github
from lib.reporters.github import format_summary
from tests.support.report_worlds import red


def test_the_summary_is_appended_to_what_other_steps_wrote(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    report = red(tmp_path)
    (tmp_path / "summary").write_text("# Before\n\n")
    (tmp_path / "output").write_text("")
    variables = {
        "GITHUB_ACTIONS": "true",
        "GITHUB_STEP_SUMMARY": str(tmp_path / "summary"),
        "GITHUB_OUTPUT": str(tmp_path / "output"),
    }
    tell_github(report, exit_code=1, variables=variables)
    assert (tmp_path / "summary").read_text() == f"# Before\n\n{format_summary(report)}"
    outputs = dict(line.split("=", 1) for line in (tmp_path / "output").read_text().splitlines())
    assert outputs["verdict"] == "NO-GO" and outputs["exit-code"] == "1"
    assert outputs["run-folder"] == str(report.run.run_folder) and outputs["summary"].endswith("/summary.md")
    assert [line.partition(" ")[0] for line in capsys.readouterr().out.splitlines()] == ["::error", "::warning"]


def test_elsewhere_nothing_is_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    tell_github(red(tmp_path), exit_code=1, variables={})
    assert capsys.readouterr().out == ""


def test_a_summary_that_can_not_be_written_is_said_and_stops_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    variables = {"GITHUB_ACTIONS": "true", "GITHUB_STEP_SUMMARY": str(tmp_path / "gone" / "x")}
    tell_github(red(tmp_path), exit_code=1, variables=variables)
    said = capsys.readouterr()
    assert "can't be written: No such file or directory." in said.err and "::error" in said.out
