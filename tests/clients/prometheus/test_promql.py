"""What is read off PromQL expressions without evaluating them."""

from __future__ import annotations

import pytest

from lib.clients.prometheus.promql import PromqlError, find_comparison, find_selectors, format_on_one_line, with_limit

SELECTORS = {
    'histogram_quantile(0.95, sum by (le) (rate(t_bucket{job="x",tile!~"a.*"}[5m])))': [("t_bucket", ("job",))],
    "sum without (x) (a) / on(y) group_left(z) b > bool 3": [("a", ()), ("b", ())],
    '{__name__="foo", x="1"}': [("foo", ("x",))],
    'absent(up{job="a"})': [("up", ("job",))],
    "rate(x[5m] offset 1h)": [("x", ())],
    "sum(a) by (le) and a:b:rate5m": [("a", ()), ("a:b:rate5m", ())],
    "max_over_time(a[5m:30s] @ end())": [("a", ())],
    "time() - last_success_seconds": [("last_success_seconds", ())],
    'label_replace(a, "dst", "$1", "src", "(.*)")': [("a", ())],
    "1 + 2": [],
    "group > 3 or tile_latency_seconds > 1": [("group", ()), ("tile_latency_seconds", ())],
    "up == 0": [("up", ())],
    "count(count)": [("count", ())],
    r'a{x="{y=\"1\"}, z=\"2\"", k=~"b,c"} > 1': [("a", ("x", "k"))],
    "a{x='it\"s', y=`raw {`} > 1": [("a", ("x", "y"))],
    'a{x="# no comment"} # b{y="1"}\n  > 1 # c': [("a", ("x",))],
    'a{x="1" or y="2"} > 1': [("a", ())],
    '{__name__="a", x="1" or __name__="b", y="2"} > 1': [("a", ()), ("b", ())],
    '{__name__=~"a.*"} > 1': [],
}


@pytest.mark.parametrize("expression", SELECTORS)
def test_metrics_and_the_labels_they_are_matched_by(expression: str) -> None:
    assert [(one.metric, one.labels) for one in find_selectors(expression)] == SELECTORS[expression]


COMPARISONS = {
    "a > 3": ("a", ">", 3.0),
    "sum(a) <= -1e-3 # not > 4": ("sum(a)", "<=", -0.001),
    'x{a=">5"} != 0.5': ('x{a=">5"}', "!=", 0.5),
    "(a > 1) > 2": ("(a > 1)", ">", 2.0),
    "a > (0.8)": ("a", ">", 0.8),
    "a >= -0.8": ("a", ">=", -0.8),
    "a < -(0.8)": ("a", "<", -0.8),
    "a == +0x10": ("a", "==", 16.0),
    "a - b > 5m": ("a - b", ">", 300.0),
}


@pytest.mark.parametrize("expression", COMPARISONS)
def test_the_threshold_of_a_comparison(expression: str) -> None:
    found = find_comparison(expression)
    assert found is not None
    assert (found.left, found.operator, found.limit) == COMPARISONS[expression]


@pytest.mark.parametrize(
    "expression",
    ["a", "a > b", "a > 1 and b < 2", "(a > 1) and b", "a > bool 3", "a > bool (3)", "1 < a < 2", "a > 1 or b",
     "a > Inf", "a > NaN", "a > 2 * 3"],
)  # fmt: skip
def test_expressions_without_one_threshold(expression: str) -> None:
    assert find_comparison(expression) is None


@pytest.mark.parametrize(
    ("expression", "limit", "expected"),
    [
        ("rate(a[5m]) > 5 # five", 4.5, "rate(a[5m]) > 4.5"),
        ("a  >=  (0.8)", -0.88, "a >= -0.88"),
        ('sum by (le) (a{x="1,{"}) / b < 0.1', 0.11, 'sum by (le) (a{x="1,{"}) / b < 0.11'),
    ],
)
def test_only_the_number_is_replaced(expression: str, limit: float, expected: str) -> None:
    comparison = find_comparison(expression)
    assert comparison is not None
    moved = with_limit(comparison, limit)
    assert moved == expected
    assert find_comparison(moved) is not None


def test_a_long_expression_stays_on_one_line_and_means_the_same() -> None:
    long = 'histogram_quantile(0.95, sum by (le, job, zone, region) (rate(a_request_duration_seconds_bucket{zone=~"b.*"}[5m])))'
    comparison = find_comparison(f"{long} > 0.5")
    assert comparison is not None
    assert "\n" not in comparison.left
    assert find_selectors(comparison.left) == find_selectors(long)


def test_comments_go_and_strings_stay() -> None:
    assert format_on_one_line('  a{b="#  c"}\n  # why\n  > 1 ') == 'a{b="#  c"} > 1'
    assert format_on_one_line("sum(\n  a\n)\n  > 5m") == "sum( a ) > 5m"
    assert format_on_one_line("a ; b") == "a ; b"


def test_what_is_not_promql_is_an_error_of_its_own() -> None:
    for read in (find_selectors, find_comparison):
        with pytest.raises(PromqlError, match="unexpected character: ';'"):
            read("a ; b")


def test_a_number_on_the_left_is_the_same_threshold() -> None:
    found = find_comparison("3 < a")
    assert found is not None and (found.left, found.operator, found.limit) == ("a", ">", 3)
