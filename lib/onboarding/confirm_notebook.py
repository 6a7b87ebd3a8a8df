"""confirm.ipynb: the lines that wait for a person's word as a table, for those who would rather see them in JupyterLab."""

from __future__ import annotations

import json

NOTEBOOK_FILE = "launch/confirm.ipynb"
CELLS = (
    (
        "markdown",
        "# Confirm what was observed: {name}\n\n"
        "**The question.** Is each of these lines what is meant? `make init` wrote them from what it saw. "
        "While one of them waits, a run's verdict is PARTIAL at most.\n\n"
        "Open this notebook with `make lab PACK=...`, which starts JupyterLab in this folder.",
    ),
    ("markdown", "Each line has the number that it has in `project.yaml`. What looks dangerous comes first."),
    ("code", "from lib.onboarding.confirm_table import confirm, confirm_table\n\nconfirm_table()"),
    (
        "markdown",
        'Name the lines that are right, and run the cell: `confirm(12, 13)`, or `confirm("staging.yaml:7")`. '
        "Change any other in `project.yaml` by hand, and remove the comment at its end.",
    ),
    ("code", "confirm()"),
)


def spell_notebook(name: str) -> str:
    """Return the notebook's content, without outputs. name: of the project."""
    cells = []
    for place, (kind, source) in enumerate(CELLS):
        lines = source.replace("{name}", name).splitlines(keepends=True)
        cell: dict[str, object] = {"cell_type": kind, "id": f"confirm-{place:02}", "metadata": {}, "source": lines}
        cells.append(cell | ({"execution_count": None, "outputs": []} if kind == "code" else {}))
    metadata = {
        "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
        "language_info": {"name": "python"},
    }
    content = {"cells": cells, "metadata": metadata, "nbformat": 4, "nbformat_minor": 5}
    return json.dumps(content, indent=1, ensure_ascii=False) + "\n"
