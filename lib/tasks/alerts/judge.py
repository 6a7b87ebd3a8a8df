"""What the looks of 07_alerts make of what they saw: plain facts in, one result a check out."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from lib.clients.prometheus.exposition import MetricUse
from lib.clients.prometheus.generations import Need
from lib.clients.prometheus.promql import PromqlError, find_ranges_s
from lib.clients.prometheus.promtool import FailedExpectation, Promtool
from lib.clients.prometheus.result_labels import find_empty_names, result_labels
from lib.clients.prometheus.rule_file import AlertRule, RuleFile
from lib.clients.prometheus.test_file import AlertTestFile, find_named
from lib.core.left_out import LeftOut, judge_all, name_causes
from lib.core.results import Check, Result
from lib.core.wording import format_count, join_words
from lib.tasks.alerts.delivery import AlertDelivery
from lib.tasks.alerts.judge_rules import gather_problems, what_it_said, why_refused
from lib.tasks.alerts.mutations import TestCoverage
from lib.tasks.alerts.task import (
    FIRING_ALERT_IS_DELIVERED,
    METRICS_ARE_EXPOSED,
    REQUIRED_ALERTS_EXIST,
    TESTED_FIRING_QUIET_AND_RESOLVING,
    UNIT_TESTS_NAME_REAL_ALERTS,
    UNIT_TESTS_PASS,
)
from lib.transport.process import CommandRun

NO_METRIC = "No metric is recognised in the alerts, so nothing shows whether they can fire."
NEVER_FIRES = "Where nothing else exposes it, a rule on it never fires."
FIX_UNSEEN = (
    "Give the app traffic, so that its series show their labels. For what only Prometheus adds (job) or only a failure brings "
    "(status), say the values in launch/project.yaml: alerts.label_values."
)
SLOWEST_S = 300.0
"""Of a group, without a word: Prometheus takes a series for gone after that long."""
FEWEST_ALERTS = 5
READABLE = "Write the expression in a form that promql-parser can read."


def format_unparsed(unparsed: Mapping[str, str]) -> str:
    """Return the sentence for alerts whose expression cannot be parsed here, '' for none."""
    named = "; ".join(f"{name} ({problem})" for name, problem in unparsed.items())
    return f"promtool accepts these expressions, but they cannot be parsed here: {named}." if named else ""


def judge_required(names: Sequence[str], wanted: Iterable[str]) -> Result:
    """Judge that every alert with a declared threshold is there."""
    check, expected = REQUIRED_ALERTS_EXIST, sorted(wanted)
    if not expected:
        return check.errored("params declare no alert, so none would be missed.", fix="List them under alerts.thresholds.")
    missing = [name for name in expected if name not in names]
    return check.judge(
        holds=not missing,
        observed=sorted(names),
        expected=expected,
        detail=f"There is no alert {join_words(missing)}." if missing else "",
        objects=missing,
        fix=f"Add {join_words(missing)} to the rules, or remove it from alerts.thresholds.",
    )


def word_problems(rule: AlertRule, severities: Sequence[str]) -> list[str]:
    """Return what an alert does not tell the person it wakes."""
    problems = []
    if rule.labels.get("severity") not in severities:
        problems.append(f"severity {rule.labels.get('severity', 'is missing')}")
    if not rule.hold_s:
        problems.append("no `for`: one bad sample fires it")
    if not rule.annotations.get("summary", "").strip():
        problems.append("no summary")
    return [
        *problems,
        *(f"{{{{ $labels.{one} }}}} stays empty: its result has no such label" for one in empty_names(rule)),
        *pace_problems(rule),
    ]


def empty_names(rule: AlertRule) -> list[str]:
    """Return the labels that an alert's words name and its result has not; none where that cannot be read."""
    try:
        return find_empty_names(rule.expression, {**rule.labels, **rule.annotations})
    except PromqlError:
        return []


def pace_problems(rule: AlertRule) -> list[str]:
    """Return how the group of an alert lets it come late, or not at all."""
    problems = []
    shortest_s = min(find_ranges_s(rule.expression), default=rule.hold_s or 0)
    if rule.interval_s > SLOWEST_S and (rule.interval_s > (rule.hold_s or 0) or rule.interval_s > shortest_s):
        problems.append(f"looked at every {rule.interval_s:g} s only: what its range or `for` is shorter than goes unseen")
    if 0 < rule.limit < FEWEST_ALERTS and has_many(rule):
        problems.append(f"limit {rule.limit} of its group: Prometheus drops all of them when more fire at once")
    return problems


def has_many(rule: AlertRule) -> bool:
    """Return whether an alert may fire for several series at once; not where that cannot be read."""
    try:
        return result_labels(rule.expression) != frozenset()
    except PromqlError:
        return False


def judge_problems(
    check: Check, problems: Mapping[str, Sequence[str]], *, left_out: Sequence[LeftOut] = (), detail: str = ""
) -> Result:
    """Judge that no alert has a problem; a fail names each with its problems. detail: of a pass."""
    bad = {name: found for name, found in problems.items() if found}
    named = "; ".join(f"{name}: {', '.join(found)}" for name, found in bad.items())
    facts: dict[str, Any] = {"observed": len(problems) - len(bad), "expected": len(problems), "unit": "alerts"}
    return judge_all(check, holds=not bad, left_out=left_out, detail=f"{named}." if bad else detail, **facts)


def judge_uses(uses: Sequence[MetricUse], rules: RuleFile) -> Result:
    """Judge that every metric of every alert is exposed; an alert of which no metric is known is an error."""
    check = METRICS_ARE_EXPOSED
    named_by = {use.alert for use in uses}
    blank = [alert for alert in rules.names if alert not in named_by and alert not in rules.unparsed]
    undetermined = format_unparsed(rules.unparsed)
    if blank:
        undetermined = f"{undetermined} No metric is recognised in {join_words(blank)}.".strip()
    unknown = dict.fromkeys(f"{use.alert}: {use.unknown}" for use in uses if use.unknown)
    undetermined = f"{undetermined} {'; '.join(unknown)}{'.' if unknown else ''}".strip()
    wrong = {use.metric for use in uses if use.problem}
    named = "; ".join(dict.fromkeys(f"{use.alert}: {use.problem}" for use in uses if use.problem))
    elsewhere = sorted({use.metric for use in uses if use.is_elsewhere})
    metrics = {use.metric for use in uses if not use.is_elsewhere}
    well = metrics - wrong - {use.metric for use in uses if use.unknown}
    facts: dict[str, Any] = {"observed": len(well), "expected": len(metrics), "unit": "metrics"}
    if wrong:
        keys = list(dict.fromkeys(f"{use.alert} {use.metric}" for use in uses if use.problem))
        return check.failed(detail=f"{named}. {NEVER_FIRES} {undetermined}".strip(), objects=keys, **facts)
    if undetermined or not metrics:
        none = "Every metric is exposed elsewhere, as the project says, so none was compared." if elsewhere else NO_METRIC
        return check.errored(
            undetermined or none,
            **facts,
            fix=[READABLE, FIX_UNSEEN] if unknown else READABLE,
        )
    own = sorted({use.metric for use in uses if use.is_own})
    said = [f"Made by Prometheus itself: {join_words(own)}."] if own else []
    said += [f"Exposed elsewhere, as the project says: {join_words(elsewhere)}."] if elsewhere else []
    return check.passed(detail=" ".join(said), **facts)


def judge_tests(
    run: CommandRun,
    failures: Sequence[FailedExpectation],
    causes: Mapping[str, str],
    problems: Sequence[str],
    *,
    promtool: Promtool,
    unmet: Sequence[Need] = (),
) -> Result:
    """Judge what `promtool test rules` said.

    causes: alert -> the check that found another fault with it. problems: what promtool overlooks. unmet: what the rules or
    tests need and this promtool has not.
    """
    check = UNIT_TESTS_PASS
    facts: dict[str, Any] = {"command": run.command, "exit_code": run.exit_code, "expected": "all pass"}
    own = [one for one in failures if one.alert not in causes]
    if problems:
        return check.failed(
            observed="not about these rules",
            detail=f"{'; '.join(problems)}.",
            **facts,
            fix="Correct rule_files in the test file.",
        )
    if run.exit_code != 0 and not failures:
        if unknown := why_refused(run, promtool, unmet):
            return check.errored(f"{unknown[0]} It said: {what_it_said(run)}.", **facts, fix=unknown[1])
        return check.failed(observed="failed", detail=f"promtool: {what_it_said(run)}.", **facts, fix="Correct the test file.")
    named = "; ".join(f"{one.alert} at {one.time} in '{one.test}'" for one in own[:8])
    hidden = name_causes((name, causes[name]) for name in dict.fromkeys(one.alert for one in failures) if name in causes)
    left_out = [LeftOut(reason=f"Expectations of {join_words(names)} fail.", cause=cause) for cause, names in hidden.items()]
    observed = f"{format_count(len(failures), 'expectation')} failed" if failures else "all pass"
    said = f"Not as expected: {named}." if own else ""
    keys = [f"{one.alert} at {one.time} in {one.test}" for one in own]
    return judge_all(check, holds=not own, left_out=left_out, detail=said, observed=observed, objects=keys, **facts)


def judge_names(named: Sequence[str], rules: RuleFile, wanted: Iterable[str], others: Collection[str] = ()) -> Result:
    """Judge that every alert that a unit test names is in the rules.

    wanted: what params require, which another check judges. others: alerts of the other rule files that the tests name.
    """
    check = UNIT_TESTS_NAME_REAL_ALERTS
    if not named:
        return check.errored("No unit test names an alert.", fix="Write alert_rule_test entries in the test file.")
    absent = [name for name in named if name not in rules.names and name not in others]
    strangers = [name for name in absent if name not in set(wanted)]
    missing = [name for name in absent if name not in strangers]
    left_out = [LeftOut(reason=f"The rules lack {join_words(missing)}.", cause=REQUIRED_ALERTS_EXIST.id)] if missing else []
    return judge_all(
        check,
        holds=not strangers,
        left_out=left_out,
        detail=f"Not in the rules: {join_words(strangers)}." if strangers else "",
        objects=strangers,
        observed=len(named) - len(absent),
        expected=len(named),
        unit="alerts",
    )


def rule_file_problems(rules: RuleFile, tests: AlertTestFile) -> list[str]:
    """Return what promtool only warns about: rule_files that name no file, or not these rules."""
    folder = tests.path.parent
    named: list[Path] = []
    problems = []
    for pattern in tests.rule_files:
        found = find_named(folder, pattern)
        if not found:
            problems.append(f"rule_files names {pattern}, which is not a file")
        named += found
    if os.path.realpath(rules.path) not in map(os.path.realpath, named):
        problems.append(f"rule_files does not name {rules.path.name}")
    return problems


def judge_coverage(coverage: Sequence[TestCoverage], unparsed: Mapping[str, str], causes: Mapping[str, str]) -> Result:
    """Judge that every alert is tested firing, quiet just below its threshold, and resolving.

    unparsed: alerts whose threshold cannot be moved, since nobody can parse it here; an error when nothing else is wrong.
    causes: alert -> the check that found another fault with it, so that its threshold was not moved.
    """
    lacks = gather_problems((one.alert, [f"lacks {lack}" for lack in one.lacks]) for one in coverage)
    untried = [one.alert for one in coverage if not one.lacks and one.notices_lower is None and one.has_threshold]
    hidden = name_causes((name, causes[name]) for name in dict.fromkeys(untried) if name in causes and name not in unparsed)
    left_out = [
        LeftOut(reason=f"The threshold of {join_words(names)} was not moved.", cause=cause) for cause, names in hidden.items()
    ]
    if unparsed:
        left_out.append(LeftOut(reason=format_unparsed(unparsed), fix=READABLE))
    fixed = list(dict.fromkeys(one.alert for one in coverage if not one.has_threshold))
    detail = f"Without a threshold that can be moved by a part of it: {join_words(fixed)}." if fixed else ""
    return judge_problems(TESTED_FIRING_QUIET_AND_RESOLVING, lacks, left_out=left_out, detail=detail)


def judge_alert_delivery(delivery: AlertDelivery, alert: str, rules: RuleFile) -> Result:
    """Judge that the message of a firing alert was delivered."""
    check, expected = FIRING_ALERT_IS_DELIVERED, "delivered"
    problem = delivery.problem
    if problem is not None:
        return check.not_passed(
            answered=problem.answered,
            observed="not delivered",
            expected=expected,
            detail=problem.message,
            fix=problem.fix or check.fix,
        )
    if delivery.can_be_read and not delivery.received:
        return check.failed(
            observed="taken, not delivered",
            expected=expected,
            detail=f"The mail server took the message about {alert}, but it is not in the mailbox.",
            fix="Read the mail server's log.",
        )
    where = "found in the mailbox" if delivery.received else "taken by the mail server, whose mailbox cannot be read from here"
    detail = f"{alert} of {rules.path.name}: {delivery.total_s:.1f} s from the first bad sample to the message; {where}."
    return check.passed(observed=round(delivery.total_s, 1), unit="s", detail=detail)
