"""The faults of this task: rules, their unit tests and their runbooks changed in a copy of the project, and mail that is lost."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

from lib.tasks.alerts import rule_faults as rules
from lib.tasks.alerts import unit_faults as units
from lib.tasks.alerts.looks import look_at_delivery, look_at_metrics, look_at_rules, look_at_tests, look_at_thresholds
from lib.tasks.alerts.task import (
    ALERTS_TELL_A_PERSON,
    FIRING_ALERT_IS_DELIVERED,
    METRICS_ARE_EXPOSED,
    REQUIRED_ALERTS_EXIST,
    RULES_ARE_VALID,
    RUNBOOKS_RESOLVE,
    TESTED_FIRING_QUIET_AND_RESOLVING,
    THRESHOLDS_AS_DECLARED,
    UNIT_TESTS_NAME_REAL_ALERTS,
    UNIT_TESTS_PASS,
)
from lib.tasks.faults import Change, Fault, Faults, Operator, Scene, with_arguments

MOVE_TESTS = (
    "Let a unit test tell: feed it two series, one of which alone would not do; look shortly before and shortly after the "
    "alert's `for` is over, and shortly after its range has passed."
)
NOBODY = "smtp://127.0.0.1:9"
"""The discard port, on which nothing listens."""


def with_mail(url: str) -> Change:
    """Return the change after which mail goes to another server, and arrives nowhere."""

    @contextmanager
    def change(scene: Scene) -> Iterator[Scene]:
        own = scene.context.service("mail")
        there = replace(own, parts={**own.parts, "url": url})
        yield replace(scene, context=replace(scene.context, services={**scene.context.services, "mail": there}))

    return change


def lose_mail(scene: Scene) -> Iterator[Fault]:
    """Yield a mail server that does not answer, and alerts that fire in none of their tests."""
    yield Fault(place="no mail server", make=with_mail(NOBODY))
    yield Fault(place="no alert fires", make=with_arguments(curves=[]))


FAULTS = Faults(
    operators=(
        Operator(name="rules that are none", check=RULES_ARE_VALID, look=look_at_rules, faults=rules.spoil_rules),
        Operator(name="an alert is lost", check=REQUIRED_ALERTS_EXIST, look=look_at_rules, faults=rules.lose_alerts),
        Operator(name="an alert says little", check=ALERTS_TELL_A_PERSON, look=look_at_rules, faults=rules.of_each(rules.SILENT)),
        Operator(name="a runbook is lost", check=RUNBOOKS_RESOLVE, look=look_at_rules, faults=rules.break_runbooks),
        Operator(name="more words", check=RULES_ARE_VALID, look=look_at_rules, faults=rules.comment, is_harmless=True),
        Operator(name="a metric that is not there", check=METRICS_ARE_EXPOSED, look=look_at_metrics, faults=rules.miss_metrics),
        Operator(
            name="a matcher that takes all",
            check=METRICS_ARE_EXPOSED,
            look=look_at_metrics,
            faults=rules.ask_for_nothing,
            is_harmless=True,
        ),
        Operator(name="a threshold moved", check=THRESHOLDS_AS_DECLARED, look=look_at_thresholds, faults=units.move_limits),
        Operator(
            name="the same threshold",
            check=THRESHOLDS_AS_DECLARED,
            look=look_at_thresholds,
            faults=rules.of_each(units.HARMLESS, where=rules.is_compared),
            is_harmless=True,
        ),
        Operator(
            name="a rule means something else",
            check=UNIT_TESTS_PASS,
            look=look_at_tests,
            faults=units.loosen_rules,
            move=MOVE_TESTS,
        ),
        Operator(name="a test turned round", check=UNIT_TESTS_PASS, look=look_at_tests, faults=units.turn_tests),
        Operator(name="a test of no alert", check=UNIT_TESTS_NAME_REAL_ALERTS, look=look_at_tests, faults=units.misname_tests),
        Operator(name="a test is lost", check=TESTED_FIRING_QUIET_AND_RESOLVING, look=look_at_tests, faults=units.lose_tests),
        Operator(name="more tests", check=UNIT_TESTS_PASS, look=look_at_tests, faults=units.add_tests, is_harmless=True),
        Operator(name="mail is lost", check=FIRING_ALERT_IS_DELIVERED, look=look_at_delivery, faults=lose_mail),
    )
)
