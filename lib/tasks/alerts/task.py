"""The contract of this task on one page: its section of params, its checks, and what it needs."""

from __future__ import annotations

from pydantic import Field

from lib.core.results import PROJECT, Check
from lib.core.section import Borrowed, Section, said_by_project
from lib.tasks.base import Task


class Alerts(Section):
    """What 07_alerts expects of the pack's Prometheus rules."""

    rules: str = said_by_project("")  # the rule file, in the pack
    tests: str = said_by_project("", about="unit_tests_pass")  # its unit tests, in the pack
    severities: list[str] = Field(min_length=1)  # an alert has one of these
    test_margin_percent: float = Field(gt=0, le=50)  # unit tests must notice a threshold moved by this, %
    scrape_interval_s: float = Field(gt=0)  # of Prometheus: how long a bad sample may go unseen, s
    group_wait_s: float = Field(ge=0)  # of Alertmanager: how long it gathers alerts before it sends them, s
    command_timeout_s: float = Field(gt=0)  # longest one promtool call may take, s
    label_values: dict[str, list[str]] = Field(default_factory=dict)  # label -> values that the app's page cannot show, as job's
    exposed_elsewhere: list[str] = Field(default_factory=list)  # metrics that another program exposes, like node_*
    runbook_sites: list[str] = Field(default_factory=list)  # addresses that runbooks may be under, https://docs.example.com/
    promtool_features: list[str] = Field(default_factory=list)  # feature flags of your Prometheus that promtool is given, too
    thresholds: dict[str, float] = said_by_project({}, about="thresholds_as_declared")  # alert -> beyond it, it must fire


FLY_APP = Borrowed("deploy_rehearsal", "app", str)
FLY_TIMEOUT_S = Borrowed("deploy_rehearsal", "command_timeout_s", float)
ENDPOINTS = Borrowed("deploy_rehearsal", "endpoints", list[str])
ALERTS_SENDER = Borrowed("health", "notify_from", str)
ALERTED_PEOPLE = Borrowed("health", "notify_to", list[str])
MAIL_TIMEOUT_S = Borrowed("health", "timeout_s", float)

RULES_ARE_VALID = Check(
    "alerts.rules_are_valid",
    "Prometheus accepts the alerting rules, and there are some",
    subject=PROJECT,
    fix="Correct that rule; `promtool check rules --lint-fatal prometheus-alerts.yml` says when it is valid.",
    doc="Runs `promtool check rules` on the pack's rule file, with duplicates as errors, and counts the alerts. "
    "A file that Prometheus refuses leaves the launch without any alert. "
    "Where the project has a configuration of Prometheus, that must be valid and load the file. "
    "A valid rule can still never fire: the other checks look at that.",
)
REQUIRED_ALERTS_EXIST = Check(
    "alerts.required_alerts_exist",
    "Every alert that the launch asks for is there",
    subject=PROJECT,
    fix="Add the alert to the rules, or remove it from alerts.thresholds.",
    doc="Looks for each alert of alerts.thresholds in the rule file, by its name. "
    "A deleted or renamed alert is silent, and nothing else would notice. "
    "The name alone proves nothing about the expression.",
)
ALERTS_TELL_A_PERSON = Check(
    "alerts.alerts_tell_a_person",
    "Every alert has a severity, a waiting time and a summary",
    subject=PROJECT,
    fix="Add what is missing to the rule; the severities are in alerts.severities.",
    doc="Reads each alert's severity, its `for` and its summary. "
    "Without them the person it wakes does not know how bad it is, and one bad sample is enough to wake somebody. "
    "A summary that is there may still say nothing useful.",
)
RUNBOOKS_RESOLVE = Check(
    "alerts.runbooks_resolve",
    "Every alert leads to its section of a runbook",
    subject=PROJECT,
    fix="Write that section of the runbook, or correct runbook_url.",
    doc="Follows each alert's runbook_url to a file and a heading in the pack. "
    "At night nobody searches for a runbook. "
    "An address on a forge is looked up in this checkout, so a branch that is not merged yet may differ. "
    "A page under one of alerts.runbook_sites is asked for; one that does not answer is named as not checked.",
)
METRICS_ARE_EXPOSED = Check(
    "alerts.metrics_are_exposed",
    "Every metric that an alert names is exposed by the app, or made by Prometheus",
    subject="fly",
    fix="Correct the metric in the rule, or make the app expose it.",
    doc="Asks each endpoint of the deploy rehearsal once, reads the running app's /metrics page, and looks for every metric and "
    "label that an alert names. "
    "A rule on a metric that nobody exposes is valid, passes its unit tests, and never fires. "
    "A metric that appears only after its first event must be declared with a TYPE line. A label, or a value of one, that "
    "no sample shows yet and alerts.label_values does not name, and an expression that cannot be parsed or names no metric, "
    "are an error.",
)
THRESHOLDS_AS_DECLARED = Check(
    "alerts.thresholds_as_declared",
    "Every alert with an agreed threshold begins to fire there",
    subject=PROJECT,
    fix="Restore the threshold in the rule, or agree on the new one and change alerts.thresholds.",
    doc="Mixes the series of each alert's quiet and firing tests, runs promtool on them, and finds where it begins to fire. "
    "A threshold changed by mistake wakes people for nothing, or nobody. "
    "The boundary is searched only between these two tests. Where another check finds fault with an alert's tests or metrics, "
    "this one is skipped; where the boundary cannot be found it is an error. Alerts without an agreed threshold are named.",
)
UNIT_TESTS_PASS = Check(
    "alerts.unit_tests_pass",
    "The rules' unit tests pass",
    subject=PROJECT,
    fix="Read promtool_test.txt, then fix the rule or its test.",
    doc="Runs `promtool test rules` on the pack's test file, and checks that it names these rules. "
    "A red unit test means that a rule does not do what its author meant. "
    "Where only alerts with a fault that another check found do not meet theirs, it is skipped and names that check.",
)
UNIT_TESTS_NAME_REAL_ALERTS = Check(
    "alerts.unit_tests_name_real_alerts",
    "Every alert that a unit test names is in the rules",
    subject=PROJECT,
    fix="Correct the name in the test; a test of an alert that does not exist never fails.",
    doc="Compares the alerts that unit tests name with those in the rules. "
    "promtool passes a test that expects an unknown alert to stay quiet, so a misspelled name tests nothing. "
    "Where only alerts are missing that alerts.thresholds requires, it is skipped: required_alerts_exist fails.",
)
TESTED_FIRING_QUIET_AND_RESOLVING = Check(
    "alerts.tested_firing_quiet_and_resolving",
    "Every alert is tested firing, quiet just below its threshold, and resolving",
    subject=PROJECT,
    fix="Add the unit test that is missing.",
    doc="Counts each alert's firing, quiet and resolving tests, then moves its threshold both ways by test_margin_percent "
    "and runs them again. A test that stays green when the threshold moves proves nothing. "
    "Alerts with another fault are not mutated, so the check is skipped; an expression that cannot be parsed is an error. "
    "Of an alert without a threshold that can be moved, such as `up == 0`, the tests are counted only, and it is named.",
)
FIRING_ALERT_IS_DELIVERED = Check(
    "alerts.firing_alert_is_delivered",
    "The message of a firing alert is delivered",
    measured=True,
    subject="mail",
    fix="Check the mail server, then run again.",
    doc="Renders one alert as it fires in its own test, sends it by mail, and looks for it where it arrives. "
    "An alert that fires and is not delivered helps nobody: where the project has a configuration of Alertmanager, its routes "
    "must lead each alert to a receiver. Where the mailbox cannot be read, taken by the server is all that "
    "is known, and the detail says so. "
    "Prometheus and Alertmanager are not run: their share of the time is counted as declared, at its longest.",
)
CHECKS: tuple[Check, ...] = (
    RULES_ARE_VALID,
    REQUIRED_ALERTS_EXIST,
    ALERTS_TELL_A_PERSON,
    RUNBOOKS_RESOLVE,
    METRICS_ARE_EXPOSED,
    THRESHOLDS_AS_DECLARED,
    UNIT_TESTS_PASS,
    UNIT_TESTS_NAME_REAL_ALERTS,
    TESTED_FIRING_QUIET_AND_RESOLVING,
    FIRING_ALERT_IS_DELIVERED,
)

TASK = Task(
    name="alerts",
    title="Alerts",
    notebook="07_alerts.ipynb",
    checks=CHECKS,
    settings=Alerts,
    targets=("database", "fly", "mail"),
    waits_for=("migrations",),
    prepares_with=("migrations",),
    borrows=(FLY_APP, FLY_TIMEOUT_S, ENDPOINTS, ALERTS_SENDER, ALERTED_PEOPLE, MAIL_TIMEOUT_S),
)
