"""YAML as plain data, in bounded time and memory, every fault with its line: PyYAML alone lets some of them through as bugs.

Source: https://yaml.org/spec/1.1/ (PyYAML speaks 1.1) and https://pyyaml.org/wiki/PyYAMLDocumentation.
"""

from __future__ import annotations

import math
from collections.abc import Hashable
from typing import Any

import yaml

LONGEST = 2_000_000
"""Characters of one file; the longest that people write have a few thousand lines."""
DEEPEST = 40
"""Levels of nesting; what people write has fewer than ten."""
MOST_NODES = 200_000
"""Values in one document, each counted as often as aliases bring it in."""
LARGEST_NUMBER = 10**15
"""Beyond it no setting means anything, and a fraction can't be told from its neighbour."""
QUICK: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
"""Reads ten times as fast where PyYAML has libyaml, and builds nothing here. What is wrong with a document is said by PyYAML's
own parser, whose words are the same everywhere."""
PLAIN = (type(None), bool, int, float, str, list, dict)


class PlainYamlError(ValueError):
    """The text is no YAML that can be taken; says what is wrong and in which line."""


class Loader(yaml.SafeLoader):
    """Builds plain data alone: numbers are finite, keys are there once."""

    is_typed = True

    def construct_object(self, node: yaml.Node, deep: bool = False) -> Any:
        """Return one value. Raises a YAMLError with the place, whatever is wrong with it."""
        try:
            value = super().construct_object(node, deep=deep)
        except (ValueError, AttributeError, OverflowError, TypeError) as exc:
            raise yaml.constructor.ConstructorError(None, None, str(exc), node.start_mark) from exc
        if self.is_typed and (problem := find_oddity(value)):
            raise yaml.constructor.ConstructorError(None, None, problem, node.start_mark)
        return value

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        """Return one mapping. Raises a YAMLError when a key is there twice: the first would be lost without a word."""
        seen = set()
        for key, _ in node.value:
            if isinstance(key, yaml.ScalarNode) and key.tag != "tag:yaml.org,2002:merge":
                if key.value in seen:
                    raise yaml.constructor.ConstructorError(None, None, f"the key '{key.value}' is there twice", key.start_mark)
                seen.add(key.value)
        return super().construct_mapping(node, deep=deep)


class TextLoader(Loader):
    """Builds text alone: YAML 1.1 reads the key `on` of a workflow as a yes."""

    is_typed = False
    yaml_implicit_resolvers: dict[str, list[Any]] = {}  # noqa: RUF012


def find_oddity(value: object) -> str:
    """Return why a value can't be a setting, or ''."""
    if isinstance(value, float) and not math.isfinite(value):
        return f"{value} is no number that anything can be compared with"
    if isinstance(value, int | float) and abs(value) > LARGEST_NUMBER:
        return f"a number with {len(str(abs(int(value))))} digits is beyond what any setting means"
    if not isinstance(value, PLAIN) and not hasattr(value, "send"):  # PyYAML builds collections by generators
        return f"a {type(value).__name__} is no plain value; write it in quotes"
    return ""


def load_yaml(text: str, *, as_text: bool = False) -> Any:
    """Return the document as plain data; None of an empty one.

    as_text: every scalar stays the text that is written there.
    Raises PlainYamlError with what is wrong and its line.
    """
    if len(text) > LONGEST:
        raise PlainYamlError(f"it has {len(text):,} characters; {LONGEST:,} are read at most")
    try:
        check_shape(text)
        value = yaml.load(text, Loader=TextLoader if as_text else Loader)
    except yaml.YAMLError as exc:
        raise PlainYamlError(format_fault(exc)) from exc
    except RecursionError as exc:
        raise PlainYamlError("it is nested too deeply") from exc
    count_nodes(value)
    return value


def find_lines(text: str) -> dict[tuple[str, ...], int]:
    """Return the keys that lead to each value -> its line, from 1, of a document that `load_yaml` has taken.

    An item of a list is named by its place, from 0. What an alias brings in again is named once.
    """
    found: dict[tuple[str, ...], int] = {}
    seen: set[int] = set()
    root = yaml.compose(text, Loader=QUICK)
    waiting: list[tuple[tuple[str, ...], yaml.Node | None]] = [((), root)]
    while waiting:
        place, node = waiting.pop()
        if node is None or id(node) in seen:
            continue
        seen.add(id(node))
        inside: list[tuple[str, yaml.Node, yaml.Node]] = []
        if isinstance(node, yaml.MappingNode):
            inside = [(str(key.value), key, value) for key, value in node.value]
        elif isinstance(node, yaml.SequenceNode):
            inside = [(str(number), value, value) for number, value in enumerate(node.value)]
        for name, named, value in inside:
            found[(*place, name)] = named.start_mark.line + 1
            waiting.append(((*place, name), value))
    return found


def check_shape(text: str) -> None:
    """Raise PlainYamlError when a document is nested too deeply to be built. The events come without recursion."""
    try:
        check_depth(text, QUICK)
    except yaml.YAMLError:
        check_depth(text, Loader)


def check_depth(text: str, loader: Any) -> None:
    """Raise PlainYamlError when a document is nested too deeply, a YAMLError when it is none as this loader sees it."""
    depth = 0
    for event in yaml.parse(text, Loader=loader):
        if isinstance(event, yaml.CollectionStartEvent):
            depth += 1
            if depth > DEEPEST:
                where = f"line {event.start_mark.line + 1}: " if event.start_mark else ""
                raise PlainYamlError(f"{where}more than {DEEPEST} levels of nesting")
        elif isinstance(event, yaml.CollectionEndEvent):
            depth -= 1


def count_nodes(value: Any) -> None:
    """Raise PlainYamlError when aliases make a document endless, or larger than anybody means it to be."""
    pending = [(value, 0)]
    count = 0
    while pending:
        one, depth = pending.pop()
        count += 1
        if count > MOST_NODES or depth > DEEPEST:
            raise PlainYamlError("its aliases make it endless or far too large")
        if isinstance(one, dict):
            pending += [(inner, depth + 1) for inner in one.values()]
        elif isinstance(one, list):
            pending += [(inner, depth + 1) for inner in one]


def format_fault(exc: yaml.YAMLError) -> str:
    """Return what is wrong, with its line where that is known."""
    mark = getattr(exc, "problem_mark", None)
    said = " ".join(str(getattr(exc, "problem", None) or getattr(exc, "reason", None) or exc).split())
    return f"line {mark.line + 1}: {said}" if mark is not None else said
