"""What goes wrong between a project's rules and their unit tests: thresholds moved, or another meaning."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from lib.clients.prometheus.rule_file import AlertRule, duration_s, mappings
from lib.tasks.alerts import rule_changes as edits
from lib.tasks.alerts.rule_changes import with_edit
from lib.tasks.alerts.rule_faults import ADDED, EditOf, alerts_of, is_compared, is_limited, of_each
from lib.tasks.faults import Fault, Scene


def move_limits(scene: Scene) -> Iterator[Fault]:
    """Yield each declared threshold moved."""
    moved: dict[str, EditOf] = {
        f"compares with {by:g} times its number": lambda name, by=by: edits.rewrite(name, edits.move_limit(by))  # type: ignore[misc]
        for by in (0.1, 0.5, 0.9, 1.1, 2.0, 1000.0)
    }
    wanted = is_limited(scene)
    yield from of_each(moved, where=lambda alert: alert.name in wanted and is_compared(alert))(scene)


SAME_QUANTILE = "Where each series has each bucket, a quantile of their means is that of their sums."
HARMLESS: dict[str, EditOf] = {
    "holds at its limit, too": lambda name: edits.rewrite(name, edits.soften_operator),
    "is in brackets": lambda name: edits.rewrite(name, lambda text: f"({text})"),
    "has a comment": lambda name: edits.rewrite(name, lambda text: f"# as agreed\n{text}"),
}


def loosen_rules(scene: Scene) -> Iterator[Fault]:
    """Yield what a unit test of an alert must tell from the rule as it is."""
    loose: dict[str, EditOf] = {
        "has another severity": lambda name: edits.edit_rules(name, edits.put("labels", "severity", ADDED)),
        "has another summary": lambda name: edits.edit_rules(name, edits.put("annotations", "summary", ADDED)),
        "asks for a series that is not there": lambda name: edits.rewrite(name, lambda text: f"({text}) and on() {ADDED}"),
        "fires where there is no series": lambda name: edits.rewrite(name, lambda text: f"({text}) or absent({ADDED})"),
        "compares the other way round": lambda name: edits.rewrite(name, edits.turn_operator),
        "waits five times as long": lambda name: edits.edit_rules(name, lambda rule: hold(rule, 5)),
        "waits half as long": lambda name: edits.edit_rules(name, lambda rule: hold(rule, 0.5)),
        "takes the mean for the sum": lambda name: edits.rewrite(name, edits.aggregate("avg")),
        "takes the largest for the sum": lambda name: edits.rewrite(name, edits.aggregate("max")),
        "looks twice as far back": lambda name: edits.rewrite(name, edits.widen_range(2)),
        "takes two samples for all": lambda name: edits.rewrite(name, edits.take_last),
    }
    for words, edit in loose.items():
        one = {words: edit}
        for fault in of_each(one)(scene):
            alert = next(alert for alert in alerts_of(scene) if fault.place == f"{alert.name} {words}")
            if words == "takes the mean for the sum" and "histogram_quantile" in alert.expression:
                yield replace(fault, equivalent=SAME_QUANTILE)
            elif can_be_loosened(alert, words):
                yield fault


def can_be_loosened(alert: AlertRule, words: str) -> bool:
    """Return whether a rule has what a change is about."""
    needs = {"waits": alert.hold_s, "compares": is_compared(alert), "looks": edits.RANGE.search(alert.expression)}
    needs |= {"takes two": edits.COUNTED.search(alert.expression), "takes the": edits.SUMMED.search(alert.expression)}
    return all(has for start, has in needs.items() if words.startswith(start))


def hold(rule: dict[str, Any], times: float) -> None:
    """Let a rule wait so many times as long."""
    rule["for"] = f"{int((duration_s(rule.get('for')) or 0) * times)}s"


def turn_tests(scene: Scene) -> Iterator[Fault]:
    """Yield what a unit test expects, turned round, and tests that are about other rules."""
    turned: dict[str, EditOf] = {
        "is expected to be quiet": lambda name: edits.edit_tests(name, edits.turn_expectation),
        "is expected to fire": lambda name: edits.edit_tests(name, expect_firing),
        "is expected with another severity": lambda name: edits.edit_tests(name, expect_other),
    }
    yield from of_each(turned)(scene)
    for words, files in {"another file": [f"{ADDED}.yml"], "no file": []}.items():
        yield Fault(
            place=f"the tests name {words} of rules",
            make=with_edit(lambda documents, files=files: documents.tests.update(rule_files=files)),  # type: ignore[misc]
        )


def expect_firing(test: dict[str, Any], expectation: dict[str, Any]) -> None:
    """Expect an alert that is quiet to fire."""
    expectation["exp_alerts"] = expectation.get("exp_alerts") or [{"exp_labels": {"severity": "page"}}]


def expect_other(test: dict[str, Any], expectation: dict[str, Any]) -> None:
    """Expect another severity where the alert fires; where it does not, nothing changes."""
    for one in mappings(expectation.get("exp_alerts")):
        one["exp_labels"] = {**(one.get("exp_labels") or {}), "severity": ADDED}  # type: ignore[index]


def misname_tests(scene: Scene) -> Iterator[Fault]:
    """Yield the tests of each alert under a name that no rule has."""
    renamed: dict[str, EditOf] = {
        "is misspelt in its tests": lambda name: edits.edit_tests(name, lambda _, one: one.update(alertname=f"{name}s")),
        "has a quiet test more of another": lambda name: lambda documents: add_stranger(documents, name),
    }
    yield from of_each(renamed)(scene)


def add_stranger(documents: edits.Documents, name: str) -> None:
    """Let a test of an alert expect one that does not exist to stay quiet."""
    test, one = next(documents.expectations(name))
    test["alert_rule_test"].append({"eval_time": one.get("eval_time", "0s"), "alertname": f"{name}{ADDED}", "exp_alerts": []})


def lose_tests(scene: Scene) -> Iterator[Fault]:
    """Yield the tests of each alert that fire gone, those that stay quiet, and those that resolve."""
    lost: dict[str, EditOf] = {
        "is in no test that fires": lambda name: edits.drop_tests(name, lambda fires: fires),
        "is in no test that stays quiet": lambda name: edits.drop_tests(name, lambda fires: not fires),
        "is in no test": lambda name: edits.drop_tests(name, lambda fires: True),
        "is in no test that resolves": edits.drop_resolving,
    }
    yield from of_each(lost)(scene)


def add_tests(scene: Scene) -> Iterator[Fault]:
    """Yield the tests with another name, and one more that holds of any rules."""
    more: dict[str, EditOf] = {
        "has renamed tests": lambda name: edits.edit_tests(name, lambda test, _: test.update(name="again")),
        "has an expectation twice": lambda name: lambda documents: repeat_expectation(documents, name),
    }
    yield from of_each(more)(scene)


def repeat_expectation(documents: edits.Documents, name: str) -> None:
    """Write an expectation of an alert twice."""
    test, one = next(documents.expectations(name))
    test["alert_rule_test"].append(dict(one))
