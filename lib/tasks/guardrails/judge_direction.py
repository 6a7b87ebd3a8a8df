"""What a direction comes to: compared with the launch list, with its template, and with the project's files."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from difflib import get_close_matches
from itertools import pairwise

from lib.core.direction import ChangeEntry, Direction, DirectionTask, name_key
from lib.core.direction_values import find_dates, read_version
from lib.core.launch_items import FILE, LaunchItem
from lib.core.markdown_blocks import plain_words, squeeze
from lib.core.results import Result
from lib.core.wording import format_count, join_words, name_some, plain_text
from lib.tasks.guardrails.direction import DirectionFile, Template
from lib.tasks.guardrails.references import MADE, WEB, Led
from lib.tasks.guardrails.task import (
    DIRECTION_FOLLOWS_TEMPLATE,
    DIRECTION_LINKS_RESOLVE,
    LAUNCH_LIST_MATCHES_DIRECTION,
)

MOST_NAMED = 12
"""Faults of one document in a sentence."""
LONGEST_WORDS = 220
"""Characters of one task in a sentence; the table has all of it."""
WANTED_FIELDS = ("Owner", "Effective", "Version")
WANTED_SECTIONS = (
    "Objective", "Current Tasks", "Constraints", "Definition of Done", "Risk & Rollback", "Links & References", "Change Log",
)  # fmt: skip
"""What a direction has where no template of the project says otherwise."""
CONTRACT_TEST = "contract test"
SPEAKS_OF_DIRECTION = ("direction", "task list")
FEEDBACK = "feedback"
NO_TASKS = "No section with tasks was found in {}."
FIX_NO_TASKS = "Call their section Current Tasks, with a list below it."


def quoted(words: str) -> str:
    """Return a task's words as a sentence quotes them."""
    return f"'{plain_text(squeeze(words), limit=LONGEST_WORDS)}'"


def compare_rows(found: DirectionFile) -> list[dict[str, object]]:
    """Return one row a task or item: its number, both texts, and what differs."""
    items = {item.number: item for item in found.launch_list.items}
    tasks: dict[int, DirectionTask] = {}
    for task in found.direction.tasks:
        tasks.setdefault(task.number, task)
    known: dict[str, DirectionTask] = {}
    for task in found.direction.tasks:
        known.setdefault(task.words, task)
        known.setdefault(task.source, task)
    rows = []
    for number in sorted({*items, *tasks}):
        item, same = items.get(number), tasks.get(number)
        rows.append(
            {
                "number": number,
                "the document says": same.words if same else "",
                "the launch list says": squeeze(item.words or item.title) if item else "",
                "differs": next(compare_one(number, same, item, known), ""),
            }
        )
    return rows


def compare_one(
    number: int, task: DirectionTask | None, item: LaunchItem | None, known: Mapping[str, DirectionTask]
) -> Iterator[str]:
    """Yield what differs between a task and the item of its number, as the end of a sentence. known: words -> whose they are."""
    if item is not None and task is not None and item.words and task.has_words(item.words):
        return
    if item is None and task is not None:
        yield f"task {number} has no item: {quoted(task.words)}"
    elif item is not None and item.words and (meant := whose_words(item.words, known)):
        said = f" says {quoted(task.words)}" if task else " is not there"
        yield f"item {number} has the words of task {meant.number} ({quoted(item.words)}), and task {number}{said}"
    elif item is not None and task is None:
        yield f"item {number} has no task in the document: {quoted(item.words or item.title)}"
    elif item is not None and task is not None and not item.words:
        yield f"item {number} does not say the words of its task: {quoted(task.words)}"
    elif item is not None and task is not None:
        yield f"item {number} says {quoted(item.words)}, the document {quoted(task.words)}"


def whose_words(words: str, known: Mapping[str, DirectionTask]) -> DirectionTask | None:
    """Return the task that has these words, None for none."""
    return known.get(plain_words(words)) or known.get(squeeze(words))


def judge_match(found: DirectionFile) -> Result:
    """Judge that the launch list has every task of its document, by number and words, and nothing else."""
    check = LAUNCH_LIST_MATCHES_DIRECTION
    if not found.direction.tasks:
        return check.errored(NO_TASKS.format(found.path), fix=FIX_NO_TASKS)
    rows = compare_rows(found)
    problems = [*number_problems(found), *(str(row["differs"]) for row in rows if row["differs"]), *backlog_problems(found)]
    return check.judge(
        holds=not problems,
        observed=sum(not row["differs"] for row in rows),
        expected=len(rows),
        unit="items",
        detail=sentence_of(found.path, problems)
        if problems
        else f"{format_count(len(rows), 'task')} of {found.path}, word by word.",
        fix=f"Correct {FILE}, or {found.path}: whichever is out of date.",
    )


def sentence_of(path: str, problems: Sequence[str]) -> str:
    """Return what is wrong with a document, the first few of it; '' for nothing."""
    return "" if not problems else plain_text(f"{path}: {name_some(list(problems), most=MOST_NAMED)}.", limit=2_000)


def number_problems(found: DirectionFile) -> Iterator[str]:
    """Yield numbers that are there twice, and tasks or items that are not in the order of their numbers."""
    numbers = [task.number for task in found.direction.tasks]
    for number in sorted(one for one, times in Counter(numbers).items() if times > 1):
        lines = [str(task.line) for task in found.direction.tasks if task.number == number]
        yield f"number {number} is there {len(lines)} times (lines {join_words(lines)})"
    for where, given in (
        ("the document's tasks", list(dict.fromkeys(numbers))),
        ("the launch list's items", [one.number for one in found.launch_list.items]),
    ):
        late = next((b for a, b in pairwise(given) if b < a), None)
        if late is not None:
            yield f"{where} are not in order: {late} stands too late"


def backlog_problems(found: DirectionFile) -> Iterator[str]:
    """Yield entries of the backlog that only one of both names."""
    named = found.direction.backlog
    held = {name for item in found.launch_list.items for name in item.backlog}
    for item in found.launch_list.items:
        if strange := [name for name in item.backlog if name not in named]:
            yield f"item {item.number} names backlog {join_words(strange)}, which the document does not"
    if lacking := [name for name in named if name not in held]:
        yield f"the document names backlog {join_words(lacking)}, and no item does"


def judge_template(found: DirectionFile) -> Result:
    """Judge that a direction has the sections that its template asks for, and that what it says of itself agrees."""
    check = DIRECTION_FOLLOWS_TEMPLATE
    fields, sections = wanted_of(found.template)
    direction = found.direction
    problems = [*section_problems(direction, fields, sections), *task_problems(direction), *date_problems(direction)]
    if (
        found.template.direction is not None
        and asks_for_contract_test(found.template.direction)
        and not has_contract_test(direction)
    ):
        problems.append("it has no Contract Test, which its template asks for")
    by = f"its template {found.template.path}" if found.template.path else "what every direction has"
    facts = {"observed": len(direction.sections), "unit": "sections"}
    if problems:
        return check.failed(detail=sentence_of(found.path, problems), **facts, fix=f"Correct {found.path}.")
    if found.template.problem:
        return check.errored(f"{found.template.problem} So which sections are wanted is not known.", fix=f"Correct {found.path}.")
    return check.passed(detail=f"{found.path} has {name_some([*fields, *sections], most=12)}: {by}.", **facts)


def wanted_of(template: Template) -> tuple[list[str], list[str]]:
    """Return the lines of the head and the sections that a direction must have."""
    if template.direction is None:
        return list(WANTED_FIELDS), list(WANTED_SECTIONS)
    fields = [one.label for one in template.direction.fields.values() if one.is_set_off]
    sections = [one.title for one in template.direction.sections if not is_optional(one.title)]
    return [one for one in fields if one], [one for one in sections if one]


def is_optional(title: str) -> bool:
    """Return whether a template's heading says that it need not be there, or is to be filled in itself."""
    return "optional" in title.lower() or any(mark in title for mark in ("{", "<", "["))


def section_problems(direction: Direction, fields: Sequence[str], sections: Sequence[str]) -> Iterator[str]:
    """Yield what is missing, empty or there twice."""
    for label in fields:
        said = direction.said(label)
        if said is None or not said.value.strip():
            yield f"{label} {'is missing' if said is None else 'says nothing'}"
    keys = [one.key for one in direction.sections]
    for title in sections:
        if direction.section(title) is None and direction.said(title) is None:
            near = get_close_matches(name_key(title), keys, n=1, cutoff=0.6)
            beside = next((f"; there is {one.title}" for one in direction.sections if near and one.key == near[0]), "")
            yield f"the section {title} is missing{beside}"
    times, wanted = Counter(keys), {name_key(one) for one in sections}
    first = {one.key: one for one in reversed(direction.sections)}
    for key in dict.fromkeys(keys):
        if times[key] > 1:
            yield f"the section {first[key].title} is there {times[key]} times"
        elif key in wanted and not first[key].text:
            yield f"the section {first[key].title} is empty"


def task_problems(direction: Direction) -> Iterator[str]:
    """Yield why the tasks do not end as they must: with the entry of feedback."""
    if not direction.tasks:
        yield "it has no tasks"
    elif FEEDBACK not in direction.tasks[-1].words.lower():
        yield f"its last task is not the entry of feedback, but {quoted(direction.tasks[-1].words)}"


def date_problems(direction: Direction) -> Iterator[str]:
    """Yield where version and dates can't be read, or do not agree with each other."""
    effective, version = direction.said("Effective"), direction.said("Version")
    days = find_dates(effective.value) if effective else []
    day = days[0][1] if len(days) == 1 else None
    if effective is not None and effective.value.strip() and day is None:
        yield f"Effective is not one date: {quoted(effective.value)}"
    known = read_version(version.value) if version else None
    if version is not None and version.value.strip() and known is None:
        yield f"Version is not a version: {quoted(version.value)}"
    entries = direction.changes
    yield from (f"the change log has a date that is none: {quoted(one.words)}" for one in entries if has_bad_date(one))
    newest = max((one for one in entries if one.day), key=lambda one: (one.day, one.version or ()), default=None)
    if direction.section("Change Log", "Changelog", "Changes") is not None and newest is None:
        yield "the change log has no entry with a date"
    if newest is not None and day is not None and newest.day != day:
        yield f"Effective is {day}, and the newest entry of the change log is of {newest.day}"
    if newest is not None and known is not None and newest.version != known:
        yield f"Version is {version.value if version else ''}, and the newest entry of the change log says {quoted(newest.words)}"
    if day is not None:
        yield from (
            f"{where} names {other}, and Effective is {day}" for where, other in own_dates(direction) if other != str(day)
        )


def has_bad_date(entry: ChangeEntry) -> bool:
    """Return whether an entry names a day that the calendar has none of."""
    return any(day is None for _, day in find_dates(entry.words))


def own_dates(direction: Direction) -> list[tuple[str, str]]:
    """Return the dates by which a document speaks of itself: in its definition of done, and in the paths of its feedback."""
    found = []
    done = direction.section("Definition of Done")
    for piece in [piece for block in (done.blocks if done else ()) for piece in block.pieces]:
        if any(word in piece.text.lower() for word in SPEAKS_OF_DIRECTION):
            found += [(f"line {piece.line} of the definition of done", str(day or said)) for said, day in find_dates(piece.text)]
    for one in direction.references:
        if FEEDBACK in one.target.lower():
            found += [(f"the path {one.target} (line {one.line})", str(day or said)) for said, day in find_dates(one.target)]
    return list(dict.fromkeys(found))


def asks_for_contract_test(template: Direction) -> bool:
    """Return whether a template has a section or a label for a contract test."""
    return any(CONTRACT_TEST in key and not is_optional(title) for key, title in titles_of(template))


def has_contract_test(direction: Direction) -> bool:
    """Return whether a direction has one, and it says something."""
    labelled = [one for section in direction.sections for one in direction.fields_of(section.title)]
    texts = [one.text for one in direction.sections if CONTRACT_TEST in one.key]
    texts += [one.value for one in labelled if CONTRACT_TEST in name_key(one.label)]
    texts += [one.value for key, one in direction.fields.items() if CONTRACT_TEST in key]
    return any(text.strip() for text in texts)


def titles_of(direction: Direction) -> list[tuple[str, str]]:
    """Return every heading and label, by its key."""
    labels = [one.label for section in direction.sections for one in direction.fields_of(section.title)]
    titles = [*labels, *(one.title for one in direction.sections), *(one.label for one in direction.fields.values())]
    return [(name_key(title), title) for title in titles]


def judge_links(path: str, led: Sequence[Led]) -> Result:
    """Judge that every link and path of a direction leads to something, or to what the launch list says that it makes."""
    check = DIRECTION_LINKS_RESOLVE
    local = [one for one in led if one.note != WEB]
    bad = [one for one in local if one.problem]
    web = len(led) - len(local)
    beside = f" {format_count(web, 'web address', 'web addresses')} beside them: the web is never asked." if web else ""
    if not local:
        return check.not_applicable(f"{path} names no file of the project.{beside}")
    made = [one.target for one in local if one.note == MADE and not one.problem]
    said = [f"{one.target} (line {one.line}) {one.problem}" for one in bad]
    detail = sentence_of(path, said) if bad else f"Every link and path of {path} leads to something.{beside}"
    detail += f" Made by the launch itself, as {FILE} says: {name_some(made)}." if made else ""
    return check.judge(
        holds=not bad,
        observed=len(local) - len(bad),
        expected=len(local),
        unit="links and paths",
        detail=detail,
        fix=f"Correct {path}; what only the launch makes belongs under made_by_launch in {FILE}.",
    )
