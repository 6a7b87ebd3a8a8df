"""Whether alerts begin to fire where it was agreed: boundaries in, one result out. Pure."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace

from lib.clients.prometheus.promql import Comparison, find_comparison
from lib.clients.prometheus.rule_file import RuleFile
from lib.core.left_out import LeftOut, judge_all
from lib.core.results import Result
from lib.core.wording import join_words
from lib.tasks.alerts.boundaries import Boundary
from lib.tasks.alerts.judge import READABLE
from lib.tasks.alerts.task import (
    METRICS_ARE_EXPOSED,
    REQUIRED_ALERTS_EXIST,
    TESTED_FIRING_QUIET_AND_RESOLVING,
    THRESHOLDS_AS_DECLARED,
    UNIT_TESTS_PASS,
)

TOLERANCE = 1e-3
"""How far a boundary may lie from its declared threshold, as a part of it: less than a unit test can distinguish."""
NAMES = "{names}"
"""Where a sentence about left-out alerts has their names."""


def threshold_problem(boundary: Boundary, comparison: Comparison | None, limit: float) -> str | None:
    """Return what is wrong with where an alert begins to fire, '' for nothing, None when that is not known."""
    values = [side.value for side in boundary.sides if side.value is not None]
    if comparison is None or len(values) < 2:
        return None
    sign = 1 if comparison.operator in (">", ">=") else -1
    slack = max(abs(limit) * TOLERANCE, abs(values[1] - values[0]))
    low, high = values
    if boundary.is_found:
        if sign * (low - limit) > slack:
            return f"begins to fire at {high:g}, not at {limit:g}: quiet at {low:g} still"
        return f"begins to fire at {high:g} already, not at {limit:g}" if sign * (limit - high) > slack else ""
    if boundary.sides[0].fires:
        return f"fires at {low:g} already, not at {limit:g}" if sign * (limit - low) > 0 else None
    if boundary.is_pending_only:
        return None
    return f"does not fire at {high:g}, though {limit:g} is the limit" if sign * (high - limit) > 0 else None


def find_problems(
    rules: RuleFile, boundaries: Mapping[str, Boundary], limits: Mapping[str, float], unexposed: Collection[str]
) -> dict[str, str | None]:
    """Return of each alert with a declared threshold what is wrong with where it begins to fire: '' nothing, None not known.

    unexposed: alerts on a metric that is not exposed; what looks wrong with one may come of that.
    """
    problems: dict[str, str | None] = dict.fromkeys(limits)
    rules_of = {rule.name: rule for rule in rules.alerts if rule.name not in rules.unparsed}
    for name in limits:
        if name in rules_of and not boundaries[name].problem and not is_shared(name, rules):
            found = threshold_problem(boundaries[name], find_comparison(rules_of[name].expression), limits[name])
            problems[name] = None if found and name in unexposed else found
    return problems


def is_shared(name: str, rules: RuleFile) -> bool:
    """Return whether several rules have one name: which of them fires cannot be told apart."""
    return sum(rule.name == name for rule in rules.alerts) > 1


def why_unknown(
    name: str, rules: RuleFile, boundary: Boundary | None, *, unexposed: Collection[str], red: Collection[str]
) -> LeftOut:
    """Return why nobody knows where an alert begins to fire; its sentence has NAMES where the alert's belongs."""
    if boundary is None or name not in rules.names:
        return LeftOut(reason=f"The rules lack {NAMES}.", cause=REQUIRED_ALERTS_EXIST.id)
    if name in rules.unparsed:
        said = f"promtool accepts the expression, but it cannot be parsed here: {name} ({rules.unparsed[name]})."
        return LeftOut(reason=said, fix=READABLE)
    if is_shared(name, rules):
        said = f"Several rules are called {NAMES}, so which of them fires cannot be told apart."
        return LeftOut(reason=said, fix="Give each rule a name and a threshold of its own.")
    if name in unexposed:
        return LeftOut(reason=f"On a metric that the app does not expose: {NAMES}.", cause=METRICS_ARE_EXPOSED.id)
    if boundary.lacks_test:
        return LeftOut(
            reason=f"Without a quiet and a firing test to search between: {NAMES}.", cause=TESTED_FIRING_QUIET_AND_RESOLVING.id
        )
    if name in red:
        return LeftOut(reason=f"With unit tests that fail: {NAMES}.", cause=UNIT_TESTS_PASS.id)
    said = f"Where {name} begins to fire could not be found: {boundary.problem or 'its two tests do not enclose that place'}."
    fix = "Compare with one number in the rule, and let its quiet and its firing test feed the same series to both sides of it."
    return LeftOut(reason=said, fix=fix)


def judge_thresholds(problems: Mapping[str, str | None], unknown: Mapping[str, LeftOut], unlimited: Sequence[str] = ()) -> Result:
    """Judge that every alert with a declared threshold begins to fire there.

    problems: of each of them. unknown: why, of those whose problem is None. unlimited: alerts without a declared threshold.
    """
    groups: dict[LeftOut, list[str]] = {}
    for name, one in unknown.items():
        groups.setdefault(one, []).append(name)
    left_out = [replace(one, reason=one.reason.replace(NAMES, join_words(names))) for one, names in groups.items()]
    wrong = {name: problem for name, problem in problems.items() if problem}
    named = "; ".join(f"{name} {problem}" for name, problem in wrong.items())
    return judge_all(
        THRESHOLDS_AS_DECLARED,
        holds=not wrong,
        left_out=left_out,
        detail=f"{named}." if wrong else f"No threshold is declared for {join_words(unlimited)}." if unlimited else "",
        observed=sum(problem == "" for problem in problems.values()),
        objects=list(wrong),
        expected=len(problems),
        unit="alerts",
    )
