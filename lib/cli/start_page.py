"""The page that JupyterLab opens at: every notebook with what it decides, the settings, the newest summary."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path

import nbformat

from lib.core.files import write_whole
from lib.core.make_commands import USUAL_ENVIRONMENT, complete_commands, make_command, pack_word
from lib.core.paths import ROOT
from lib.core.wording import format_time
from lib.display.markdown import link_to, plain
from lib.evidence.manifest import MANIFEST
from lib.run.layers import LAUNCH, PROJECT
from lib.run.params import Params
from lib.run.project import find_project
from lib.tasks.base import Task
from lib.tasks.index import all_tasks

PAGE = "Start.md"
QUESTION = re.compile(r"\*\*The question\.\*\*\s*(.+?)(?:\n\n|$)", re.DOTALL)
"""How every notebook's first cell says what it decides."""
HOW = """## How to work here

- Open a notebook and choose *Run ▸ Run All Cells*, or go on cell by cell with Shift-Enter. Each one stands alone, in any order.
- The kernel is **Python 3 (ipykernel)** of this checkout's `.venv`. In VS Code: *Select Kernel ▸ Python Environments ▸ .venv*.
- All notebooks share one PostgreSQL, which is gone with this lab. Each `open_task` gets a fresh database on it, brought to where
  the task starts, and stand-ins of the vendors of its own: run it again to start over.
- Another environment: change `environment = "local"` in the parameters cell. What is not set for it is rehearsed.
- Every table can be gone on with as a pandas DataFrame: `task.look(...).frame`, `task.show(...).frame`, `task.about.frame`.
  `task.` and `figures.` followed by Tab show what there is.
- What you find here is kept in `.run/explored/`, and is no evidence. A run that counts: `make local-readiness`.
- To keep outputs from commits, and to see changes of notebooks cell by cell: `make strip-outputs`, once a clone.
"""


def write_start_page(params: Params, *, folder: Path, project: Path) -> Path:
    """Write the page and return its path. folder: where; project: the project's folder, as it is reached from there."""
    page = folder / PAGE
    write_whole(page, "\n".join(start_page(params, folder=folder, project=project)) + "\n")
    return page


def start_page(params: Params, *, folder: Path, project: Path) -> Iterator[str]:
    """Yield the page line by line, as Markdown whose links hold from its folder."""
    yield f"# Is {plain(params.name or params.pack.name)} ready to launch?\n"
    yield from newest_runs(params, folder)
    yield "\n## The notebooks\n\n| notebook | what it decides |\n| --- | --- |"
    for task in sorted(all_tasks(), key=lambda one: (one.is_own, one.notebook)):
        path = project / task.folder.relative_to(params.pack) / task.notebook if task.is_own else task.path
        yield f"| [{plain(task.notebook.removesuffix('.ipynb'))}]({link_to(path, folder)}) | {plain(question_of(task))} |"
    yield "\n## The settings\n\n| file | what it says |\n| --- | --- |"
    for path, what in settings_files(project):
        yield f"| [{plain(f'{path.parent.name}/{path.name}')}]({link_to(path, folder)}) | {what} |"
    confirm = project / LAUNCH / "confirm.ipynb"
    if confirm.exists():
        yield f"\nLines that `make init` guessed wait to be confirmed: [confirm.ipynb]({link_to(confirm, folder)})."
    yield f"\n{complete_commands(HOW, environment=USUAL_ENVIRONMENT, pack=params.pack)}"


def question_of(task: Task) -> str:
    """Return what a task's notebook decides: its title and question, as its first cell says them."""
    try:
        first = nbformat.read(task.path, as_version=4).cells[0].source
    except (OSError, ValueError, IndexError, AttributeError, nbformat.reader.NotJSONError):
        return f"{task.title}: the notebook can't be read."
    found = QUESTION.search(first)
    said = " ".join((found[1] if found else task.title).split())
    return said if said.startswith(task.title) else f"{task.title}: {said}"


def settings_files(project: Path) -> Iterator[tuple[Path, str]]:
    """Yield each file of settings that there is, and what it says."""
    params, launch = ROOT / "params", project / LAUNCH
    known = {
        "defaults": "limits and mechanics of every task",
        PROJECT: "what the project is expected to be, who owns what, what does not apply",
        "launch_list": "what the launch requires, item by item",
        "waivers": "what fails today and is put up with until a date",
    }
    for path in sorted(params.glob("*.yaml"), key=lambda one: (one.stem != "defaults", one.stem != "local", one.stem)):
        yield path, known.get(path.stem, f"where the targets of `{path.stem}` are, and what may be written there")
    for path in sorted(launch.glob("*.yaml"), key=lambda one: (one.stem != PROJECT, one.stem)):
        yield path, known.get(path.stem, f"what is otherwise for this project in `{path.stem}`")


def newest_runs(params: Params, folder: Path) -> Iterator[str]:
    """Yield a line for each environment's newest whole run, as it was when this page was made."""
    rendered = ROOT / "rendered"
    runs = sorted(rendered.glob(f"{find_project(rendered, params.pack)}/*/latest/index.html"))
    for page in runs:
        environment = page.parent.parent.name
        yield f"- Newest summary of **{plain(environment)}**: [{plain(said_of(page.parent))}]({link_to(page, folder)})"
    if not runs:
        command = make_command("local-readiness", PACK=pack_word(params.pack))
        yield f"- No run of this project has been rendered yet: `{command}` makes one, and its summary is linked here."


def said_of(run: Path) -> str:
    """Return a run's verdict and when it ended, as its manifest has them."""
    try:
        about = json.loads((run / MANIFEST).read_bytes())
        return f"{about['verdict']}, {format_time(about['ended_at'])}"
    except (OSError, ValueError, KeyError, TypeError):
        return "the run of " + run.resolve().name
