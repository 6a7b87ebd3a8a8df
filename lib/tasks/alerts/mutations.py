"""Mutation testing of the rules, and what an alert does along its unit tests.

A unit test that stays green when the threshold moves proves nothing, so the threshold is moved a little, both ways.
"""

from __future__ import annotations

import copy
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from lib.clients.prometheus.promql import find_comparison, with_limit
from lib.clients.prometheus.promtool import Query, read_failures, run_tests
from lib.clients.prometheus.rule_file import AlertRule, duration_s
from lib.clients.prometheus.test_file import AlertTest
from lib.tasks.alerts.boundaries import Bench

MOST_TESTS = 100
"""Tests of mutations in one run of promtool, unless the project's own file has more: some two seconds."""
MOST_POINTS = 400
"""Points of one curve; a longer test is looked at in wider steps."""


@dataclass(frozen=True, kw_only=True)
class TestCoverage:
    """Which tests an alert has, and whether they notice a moved threshold.

    notices_lower: a quiet test goes red when the threshold is lowered by the margin; notices_higher: a firing
    one when it is raised. None where that could not be tried.
    has_threshold: whether the rule compares with a number that can be moved by a part of it; `up == 0` does not.
    """

    __test__ = False  # pytest takes it for a class of tests by its name

    alert: str
    firing: int
    quiet: int
    resolving: int
    notices_lower: bool | None = None
    notices_higher: bool | None = None
    has_threshold: bool = True

    @property
    def lacks(self) -> list[str]:
        """What is missing, in words."""
        counts = {
            "a test in which it fires": self.firing,
            "a test in which it never fires": self.quiet,
            "a test in which it stops firing": self.resolving,
        }
        missing = [name for name, number in counts.items() if not number]
        moved = {"a quiet test just below its threshold": self.notices_lower, "a firing test just above it": self.notices_higher}
        return missing + [name for name, noticed in moved.items() if noticed is False]


def measure_coverage(bench: Bench, *, margin: float, limits: Mapping[str, float], left_out: Iterable[str]) -> list[TestCoverage]:
    """Return for each alert which tests it has, and whether they notice a moved threshold.

    margin: how far the threshold is moved, as a part of it. limits: alert -> its declared threshold.
    left_out: alerts whose threshold is not moved, since something else is wrong with them already.
    """
    tests = bench.tests.tests
    moved = {
        rule.name: mutate_thresholds(bench, rule, limits.get(rule.name), margin)
        for rule in bench.rules.alerts
        if rule.name not in left_out
        and any(test.stays_quiet(rule.name) for test in tests)
        and any(test.fires(rule.name) for test in tests)
        and has_limit(bench, rule, limits)
    }
    noticed = find_noticed(bench, [one for pair in moved.values() for one in pair])
    return [
        TestCoverage(
            alert=rule.name,
            firing=sum(test.fires(rule.name) for test in tests),
            quiet=sum(test.stays_quiet(rule.name) for test in tests),
            resolving=sum(test.resolves(rule.name) for test in tests),
            notices_lower=noticed[moved[rule.name][0]] if rule.name in moved else None,
            notices_higher=noticed[moved[rule.name][1]] if rule.name in moved else None,
            has_threshold=has_limit(bench, rule, limits),
        )
        for rule in bench.rules.alerts
    ]


def has_limit(bench: Bench, rule: AlertRule, limits: Mapping[str, float]) -> bool:
    """Return whether an alert has a threshold that can be moved, as far as its expression can be parsed."""
    return rule.name in bench.rules.unparsed or can_be_moved(rule, limits.get(rule.name))


def can_be_moved(rule: AlertRule, limit: float | None) -> bool:
    """Return whether an alert compares with a number that a part of it can be added to. limit: its declared threshold."""
    comparison = find_comparison(rule.expression)
    base = limit if limit is not None else comparison.limit if comparison else None
    return bool(comparison is not None and base and comparison.operator in (">", ">=", "<", "<="))


@dataclass(frozen=True, kw_only=True)
class Mutation:
    """An alert with another expression, and the places of the tests of which one must notice it."""

    alert: str
    expression: str
    places: frozenset[int]


def mutate_thresholds(bench: Bench, rule: AlertRule, limit: float | None, margin: float) -> tuple[Mutation, Mutation]:
    """Return a threshold that is easier to reach, which quiet tests must notice, and a harder one, for the firing ones."""
    comparison = find_comparison(rule.expression)
    base = limit if limit is not None else comparison.limit if comparison else None
    assert comparison is not None and base is not None, f"{rule.name} has no threshold to move"
    easier = abs(base) * (-margin if comparison.operator in (">", ">=") else margin)
    quiet = frozenset(test.place for test in bench.tests.tests if test.stays_quiet(rule.name))
    firing = frozenset(test.place for test in bench.tests.tests if test.fires(rule.name))
    return (
        Mutation(alert=rule.name, expression=with_limit(comparison, base + easier), places=quiet),
        Mutation(alert=rule.name, expression=with_limit(comparison, base - easier), places=firing),
    )


def find_noticed(bench: Bench, mutations: Sequence[Mutation]) -> dict[Mutation, bool]:
    """Return for each mutation whether one of its tests goes red. A run of promtool tries many of them."""
    found: dict[Mutation, bool] = {}
    for batch in in_batches(mutations, most=max(MOST_TESTS, len(bench.tests.tests))):
        paths = [write_mutation(bench, number, one) for number, one in enumerate(batch)]
        failures = read_failures(run_tests(bench.promtool, *paths, timeout_s=bench.timeout_s))
        red = {(one.test, one.alert) for one in failures}
        for number, one in enumerate(batch):
            found[one] = any((name_test(number, place), one.alert) in red for place in one.places)
    return found


def in_batches(mutations: Sequence[Mutation], *, most: int) -> Iterator[list[Mutation]]:
    """Yield the mutations in order, as many at a time as have no more than so many tests together, at least one."""
    batch: list[Mutation] = []
    for one in mutations:
        if batch and sum(len(some.places) for some in (*batch, one)) > most:
            yield batch
            batch = []
        batch.append(one)
    if batch:
        yield batch


def name_test(number: int, place: int) -> str:
    """Return how a test at a place of the project's file is called beside those of other mutations."""
    return f"#{number}.{place}"


def write_mutation(bench: Bench, number: int, mutation: Mutation) -> Path:
    """Write the rules with the other expression, and the tests that must notice it; return the file of tests.

    Of each test its series are kept, and what it expects of this alert.
    """
    rules = copy.deepcopy(dict(bench.rules.document))
    for group in rules["groups"]:
        for rule in group.get("rules") or []:
            if rule.get("alert") == mutation.alert:
                rule["expr"] = mutation.expression
    tests = copy.deepcopy(dict(bench.tests.document))
    tests["rule_files"] = [f"moved-{number}.yml", *map(str, bench.companions)]
    tests["group_eval_order"] = bench.group_order
    tests["tests"] = [
        {key: value for key, value in tests["tests"][place].items() if key != "promql_expr_test"}
        | {
            "name": name_test(number, place),
            "alert_rule_test": [
                one for one in tests["tests"][place]["alert_rule_test"] if str(one.get("alertname")) == mutation.alert
            ],
        }
        for place in sorted(mutation.places)
    ]
    write_yaml(bench, f"moved-{number}.yml", rules)
    return write_yaml(bench, f"moved-{number}.test.yml", tests)


def write_yaml(bench: Bench, name: str, document: Any) -> Path:
    path = bench.folder / name
    path.write_text(yaml.safe_dump(document, sort_keys=False, allow_unicode=True), encoding="utf-8")
    return path


@dataclass(frozen=True, kw_only=True)
class Curve:
    """An alert along one of its tests: (seconds, value of the left side or None, inactive/pending/firing)."""

    alert: str
    test: str
    expected: str  # firing or quiet
    points: Sequence[tuple[int, float | None, str]]

    def first(self, state: str) -> int | None:
        """Return the first moment at which the alert was in a state, in seconds; None for never."""
        return next((at_s for at_s, _, seen in self.points if seen == state), None)


def read_curves(bench: Bench) -> list[Curve]:
    """Return for each alert its first firing and its first quiet test, point by point, from one run of promtool."""
    chosen: list[tuple[AlertRule, AlertTest]] = []
    for rule in bench.rules.alerts:
        tests = bench.tests.tests
        firing = [test for test in tests if test.fires(rule.name)][:1]
        chosen += [(rule, test) for test in (*firing, *[test for test in tests if test.stays_quiet(rule.name)][:1])]
    step_s = int(duration_s(bench.tests.evaluation_interval) or 60)
    queries: list[Query] = []
    moments: list[list[int]] = []
    for place, (rule, test) in enumerate(chosen):
        wide_s = step_s * (1 + test.length_s // step_s // MOST_POINTS)
        moments.append(list(range(0, test.length_s + 1, wide_s)))
        comparison = None if rule.name in bench.rules.unparsed else find_comparison(rule.expression)
        left = comparison.left if comparison else rule.expression
        for at_s in moments[-1]:
            queries.append(Query(test=place, expression=left, at_s=at_s))
            queries.append(Query(test=place, expression=f'ALERTS{{alertname="{rule.name}"}}', at_s=at_s))
    followed = [
        {"interval": f"{test.interval_s}s", "input_series": bench.tests.document["tests"][test.place].get("input_series") or []}
        for _, test in chosen
    ]
    answers = iter(bench.query(followed, queries) if queries else [])
    curves = []
    for (rule, test), times in zip(chosen, moments, strict=True):
        points = [(at_s, first_value(next(answers)), state_of(next(answers))) for at_s in times]
        curves.append(
            Curve(alert=rule.name, test=test.name, expected="firing" if test.fires(rule.name) else "quiet", points=points)
        )
    return curves


def first_value(answer: Sequence[tuple[str, float]]) -> float | None:
    """Return the largest value of an answer, None for nothing or not a number."""
    values = [value for _, value in answer if value == value]
    return max(values, default=None)


def state_of(answer: Sequence[tuple[str, float]]) -> str:
    """Return the furthest state among an alert's series."""
    labels = " ".join(labels for labels, _ in answer)
    return "firing" if 'alertstate="firing"' in labels else "pending" if 'alertstate="pending"' in labels else "inactive"
