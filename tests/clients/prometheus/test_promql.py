"""What is read off PromQL expressions without evaluating them."""

from __future__ import annotations

import pytest

from lib.clients.prometheus.promql import find_comparison, find_selectors, with_limit, write_on_one_line

SELECTORS = {
    'histogram_quantile(0.95, sum by (le) (rate(t_bucket{job="x",tile!~"a.*"}[5m])))': [("t_bucket", ("job", "tile"))],
    "sum without (x) (a) / on(y) group_left(z) b > bool 3": [("a", ()), ("b", ())],
    '{__name__="foo", x="1"}': [("foo", ("x",))],
    'absent(up{job="a"})': [("up", ("job",))],
    "rate(x[5m] offset 1h)": [("x", ())],
    "sum(a) by (le) and a:b:rate5m": [("a", ()), ("a:b:rate5m", ())],
    "max_over_time(a[5m:30s] @ end())": [("a", ())],
    "time() - last_success_seconds": [("last_success_seconds", ())],
    'label_replace(a, "dst", "$1", "src", "(.*)")': [("a", ())],
    "1 + 2": [],
}


@pytest.mark.parametrize("expression", SELECTORS)
def test_metrics_and_the_labels_they_are_matched_by(expression: str) -> None:
    assert [(one.metric, one.labels) for one in find_selectors(expression)] == SELECTORS[expression]


COMPARISONS = {
    "a > 3": ("a", ">", 3.0),
    "sum(a[5m]) <= -1e-3 # not > 4": ("sum(a[5m])", "<=", -0.001),
    'x{a=">5"} != 0.5': ('x{a=">5"}', "!=", 0.5),
    "(a > 1) > 2": ("(a > 1)", ">", 2.0),
}


@pytest.mark.parametrize("expression", COMPARISONS)
def test_the_threshold_of_a_comparison(expression: str) -> None:
    found = find_comparison(expression)
    assert found is not None
    assert (found.left, found.operator, found.limit) == COMPARISONS[expression]


@pytest.mark.parametrize(
    "expression", ["a", "a > b", "a > 1 and b < 2", "(a > 1) and b", "a > bool 3", "a > 5m", "1 < a < 2", "(a > 1)"]
)
def test_expressions_without_one_threshold(expression: str) -> None:
    assert find_comparison(expression) is None


def test_only_the_number_is_replaced() -> None:
    expression = "rate(a[5m]) > 5 # five"
    comparison = find_comparison(expression)
    assert comparison is not None
    assert with_limit(expression, comparison, 4.5) == "rate(a[5m]) > 4.5 # five"


def test_comments_go_and_strings_stay() -> None:
    assert write_on_one_line('  a{b="#  c"}\n  # why\n  > 1 ') == 'a{b="#  c"} > 1'


def test_what_is_no_promql_is_told() -> None:
    with pytest.raises(ValueError, match="position 2"):
        find_selectors("a ; b")
