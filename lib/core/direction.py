"""A direction: the Markdown document that says what a launch asks for, in which bounds, and when it is done.

Pure: text in, a Direction out. Nothing is judged here: a document of any style is read as far as it goes, and what was
not found is empty. Headings may be underlined, tasks may be numbered, bulleted, ticked off, or rows of a table.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date

from lib.core.direction_fields import Field, front_fields, labelled
from lib.core.direction_values import find_dates, find_version
from lib.core.markdown_blocks import Block, Kind, Piece, clean_text, plain_words, read_blocks, split_front_matter, squeeze

TASK_NAMES = frozenset(
    {
        "current tasks", "tasks", "task list", "current task list", "active tasks", "action items", "todo", "to do", "next steps",
        "aufgaben", "aktuelle aufgaben", "tâches", "tâches actuelles", "tareas", "tareas actuales", "tarefas", "tarefas atuais",
        "compiti", "taken", "uppgifter", "zadania", "задачи", "текущие задачи", "任务", "当前任务", "タスク", "現在のタスク",
    }
)  # fmt: skip
"""What the section of the tasks is called, as `name_key` spells it."""
TASK_COLUMNS = ("task", "what", "description", "aufgabe", "tâche", "tarea", "tarefa", "action")
BACKLOG = re.compile(r"\bT\d{1,4}\b")
"""How a document names an entry of its backlog."""


@dataclass(frozen=True, kw_only=True)
class DirectionTask:
    """One task. number: by which it is known. words: without marks. source: as written. written: the number in the text."""

    number: int
    words: str
    source: str
    line: int
    written: int | None = None

    def has_words(self, words: str) -> bool:
        """Return whether somebody else's words are this task's own; marks and white space do not count."""
        return self.words in (plain_words(words), squeeze(words)) or self.source == squeeze(words)


@dataclass(frozen=True, kw_only=True)
class DirectionSection:
    """One section. title: as written. key: by which it is found. blocks: all that stands in it."""

    title: str
    key: str
    line: int
    blocks: tuple[Block, ...] = ()

    @property
    def text(self) -> str:
        """All its words on one line."""
        return squeeze(" ".join(block.text for block in self.blocks))


@dataclass(frozen=True, kw_only=True)
class ChangeEntry:
    """One entry of the change log. day, version: None where it names none that can be read."""

    day: date | None
    version: tuple[int, ...] | None
    words: str
    line: int


@dataclass(frozen=True, kw_only=True)
class Reference:
    """One link or one text set as code."""

    target: str
    line: int
    is_link: bool


@dataclass(frozen=True, kw_only=True)
class Direction:
    """A direction as it was read. fields: of its head, by their keys. tasks: in the document's order."""

    title: str = ""
    fields: dict[str, Field] = field(default_factory=dict)
    sections: tuple[DirectionSection, ...] = ()
    tasks: tuple[DirectionTask, ...] = ()
    references: tuple[Reference, ...] = ()

    def section(self, *names: str) -> DirectionSection | None:
        """Return the first section of one of these names, None where there is none."""
        keys = {name_key(one).replace(" ", "") for one in names}
        return next((one for one in self.sections if one.key.replace(" ", "") in keys), None)

    def said(self, name: str) -> Field | None:
        """Return what the head says under a label; a section of that name counts, too. None for neither."""
        section = self.section(name)
        if name_key(name) in self.fields or section is None:
            return self.fields.get(name_key(name))
        return Field(label=section.title, value=section.text, line=section.line)

    @property
    def owner(self) -> str:
        """Who answers for it; '' where it names nobody."""
        said = self.said("Owner")
        return said.value if said else ""

    def fields_of(self, *names: str) -> list[Field]:
        """Return every `Label: value` of the section of one of these names."""
        section = self.section(*names)
        return [] if section is None else [one for block in section.blocks for one in labelled(block)]

    @property
    def changes(self) -> list[ChangeEntry]:
        """The entries of the change log that name a day or a version, in the document's order."""
        section = self.section("Change Log", "Changelog", "Changes")
        blocks = [block for block in (section.blocks if section else ()) if block.kind is not Kind.CODE and not block.is_head]
        lines = [
            one
            for block in blocks
            for one in ([block] if block.kind in (Kind.ITEM, Kind.ROW) else list[Block | Piece](block.pieces))
        ]
        entries = [entry_of(one.text, one.line) for one in lines]
        return [one for one in entries if one.day or one.version or find_dates(one.words)]

    @property
    def backlog(self) -> list[str]:
        """The entries of the backlog that the document names, in order."""
        texts = [block.text for one in self.sections for block in one.blocks]
        return list(dict.fromkeys(name for text in texts for name in BACKLOG.findall(text)))


def name_key(title: str) -> str:
    """Return a title as sections are compared: without its number, signs and case; `&` is `and`."""
    words = re.findall(r"\w+", title.replace("&", " and ").casefold())
    while len(words) > 1 and words[0].isdecimal():
        words.pop(0)
    return squeeze(" ".join(words))


def read_direction(text: str) -> Direction:
    """Return what a direction document says."""
    front, body = split_front_matter(clean_text(text))
    blocks = read_blocks(body)
    level = section_level(blocks)
    first = next((block for block in blocks if block.kind is Kind.HEADING), None)
    title = first if first is not None and (first.level < level or is_title(first, blocks)) else None
    head, sections = split_sections([block for block in blocks if block is not title], level)
    found = next((one for one in sections if one.key in TASK_NAMES), None)
    found = found or next((one for one in sections if "tasks" in one.key.split()), None)
    return Direction(
        title=title.text if title else "",
        fields={name_key(one.label): one for one in (*front_fields(front), *(one for block in head for one in labelled(block)))},
        sections=tuple(sections),
        tasks=tuple(read_tasks(found.blocks)) if found else (),
        references=tuple(references_of(blocks)),
    )


def is_title(first: Block, blocks: Sequence[Block]) -> bool:
    """Return whether a first heading is the document's own: first of all, no other as high, and not that of the tasks."""
    if name_key(first.text) in TASK_NAMES:
        return False
    higher = [block for block in blocks if block.kind is Kind.HEADING and block.level <= first.level]
    return blocks[0] is first and len(higher) == 1


def section_level(blocks: Sequence[Block]) -> int:
    """Return the level of the headings of sections: that of the tasks', else of the first that comes twice, else 2."""
    headings = [block for block in blocks if block.kind is Kind.HEADING]
    known = next((block.level for block in headings if name_key(block.text) in TASK_NAMES), None)
    levels = [block.level for block in headings]
    return known or next((level for level in sorted(set(levels)) if levels.count(level) > 1), 2)


def split_sections(blocks: Sequence[Block], level: int) -> tuple[list[Block], list[DirectionSection]]:
    """Return what stands before the first section, and the sections; deeper headings stay within theirs."""
    places = [place for place, block in enumerate(blocks) if block.kind is Kind.HEADING and block.level <= level]
    ends = [*places[1:], len(blocks)] if places else []
    sections = [
        DirectionSection(
            title=blocks[start].text,
            key=name_key(blocks[start].text),
            line=blocks[start].line,
            blocks=tuple(blocks[start + 1 : end]),
        )
        for start, end in zip(places, ends, strict=True)
    ]
    return list(blocks[: places[0]] if places else blocks), sections


def read_tasks(blocks: Sequence[Block]) -> Iterator[DirectionTask]:
    """Yield the tasks of their section: the items of its lists, else the rows of its table, else its headings with their text."""
    items = [block for block in blocks if block.kind is Kind.ITEM]
    rows = [block for block in blocks if block.kind is Kind.ROW]
    if not items:
        yield from tasks_of_table(rows) if rows else tasks_of_headings(blocks)
        return
    written = number_items(blocks)
    for place, item in enumerate(items, start=1):
        number = written[place - 1]
        yield DirectionTask(
            number=place if number is None else number, words=item.text, source=item.source, line=item.line, written=number
        )


def number_items(blocks: Sequence[Block]) -> list[int | None]:
    """Return the number of each item, None for one without.

    Where every item of a list says the same, as Markdown allows (`1.` each), they are counted; a list that begins again
    under a heading of its own goes on where the last one ended.
    """
    numbers: list[int | None] = []
    below_heading, group, offset = False, -1, 0
    for place, block in enumerate(blocks):
        below_heading = below_heading or block.kind is Kind.HEADING
        if block.kind is not Kind.ITEM:
            continue
        if block.group != group:
            known = [one for one in numbers if one is not None]
            offset = len(numbers) if block.number == 1 and below_heading and known else 0
            group, below_heading = block.group, False
            mine = [one.number for one in blocks[place:] if one.group == group and one.kind is Kind.ITEM]
            is_lazy = len(mine) > 1 and len(set(mine)) == 1 and mine[0] in (0, 1)
            start = len(numbers)
        if block.number is None:
            numbers.append(None)
        else:
            numbers.append(offset + (len(numbers) - start + 1 if is_lazy else block.number))
    return numbers


def tasks_of_table(rows: Sequence[Block]) -> Iterator[DirectionTask]:
    """Yield each row of a table as a task: its number from a column of numbers, its words from the column that says so."""
    heads = [[piece.text.casefold() for piece in row.pieces] for row in rows if row.is_head]
    column = next((place for name in TASK_COLUMNS for head in heads for place, one in enumerate(head) if name in one), -1)
    for place, row in enumerate([row for row in rows if not row.is_head], start=1):
        first = row.pieces[0].text.rstrip(".)") if row.pieces else ""
        number = int(first) if first.isdecimal() and len(first) < 9 else None
        chosen: Piece | None = row.pieces[column] if 0 <= column < len(row.pieces) else None
        chosen = chosen or max(row.pieces, key=lambda one: len(one.text), default=None)
        if chosen is not None:
            yield DirectionTask(
                number=place if number is None else number,
                words=squeeze(chosen.text),
                source=squeeze(chosen.source),
                line=row.line,
                written=number,
            )


def tasks_of_headings(blocks: Sequence[Block]) -> Iterator[DirectionTask]:
    """Yield each heading as a task, with all that stands below it."""
    places = [place for place, block in enumerate(blocks) if block.kind is Kind.HEADING]
    for number, (start, end) in enumerate(zip(places, [*places[1:], len(blocks)], strict=False), start=1):
        mine = blocks[start:end]
        yield DirectionTask(
            number=number,
            words=squeeze(" ".join(block.text for block in mine)),
            source=squeeze(" ".join(block.source for block in mine)),
            line=mine[0].line,
        )


def entry_of(text: str, line: int) -> ChangeEntry:
    """Return one entry of the change log."""
    days = [day for _, day in find_dates(text)]
    return ChangeEntry(day=days[0] if days else None, version=find_version(text), words=text, line=line)


def references_of(blocks: Sequence[Block]) -> Iterator[Reference]:
    """Yield every link and every text set as code, in order."""
    for piece in (piece for block in blocks for piece in block.pieces):
        yield from (Reference(target=one, line=piece.line, is_link=True) for one in piece.links)
        yield from (Reference(target=one, line=piece.line, is_link=False) for one in piece.codes)
