"""Where each key of a YAML document stands in its text, so that single lines can be changed and all others stay as they are."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import yaml

from lib.core.plain_yaml import load_yaml
from lib.onboarding.yaml_text import MARK

Path = tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Entry:
    """One key of a document.

    first, last: its lines, from 0; a block's last one is that of what it holds. column: where the key starts.
    value_from, value_to: the columns of a value that stands on the key's own line; None for any other.
    is_block: the keys that it holds are on lines of their own. is_marked: all of it waits for a person's word.
    """

    path: Path
    value: Any
    first: int
    last: int
    column: int
    value_from: int | None
    value_to: int | None
    is_block: bool
    is_marked: bool


@dataclass(frozen=True, kw_only=True)
class Layout:
    """A document's lines, without their ends, and its keys by path, in the order they stand."""

    lines: tuple[str, ...]
    entries: Mapping[Path, Entry]
    is_updatable: bool = True

    def children(self, path: Path) -> list[Entry]:
        """Return the entries just below a path."""
        return [one for key, one in self.entries.items() if len(key) == len(path) + 1 and key[: len(path)] == path]

    def leaves(self) -> list[Entry]:
        """Return the entries that hold no others on lines of their own."""
        return [one for one in self.entries.values() if not one.is_block]


def read_layout(text: str) -> Layout:
    """Return where everything of a document stands. Raises PlainYamlError when it is no YAML that can be taken."""
    data = load_yaml(text)
    lines = tuple(text.split("\n"))
    root = yaml.compose(text, Loader=yaml.SafeLoader)
    if root is None or data is None:
        return Layout(lines=lines, entries={})
    if not isinstance(root, yaml.MappingNode) or root.flow_style or not isinstance(data, dict):
        return Layout(lines=lines, entries={}, is_updatable=False)
    return Layout(lines=lines, entries={one.path: one for one in read_entries(root, data, lines, ())})


def read_entries(node: yaml.MappingNode, data: Mapping[Any, Any], lines: tuple[str, ...], above: Path) -> Iterator[Entry]:
    """Yield the entries of a mapping in block style, and of those within it."""
    for (key, value), name in zip(node.value, own_keys(node, data), strict=True):
        if name is None:
            continue
        path = (*above, name)
        inside = data[name]
        is_own = value.start_mark.index >= key.start_mark.index  # what an alias names stands somewhere else
        is_block = isinstance(value, yaml.MappingNode) and not value.flow_style and is_own and bool(inside)
        last = last_line(value, key, lines) if is_own else key.start_mark.line
        is_short = is_own and value.start_mark.line == value.end_mark.line == key.start_mark.line
        yield Entry(
            path=path,
            value=inside,
            first=key.start_mark.line,
            last=last,
            column=key.start_mark.column,
            value_from=value.start_mark.column if is_short else None,
            value_to=value.end_mark.column if is_short else None,
            is_block=is_block,
            is_marked=not is_block and all_marked(lines[key.start_mark.line : last + 1]),
        )
        if is_block and isinstance(inside, dict):
            yield from read_entries(value, inside, lines, path)


def own_keys(node: yaml.MappingNode, data: Mapping[Any, Any]) -> list[str | None]:
    """Return the text that each key of a node is; None for what is no text, or is merged in from elsewhere."""
    keys = [key for key, _ in node.value]
    return [key.value if key.tag == "tag:yaml.org,2002:str" and key.value in data else None for key in keys]


def last_line(value: yaml.Node, key: yaml.Node, lines: tuple[str, ...]) -> int:
    """Return the last line that a value is written on; blank lines and comments after it are not its own."""
    last = int(value.end_mark.line)
    if (last > value.start_mark.line and value.end_mark.column == 0) or last >= len(lines):
        last -= 1
    if isinstance(value, yaml.CollectionNode) and not value.flow_style:
        ends = [last_line(one, key, lines) for one in inner_nodes(value)]
        return max([key.start_mark.line, *ends])
    while last > key.start_mark.line and is_loose(lines[last]) and not is_literal(value):
        last -= 1
    return max(last, int(key.start_mark.line))


def inner_nodes(node: yaml.CollectionNode) -> list[yaml.Node]:
    """Return the values of a mapping or sequence, and a mapping's keys; what an alias names is written elsewhere."""
    every = [one for pair in node.value for one in pair] if isinstance(node, yaml.MappingNode) else node.value
    return [one for one in every if one is not node and one.start_mark.index >= node.start_mark.index]


def is_literal(value: yaml.Node) -> bool:
    """Return whether a value is a text of many lines, where a line that starts with # is text as well."""
    return isinstance(value, yaml.ScalarNode) and value.style in ("|", ">")


def is_loose(line: str) -> bool:
    """Return whether a line is blank or a comment alone."""
    stripped = line.strip()
    return not stripped or stripped.startswith("#")


def all_marked(lines: tuple[str, ...]) -> bool:
    """Return whether every line of a value waits for a person's word; one of several that is confirmed confirms it."""
    return all(MARK.search(line) for line in lines if not is_loose(line))
