"""What the looks of 07_alerts make of what they saw: plain facts in, one result a check out."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from lib.clients.prometheus.exposition import MetricUse
from lib.clients.prometheus.promql import Comparison
from lib.clients.prometheus.promtool import FailedExpectation, count_rules
from lib.clients.prometheus.rule_file import AlertRule, RuleFile
from lib.clients.prometheus.test_file import AlertTestFile
from lib.core.results import Result, failed, judge, not_passed, passed, unseen
from lib.core.wording import join_words, show_count
from lib.tasks.alerts.boundaries import Boundary
from lib.tasks.alerts.delivery import Carried
from lib.tasks.alerts.mutations import Kinds
from lib.transport.process import CommandRun

TOLERANCE = 1e-3
"""How far a boundary may lie from its declared threshold, as a part of it: less than a unit test can tell."""


def say_left_out(alerts: Iterable[str], where: str) -> str:
    """Return the sentence for alerts that another check judges already, '' for none."""
    names = sorted(alerts)
    return f"Left out, since {where} has judged them: {join_words(names)}. " if names else ""


def judge_rules(run: CommandRun, alerts: int) -> Result:
    """Judge what `promtool check rules` said; a file without an alert is nothing to look at."""
    check, facts = "alerts.rules_are_valid", {"command": run.command, "exit_code": run.exit_code}
    if run.exit_code != 0:
        said = " ".join((run.stderr.strip() or run.stdout.strip()).split())[:400]
        return failed(
            check,
            observed="refused",
            expected="accepted",
            detail=f"promtool refuses the rules: {said}. Next: mend that rule.",
            **facts,
        )
    if not alerts or not count_rules(run):
        return unseen(
            check, "The file has no alert in it. promtool lets that pass, and it is none. Next: add the pack's alerts.", **facts
        )
    return passed(check, observed=alerts, expected="at least 1", unit="alerts", **facts)


def judge_required(names: Sequence[str], wanted: Iterable[str]) -> Result:
    """Judge that every alert with a declared threshold is there."""
    check, expected = "alerts.required_alerts_exist", sorted(wanted)
    if not expected:
        return unseen(check, "params declare no alert, so none would be missed. Next: list them under alerts.thresholds.")
    missing = [name for name in expected if name not in names]
    detail = (
        f"There is no alert {join_words(missing)}. Next: add it to the rules, or take it out of alerts.thresholds."
        if missing
        else ""
    )
    return judge(check, holds=not missing, observed=sorted(names), expected=expected, detail=detail)


def word_problems(rule: AlertRule, severities: Sequence[str]) -> list[str]:
    """Return what an alert fails to tell the person it wakes."""
    problems = []
    if rule.labels.get("severity") not in severities:
        problems.append(f"severity {rule.labels.get('severity', 'is missing')}")
    if not rule.hold_s:
        problems.append("no `for`: one bad sample fires it")
    if not rule.annotations.get("summary", "").strip():
        problems.append("no summary")
    return problems


def judge_problems(check: str, problems: Mapping[str, Sequence[str]], *, expected: str, move: str) -> Result:
    """Judge that no object has a problem; the detail names each with its problems."""
    bad = {name: found for name, found in problems.items() if found}
    named = "; ".join(f"{name}: {', '.join(found)}" for name, found in bad.items())
    observed = f"{len(problems) - len(bad)} of {len(problems)}"
    return judge(check, holds=not bad, observed=observed, expected=expected, detail=f"{named}. Next: {move}." if bad else "")


def judge_uses(uses: Sequence[MetricUse]) -> Result:
    """Judge that every metric of every alert is exposed."""
    check = "alerts.metrics_are_exposed"
    if not uses:
        return unseen(check, "The alerts name no metric, so nothing can make them fire. Next: see their expressions.")
    problems = {use.metric: [f"{use.alert}: {use.problem}"] for use in uses if use.problem}
    named = "; ".join(text for found in problems.values() for text in found)
    exposed = len({use.metric for use in uses}) - len(problems)
    detail = f"{named}. A rule on it never fires. Next: correct the rule, or make the app expose it." if problems else ""
    return judge(
        check, holds=not problems, observed=exposed, expected=len({use.metric for use in uses}), unit="metrics", detail=detail
    )


def threshold_problem(boundary: Boundary, comparison: Comparison | None, limit: float) -> str | None:
    """Return what is wrong with where an alert begins to fire, '' for nothing, None when that can't be known."""
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
    if boundary.held_back:
        return None
    return f"does not fire at {high:g}, though {limit:g} is the limit" if sign * (high - limit) > 0 else None


def judge_thresholds(problems: Mapping[str, str | None], limits: Mapping[str, float], left_out: Iterable[str]) -> Result:
    """Judge that every alert begins to fire where params say. problems: of the alerts looked at."""
    check = "alerts.thresholds_as_declared"
    known = {name: problem for name, problem in problems.items() if problem is not None and name in limits}
    others = sorted(set(limits) & (set(problems) | set(left_out)) - set(known))
    said = say_left_out(others, "its tests or metrics, which another check")
    if not known:
        return unseen(check, f"No alert's threshold could be found. {said}Next: see the other checks first.")
    wrong = {name: problem for name, problem in known.items() if problem}
    named = "; ".join(f"{name} {problem}" for name, problem in wrong.items())
    detail = f"{named}. {said}Next: restore the threshold, or change it in params after agreeing on it." if wrong else said
    return judge(
        check,
        holds=not wrong,
        observed=f"{len(known) - len(wrong)} of {len(known)}",
        expected="each where declared",
        detail=detail,
    )


def judge_tests(
    run: CommandRun, failures: Sequence[FailedExpectation], left_out: Iterable[str], problems: Sequence[str]
) -> Result:
    """Judge what `promtool test rules` said. left_out: alerts with another fault; problems: what promtool overlooks."""
    check = "alerts.unit_tests_pass"
    facts = {"command": run.command, "exit_code": run.exit_code, "expected": "all pass"}
    own = [one for one in failures if one.alert not in set(left_out)]
    skipped = say_left_out({one.alert for one in failures} & set(left_out), "another check")
    if problems:
        return failed(
            check, observed="not about these rules", detail=f"{'; '.join(problems)}. Next: correct rule_files.", **facts
        )
    if own:
        named = "; ".join(f"{one.alert} at {one.time} in '{one.test}'" for one in own[:8])
        detail = f"Not as expected: {named}. {skipped}Next: see promtool_test.txt, then mend the rule or its test."
        return failed(check, observed=f"{show_count(len(own), 'expectation')} failed", detail=detail, **facts)
    if run.exit_code != 0 and not failures:
        said = " ".join((run.stderr.strip() or run.stdout.strip()).split())[:400]
        return failed(check, observed="failed", detail=f"promtool: {said}. Next: mend the test file.", **facts)
    return passed(check, observed="all pass" if not skipped else "all others pass", detail=skipped.strip(), **facts)


def rule_file_problems(rules: RuleFile, tests: AlertTestFile) -> list[str]:
    """Return what promtool only warns about: rule_files that name no file, or not these rules."""
    folder = tests.path.parent
    named: list[Path] = []
    problems = []
    for pattern in tests.rule_files:
        found = [Path(pattern)] if Path(pattern).is_absolute() else list(folder.glob(pattern))
        if not found:
            problems.append(f"rule_files names {pattern}, which is no file")
        named += found
    if rules.path.resolve() not in {path.resolve() for path in named}:
        problems.append(f"rule_files does not name {rules.path.name}")
    return problems


def judge_kinds(kinds: Sequence[Kinds]) -> Result:
    """Judge that every alert is tested firing, quiet just below its threshold, and resolving."""
    check = "alerts.tested_firing_quiet_and_resolving"
    lacks = {one.alert: [f"lacks {lack}" for lack in one.lacks] for one in kinds}
    return judge_problems(check, lacks, expected="every alert", move="add that unit test")


def judge_carried(carried: Carried, alert: str, rules: RuleFile) -> Result:
    """Judge that the message of a firing alert was delivered."""
    check, expected = "alerts.firing_alert_is_delivered", "delivered"
    if carried.problem is not None:
        return not_passed(
            check, answered=carried.problem.answered, observed="not delivered", expected=expected, detail=str(carried.problem)
        )
    if carried.can_be_read and not carried.received:
        detail = (
            f"The mail server took the message about {alert}, and it is not in the mailbox. Next: read the mail server's log."
        )
        return failed(check, observed="taken, not delivered", expected=expected, detail=detail)
    where = "found in the mailbox" if carried.received else "taken by the mail server; its mailbox can't be read from here"
    detail = f"{alert} of {rules.path.name}: from the first bad sample to the message {carried.total_s:.1f} s; {where}."
    return passed(check, observed=round(carried.total_s, 1), unit="s", detail=detail)
