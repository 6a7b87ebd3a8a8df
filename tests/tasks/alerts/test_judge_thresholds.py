"""A threshold that nobody could find is never one that was found where it was agreed."""

from __future__ import annotations

from pathlib import Path

import pytest

from lib.clients.prometheus.rule_file import AlertRule, RuleFile
from lib.core.results import Outcome
from lib.tasks.alerts.boundaries import Boundary, Side
from lib.tasks.alerts.judge_thresholds import find_problems, judge_thresholds, why_unknown

LIMITS = {"High": 5.0, "Low": 1.0}
FOUND = Boundary(
    alert="High", sides=(Side(share=0, fires=False, series={}, value=5), Side(share=1, fires=True, series={}, value=5.001))
)


def rules(*names: str, **unparsed: str) -> RuleFile:
    alerts = tuple(
        AlertRule(name=name, expression="x > 5", hold_s=60, interval_s=30, labels={}, annotations={}) for name in names
    )
    return RuleFile(path=Path("rules.yml"), document={}, alerts=alerts, recorded={}, unparsed=unparsed)


def test_a_threshold_that_is_found_where_declared_passes() -> None:
    problems = find_problems(rules("High"), {"High": FOUND}, {"High": 5.0}, ())
    result = judge_thresholds(problems, {})
    assert (result.outcome, result.observed, result.expected, result.unit) == (Outcome.PASS, 1, 1, "alerts")


def test_the_denominator_stays_whole_when_an_alert_is_missing() -> None:
    problems = find_problems(rules("High"), {"High": FOUND}, LIMITS, ())
    unknown = {"Low": why_unknown("Low", rules("High"), None, unexposed=(), red=())}
    result = judge_thresholds(problems, unknown)
    assert (result.outcome, result.see) == (Outcome.SKIP, "alerts.required_alerts_exist")
    assert (result.observed, result.expected, result.detail) == (1, 2, "The rules lack Low. See alerts.required_alerts_exist.")


@pytest.mark.parametrize(
    ("boundary", "unexposed", "red", "cause"),
    [
        (Boundary(alert="Low"), ("Low",), (), "alerts.metrics_are_exposed"),
        (
            Boundary(alert="Low", problem="it has no quiet test", lacks_test=True),
            (),
            (),
            "alerts.tested_firing_quiet_and_resolving",
        ),
        (Boundary(alert="Low"), (), ("Low",), "alerts.unit_tests_pass"),
        (Boundary(alert="Low", problem="its tests feed different series"), (), (), ""),
    ],
)
def test_what_hides_a_boundary_is_named(boundary: Boundary, unexposed: tuple[str, ...], red: tuple[str, ...], cause: str) -> None:
    one = why_unknown("Low", rules("Low"), boundary, unexposed=unexposed, red=red)
    assert (one.cause, bool(one.fix)) == (cause, not cause)
    outcome = judge_thresholds({"High": "", "Low": None}, {"Low": one}).outcome
    assert outcome is (Outcome.SKIP if cause else Outcome.ERROR)


def test_a_wrong_threshold_is_never_hidden_by_one_that_is_not_known() -> None:
    unknown = {"Low": why_unknown("Low", rules("High"), None, unexposed=(), red=())}
    result = judge_thresholds({"High": "begins to fire at 6, not at 5", "Low": None}, unknown)
    assert (result.outcome, result.observed, result.expected) == (Outcome.FAIL, 0, 2)


def test_one_name_for_several_rules_and_an_unread_expression_are_errors() -> None:
    shared = why_unknown("High", rules("High", "High"), FOUND, unexposed=(), red=())
    unread = why_unknown("High", rules("High", High="unexpected token"), FOUND, unexposed=(), red=())
    assert (shared.cause, unread.cause) == ("", "")
    assert find_problems(rules("High", "High"), {"High": FOUND}, {"High": 5.0}, ()) == {"High": None}
    assert "cannot be parsed here: High (unexpected token)" in unread.reason
