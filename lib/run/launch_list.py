"""The launch list: what a project's launch asks for, item by item, and the checks that prove each.

It is `launch/launch_list.yaml` of the project, read strictly: an item that nothing proves, or with a check that does
not exist, is refused before anything is started. A project without one has an item for each task that applies.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from difflib import get_close_matches
from pathlib import Path

from pydantic import ValidationError

from lib.core.errors import ParamsError
from lib.core.launch_items import FILE, LaunchItem, LaunchList
from lib.run.layers import UNCONFIRMED, read_yaml
from lib.tasks.base import Task
from lib.tasks.index import all_tasks, every_check


def load_launch_list(pack: Path, *, not_applicable: Collection[str] = ()) -> tuple[LaunchItem, ...]:
    """Return every item, in the file's order; without a file, one for each task that applies.

    Raises ParamsError with one line for each thing wrong.
    """
    path = pack / FILE
    if not path.exists() and not path.is_symlink():
        return derive_items(task for task in all_tasks() if task.name not in not_applicable)
    _, document = read_yaml(path, FILE, root=pack)
    try:
        items = tuple(LaunchList.model_validate(document).items)
    except ValidationError as exc:
        raise ParamsError([format_misfit(one["loc"], one["msg"]) for one in exc.errors()]) from None
    problems = find_problems(items)
    if problems:
        raise ParamsError(problems)
    return items


def unconfirmed_items(pack: Path) -> tuple[str, ...]:
    """Return `file:line` of each line of the launch list that was guessed and that nobody has confirmed."""
    path = pack / FILE
    if not path.exists() and not path.is_symlink():
        return ()
    text, _ = read_yaml(path, FILE, root=pack)
    return tuple(f"{FILE}:{number}" for number, line in enumerate(text.splitlines(), start=1) if UNCONFIRMED.search(line))


def derive_items(tasks: Iterable[Task]) -> tuple[LaunchItem, ...]:
    """Return one item for each task: its title, and its gates."""
    gates = [(task.title, [check.id for check in task.checks if check.gate]) for task in tasks]
    return tuple(
        LaunchItem(number=number, title=title, checks=checks)
        for number, (title, checks) in enumerate(((title, checks) for title, checks in gates if checks), start=1)
    )


def format_misfit(place: Sequence[int | str], said: str) -> str:
    """Return one line for one thing that does not fit the file's form."""
    where = ".".join(str(part + 1) if isinstance(part, int) else part for part in place) or "the file"
    return f"{FILE}: {where}: {said.lower()}. Fix: An item has a number, a title, and checks (or manual, or not_ours)."


def find_problems(items: Iterable[LaunchItem]) -> list[str]:
    """Return one line for each number that is there twice, and for each check that does not exist."""
    known, seen, problems = every_check(), set(), []
    for item in items:
        if item.number in seen:
            problems.append(f"{FILE}: number {item.number} is there twice. Fix: Number each item once.")
        seen.add(item.number)
        for check in item.checks:
            if check not in known:
                near = get_close_matches(check, known, n=1)
                hint = f"did you mean {near[0]}?" if near else "see the checks in docs/checks.md."
                problems.append(f"{FILE}: item {item.number} names {check}, and there is no such check; {hint}")
    return problems
