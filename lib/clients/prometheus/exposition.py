"""What an app tells Prometheus: the metrics on its /metrics page, and whether the rules ask for these.

Source: https://prometheus.io/docs/instrumenting/exposition_formats/ (text format 0.0.4).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from difflib import get_close_matches

from lib.clients.prometheus.promql import find_selectors
from lib.clients.prometheus.rule_file import RuleFile
from lib.core.errors import WebError
from lib.transport.retry import Patience
from lib.transport.web import ask
from lib.transport.web_types import Question, Site

SAMPLE = re.compile(r"^(?P<name>[a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{(?P<labels>.*)\})?\s+\S+")
LABEL = re.compile(r'([a-zA-Z_][a-zA-Z0-9_]*)="(?:[^"\\]|\\.)*"')
TYPE = re.compile(r"^#\s*TYPE\s+(\S+)\s+(\S+)")
DERIVED = {"histogram": ("_bucket", "_sum", "_count"), "summary": ("", "_sum", "_count")}
"""Type -> what follows its name in samples, which are there only once something was observed."""
ADDED_LABELS = frozenset({"job", "instance"})
"""Labels that Prometheus itself puts on what it scrapes."""
OWN_METRICS = re.compile(r"^(up|scrape_\w+|ALERTS(_FOR_STATE)?)$")
"""Metrics that Prometheus makes itself."""
PATIENCE = Patience(attempts=6, timeout_s=5, deadline_s=20, max_body_bytes=5_000_000, max_retry_after_s=5)
"""Long enough to ask again while the app is being replaced."""

Exposition = Mapping[str, frozenset[str] | None]
"""Metric -> the names of its labels; None while no sample of it was there to show them."""


@dataclass(frozen=True, kw_only=True)
class MetricUse:
    """One metric that an alert asks for, by way of a recording rule or straight, and what is wrong with it, or ''."""

    alert: str
    metric: str
    problem: str


def fetch_exposition(url: str) -> Exposition:
    """Return what an app exposes now. Raises WebError when it does not tell, or is not well itself.

    An app without its database may leave out what it counts there, which would look like a metric that is gone.
    """
    site = Site(name="the app", base_url=url, patience=PATIENCE)
    health, metrics = ask(
        site, [Question(name=name, path=f"/{name}", shows_credentials=False) for name in ("health", "metrics")], concurrency=1
    )
    if not health.is_whole:
        seen = health.trouble or f"HTTP {health.status}"
        raise WebError(f"The app's /health answered {seen}, so its metrics may lack some. Next: see 06_deploy_rehearsal.")
    if not metrics.is_whole:
        raise WebError(f"The app's /metrics answered {metrics.trouble or f'HTTP {metrics.status}'}. Next: see the app's log.")
    found = parse_exposition(metrics.body.decode(errors="replace"))
    if not found:
        raise WebError("The app's /metrics page names no metric. Next: see what answers at that address.")
    return found


def parse_exposition(text: str) -> dict[str, frozenset[str] | None]:
    """Return the metrics of a page in Prometheus's text format."""
    found: dict[str, frozenset[str] | None] = {}
    for line in text.splitlines():
        kind, sample = TYPE.match(line), SAMPLE.match(line)
        if kind:
            for ending in DERIVED.get(kind[2], ("",)):
                found.setdefault(kind[1] + ending, None)
        elif sample and not line.startswith("#"):
            labels = frozenset(LABEL.findall(sample["labels"] or ""))
            found[sample["name"]] = labels | (found.get(sample["name"]) or frozenset())
    return found


def find_uses(rules: RuleFile, exposed: Exposition) -> list[MetricUse]:
    """Return every metric that each alert asks for, each once an alert."""
    uses = {
        (alert.name, metric, labels): MetricUse(alert=alert.name, metric=metric, problem=find_problem(metric, labels, exposed))
        for alert in rules.alerts
        for metric, labels in walk_metrics(alert.expression, rules.recorded)
    }
    return list(uses.values())


def walk_metrics(
    expression: str, recorded: Mapping[str, str], behind: frozenset[str] = frozenset()
) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Yield the scraped metrics of an expression with the labels it matches; those behind recording rules, too."""
    for selector in find_selectors(expression):
        if selector.metric in recorded and selector.metric not in behind:
            yield from walk_metrics(recorded[selector.metric], recorded, behind | {selector.metric})
        elif not OWN_METRICS.match(selector.metric):
            yield selector.metric, selector.labels


def find_problem(metric: str, labels: tuple[str, ...], exposed: Exposition) -> str:
    """Return why no series of the app can match, or ''."""
    if metric not in exposed:
        near = get_close_matches(metric, exposed, n=1)
        return f"the app exposes no {metric}" + (f"; the nearest is {near[0]}" if near else "")
    known = exposed[metric]
    strange = [label for label in labels if known is not None and label not in known | ADDED_LABELS]
    return f"{metric} has no label {', '.join(strange)}" if strange else ""
