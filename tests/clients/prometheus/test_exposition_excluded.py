"""A matcher that leaves series out may leave out all there are."""

from __future__ import annotations

import pytest

from lib.clients.prometheus.exposition import Declared, parse_exposition, use_of
from lib.clients.prometheus.promql import find_selectors

PAGE = """# TYPE loads_total counter
loads_total{tile="a"} 1
loads_total{tile="b"} 2
# TYPE plain_total counter
plain_total 1
"""


def unknown_of(expression: str, **values: list[str]) -> str:
    [selector] = find_selectors(expression)
    use = use_of("A", selector, parse_exposition(PAGE), Declared(values=values))
    assert use.problem == ""
    return use.unknown


@pytest.mark.parametrize(
    ("expression", "values"),
    [
        ('loads_total{tile!~".+"}', {}),
        ('loads_total{tile!~"a|b"}', {}),
        ('plain_total{job!="board"}', {"job": ["board"]}),
    ],
)
def test_a_matcher_that_leaves_out_every_series_is_no_pass(expression: str, values: dict[str, list[str]]) -> None:
    assert "nothing shows a series" in unknown_of(expression, **values)


@pytest.mark.parametrize(
    "expression",
    [
        'loads_total{tile!=""}',
        'loads_total{tile!="a"}',
        'loads_total{tile!~"a|c"}',
        'plain_total{tile!="a"}',
        'plain_total{job!="x"}',
        'plain_total{le!="1"}',
        'loads_total{tile!~"(a+)+$"}',
    ],
)
def test_one_that_leaves_a_series_is(expression: str) -> None:
    assert unknown_of(expression) == ""
