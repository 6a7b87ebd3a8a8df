"""The contract of this task on one page: its section of params, its checks, and what it needs."""

from __future__ import annotations

from pydantic import Field

from lib.core.results import Check
from lib.core.section import Section
from lib.tasks.base import Task


class Alerts(Section):
    """What 07_alerts holds the pack's Prometheus rules to."""

    rules: str  # the rule file, in the pack
    tests: str  # its unit tests, in the pack
    severities: list[str] = Field(min_length=1)  # an alert has one of these
    test_margin_percent: float = Field(gt=0, le=50)  # unit tests must notice a threshold moved by this, %
    scrape_interval_s: float = Field(gt=0)  # of Prometheus: how long a bad sample may go unseen, s
    group_wait_s: float = Field(ge=0)  # of Alertmanager: how long it gathers alerts before it sends them, s
    command_timeout_s: float = Field(gt=0)  # longest one promtool call may take, s
    thresholds: dict[str, float] = Field(min_length=1)  # alert -> the value beyond which it must fire


CHECKS: tuple[Check, ...] = (
    Check(id="alerts.rules_are_valid", title="Prometheus accepts the alerting rules, and there are some"),
    Check(id="alerts.required_alerts_exist", title="Every alert that the launch asks for is there"),
    Check(id="alerts.alerts_tell_a_person", title="Every alert has a severity, a waiting time and a summary"),
    Check(id="alerts.runbooks_resolve", title="Every alert leads to its section of a runbook"),
    Check(id="alerts.metrics_are_exposed", title="Every metric in the rules is exposed by the app", target="fly"),
    Check(id="alerts.thresholds_as_declared", title="Every alert begins to fire where it was agreed"),
    Check(id="alerts.unit_tests_pass", title="The rules' unit tests pass"),
    Check(id="alerts.unit_tests_name_real_alerts", title="Every alert that a unit test names is in the rules"),
    Check(
        id="alerts.tested_firing_quiet_and_resolving",
        title="Every alert is tested firing, quiet just below its threshold, and resolving",
    ),
    Check(id="alerts.firing_alert_is_delivered", title="A firing alert reaches a person", target="mail"),
)

TASK = Task(
    name="alerts",
    title="Alerts",
    notebook="07_alerts.ipynb",
    checks=CHECKS,
    targets=("database", "fly", "mail"),
    waits_for=("migrations",),
    stands_on=("migrations",),
)
