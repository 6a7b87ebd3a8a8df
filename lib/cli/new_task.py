"""`make new-task NAME=...`: a launch task as one working example: package, notebook, tests, params, its line in the list.

What it looks at is simple on purpose: replace it, keep the shape. Nothing that is there already is written over.
"""

from __future__ import annotations

import json
import keyword
import re
import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from string import Template

from lib.core.errors import ParamsError
from lib.core.files import write_whole
from lib.core.paths import ROOT
from lib.core.results import PROJECT, Check
from lib.core.visible import say

TEMPLATES = Path(__file__).parent / "new_task_files"
NAME = re.compile(r"[a-z][a-z0-9]*(_[a-z0-9]+)*")
LONGEST_NAME = 30
END_OF_LIST = ")\nSUMMARY = "
"""What follows the list of tasks in lib/tasks/index.py."""


def new_task(name: str, *, root: Path = ROOT) -> int:
    """Write the task, print each file, and return the exit code 0. root: the checkout.

    Raises ParamsError when the name can't be one, or is taken.
    """
    check_name(name, root)
    number = free_number(root)
    words = {
        "name": name,
        "title": name.replace("_", " ").capitalize(),
        "Settings": "".join(part.capitalize() for part in name.split("_")),
        "number": number,
    }
    package, tests = f"lib/tasks/{name}", f"tests/tasks/{name}"
    new = {
        f"{package}/__init__.py": f'"""The launch task {name}."""\n',
        **{f"{package}/{module}.py": fill(f"{module}.py", words) for module in ("task", "looks", "judge")},
        **{f"{tests}/test_{module}.py": fill(f"test_{module}.py", words) for module in ("looks", "judge")},
        f"notebooks/{number}_{name}.ipynb": make_notebook(words),
    }
    params = (root / "params/defaults.yaml").read_text(encoding="utf-8").rstrip()
    changed = {
        "lib/tasks/index.py": add_to_list((root / "lib/tasks/index.py").read_text(encoding="utf-8"), name),
        "params/defaults.yaml": params + "\n" + fill("params.yaml", words),
    }
    for path, text in {**new, **changed}.items():
        write_whole(root / path, text)
        say(f"{'wrote' if path in new else 'added to'} {path}")
    say(
        f"Next: change lib/tasks/{name}/ to look at what matters, then `make readiness ENV=local ONLY={name}` "
        f"and `make test TESTS='tests/tasks/{name} tests/test_names.py'`. `python -m lib list --write` renews docs/checks.md."
    )
    return 0


def check_name(name: str, root: Path) -> None:
    """Raise ParamsError when the name can't be a task's, or is taken."""
    if not NAME.fullmatch(name) or len(name) > LONGEST_NAME or keyword.iskeyword(name) or name in sys.stdlib_module_names:
        raise ParamsError(
            f"NAME={name}: a task's name is lower-case words joined by _, {LONGEST_NAME} characters at most, and no word "
            "of Python's own. Fix: Name one such as NAME=cdn_cache."
        )
    if (root / "lib/tasks" / name).exists() or list((root / "notebooks").glob(f"*_{name}.ipynb")):
        raise ParamsError(f"NAME={name}: there is such a task already. Fix: Choose another name.")


def free_number(root: Path) -> str:
    """Return the number of the next notebook, two digits; 99 is the summary's."""
    taken = {path.name[:2] for path in (root / "notebooks").glob("[0-9][0-9]_*.ipynb")}
    free = next((number for number in range(1, 99) if f"{number:02}" not in taken), None)
    if free is None:
        raise ParamsError("Every number of a notebook from 01 to 98 is taken. Fix: Join two tasks.")
    return f"{free:02}"


def fill(template: str, words: dict[str, str]) -> str:
    """Return one template's text with the task's words in it."""
    return Template((TEMPLATES / f"{template}.txt").read_text(encoding="utf-8")).substitute(words)


def make_notebook(words: dict[str, str]) -> str:
    """Return the notebook; one cell holds the output that nbval compares with."""
    return notebook_text(words["name"], json.loads(fill("notebook.json", words)), compared=lambda: compared_output(words))


def notebook_text(
    name: str, described: Iterable[tuple[str, list[str], str]], *, compared: Callable[[], dict[str, object]] | None = None
) -> str:
    """Return a notebook's text. described: kind, tags and source of each cell.

    compared: the output of the one that nbval compares.
    """
    cells = []
    for place, (kind, tags, source) in enumerate(described):
        cell: dict[str, object] = {
            "cell_type": kind,
            "id": f"{name[:12].replace('_', '-')}-{place:02}",
            "metadata": {"tags": tags} if tags else {},
            "source": source.splitlines(keepends=True),
        }
        if kind == "code":
            is_compared = source.startswith("# NBVAL_CHECK_OUTPUT")
            outputs = [compared()] if compared is not None and is_compared else []
            cell |= {"execution_count": 1 if outputs else None, "outputs": outputs}
        cells.append(cell)
    metadata = {
        "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
        "language_info": {"name": "python"},
    }
    return (
        json.dumps({"cells": cells, "metadata": metadata, "nbformat": 4, "nbformat_minor": 5}, indent=1, ensure_ascii=False)
        + "\n"
    )


def compared_output(words: dict[str, str]) -> dict[str, object]:
    """Return what the compared cell shows: the checks, and no result."""
    from lib.display.checks import checks_table

    one = Check(f"{words['name']}.files_are_there", "Every file is there", subject=PROJECT)
    shown = checks_table(words["name"], [one])._repr_mimebundle_()
    data = {kind: text.splitlines(keepends=True) for kind, text in sorted(shown.items())}
    return {"data": data, "execution_count": 1, "metadata": {}, "output_type": "execute_result"}


def add_to_list(text: str, name: str) -> str:
    """Return lib/tasks/index.py with one more task before the summary."""
    line = f"from lib.tasks.{name} import task as {name}\n"
    imports = [one for one in text.splitlines(keepends=True) if one.startswith("from lib.tasks.")]
    after = max((one for one in imports if one < line), default=imports[0])
    place = text.index(after) + len(after)
    text = text[:place] + line + text[place:]
    entry = text.index(END_OF_LIST)
    return f"{text[:entry]}    {name}.TASK,\n{text[entry:]}"
