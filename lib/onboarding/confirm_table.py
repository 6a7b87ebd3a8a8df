"""What confirm.ipynb calls: the waiting lines as a table, and those named confirmed."""

from __future__ import annotations

from pathlib import Path

from lib.core.errors import ParamsError
from lib.display.tables import Table, make_table
from lib.onboarding.launch_files import FOLDER
from lib.onboarding.unconfirmed import Unconfirmed, confirm_line, find_unconfirmed

MOST = 2000
"""Rows shown; a project of 300 tables has about 1,000."""


def confirm_table(pack: Path | None = None) -> Table:
    """Return the lines that wait, what looks dangerous first. pack: the project; the one this notebook lies in when None."""
    return show(find_unconfirmed(pack or here()))


def confirm(*numbers: int | str, pack: Path | None = None) -> Table:
    """Confirm lines by the numbers that the table shows, and return what still waits.

    A number that waits no more is passed over, so that a cell can be run twice.
    Raises ParamsError when a line can't be written.
    """
    place = pack or here()
    asked = {str(one) for one in numbers}
    for line in find_unconfirmed(place):
        if line.label in asked:
            confirm_line(place, line)
    return show(find_unconfirmed(place))


def here() -> Path:
    """Return the project that a notebook in its launch folder belongs to. Raises ParamsError anywhere else."""
    folder = Path.cwd()
    for one in (folder, folder / FOLDER):
        if one.name == FOLDER and (one / "project.yaml").is_file():
            return one.parent
    raise ParamsError(f"{folder} is not a project's launch folder. Fix: Open launch/confirm.ipynb with make lab PACK=...")


def show(lines: list[Unconfirmed]) -> Table:
    """Return lines as a table; one row that says so when there are none."""
    rows = [
        {"line": one.label, "danger": "yes" if one.is_danger else "", "section": one.section, "says": one.shown, "seen": one.seen}
        for one in lines
    ]
    caption = f"{len(rows)} lines wait for a word" if rows else "Every line is confirmed"
    return make_table(rows or [{"line": "none", "says": "every line is confirmed"}], caption, limit=MOST)
