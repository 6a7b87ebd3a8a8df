"""Mutation testing of the rules, and what an alert does along its unit tests.

A unit test that stays green when the threshold moves proves nothing, so the threshold is moved a little, both ways.
"""

from __future__ import annotations

import copy
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import yaml

from lib.clients.prometheus.promql import find_comparison, with_limit
from lib.clients.prometheus.promtool import Query, read_failures, run_tests
from lib.clients.prometheus.rule_file import AlertRule, duration_s
from lib.clients.prometheus.test_file import AlertTest
from lib.tasks.alerts.boundaries import Bench

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
    found = []
    for rule in bench.rules.alerts:
        tests = bench.tests.tests
        quiet = [test for test in tests if test.stays_quiet(rule.name)]
        firing = [test for test in tests if test.fires(rule.name)]
        moved = rule.name not in left_out and bool(quiet and firing)
        limit = limits.get(rule.name)
        has_threshold = rule.name in bench.rules.unparsed or can_be_moved(rule, limit)
        lower, higher = mutate_thresholds(bench, rule, limit, margin) if moved and has_threshold else (None, None)
        found.append(
            TestCoverage(
                alert=rule.name,
                firing=len(firing),
                quiet=len(quiet),
                resolving=sum(test.resolves(rule.name) for test in tests),
                notices_lower=lower,
                notices_higher=higher,
                has_threshold=has_threshold,
            )
        )
    return found


def can_be_moved(rule: AlertRule, limit: float | None) -> bool:
    """Return whether an alert compares with a number that a part of it can be added to. limit: its declared threshold."""
    comparison = find_comparison(rule.expression)
    base = limit if limit is not None else comparison.limit if comparison else None
    return bool(comparison is not None and base and comparison.operator in (">", ">=", "<", "<="))


def mutate_thresholds(bench: Bench, rule: AlertRule, limit: float | None, margin: float) -> tuple[bool, bool]:
    """Return whether the quiet tests notice a threshold that is easier to reach, and the firing ones a harder one."""
    comparison = find_comparison(rule.expression)
    base = limit if limit is not None else comparison.limit if comparison else None
    assert comparison is not None and base is not None, f"{rule.name} has no threshold to move"
    easier = -margin if comparison.operator in (">", ">=") else margin
    quiet = {test.place for test in bench.tests.tests if test.stays_quiet(rule.name)}
    firing = {test.place for test in bench.tests.tests if test.fires(rule.name)}
    return (
        bool(quiet & red_tests(bench, rule.name, with_limit(comparison, base + abs(base) * easier))),
        bool(firing & red_tests(bench, rule.name, with_limit(comparison, base - abs(base) * easier))),
    )


def red_tests(bench: Bench, alert: str, expression: str) -> set[int]:
    """Return the places of the tests in which an alert is not as expected once it has this expression."""
    rules = copy.deepcopy(dict(bench.rules.document))
    for group in rules["groups"]:
        for rule in group.get("rules") or []:
            if rule.get("alert") == alert:
                rule["expr"] = expression
    tests = copy.deepcopy(dict(bench.tests.document))
    tests["rule_files"] = ["moved.yml", *map(str, bench.companions)]
    tests["group_eval_order"] = bench.group_order
    tests["tests"] = [dict(test) | {"name": f"#{place}"} for place, test in enumerate(tests["tests"])]
    write_yaml(bench, "moved.yml", rules)
    path = write_yaml(bench, "moved.test.yml", tests)
    failures = read_failures(run_tests(bench.promtool, path, timeout_s=bench.timeout_s))
    return {int(one.test[1:]) for one in failures if one.alert == alert and one.test.startswith("#")}


def write_yaml(bench: Bench, name: str, document: Any) -> Any:
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
