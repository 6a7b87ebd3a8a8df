"""A field is said in words: what it may hold, by which bounds, what it is without a word, in which unit."""

from __future__ import annotations

from enum import StrEnum
from typing import Any, Literal

import pytest
from pydantic import BaseModel, Field

from lib.cli.list_fields import describe_type, field_lines, unit_of


class Colour(StrEnum):
    RED = "red"
    BLUE = "blue"


class Inner(BaseModel):
    """What is within."""

    depth: int


class Outer(BaseModel):
    """What is around.

    many: each of | them.
    """

    wait_s: float = Field(gt=0, le=9)  # longest wait, s
    inner: Inner
    many: dict[str, list[Inner]] = {}


@pytest.mark.parametrize(
    ("annotation", "words"),
    [
        (str, "text"),
        (int | None, "whole number or null"),
        (list[str], "list of text"),
        (dict[str, dict[str, bool]], "text -> text -> true or false"),
        (Literal["a", "b"], "one of `a`, `b`"),
        (str | dict[str, int], "text, or text -> whole number"),
        (Colour, "one of `red`, `blue`"),
        (Any, "any JSON"),
        (Inner, "[inner](#inner)"),
    ],
)
def test_a_type_is_said_in_words(annotation: Any, words: str) -> None:
    assert describe_type(annotation) == words


def test_a_table_has_bounds_units_defaults_and_meanings() -> None:
    lines = list(field_lines(Outer, {"wait_s": 3}, source="x.yaml"))[2:]
    assert lines == [
        "| `wait_s` | number, > 0, <= 9 | `3` | s | longest wait |",
        "| `inner` | [inner](#inner) | required |  | What is within. |",
        r"| `many` | text -> list of [inner](#inner) | `{}` |  | each of \| them |",
    ]


def test_a_unit_is_read_from_the_end_of_a_name() -> None:
    names = ("p95_limit_ms", "keep_days", "max_body_bytes", "jobs", "requests_per_s")
    assert [unit_of(name) for name in names] == ["ms", "days", "bytes", "", "requests a second"]
