"""What can be read off a PromQL expression without evaluating it: its metrics, and its threshold.

promtool parses expressions but does not give the tree away, so promql-parser does it here.
Source: https://prometheus.io/docs/prometheus/latest/querying/basics/ and .../operators/.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, replace
from typing import TypeGuard

from promql_parser import (
    BinaryExpr,
    Expr,
    Matcher,
    MatchOp,
    MatrixSelector,
    NumberLiteral,
    ParenExpr,
    SubqueryExpr,
    UnaryExpr,
    VectorSelector,
    parse,
    walk,
)

COMPARISONS = frozenset(("==", "!=", ">", "<", ">=", "<="))
MIRRORED = {"==": "==", "!=": "!=", ">": "<", "<": ">", ">=": "<=", "<=": ">="}
METRIC_NAME = "__name__"
LONGEST = 20_000
LONGEST_VALUE = 200
"""Characters of a label's value that a pattern is tried on."""
REPEATS = re.compile(r"[*+{]")
REPEATED_GROUP = re.compile(r"\)[*+{]")
MOST_REPEATS = 3
"""In one alternative of a pattern: each makes a try as many times longer as a value has characters."""
MOST_STEPS = 400
"""Operators and opening brackets of one expression; each may be one level deeper than the one before."""
STEPS = re.compile(r"[-+*/%^(\[{=<>!]|\b(?:and|or|unless|atan2)\b", re.IGNORECASE)


class PromqlError(ValueError):
    """An expression that cannot be parsed here, whatever promtool says of it."""


@dataclass(frozen=True, kw_only=True)
class Match:
    """One label that a series must have for a selector to take it: with this value, or one that this pattern takes whole.

    is_not: with any other value.
    """

    label: str
    value: str
    is_pattern: bool = False
    is_not: bool = False

    @property
    def can_be_tried(self) -> bool:
        """Whether it can be compared with values here: Prometheus's own engine reads every pattern in bounded time, ours not."""
        if not self.is_pattern:
            return True
        slow = REPEATED_GROUP.search(self.value) or any(len(REPEATS.findall(one)) > MOST_REPEATS for one in self.value.split("|"))
        try:
            re.compile(self.value)
        except (re.error, OverflowError, RecursionError):
            return False
        return not slow

    def takes(self, value: str) -> bool:
        """Return whether a value is one of those. Only for one that can be tried."""
        if self.is_not:
            return not replace(self, is_not=False).takes(value)
        if not self.is_pattern:
            return same_value(self.label, self.value, value)
        return re.fullmatch(f"(?s:{self.value})", value[:LONGEST_VALUE]) is not None

    def __str__(self) -> str:
        sign = ("!~" if self.is_pattern else "!=") if self.is_not else "=~" if self.is_pattern else "="
        return f'{self.label}{sign}"{self.value}"'


def same_value(label: str, wanted: str, value: str) -> bool:
    """Return whether two values of a label are the same; bounds are numbers: Prometheus 3 writes 1.0 where others write 1."""
    if wanted == value or label not in ("le", "quantile"):
        return wanted == value
    try:
        return float(wanted) == float(value)
    except ValueError:
        return False


@dataclass(frozen=True, kw_only=True)
class Selector:
    """One metric named in an expression, with the labels that a series of it must have to be taken."""

    metric: str
    matches: tuple[Match, ...] = ()

    @property
    def labels(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(one.label for one in self.matches if not one.is_not or not one.takes("")))


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """An expression that compares with one number: `left operator limit`."""

    left: str
    operator: str
    limit: float


def parse_expression(expression: str) -> Expr:
    """Return an expression as a tree. Raises PromqlError when it cannot be parsed, or is longer than people write one.

    The parser is native code that goes down into what is nested: too deep for the stack, it would end the whole process.
    """
    if len(expression) > LONGEST or len(STEPS.findall(expression)) > MOST_STEPS:
        raise PromqlError(f"it has more than {LONGEST:,} characters, or more than {MOST_STEPS} operators and brackets")
    try:
        return parse(expression)
    except ValueError as exc:
        raise PromqlError(" ".join(str(exc).split())[:200]) from None


def format_on_one_line(expression: str) -> str:
    """Return the expression without comments on one line; as it is when it cannot be parsed."""
    try:
        pretty = parse_expression(expression).prettify()
        flat = " ".join(expression.split())
        # As it was written, where that still means the same: neither comments nor texts with line breaks are in it.
        return flat if parse_expression(flat).prettify() == pretty else on_one_line(pretty)
    except PromqlError:
        return expression


def on_one_line(pretty: str) -> str:
    """Return what the parser printed on one line; a line break in a text is printed as \\n."""
    return " ".join(line.strip() for line in pretty.split("\n"))


def find_selectors(expression: str) -> list[Selector]:
    """Return every metric that an expression names, in order, with the labels of its matchers. Raises PromqlError."""
    found: list[Selector] = []

    def visit(node: Expr) -> None:
        if isinstance(node, VectorSelector):
            found.extend(read_selector(node))

    walk(parse_expression(expression), visit)
    return found


def read_selector(node: VectorSelector) -> list[Selector]:
    """Return the metrics of one selector, one for each name that it asks for; none when it names none.

    What is one of several alternatives (`or`) need not be there.
    """
    alternatives: list[list[Matcher]] = [node.matchers.matchers, *node.matchers.or_matchers]
    known = [one for one in map(match_of, node.matchers.matchers) if one] if not node.matchers.or_matchers else []
    named = [one.value for part in alternatives for one in part if one.name == METRIC_NAME and one.op == MatchOp.Equal]
    metrics = dict.fromkeys([node.name] if node.name else named)
    return [Selector(metric=metric, matches=tuple(dict.fromkeys(known))) for metric in metrics]


def match_of(matcher: Matcher) -> Match | None:
    """Return what a matcher asks a series to have; None where a series without that label is taken, too."""
    if matcher.name == METRIC_NAME:
        return None
    is_pattern, is_not = matcher.op in (MatchOp.Re, MatchOp.NotRe), matcher.op in (MatchOp.NotEqual, MatchOp.NotRe)
    found = Match(label=matcher.name, value=matcher.value, is_pattern=is_pattern, is_not=is_not)
    if is_not:
        return found if found.can_be_tried else None
    return None if found.can_be_tried and found.takes("") else found


def find_comparison(expression: str) -> Comparison | None:
    """Return the comparison with a number that an expression ends in; None when it has none, or more than one.

    With `bool` there is none: 0 and 1 are both a sample, so such an alert fires whatever the number is.
    Raises PromqlError when it cannot be parsed.
    """
    node = parse_expression(expression)
    while isinstance(node, ParenExpr):
        node = node.expr
    if not is_comparison(node) or is_comparison(node.lhs) or (node.modifier is not None and node.modifier.return_bool):
        return None
    limit, mirrored = read_number(node.rhs), read_number(node.lhs)
    if limit is None and mirrored is not None and math.isfinite(mirrored):  # 5 < x keeps the same series as x > 5
        return Comparison(left=on_one_line(node.rhs.prettify()), operator=MIRRORED[str(node.op)], limit=mirrored)
    if limit is None or not math.isfinite(limit):
        return None
    return Comparison(left=on_one_line(node.lhs.prettify()), operator=str(node.op), limit=limit)


def find_ranges_s(expression: str) -> list[float]:
    """Return the stretches of time that an expression looks back over, in seconds; none when it cannot be parsed."""
    found: list[float] = []

    def visit(node: Expr) -> None:
        if isinstance(node, MatrixSelector | SubqueryExpr):
            found.append(node.range.total_seconds() if node.range else 0.0)

    try:
        walk(parse_expression(expression), visit)
    except PromqlError:
        return []
    return found


def is_comparison(node: Expr) -> TypeGuard[BinaryExpr]:
    return isinstance(node, BinaryExpr) and str(node.op) in COMPARISONS


def read_number(node: Expr) -> float | None:
    """Return the number that an expression is, its sign and parentheses included; None when it is more than that."""
    if isinstance(node, NumberLiteral):
        return node.val
    if isinstance(node, ParenExpr):
        return read_number(node.expr)
    if isinstance(node, UnaryExpr):  # there is no unary plus: the parser drops it
        inner = read_number(node.expr)
        return None if inner is None else -inner
    return None


def with_limit(comparison: Comparison, limit: float) -> str:
    """Return the expression of a comparison with another number to compare with."""
    return f"{comparison.left} {comparison.operator} {limit:.12g}"
