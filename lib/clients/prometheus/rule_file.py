"""The pack's alerting rules, as declared: each alert, its expression, and where its runbook is said to be."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import yaml

from lib.clients.prometheus.promql import PromqlError, find_selectors, format_on_one_line
from lib.core.errors import TargetError
from lib.display.markdown import heading_anchors

DURATION = re.compile(r"(\d+)(ms|[smhdwy])")
SECONDS = {"ms": 0.001, "s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800, "y": 31536000}
DEFAULT_INTERVAL_S = 60
"""Prometheus's own global.evaluation_interval, where a group names none."""
IN_REPOSITORY = re.compile(r"/(?:blob|tree|src)/[^/]+/(?P<path>.+)$")


@dataclass(frozen=True, kw_only=True)
class AlertRule:
    """One alerting rule; hold_s is its `for`, interval_s how often its group is evaluated, both in seconds."""

    name: str
    expression: str
    hold_s: float | None
    interval_s: float
    labels: Mapping[str, str]
    annotations: Mapping[str, str]


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


def read_rule_file(path: Path) -> RuleFile:
    """Return the rules of a file. Raises TargetError when it cannot be read."""
    document = read_yaml(path)
    alerts, recorded = [], {}
    for group in document.get("groups") or []:
        interval_s = duration_s(group.get("interval")) or DEFAULT_INTERVAL_S
        for rule in group.get("rules") or []:
            if "record" in rule:
                recorded[str(rule["record"])] = str(rule["expr"])
            else:
                alerts.append(alert_of(rule, interval_s))
    problems = {alert.name: parse_problem(alert.expression, recorded) for alert in alerts}
    unparsed = {name: problem for name, problem in problems.items() if problem}
    return RuleFile(path=path, document=document, alerts=tuple(alerts), recorded=recorded, unparsed=unparsed)


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


def alert_of(rule: Mapping[str, Any], interval_s: float) -> AlertRule:
    return AlertRule(
        name=str(rule["alert"]),
        expression=format_on_one_line(str(rule["expr"])),
        hold_s=duration_s(rule.get("for")),
        interval_s=interval_s,
        labels={str(key): str(value) for key, value in (rule.get("labels") or {}).items()},
        annotations={str(key): str(value) for key, value in (rule.get("annotations") or {}).items()},
    )


def read_yaml(path: Path) -> Mapping[str, Any]:
    """Return a YAML mapping. Raises TargetError when the file is missing or is not one."""
    try:
        document = yaml.safe_load(path.read_text(encoding="utf-8"))
    except FileNotFoundError as exc:
        raise TargetError(f"There is no {path.name} in the pack.", fix="Add it, or name it in params (alerts).") from exc
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as exc:
        raise TargetError(
            f"{path.name} cannot be read: {' '.join(str(exc).split())[:300]}.", fix=f"Correct {path.name}."
        ) from exc
    if not isinstance(document, dict):
        raise TargetError(
            f"{path.name} holds no rules: it is {type(document).__name__}.", fix="Write it in Prometheus's rule format."
        )
    return document


def duration_s(text: object) -> float | None:
    """Return a Prometheus duration in seconds; None for None."""
    return sum(float(number) * SECONDS[unit] for number, unit in DURATION.findall(str(text))) if text is not None else None


def find_runbook(pack: Path, url: str) -> str:
    """Return what is wrong with where a runbook_url leads, or '' when file and heading are in the pack.

    url: a path in the pack, or the address of a file on a forge (`.../blob/<ref>/<path>#<heading>`).
    """
    parts = urlsplit(url)
    match = IN_REPOSITORY.search(parts.path)
    if parts.scheme and not match:
        return f"{url} is not the address of a file in a repository"
    named = unquote(match["path"] if match else parts.path)
    path = (pack / named).resolve()
    if not named or not path.is_relative_to(pack.resolve()) or not path.is_file():
        return f"there is no file {named or url} in the pack"
    if not parts.fragment:
        return f"the address names no heading of {named}"
    if unquote(parts.fragment) not in heading_anchors(path.read_text(encoding="utf-8")):
        return f"{named} has no heading #{parts.fragment}"
    return ""
