"""A launch list drafted from a direction of the project: numbers and words as they are, checks guessed and marked so."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from lib.core.direction import BACKLOG, Direction, DirectionTask, read_direction
from lib.core.errors import TargetError
from lib.core.launch_items import FILE
from lib.core.pack_files import read_text_file
from lib.core.wording import name_some, plain_text
from lib.onboarding.item_checks import propose_checks
from lib.onboarding.launch_files import Change, read_text
from lib.onboarding.yaml_text import mark, spell_comment, spell_value
from lib.tasks.guardrails.policy import matches
from lib.tasks.index import task_named

LARGEST_BYTES = 256 * 1024
LONGEST_TITLE = 110
LIKELY = ("devops", "launch", "release", "ops", "deploy")
"""What the name of the direction of a launch speaks of, where a project has several."""
MADE = ("artifacts/**", "feedback/**", "docs/runbooks/devops_execution_summary.md", "docs/qa_daily_links.md")
"""What a launch leaves in a project, as far as a run's documents and these teams' habits tell."""
NOBODY = "nobody is named yet"
HOW = "Nothing that is looked at here speaks of it: say how anybody sees that it is done"
HEAD = """\
# What the launch asks for, item by item. `make init` drafted it from {document}: numbers and words are the document's.
# Which checks prove an item was guessed by its words: correct each line that ends in "unconfirmed", or let `make confirm` ask.
# What no check can prove is `manual`; what is not this project's to do is `not_ours: <why>`.
"""


@dataclass(frozen=True, kw_only=True)
class DraftedList:
    """What init makes of a project's directions. change: None where there is nothing to write. problems: a sentence each."""

    change: Change | None = None
    problems: tuple[str, ...] = ()


def draft_list(pack: Path, directions: Sequence[str], *, not_applicable: Mapping[str, str], owner: str, day: str) -> DraftedList:
    """Return the launch list of a project that has none, and has a direction with tasks.

    directions: its documents by name. owner: who acts where the document names nobody. day: such as 2026-11-26.
    """
    if not directions or read_text(pack, FILE) is not None:
        return DraftedList()
    problems, found = [], {}
    for name in directions:
        try:
            direction = read_direction(read_text_file(pack / name, root=pack, limit_bytes=LARGEST_BYTES))
        except TargetError as exc:
            problems.append(exc.message)
            continue
        if direction.tasks:
            found[name] = direction
    if not found:
        return DraftedList(problems=tuple(problems))
    chosen = min(found, key=lambda name: next((place for place, word in enumerate(LIKELY) if word in name.lower()), len(LIKELY)))
    others = [name for name in found if name != chosen]
    if others:
        problems.append(f"{FILE} was drafted from {chosen}; {name_some(others)} has tasks, too.")
    text = spell_list(chosen, found[chosen], not_applicable=not_applicable, owner=owner, day=day)
    return DraftedList(change=Change(path=FILE, before=None, after=text), problems=tuple(problems))


def spell_list(document: str, direction: Direction, *, not_applicable: Mapping[str, str], owner: str, day: str) -> str:
    """Return the text of the launch list."""
    who = plain_text(direction.owner or owner or NOBODY, limit=120)
    lines = [f"document: {spell_value(document)}  {mark(day)}"]
    named = [one.target for one in direction.references]
    if made := [one for one in MADE if any(matches(name, [one]) for name in named)]:
        lines.append(f"made_by_launch: {spell_value(made)}  {mark(day)}")
    lines.append("items:")
    tasks = list(unique(direction.tasks))
    own = {name for task in tasks for name in BACKLOG.findall(task.words)}
    beside = [name for name in direction.backlog if name not in own]
    for task in tasks:
        lines += item_lines(task, who=who, not_applicable=not_applicable, day=day, beside=beside if task is tasks[0] else ())
    return HEAD.format(document=spell_comment(document)) + "\n".join(lines) + "\n"


def unique(tasks: Iterable[DirectionTask]) -> Iterator[DirectionTask]:
    """Yield the tasks whose number is there for the first time: the check of the list tells of the others."""
    seen = set()
    for task in tasks:
        if task.number not in seen and task.number > 0:
            seen.add(task.number)
            yield task


def item_lines(
    task: DirectionTask, *, who: str, not_applicable: Mapping[str, str], day: str, beside: Sequence[str] = ()
) -> Iterator[str]:
    """Yield the lines of one item. beside: entries of the backlog that no task names, so that this one may be of them."""
    words = task.source if task.has_words(task.source) else task.words
    yield f"  - number: {task.number}"
    yield f"    title: {spell_value(short_title(task.words))}"
    yield f"    words: {spell_value(words)}"
    if backlog := list(dict.fromkeys([*BACKLOG.findall(task.words), *beside])):
        yield f"    backlog: {spell_value(backlog)}" + (f"  {mark(day)}" if beside else "")
    checks = [check.id for check in propose_checks(task.words) if not task_named(check.task).why_not(check, not_applicable)]
    said = f"checks: {spell_value(checks)}" if checks else f"manual: {spell_value({'owner': who, 'how': HOW})}"
    yield f"    {said}  {mark(day)}"


def short_title(words: str) -> str:
    """Return a task's words as a title: its first ones, at the end of a word."""
    if len(words) <= LONGEST_TITLE:
        return words.rstrip(".") or "Untitled"
    return words[:LONGEST_TITLE].rpartition(" ")[0].rstrip(" ,;:.(") + " ..."
