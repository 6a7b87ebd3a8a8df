"""What the looks of 07_alerts make of what they saw: plain facts in, one result a check out."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from lib.clients.prometheus.exposition import MetricUse
from lib.clients.prometheus.promql import Comparison
from lib.clients.prometheus.promtool import FailedExpectation, count_rules
from lib.clients.prometheus.rule_file import AlertRule, RuleFile
from lib.clients.prometheus.test_file import AlertTestFile
from lib.core.results import Check, Outcome, Result
from lib.core.wording import format_count, join_words
from lib.tasks.alerts.boundaries import Boundary
from lib.tasks.alerts.delivery import AlertDelivery
from lib.tasks.alerts.mutations import TestCoverage
from lib.tasks.alerts.task import (
    FIRING_ALERT_IS_DELIVERED,
    METRICS_ARE_EXPOSED,
    REQUIRED_ALERTS_EXIST,
    RULES_ARE_VALID,
    TESTED_FIRING_QUIET_AND_RESOLVING,
    THRESHOLDS_AS_DECLARED,
    UNIT_TESTS_PASS,
)
from lib.transport.process import CommandRun

TOLERANCE = 1e-3
"""How far a boundary may lie from its declared threshold, as a part of it: less than a unit test can distinguish."""


def format_left_out(alerts: Iterable[str], where: str) -> str:
    """Return the sentence for alerts that another check judges already, '' for none."""
    names = sorted(alerts)
    return f"Not judged here: {join_words(names)}; see {where}." if names else ""


def format_unparsed(unparsed: Mapping[str, str]) -> str:
    """Return the sentence for alerts whose expression cannot be parsed here, '' for none."""
    named = "; ".join(f"{name} ({problem})" for name, problem in unparsed.items())
    return f"promtool accepts these expressions, but they cannot be parsed here: {named}." if named else ""


def judge_rules(run: CommandRun, alerts: int) -> Result:
    """Judge what `promtool check rules` said; a file without an alert is an error."""
    check = RULES_ARE_VALID
    facts: dict[str, Any] = {"command": run.command, "exit_code": run.exit_code}
    if run.exit_code != 0:
        said = " ".join((run.stderr.strip() or run.stdout.strip()).split())[:400]
        return check.failed(observed="refused", expected="accepted", detail=f"promtool refuses the rules: {said}.", **facts)
    if not alerts or not count_rules(run):
        return check.errored(
            "The file has no alert in it. promtool accepts this, but nothing would ever fire.",
            **facts,
            fix="Add the pack's alerts to the rule file.",
        )
    return check.passed(observed=alerts, expected="at least 1", unit="alerts", **facts)


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
    return problems


def judge_problems(check: Check, problems: Mapping[str, Sequence[str]], *, expected: str) -> Result:
    """Judge that no object has a problem; the detail names each with its problems."""
    bad = {name: found for name, found in problems.items() if found}
    named = "; ".join(f"{name}: {', '.join(found)}" for name, found in bad.items())
    observed = f"{len(problems) - len(bad)} of {len(problems)}"
    return check.judge(holds=not bad, observed=observed, expected=expected, detail=f"{named}." if bad else "")


def judge_uses(uses: Sequence[MetricUse], rules: RuleFile) -> Result:
    """Judge that every metric of every alert is exposed; an alert of which no metric is known is an error."""
    check = METRICS_ARE_EXPOSED
    named_by = {use.alert for use in uses}
    blank = [alert for alert in rules.names if alert not in named_by and alert not in rules.unparsed]
    undetermined = format_unparsed(rules.unparsed)
    if blank:
        undetermined = f"{undetermined} No metric is recognised in {join_words(blank)}.".strip()
    problems = {use.metric: [f"{use.alert}: {use.problem}"] for use in uses if use.problem}
    named = "; ".join(text for found in problems.values() for text in found)
    exposed = len({use.metric for use in uses}) - len(problems)
    facts: dict[str, Any] = {"observed": exposed, "expected": len({use.metric for use in uses}), "unit": "metrics"}
    if problems:
        return check.failed(detail=f"{named}. A rule on it never fires. {undetermined}".strip(), **facts)
    if undetermined or not uses:
        return check.errored(
            undetermined or "The alerts name no metric, so nothing can make them fire.",
            **facts,
            fix="Name the metric in the expression, in a form that promql-parser can read.",
        )
    return check.passed(**facts)


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


def judge_thresholds(
    problems: Mapping[str, str | None], limits: Mapping[str, float], left_out: Iterable[str], unparsed: Mapping[str, str]
) -> Result:
    """Judge that every alert begins to fire where params say; one that cannot be parsed is an error.

    problems: of the alerts looked at. left_out: alerts that another check judges. unparsed: alert -> why.
    """
    check = THRESHOLDS_AS_DECLARED
    known = {name: problem for name, problem in problems.items() if problem is not None and name in limits}
    unparsed = {name: problem for name, problem in unparsed.items() if name in limits}
    others = sorted(set(limits) & (set(problems) | set(left_out)) - set(known) - set(unparsed))
    said = format_left_out(others, "the checks of their metrics and tests")
    said = f"{said} {format_unparsed(unparsed)}".strip()
    if not known and not unparsed:
        return check.errored(
            f"No alert's threshold could be found. {said}".strip(), fix="Fix the other checks of 07_alerts first."
        )
    wrong = {name: problem for name, problem in known.items() if problem}
    named = "; ".join(f"{name} {problem}" for name, problem in wrong.items())
    facts: dict[str, Any] = {"observed": f"{len(known) - len(wrong)} of {len(known)}", "expected": "each where declared"}
    if wrong:
        return check.failed(detail=f"{named}. {said}".strip(), **facts)
    if unparsed:
        return check.errored(said, **facts, fix="Write the expression in a form that promql-parser can read.")
    return check.passed(detail=said, **facts)


def judge_tests(
    run: CommandRun, failures: Sequence[FailedExpectation], left_out: Iterable[str], problems: Sequence[str]
) -> Result:
    """Judge what `promtool test rules` said. left_out: alerts with another fault; problems: what promtool overlooks."""
    check = UNIT_TESTS_PASS
    facts: dict[str, Any] = {"command": run.command, "exit_code": run.exit_code, "expected": "all pass"}
    own = [one for one in failures if one.alert not in set(left_out)]
    skipped = format_left_out({one.alert for one in failures} & set(left_out), "the other checks of these alerts")
    if problems:
        return check.failed(
            observed="not about these rules",
            detail=f"{'; '.join(problems)}.",
            **facts,
            fix="Correct rule_files in the test file.",
        )
    if own:
        named = "; ".join(f"{one.alert} at {one.time} in '{one.test}'" for one in own[:8])
        detail = f"Not as expected: {named}. {skipped}".strip()
        return check.failed(observed=f"{format_count(len(own), 'expectation')} failed", detail=detail, **facts)
    if run.exit_code != 0 and not failures:
        said = " ".join((run.stderr.strip() or run.stdout.strip()).split())[:400]
        return check.failed(observed="failed", detail=f"promtool: {said}.", **facts, fix="Correct the test file.")
    return check.passed(observed="all pass" if not skipped else "all others pass", detail=skipped, **facts)


def rule_file_problems(rules: RuleFile, tests: AlertTestFile) -> list[str]:
    """Return what promtool only warns about: rule_files that name no file, or not these rules."""
    folder = tests.path.parent
    named: list[Path] = []
    problems = []
    for pattern in tests.rule_files:
        found = [Path(pattern)] if Path(pattern).is_absolute() else list(folder.glob(pattern))
        if not found:
            problems.append(f"rule_files names {pattern}, which is not a file")
        named += found
    if rules.path.resolve() not in {path.resolve() for path in named}:
        problems.append(f"rule_files does not name {rules.path.name}")
    return problems


def judge_coverage(coverage: Sequence[TestCoverage], unparsed: Mapping[str, str]) -> Result:
    """Judge that every alert is tested firing, quiet just below its threshold, and resolving.

    unparsed: alerts whose threshold cannot be moved; an error when nothing else is wrong.
    """
    check = TESTED_FIRING_QUIET_AND_RESOLVING
    lacks = {one.alert: [f"lacks {lack}" for lack in one.lacks] for one in coverage}
    result = judge_problems(check, lacks, expected="every alert")
    if result.outcome is Outcome.PASS and unparsed:
        return check.errored(
            format_unparsed(unparsed),
            observed=result.observed,
            expected=result.expected,
            fix="Write the expression in a form that promql-parser can read.",
        )
    return result


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
