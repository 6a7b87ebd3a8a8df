"""What a run in GitHub Actions tells GitHub: its summary, annotations where findings are, and outputs for later steps.

Whatever else is printed there is no command: `lib.core.visible.say` writes what could be one with an escape.
Source: https://docs.github.com/en/actions/reference/workflows-and-actions/workflow-commands.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path

from lib.core.visible import plain_line, print_command, say
from lib.reporters.github import FILE, format_summary, list_annotations
from lib.reporters.report import RunReport
from lib.run.params import with_variables

SUMMARY_VARIABLE = "GITHUB_STEP_SUMMARY"
OUTPUT_VARIABLE = "GITHUB_OUTPUT"


def tell_github(report: RunReport, *, exit_code: int, variables: Mapping[str, str] | None = None) -> None:
    """Append the run's summary where GitHub asks for one, and print its annotations; nothing outside of Actions."""
    values = with_variables({}) if variables is None else variables
    if values.get(SUMMARY_VARIABLE):
        append(SUMMARY_VARIABLE, values, format_summary(report))
    if values.get("GITHUB_ACTIONS") != "true":
        return
    if values.get(OUTPUT_VARIABLE):
        append(OUTPUT_VARIABLE, values, format_outputs(report, exit_code))
    for one in list_annotations(report):
        print_command(one)


def format_outputs(report: RunReport, exit_code: int) -> str:
    """Return what later steps may read of the run, one name and value a line."""
    folder = report.run.run_folder
    values = {
        "verdict": report.verdict.word,
        "exit-code": str(exit_code),
        "run-folder": str(folder),
        "summary": str(folder / FILE),
    }
    return "".join(f"{name}={plain_line(value)}\n" for name, value in values.items())


def append(variable: str, values: Mapping[str, str], text: str) -> None:
    """Add a text to the file that a variable names; one that can't be written is said, and stops nothing."""
    try:
        with Path(values[variable]).open("a", encoding="utf-8") as file:
            file.write(text)
    except OSError as exc:
        say(f"{variable}: {plain_line(values[variable])} can't be written: {exc.strerror}.", to=sys.stderr)
