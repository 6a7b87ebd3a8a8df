"""The git filter that keeps what a kernel put out from commits: `python lib/cli/strip_outputs.py`, a notebook in, one out.

Outputs, counters and what editors note about themselves go. A cell that nbval compares keeps its output, which holds no
result. Started by git for each notebook, so it uses the standard library alone; `make strip-outputs` tells git of it.
"""

from __future__ import annotations

import json
import sys
from typing import Any

MARK = "# NBVAL_CHECK_OUTPUT"
KEPT_OF_CELL = {"tags"}
"""Metadata of a cell that is the author's, not an editor's."""
METADATA = {
    "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
    "language_info": {"name": "python"},
}


def strip_notebook(text: str) -> str:
    """Return a notebook's text without what a kernel or editor added; what is no notebook of ours comes back as it is."""
    try:
        notebook = json.loads(text)
        cells = [strip_cell(cell) for cell in notebook["cells"]]
    except (ValueError, KeyError, TypeError, AttributeError):
        return text
    stripped = {**notebook, "cells": cells, "metadata": METADATA}
    return json.dumps(stripped, indent=1, ensure_ascii=False, sort_keys=True) + "\n"


def strip_cell(cell: dict[str, Any]) -> dict[str, Any]:
    """Return one cell as its author wrote it."""
    kept = {name: value for name, value in cell["metadata"].items() if name in KEPT_OF_CELL}
    stripped = {**cell, "metadata": kept}
    if cell["cell_type"] != "code":
        return stripped
    if MARK not in "".join(cell["source"]):
        return {**stripped, "execution_count": None, "outputs": []}
    outputs = [{**one, "execution_count": 1} if "execution_count" in one else one for one in cell["outputs"]]
    return {**stripped, "execution_count": 1, "outputs": outputs}


if __name__ == "__main__":
    sys.stdin.reconfigure(encoding="utf-8")  # type: ignore[union-attr]
    sys.stdout.reconfigure(encoding="utf-8", newline="")  # type: ignore[union-attr]
    sys.stdout.write(strip_notebook(sys.stdin.read()))
