"""Which labels the result of an expression can have: what aggregations, matching and functions leave of those of its series.

Source: https://prometheus.io/docs/prometheus/latest/querying/operators/ and .../functions/.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping

from promql_parser import (
    AggModifierType,
    AggregateExpr,
    BinaryExpr,
    Call,
    Expr,
    LabelModifierType,
    MatrixSelector,
    NumberLiteral,
    ParenExpr,
    StringLiteral,
    UnaryExpr,
    VectorMatchCardinality,
    VectorSelector,
    walk,
)

from lib.clients.prometheus.promql import parse_expression

Known = frozenset[str] | None
"""Names of labels; None where any may be there."""
Leaf = Callable[[str], Known]
"""The labels that series of a metric may have."""
NOTHING: frozenset[str] = frozenset()
PICKERS = ("topk", "bottomk", "limitk", "limit_ratio")
"""Aggregations that leave whole series."""
RELABELLERS = ("label_replace", "label_join")
WITHOUT_LABELS = ("time", "vector", "scalar", "pi")
UNKNOWABLE = ("absent", "absent_over_time", "info")
"""Functions whose labels come from what was asked for, or from other metrics."""
TEMPLATE = re.compile(r"\{\{.*?\}\}", re.DOTALL)
NAMED = re.compile(r"(?:\$labels|\.Labels)\.(\w+)|index\s+(?:\$labels|\.Labels)\s+[\"`](\w+)")
ASKS_FIRST = re.compile(r"\b(?:if|with|or|and|default)\b")


def anything(metric: str) -> Known:
    """Say that a series may have any label."""
    return None


def result_labels(expression: str) -> Known:
    """Return the labels that an expression's result can have, whatever its series have. Raises PromqlError."""
    return labels_of(parse_expression(expression), anything)


def labels_of(node: Expr, leaf: Leaf) -> Known:
    """Return the labels of a part's result. leaf: of the series of a metric, by its name, '' for none."""
    if isinstance(node, VectorSelector):
        return leaf(node.name or "")
    if isinstance(node, MatrixSelector):
        return leaf(node.vector_selector.name or "")
    if isinstance(node, ParenExpr | UnaryExpr):
        return labels_of(node.expr, leaf)
    if isinstance(node, AggregateExpr):
        return labels_of_aggregate(node, leaf)
    if isinstance(node, BinaryExpr):
        return labels_of_pair(node, leaf)
    if isinstance(node, Call):
        return labels_of_call(node, leaf)
    return NOTHING if isinstance(node, NumberLiteral | StringLiteral) else None


def labels_of_aggregate(node: AggregateExpr, leaf: Leaf) -> Known:
    """Return what an aggregation leaves."""
    inner = labels_of(node.expr, leaf)
    if str(node.op) in PICKERS:
        return inner
    added = frozenset({node.param.val}) if str(node.op) == "count_values" and isinstance(node.param, StringLiteral) else NOTHING
    if node.modifier is None:
        return added
    named = frozenset(node.modifier.labels)
    if node.modifier.type == AggModifierType.By:
        return (named if inner is None else named & inner) | added
    return None if inner is None else (inner - named) | added


def labels_of_call(node: Call, leaf: Leaf) -> Known:
    """Return what a function leaves."""
    name = node.func.name
    if name in WITHOUT_LABELS:
        return NOTHING
    if name in UNKNOWABLE:
        return None
    found = union(labels_of(one, leaf) for one in node.args)
    if found is None:
        return None
    if name in RELABELLERS and len(node.args) > 1 and isinstance(node.args[1], StringLiteral):
        return found | {node.args[1].val}
    return found - {"le"} if name.startswith("histogram_quantile") else found


def labels_of_pair(node: BinaryExpr, leaf: Leaf) -> Known:
    """Return what an operator between two parts leaves."""
    left, right = labels_of(node.lhs, leaf), labels_of(node.rhs, leaf)
    operator, modifier = str(node.op), node.modifier
    if operator in ("and", "unless"):
        return left
    if operator == "or":
        return union((left, right))
    if is_scalar(node.lhs) or is_scalar(node.rhs):
        return right if is_scalar(node.lhs) else left
    if modifier is not None and modifier.card in (VectorMatchCardinality.ManyToOne, VectorMatchCardinality.OneToMany):
        side = left if modifier.card == VectorMatchCardinality.ManyToOne else right
        return None if side is None else side | frozenset(modifier.group_labels or ())
    if modifier is None or modifier.matching is None:
        return left
    named = frozenset(modifier.matching.labels)
    if modifier.matching.type == LabelModifierType.Include:
        return named if left is None else named & left
    return None if left is None else left - named


def union(parts: Iterator[Known] | tuple[Known, ...]) -> Known:
    """Return the labels of any part; None where one may have any."""
    found: frozenset[str] = NOTHING
    for one in parts:
        if one is None:
            return None
        found |= one
    return found


def is_scalar(node: Expr) -> bool:
    """Return whether a part is one number, and no series."""
    if isinstance(node, ParenExpr | UnaryExpr):
        return is_scalar(node.expr)
    return isinstance(node, NumberLiteral) or (isinstance(node, Call) and node.func.name in ("time", "scalar", "pi"))


def find_lost_groups(expression: str, leaf: Leaf) -> list[tuple[str, str]]:
    """Return each label by which an expression groups or matches and that no series there has, with a metric of them.

    Raises PromqlError.
    """
    found: list[tuple[str, str]] = []

    def visit(node: Expr) -> None:
        if isinstance(node, AggregateExpr) and node.modifier is not None and node.modifier.type == AggModifierType.By:
            inner = labels_of(node.expr, leaf)
            found.extend(
                (label, metric_in(node.expr)) for label in node.modifier.labels if inner is not None and label not in inner
            )
        if isinstance(node, BinaryExpr) and node.modifier is not None and node.modifier.matching is not None:
            sides = union((labels_of(node.lhs, leaf), labels_of(node.rhs, leaf)))
            named = node.modifier.matching.labels if node.modifier.matching.type == LabelModifierType.Include else ()
            found.extend((label, metric_in(node)) for label in named if sides is not None and label not in sides)

    walk(parse_expression(expression), visit)
    return list(dict.fromkeys(found))


def metric_in(node: Expr) -> str:
    """Return the first metric that a part names; '' for none."""
    names: list[str] = []

    def visit(one: Expr) -> None:
        if isinstance(one, VectorSelector) and one.name:
            names.append(one.name)

    walk(node, visit)
    return names[0] if names else ""


def find_empty_names(expression: str, texts: Mapping[str, str]) -> list[str]:
    """Return what in an alert's templates stays empty: labels that its expression's result has not. Raises PromqlError.

    texts: its labels and annotations. What a template asks for first (`if`, `with`) is left alone.
    """
    known = result_labels(expression)
    if known is None:
        return []
    said = [found[0] for text in texts.values() for found in TEMPLATE.finditer(text) if not ASKS_FIRST.search(found[0])]
    named = [one[0] or one[1] for words in said for one in NAMED.findall(words)]
    guarded = {one[0] or one[1] for text in texts.values() for words in TEMPLATE.findall(text) if ASKS_FIRST.search(words)
               for one in NAMED.findall(words)}  # fmt: skip
    return [name for name in dict.fromkeys(named) if name not in known and name not in guarded and name != "alertname"]
