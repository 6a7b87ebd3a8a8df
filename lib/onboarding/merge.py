"""The file as it stands and what is seen today, brought together: only lines that wait for a person's word change.

A line without the mark is a person's. It is left as it is, whatever is seen, and a difference is told.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from lib.core.errors import ParamsError
from lib.core.plain_yaml import PlainYamlError
from lib.onboarding.layout import Entry, Layout, Path, read_layout
from lib.onboarding.questions import order_questions, renew_questions
from lib.onboarding.wanted import SECTION_NOTES, Wanted
from lib.onboarding.yaml_text import STEP, Line, grouped, spell_line, spell_tree, spell_value

TOLD_WHEN_GONE = (("rls", "matrix"), ("seed", "expected_counts"), ("alerts", "thresholds"))
"""Where a person's line about something that is no more is told; elsewhere it may stand for reasons of its own."""


@dataclass(frozen=True, kw_only=True)
class Merged:
    """The file's text, and a sentence for each line of a person's that differs from what is seen."""

    text: str
    differences: tuple[str, ...] = ()


def merge_document(text: str | None, wanted: Wanted, *, day: str, file: str) -> Merged:
    """Return the file as it should be. text: as it is; None when there is none. file: its name, for messages.

    Raises ParamsError when the file can't be read as YAML, or not be changed line by line.
    """
    if text is None or not text.strip():
        return Merged(text=write_new(wanted, day))
    layout = read_existing(text.replace("\r\n", "\n"), file)
    lines: list[str | None] = [*layout.lines]
    gone = find_gone(layout, wanted)
    change_marked(lines, layout, wanted, gone, day)
    additions = find_additions(layout, wanted, gone)
    insert_all(lines, layout, additions, gone, day)
    renewed = renew_questions(drop_removed(lines), order_questions(wanted.questions), day=day, keep=bool(wanted.unseen))
    result = "\n".join(renewed)
    require_readable(result, file)
    ending = "\r\n" if "\r\n" in text else "\n"
    return Merged(text=result.replace("\n", ending), differences=tuple(find_differences(layout, wanted, file)))


def read_existing(text: str, file: str) -> Layout:
    try:
        layout = read_layout(text)
    except PlainYamlError as exc:
        raise ParamsError(f"{file} is not valid YAML: {exc}. Fix: Correct that line; nothing was written.") from exc
    if not layout.is_updatable:
        raise ParamsError(f"{file} is not a list of sections, one a line. Fix: Write it as `section:` with lines below it.")
    return layout


def require_readable(result: str, file: str) -> None:
    """Raise ParamsError when a changed text is no YAML any more, as where a line that goes has an anchor."""
    try:
        read_layout(result)
    except PlainYamlError as exc:
        raise ParamsError(
            f"{file} can't be changed line by line: {exc}. "
            "Fix: Write it without anchors (&), aliases (*) and document ends (...); nothing was written."
        ) from exc


def write_new(wanted: Wanted, day: str) -> str:
    """Return a whole new file."""
    lines = renew_questions([*wanted.header, ""], order_questions(wanted.questions), day=day, keep=True)
    for key, group in grouped(wanted.lines, 0):
        lines += spell_section(key, group, day)
    return "\n".join(lines).rstrip("\n") + "\n"


def spell_section(key: str, group: Sequence[Line], day: str) -> list[str]:
    """Return one section with a blank line and its comment above it; a lone key stands directly below what is before it."""
    written = spell_tree(group, below=0, indent=0, day=day)
    note = SECTION_NOTES.get(key, "")
    return ["", f"# {note}", *written] if note else written


def own_line(layout: Layout, line: Line) -> Entry | None:
    """Return the entry that speaks for a line: its own, or one above it that says it all at once; None when there is none."""
    for length in range(len(line.path), 0, -1):
        entry = layout.entries.get(line.path[:length])
        if entry and (length == len(line.path) or not (entry.is_block or entry.value in ({}, None))):
            return entry
    return None


def value_within(entry: Entry, path: Path) -> object:
    """Return what an entry says of a path that it holds; None when it says nothing."""
    value = entry.value
    for key in path[len(entry.path) :]:
        value = value.get(key) if isinstance(value, Mapping) else None
    return value


def find_gone(layout: Layout, wanted: Wanted) -> set[Path]:
    """Return the lines that wait for a word on something that is not seen any more, and the keys that only hold such."""
    paths = [line.path for line in wanted.lines]
    known = {path[:length] for path in paths for length in range(1, len(path) + 1)}
    own = spoken_for(wanted)
    gone = {
        entry.path
        for entry in layout.leaves()
        if entry.is_marked
        and entry.path not in known
        and not any(entry.path[:length] in own for length in range(1, len(entry.path)))
        and not is_below(entry.path, wanted.unseen)
    }
    gone -= still_named(layout, gone)
    for entry in sorted(layout.entries.values(), key=lambda one: -len(one.path)):
        inside = layout.children(entry.path) if entry.is_block else []
        if inside and len(inside) == len(entry.value) and all(one.path in gone for one in inside):
            gone.add(entry.path)
    return gone


def spoken_for(wanted: Wanted) -> set[Path]:
    """Return the paths whose whole value is wanted: what stands below one is part of it."""
    return {line.path for line in wanted.lines if line.value != {}}


def is_below(path: Path, places: Iterable[Path]) -> bool:
    return any(path[: len(place)] == place for place in places)


def still_named(layout: Layout, gone: set[Path]) -> set[Path]:
    """Return the scopes and identities that a person's own row of the matrix needs, however they are called today."""
    rows = [one for one in layout.leaves() if one.path[:2] == ("rls", "matrix") and not one.is_marked]
    tables = {one.path[2] for one in rows if len(one.path) > 2}
    roles = {one.path[3] for one in rows if len(one.path) > 3}
    return {
        path
        for path in gone
        if (path[:2] == ("rls", "scopes") and len(path) > 2 and path[2] in tables)
        or (path[:2] == ("rls", "identities") and role_of(layout.entries[path].value) in roles)
    }


def role_of(identity: object) -> object:
    return identity.get("role") if isinstance(identity, Mapping) else None


def change_marked(lines: list[str | None], layout: Layout, wanted: Wanted, gone: set[Path], day: str) -> None:
    """Replace, in place, the lines whose value is another today, and let go those that are no more (None)."""
    for line in wanted.lines:
        entry = layout.entries.get(line.path)
        if entry and not entry.is_block and entry.is_marked and entry.value != line.value:
            lines[entry.first : entry.last + 1] = [None] * (entry.last + 1 - entry.first)
            lines[entry.first] = spell_line(line, indent=entry.column, day=day)
    for path in gone:
        entry = layout.entries[path]
        lines[entry.first] = None
        if not entry.is_block:
            lines[entry.first : entry.last + 1] = [None] * (entry.last + 1 - entry.first)
        if len(path) == 1:
            drop_section_note(lines, entry)


def drop_section_note(lines: list[str | None], entry: Entry) -> None:
    """Let the comment above a section go, and the blank line above that, where they are ours."""
    note = SECTION_NOTES.get(entry.path[0], "")
    if entry.first and note and lines[entry.first - 1] == f"# {note}":
        lines[entry.first - 1] = None
        if entry.first > 1 and lines[entry.first - 2] == "":
            lines[entry.first - 2] = None


def drop_removed(lines: Iterable[str | None]) -> list[str]:
    return [one for one in lines if one is not None]


def find_additions(layout: Layout, wanted: Wanted, gone: set[Path]) -> dict[Path, list[Line]]:
    """Return the lines that nothing in the file speaks for, by the nearest key that can hold them; () is the document."""
    additions: dict[Path, list[Line]] = {}
    for line in wanted.lines:
        entry = own_line(layout, line)
        if entry is None or entry.path in gone:
            additions.setdefault(nearest(layout, line.path, gone), []).append(line)
    return additions


def nearest(layout: Layout, path: Path, gone: set[Path]) -> Path:
    """Return the deepest key above a path that stays in the file."""
    above = (path[:length] for length in range(len(path) - 1, 0, -1))
    return next((one for one in above if one in layout.entries and one not in gone), ())


def insert_all(
    lines: list[str | None], layout: Layout, additions: Mapping[Path, Sequence[Line]], gone: set[Path], day: str
) -> None:
    """Put new lines below what holds them, deeper ones first, from the end of the file to its start."""
    places = [(end_of(layout, path), len(path), path) for path in additions]
    for place, _, path in sorted(places, key=lambda one: (-one[0], one[1])):
        lines[place + 1 : place + 1] = spell_addition(lines, layout, path, additions[path], day)


def end_of(layout: Layout, path: Path) -> int:
    """Return the last line of what a key holds; of the document, its last line that is neither blank nor a comment."""
    if path:
        return layout.entries[path].last
    ends = [place for place, line in enumerate(layout.lines) if line.strip()]
    return ends[-1] if ends else -1


def spell_addition(lines: list[str | None], layout: Layout, path: Path, added: Sequence[Line], day: str) -> list[str]:
    """Return the new lines below one key. A key that held nothing is opened for them."""
    if not path:
        column = min((one.column for one in layout.children(())), default=0)
        return [one and " " * column + one for key, group in grouped(added, 0) for one in spell_section(key, group, day)]
    entry = layout.entries[path]
    inside = layout.children(path)
    if not entry.is_block:
        lines[entry.first] = f"{' ' * entry.column}{spell_value(path[-1])}:"
    indent = inside[0].column if inside else entry.column + STEP
    return spell_tree(added, below=len(path), indent=indent, day=day)


def find_differences(layout: Layout, wanted: Wanted, file: str) -> Iterator[str]:
    """Yield a sentence for each line of a person's that says something else than what is seen."""
    for line in wanted.lines:
        entry = own_line(layout, line)
        if entry and not entry.is_marked and value_within(entry, line.path) != line.value and line.value != {}:
            said = value_within(entry, line.path)
            yield (
                f"{file}:{entry.first + 1}: {'.'.join(line.path)} is {spell_value(said)} there; "
                f"today it looks like {spell_value(line.value)}."
            )
    known = {line.path[:length] for line in wanted.lines for length in range(1, len(line.path) + 1)}
    own = spoken_for(wanted)
    for entry in layout.leaves():
        is_told = (is_below(entry.path, TOLD_WHEN_GONE) and entry.value != {}) or is_our_reason(entry)
        is_covered = any(entry.path[:length] in own for length in range(1, len(entry.path) + 1))
        if (
            is_told
            and not entry.is_marked
            and entry.path not in known
            and not is_covered
            and not is_below(entry.path, wanted.unseen)
        ):
            yield f"{file}:{entry.first + 1}: {'.'.join(entry.path)} is said there, and was not seen today."


def is_our_reason(entry: Entry) -> bool:
    """Return whether an entry says that something does not apply, in the words of init itself."""
    said = str(entry.value)
    return entry.path[:1] == ("not_applicable",) and said.startswith("no ") and said.endswith(" in this project")
