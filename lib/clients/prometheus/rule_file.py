"""The pack's alerting rules, as declared: each alert, its expression, and where its runbook is said to be."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from lib.clients.prometheus.promql import PromqlError, find_selectors, format_on_one_line
from lib.core.errors import TargetError
from lib.core.pack_files import read_text_file
from lib.core.plain_yaml import PlainYamlError, load_yaml
from lib.core.wording import plain_text

DURATION = re.compile(r"(\d+)(ms|[smhdwy])")
SECONDS = {"ms": 0.001, "s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800, "y": 31536000}
DEFAULT_INTERVAL_S = 60
"""Prometheus's own global.evaluation_interval, where a group names none."""
LONGEST_DURATION = 200
"""Characters of one duration."""
LONGEST_DURATION_S = 292 * 31_536_000.0
"""What Prometheus itself can hold, in nanoseconds of 64 bits."""


@dataclass(frozen=True, kw_only=True)
class AlertRule:
    """One alerting rule; hold_s is its `for`, interval_s how often its group is evaluated, both in seconds.

    limit: the most alerts at a time that its group lets it have; 0 for any number.
    """

    name: str
    expression: str
    hold_s: float | None
    interval_s: float
    labels: Mapping[str, str]
    annotations: Mapping[str, str]
    limit: int = 0


@dataclass(frozen=True, kw_only=True)
class RuleFile:
    """A rule file: its alerts, and for each recording rule the expression behind its name.

    unparsed: alert -> why its expression, or that of a recording rule behind it, cannot be parsed here.
    """

    path: Path
    document: Mapping[str, Any]
    alerts: tuple[AlertRule, ...]
    recorded: Mapping[str, str]
    unparsed: Mapping[str, str] = field(default_factory=dict)

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(alert.name for alert in self.alerts))


def read_rule_file(path: Path, *, root: Path | None = None) -> RuleFile:
    """Return the rules of a file. root: the project's folder; None for the file's own.

    What is no rule is left out: promtool says what is wrong with it. Raises TargetError when the file cannot be read.
    """
    document = read_document(path, root=root)
    alerts, recorded = [], {}
    for group in mappings(document.get("groups")):
        interval_s = duration_s(group.get("interval")) or DEFAULT_INTERVAL_S
        for rule in mappings(group.get("rules")):
            if is_text(rule.get("record")) and is_text(rule.get("expr")):
                recorded[str(rule["record"])] = str(rule["expr"])
            elif is_text(rule.get("alert")) and is_text(rule.get("expr")):
                alerts.append(alert_of(rule, interval_s, group.get("limit")))
    return with_recording(RuleFile(path=path, document=document, alerts=tuple(alerts), recorded={}), recorded)


def with_recording(rules: RuleFile, recorded: Mapping[str, str]) -> RuleFile:
    """Return rules with these recording rules behind their alerts, and which alerts cannot be parsed then."""
    problems = [(alert.name, parse_problem(alert.expression, recorded)) for alert in rules.alerts]
    return replace(rules, recorded=recorded, unparsed={name: problem for name, problem in problems if problem})


def mappings(value: object) -> list[Mapping[str, Any]]:
    """Return the mappings of a list; none of anything else."""
    return [one for one in value if isinstance(one, dict)] if isinstance(value, list) else []


def is_text(value: object) -> bool:
    """Return whether a value is a text, or what YAML reads a text without quotes as."""
    return isinstance(value, str | int | float)


def texts(value: object) -> dict[str, str]:
    """Return a mapping's keys and values as text; nothing of anything else."""
    return {str(key): str(one) for key, one in value.items() if is_text(one)} if isinstance(value, dict) else {}


def parse_problem(expression: str, recorded: Mapping[str, str]) -> str:
    """Return why an expression, or one that is recorded and behind it, cannot be parsed; '' when it can."""
    waiting, seen = [expression], set[str]()
    while waiting:
        try:
            named = {selector.metric for selector in find_selectors(waiting.pop())}
        except PromqlError as exc:
            return str(exc)
        waiting += [recorded[name] for name in named - seen if name in recorded]
        seen |= named
    return ""


def alert_of(rule: Mapping[str, Any], interval_s: float, limit: object = None) -> AlertRule:
    return AlertRule(
        name=str(rule["alert"]),
        expression=format_on_one_line(str(rule["expr"])),
        hold_s=duration_s(rule.get("for")),
        interval_s=interval_s,
        labels=texts(rule.get("labels")),
        annotations=texts(rule.get("annotations")),
        limit=limit if isinstance(limit, int) else 0,
    )


def read_document(path: Path, *, root: Path | None = None) -> Mapping[str, Any]:
    """Return a YAML mapping. Raises TargetError when the file is missing, can't be read or is not one."""
    if not os.path.lexists(path):
        raise TargetError(f"There is no {path.name} in the pack.", fix="Add it, or name it in params (alerts).")
    text = read_text_file(path, root=root or path.parent)
    try:
        document = load_yaml(text)
    except PlainYamlError as exc:
        raise TargetError(f"{path.name} cannot be read: {plain_text(str(exc), limit=300)}.", fix=f"Correct {path.name}.") from exc
    if not isinstance(document, dict):
        raise TargetError(
            f"{path.name} holds no rules: it is {type(document).__name__}.", fix="Write it in Prometheus's rule format."
        )
    return document


def duration_s(text: object) -> float | None:
    """Return a Prometheus duration in seconds, LONGEST_DURATION_S at most; None for None."""
    if text is None:
        return None
    found = DURATION.findall(str(text)[:LONGEST_DURATION])
    return min(LONGEST_DURATION_S, sum(float(number) * SECONDS[unit] for number, unit in found))
