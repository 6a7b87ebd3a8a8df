"""One firing alert delivered to a person: rendered by promtool, sent by mail, and timed part by part.

Only what happens here is measured. What Prometheus and Alertmanager add in production is counted as declared in
params, at its longest; the rules' own part is promtool's simulated clock.
"""

from __future__ import annotations

import re
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from email.message import EmailMessage
from email.utils import format_datetime, make_msgid
from typing import Any

import yaml

from lib.clients.notifier import read_received, try_mail
from lib.clients.prometheus.promtool import run_tests
from lib.clients.prometheus.rule_file import AlertRule
from lib.core.errors import CommandError, MailError
from lib.core.redact import redact
from lib.core.wording import plain_text
from lib.tasks.alerts.boundaries import Bench
from lib.tasks.alerts.mutations import Curve

GOT = re.compile(r"got:\[\s*0:\s*Labels:\{(?P<labels>.*)\}\s*Annotations:\{(?P<annotations>.*)\}")
PAIR = re.compile(r'(\w+)="((?:[^"\\]|\\.)*)"')


@dataclass(frozen=True, kw_only=True)
class FiringAlert:
    """One alert as it fires along its own test: its labels and annotations as Prometheus renders them.

    bad_from_s, pending_at_s, firing_at_s: seconds on the test's clock; the test's data is bad from its first sample.
    """

    name: str
    labels: Mapping[str, str]
    annotations: Mapping[str, str]
    pending_at_s: int
    firing_at_s: int
    bad_from_s: int = 0


@dataclass(frozen=True, kw_only=True)
class AlertDelivery:
    """What happened to the message. parts: what, seconds, and how that is known; problem: why it was not sent, or None."""

    parts: Sequence[tuple[str, float, str]]
    message: bytes
    received: bool
    can_be_read: bool
    problem: MailError | None

    @property
    def total_s(self) -> float:
        return sum(seconds for _, seconds, _ in self.parts)


def render_alert(bench: Bench, rule: AlertRule, curve: Curve) -> FiringAlert:
    """Return the alert as Prometheus sends it when it begins to fire. Raises CommandError when it never does."""
    pending, firing = curve.first("pending"), curve.first("firing")
    if firing is None:
        raise CommandError(
            f"{rule.name} does not fire along its own test, so none can be delivered.", fix=f"Fix the tests of {rule.name} first."
        )
    place = next(test.place for test in bench.tests.tests if test.name == curve.test)
    test = dict(bench.tests.document["tests"][place])
    test.pop("promql_expr_test", None)
    test["alert_rule_test"] = [{"eval_time": f"{firing}s", "alertname": rule.name, "exp_alerts": []}]
    document = {
        "rule_files": [str(path) for path in (bench.rules.path, *bench.companions)],
        "evaluation_interval": bench.tests.evaluation_interval,
        "tests": [test],
    }
    path = bench.folder / "render.test.yml"
    path.write_text(yaml.safe_dump(document, sort_keys=False, allow_unicode=True), encoding="utf-8")
    run = run_tests(bench.promtool, path, timeout_s=bench.timeout_s)
    match = GOT.search(run.stdout + run.stderr)
    if match is None:
        raise CommandError(f"promtool did not show {rule.name} firing.", fix=f"Run the unit tests of {rule.name} by hand.")
    return FiringAlert(
        name=rule.name,
        labels=read_pairs(match["labels"]),
        annotations=read_pairs(match["annotations"]),
        pending_at_s=firing if pending is None else min(pending, firing),
        firing_at_s=firing,
    )


def read_pairs(text: str) -> dict[str, str]:
    """Return what Prometheus prints as `{name="value", ...}`."""
    return {name: re.sub(r"\\(.)", lambda one: "\n" if one[1] == "n" else one[1], value) for name, value in PAIR.findall(text)}


def write_alert_message(alert: FiringAlert, *, environment: str, sender: str, recipients: Sequence[str]) -> EmailMessage:
    """Return the mail about the alert; it says that it is a drill."""
    severity, summary = alert.labels.get("severity", "none"), alert.annotations.get("summary", "")
    message = EmailMessage()
    message["From"] = sender
    message["To"] = ", ".join(recipients)
    message["Subject"] = redact(f"[{environment}] Drill: {alert.name} is firing ({severity})")
    message["Date"] = format_datetime(datetime.now(UTC))
    message["Message-ID"] = make_msgid(domain=sender.rpartition("@")[2])
    # Nobody's holiday answer comes back. Source: RFC 3834, 5.
    message["Auto-Submitted"] = "auto-generated"
    lines = [
        "This is a drill: the data behind it is that of the alert's own unit test, and nothing needs to be done.",
        f"{alert.name}, severity {severity}: {plain_text(summary, limit=600)}",
        f"Runbook: {plain_text(alert.annotations.get('runbook_url', 'none'), limit=300)}",
    ]
    message.set_content(redact("\n\n".join(lines)) + "\n")
    return message


def deliver_alert(
    alert: FiringAlert,
    *,
    mail: Mapping[str, str],
    environment: str,
    sender: str,
    recipients: Sequence[str],
    scrape_interval_s: float,
    group_wait_s: float,
    timeout_s: float,
) -> AlertDelivery:
    """Send one alert to the mail server and say how long each part took.

    mail: the target's parts; where it has a mailbox that can be read, the message is looked for there.
    """
    message = write_alert_message(alert, environment=environment, sender=sender, recipients=recipients)
    started = time.monotonic()
    problem = try_mail(mail["url"], message, recipients, timeout_s=timeout_s)
    handed_s = time.monotonic() - started
    received = None if problem else read_received(mail.get("mailbox"), message["Message-ID"])
    found_s = time.monotonic() - started - handed_s
    simulated, declared, measured = "promtool's clock", "as declared, at most", "measured"
    parts: list[tuple[str, float, str]] = [
        ("bad sample until Prometheus scrapes it", scrape_interval_s, declared),
        ("scraped until the expression holds", float(alert.pending_at_s - alert.bad_from_s), simulated),
        ("expression holds until the alert fires", float(alert.firing_at_s - alert.pending_at_s), simulated),
        ("fires until Alertmanager sends it", group_wait_s, declared),
        ("handed to the mail server", handed_s, measured),
        *([("found in the mailbox", found_s, measured)] if received else []),
    ]
    return AlertDelivery(
        parts=parts,
        message=received or message.as_bytes(),
        received=received is not None,
        can_be_read="mailbox" in mail,
        problem=problem,
    )


def part_rows(delivery: AlertDelivery) -> list[dict[str, Any]]:
    """Return the parts as the page shows them, the total last."""
    rows = [{"part": part, "seconds": round(seconds, 3), "known from": known} for part, seconds, known in delivery.parts]
    return [
        *rows,
        {
            "part": "first bad sample until the message is delivered",
            "seconds": round(delivery.total_s, 3),
            "known from": "the sum",
        },
    ]
