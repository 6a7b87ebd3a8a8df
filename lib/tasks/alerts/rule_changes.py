"""Changed copies of a project's rules and of their unit tests, as people change them by mistake: documents in, documents out."""

from __future__ import annotations

import copy
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

import yaml

from lib.clients.prometheus.promql import MIRRORED, PromqlError, find_comparison, with_limit
from lib.clients.prometheus.rule_file import mappings, read_document, read_rule_file
from lib.core.errors import TargetError
from lib.tasks.faults import Change, Scene, with_files


@dataclass(frozen=True, kw_only=True)
class Documents:
    """A rule file and the file of its unit tests, as they are written; an edit changes them in place."""

    rules: dict[str, Any]
    tests: dict[str, Any]

    def rules_called(self, alert: str) -> Iterator[dict[str, Any]]:
        """Yield the rules of one alert."""
        yield from (rule for group in self.groups for rule in group["rules"] if str(rule.get("alert")) == alert)

    @property
    def groups(self) -> list[dict[str, Any]]:
        return [group for group in mappings(self.rules.get("groups")) if isinstance(group.get("rules"), list)]  # type: ignore[misc]

    def expectations(self, alert: str) -> Iterator[tuple[dict[str, Any], dict[str, Any]]]:
        """Yield each test with an expectation of one alert in it."""
        for test in mappings(self.tests.get("tests")):
            for one in mappings(test.get("alert_rule_test")):
                if str(one.get("alertname")) == alert:
                    yield test, one  # type: ignore[misc]


Edit = Callable[[Documents], None]


def read_documents(scene: Scene) -> Documents:
    """Return both files of a scene, to be changed. Raises TargetError when one cannot be read."""
    context = scene.context
    rules, tests = (
        copy.deepcopy(dict(read_document(context.pack / name, root=context.pack)))
        for name in (context.settings.rules, context.settings.tests)
    )
    return Documents(rules=rules, tests=tests)


def with_edit(edit: Edit) -> Change:
    """Return the change that an edit makes to a copy of the rules and tests; a look that was given the rules gets those."""

    @contextmanager
    def change(scene: Scene) -> Iterator[Scene]:
        settings = scene.context.settings
        before, after = read_documents(scene), read_documents(scene)
        edit(after)
        if before == after:
            raise TargetError("The change leaves the rules and their tests as they are.")
        pairs = ((settings.rules, before.rules, after.rules), (settings.tests, before.tests, after.tests))
        changed = {name: write(now) for name, was, now in pairs if was != now}
        with with_files(changed)(scene) as copied:
            yield with_rules_of(copied)

    return change


def with_rules_of(scene: Scene) -> Scene:
    """Return the scene with the rules that its own copy of the project has."""
    if "rules" not in scene.arguments:
        return scene
    pack = scene.context.pack
    return replace(scene, arguments={**scene.arguments, "rules": read_rule_file(pack / scene.context.settings.rules, root=pack)})


def write(document: Mapping[str, Any]) -> str:
    return yaml.safe_dump(document, sort_keys=False, allow_unicode=True)


def edit_rules(alert: str, change: Callable[[dict[str, Any]], object]) -> Edit:
    """Return the edit of every rule of an alert."""

    def edit(documents: Documents) -> None:
        for rule in documents.rules_called(alert):
            change(rule)

    return edit


def edit_tests(alert: str, change: Callable[[dict[str, Any], dict[str, Any]], object]) -> Edit:
    """Return the edit of every expectation of an alert; change gets its test, and the expectation."""

    def edit(documents: Documents) -> None:
        for test, expectation in list(documents.expectations(alert)):
            change(test, expectation)

    return edit


def rewrite(alert: str, change: Callable[[str], str]) -> Edit:
    """Return the edit of an alert's expression."""
    return edit_rules(alert, lambda rule: rule.update(expr=change(str(rule["expr"]))))


def put(part: str, name: str, value: object) -> Callable[[dict[str, Any]], object]:
    """Return what gives a rule another value among its labels or annotations; None takes it away."""

    def change(rule: dict[str, Any]) -> None:
        known = {**(rule.get(part) or {}), name: value}
        rule[part] = {key: one for key, one in known.items() if one is not None}

    return change


def name_in(expression: str, metric: str) -> re.Pattern[str]:
    """Return what finds a metric's name in an expression, and not in a longer one or in a text."""
    return re.compile(rf'(?<![\w:"]){re.escape(metric)}(?![\w:"(])')


def add_matcher(metric: str, matcher: str) -> Callable[[str], str]:
    """Return what lets an expression ask one more thing of a metric's series."""

    def change(expression: str) -> str:
        with_braces = re.sub(rf"{name_in(expression, metric).pattern}\s*\{{\s*", f"{metric}{{{matcher},", expression)
        if with_braces != expression:
            return with_braces.replace(",}", "}")
        return name_in(expression, metric).sub(f"{metric}{{{matcher}}}", expression)

    return change


def move_limit(by: float) -> Callable[[str], str]:
    """Return what multiplies the number that an expression compares with."""

    def change(expression: str) -> str:
        found = find_comparison(expression)
        return expression if found is None else with_limit(found, found.limit * by)

    return change


def turn_operator(expression: str) -> str:
    """Return an expression that compares the other way round."""
    found = find_comparison(expression)
    return expression if found is None else with_limit(replace(found, operator=MIRRORED[found.operator]), found.limit)


def soften_operator(expression: str) -> str:
    """Return an expression that holds at its limit, too: nothing that a test or a person tells from beyond it."""
    found = find_comparison(expression)
    return (
        expression
        if found is None or found.operator not in "<>"
        else with_limit(replace(found, operator=f"{found.operator}="), found.limit)
    )


def comparison_of(rule: Mapping[str, Any]) -> bool:
    """Return whether a rule compares with a number that is not 0, so that it can be moved by a part of it."""
    try:
        found = find_comparison(str(rule.get("expr")))
    except PromqlError:
        return False
    return found is not None and found.limit != 0 and found.operator in ("<", ">", "<=", ">=")


RANGE = re.compile(r"\[(\d+)([smhd])\]")
COUNTED = re.compile(r"\b(?:rate|increase)\s*\(")
SUMMED = re.compile(r"\bsum\b")


def widen_range(by: int) -> Callable[[str], str]:
    """Return what makes every stretch of time in an expression longer."""
    return lambda expression: RANGE.sub(lambda found: f"[{int(found[1]) * by}{found[2]}]", expression)


def take_last(expression: str) -> str:
    """Return an expression that takes the last two samples for all of a stretch of time."""
    return COUNTED.sub("irate(", expression)


def aggregate(function: str) -> Callable[[str], str]:
    """Return what puts another aggregation where an expression sums up."""
    return lambda expression: SUMMED.sub(function, expression)


def turn_expectation(test: dict[str, Any], expectation: dict[str, Any]) -> None:
    """Expect an alert that fires to be quiet."""
    expectation["exp_alerts"] = []


def drop_tests(alert: str, is_dropped: Callable[[bool], bool]) -> Edit:
    """Return the edit that takes the expectations of an alert from the tests in which it fires, or never does.

    is_dropped: whether those of a test are, by whether it fires in it.
    """

    def edit(documents: Documents) -> None:
        for test in mappings(documents.tests.get("tests")):
            mine = [one for one in mappings(test.get("alert_rule_test")) if str(one.get("alertname")) == alert]
            if mine and is_dropped(any(one.get("exp_alerts") for one in mine)):
                test["alert_rule_test"] = [one for one in test["alert_rule_test"] if one not in mine]  # type: ignore[index]

    return edit


def drop_resolving(alert: str) -> Edit:
    """Return the edit that takes each expectation that an alert has stopped firing."""

    def edit(documents: Documents) -> None:
        for test in mappings(documents.tests.get("tests")):
            fired, kept = False, []
            for one in test.get("alert_rule_test") or []:
                is_mine = str(one.get("alertname")) == alert
                fired = fired or (is_mine and bool(one.get("exp_alerts")))
                if not (is_mine and fired and not one.get("exp_alerts")):
                    kept.append(one)
            test["alert_rule_test"] = kept  # type: ignore[index]

    return edit
