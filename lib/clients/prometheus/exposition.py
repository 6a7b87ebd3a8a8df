"""What an app exposes to Prometheus: the metrics on its /metrics page, and whether the rules name only these.

Source: https://prometheus.io/docs/instrumenting/exposition_formats/ (text format 0.0.4).
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from difflib import get_close_matches
from fnmatch import fnmatchcase

from prometheus_client.parser import text_string_to_metric_families

from lib.clients.prometheus.promql import Selector, find_selectors
from lib.clients.prometheus.result_labels import find_lost_groups
from lib.clients.prometheus.rule_file import RuleFile
from lib.core.errors import WebError
from lib.core.wording import name_some, plain_text
from lib.transport.retry import RetryPolicy
from lib.transport.web import ask
from lib.transport.web_types import Answer, Question, Site

COUNTER = re.compile(r"^([ \t]*#[ \t]*TYPE[ \t]+\S+[ \t]+)counter[ \t\r]*$", re.MULTILINE)
"""The line that declares a counter: prometheus-client would rename its samples to `..._total`."""
SAMPLE_ENDINGS = {"histogram": ("_bucket", "_sum", "_count"), "summary": ("", "_sum", "_count")}
"""Type -> what follows its name in samples, which are there only once something was observed."""
ADDED_LABELS = frozenset({"job", "instance"})
"""Labels that Prometheus itself puts on what it scrapes."""
SHAPE_LABELS = frozenset({"le", "quantile"})
"""Labels that the type of a metric brings along."""
OWN_METRICS = re.compile(r"^(up|scrape_\w+)$")
"""Metrics that Prometheus makes itself of each target."""
MADE_OF_ALERTS = re.compile(r"^ALERTS(_FOR_STATE)?$")
RETRY = RetryPolicy(attempts=6, timeout_s=5, deadline_s=20, max_body_bytes=5_000_000, max_retry_after_s=5)
"""Long enough to try again while the app is being replaced."""

ONCE = RetryPolicy(attempts=1, timeout_s=5, deadline_s=6, max_body_bytes=5_000_000, max_retry_after_s=0)
MOST_ASKED, MOST_MACHINES = 20, 4
MOST_LINES = 100_000
"""Lines of one page: a program that exposes more costs its Prometheus too much already. Each takes about 500 bytes here."""
LONGEST_LINE = 8_192
"""Characters of one line: prometheus-client reads a line's labels in quadratic time."""
MOST_NEAR = 5_000
"""Metrics among which the nearest name is looked for, each compared letter by letter."""

Labels = Mapping[str, frozenset[str]]
"""Label -> the values that samples have of it."""
Exposition = Mapping[str, Labels | None]
"""Metric -> its labels; None while no sample of it was there to show them."""


@dataclass(frozen=True, kw_only=True)
class Declared:
    """What the app's page cannot show, and the project says.

    values: label -> values of it that Prometheus adds, or that come with an event only. elsewhere: patterns of metrics that
    something else exposes.
    """

    values: Mapping[str, Sequence[str]] = field(default_factory=dict)
    elsewhere: Sequence[str] = ()


@dataclass(frozen=True, kw_only=True)
class MetricUse:
    """One metric that an alert names, itself or by a recording rule, and what is wrong with it, or ''.

    is_own: Prometheus makes it itself, so no app exposes it. is_elsewhere: the project says that something else exposes it.
    unknown: what could not be seen of it, or ''.
    """

    alert: str
    metric: str
    problem: str
    is_own: bool = False
    is_elsewhere: bool = False
    unknown: str = ""


def fetch_exposition(url: str, *, asked_first: Sequence[str] = (), machines: int = 1) -> Exposition:
    """Return what an app exposes now. Raises WebError when it does not answer, or is not healthy itself.

    An app without its database may leave out what it counts there, which would look like a missing metric.
    asked_first: paths that are asked for before, so that series which come with a request are there. machines: how many answer
    at this address, each with counts of its own: so often everything is asked for, and what was seen is laid together.
    """
    site = Site(name="the app", base_url=url, retry=RETRY)
    give_traffic(url, [*asked_first[:MOST_ASKED]] * min(machines, MOST_MACHINES))
    names = ["health", *["metrics"] * min(max(machines, 1), MOST_MACHINES)]
    health, *pages = ask(site, [Question(name=name, path=f"/{name}", shows_credentials=False) for name in names], concurrency=1)
    require_healthy(health)
    return lay_together([read_page(metrics) for metrics in pages])


def give_traffic(url: str, paths: Sequence[str]) -> None:
    """Ask an app for these paths, one after the other; whatever it answers, other checks look at that."""
    once = Site(name="the app", base_url=url, retry=ONCE)
    with suppress(WebError):
        ask(once, [Question(name=path, path=path, shows_credentials=False) for path in paths], concurrency=1)


def lay_together(pages: Sequence[Exposition]) -> Exposition:
    """Return what several pages of one app show, as one."""
    found: dict[str, Labels | None] = {}
    for page in pages:
        for metric, labels in page.items():
            known = found.get(metric)
            if known is None or labels is None:
                found[metric] = known if labels is None else labels
            else:
                names = {**known, **labels}
                found[metric] = {name: known.get(name, frozenset()) | labels.get(name, frozenset()) for name in names}
    return found


def require_healthy(health: Answer) -> None:
    """Raise WebError when an app is not healthy itself."""
    if not health.is_whole:
        seen = health.failure or f"HTTP {health.status}"
        raise WebError(f"The app's /health answered {seen}, so its metrics may lack some.", fix="See 06_deploy_rehearsal.")


def read_page(metrics: Answer) -> Exposition:
    """Return what an app's page of metrics shows. Raises WebError."""
    if not metrics.is_whole:
        raise WebError(f"The app's /metrics answered {metrics.failure or f'HTTP {metrics.status}'}.", fix="Read the app's log.")
    found = parse_exposition(metrics.body.decode(errors="replace"))
    if not found:
        raise WebError("The app's /metrics page names no metric.", fix="Check what answers at that address.")
    return found


def parse_exposition(text: str) -> dict[str, Labels | None]:
    """Return the metrics of a page in Prometheus's text format. Raises WebError with the line that cannot be parsed."""
    check_size(text)
    text = COUNTER.sub(r"\1gauge", text)
    try:
        families = list(text_string_to_metric_families(text))
    except (ValueError, IndexError):
        raise WebError(
            f"The app's /metrics page cannot be parsed: {find_bad_line(text)}.", fix="Correct what the app writes there."
        ) from None
    declared = [family.name + ending for family in families if family.name for ending in SAMPLE_ENDINGS.get(family.type, ("",))]
    seen: dict[str, dict[str, set[str]]] = {}
    for sample in (sample for family in families for sample in family.samples):
        labels = seen.setdefault(sample.name, {})
        for label, value in sample.labels.items():
            labels.setdefault(label, set()).add(value)
    unseen: dict[str, Labels | None] = dict.fromkeys(declared)
    return unseen | {name: {label: frozenset(some) for label, some in labels.items()} for name, labels in seen.items()}


def add_up_metrics(text: str) -> dict[str, float]:
    """Return the sum of each metric's samples on a page, without those that are no number. Raises WebError for no page."""
    check_size(text)
    sums: dict[str, float] = {}
    try:
        for sample in (sample for family in text_string_to_metric_families(text) for sample in family.samples):
            if math.isfinite(sample.value):
                sums[sample.name] = sums.get(sample.name, 0.0) + sample.value
    except (ValueError, IndexError):
        raise WebError(f"The page of metrics cannot be parsed: {find_bad_line(text)}.", fix="Check what answers there.") from None
    return sums


def check_size(text: str) -> None:
    """Raise WebError for a page that is too long, or has too long a line, to be parsed in bounded time and memory."""
    lines = text.split("\n")
    if len(lines) > MOST_LINES:
        raise WebError(
            f"The app's /metrics page has {len(lines):,} lines; {MOST_LINES:,} are read at most.",
            fix="Expose fewer series: no label may hold an id.",
        )
    number, longest = max(enumerate(map(len, lines), start=1), key=lambda one: one[1])
    if longest > LONGEST_LINE:
        raise WebError(
            f"Line {number} of the app's /metrics page has {longest:,} characters; {LONGEST_LINE:,} are read at most.",
            fix="Correct what the app writes there.",
        )


def find_bad_line(text: str) -> str:
    """Return the first line that cannot be parsed by itself, with its number."""
    for number, line in enumerate(text.split("\n"), start=1):
        try:
            list(text_string_to_metric_families(line))
        except (ValueError, IndexError):
            return f"line {number} is '{plain_text(line.strip(), limit=120)}'"
    return "its lines contradict each other"


def find_uses(rules: RuleFile, exposed: Exposition, declared: Declared = Declared()) -> list[MetricUse]:
    """Return every metric that each alert names, each once an alert; alerts that cannot be parsed are left out."""
    uses = {
        (alert.name, selector): use_of(alert.name, selector, exposed, declared)
        for alert in rules.alerts
        if alert.name not in rules.unparsed
        for selector in walk_metrics(alert.expression, rules.recorded)
    }
    return [*uses.values(), *find_group_uses(rules, exposed, declared)]


def find_group_uses(rules: RuleFile, exposed: Exposition, declared: Declared) -> Iterator[MetricUse]:
    """Yield each label by which an alert groups or matches, and that no series of its metrics has."""

    def labels_of(metric: str) -> frozenset[str] | None:
        known = None if metric in rules.recorded or OWN_METRICS.match(metric) else exposed.get(metric)
        return None if known is None else frozenset({*known, *ADDED_LABELS, *declared.values, "__name__"})

    for alert in rules.alerts:
        for expression in behind(alert.expression, rules.recorded) if alert.name not in rules.unparsed else ():
            for label, metric in find_lost_groups(expression, labels_of):
                yield MetricUse(alert=alert.name, metric=metric, problem=f"{metric} has no label {label}, by which it is grouped")


def behind(expression: str, recorded: Mapping[str, str]) -> list[str]:
    """Return an expression and those of the recording rules behind it, each once. Raises PromqlError."""
    found, waiting = list[str](), [expression]
    while waiting:
        one = waiting.pop()
        if one not in found:
            found.append(one)
            waiting += [recorded[selector.metric] for selector in find_selectors(one) if selector.metric in recorded]
    return found


def use_of(alert: str, selector: Selector, exposed: Exposition, declared: Declared) -> MetricUse:
    """Return one metric of an alert, compared with what the app exposes."""
    metric = selector.metric
    if MADE_OF_ALERTS.match(metric):
        return MetricUse(alert=alert, metric=metric, problem="", is_own=True)
    if OWN_METRICS.match(metric):
        return MetricUse(alert=alert, metric=metric, problem="", is_own=True, unknown=find_unknown(selector, None, declared))
    if metric not in exposed and any(fnmatchcase(metric, pattern) for pattern in declared.elsewhere):
        return MetricUse(alert=alert, metric=metric, problem="", is_elsewhere=True)
    problem = find_problem(selector, exposed, declared)
    unknown = "" if problem else find_unknown(selector, exposed[metric], declared)
    return MetricUse(alert=alert, metric=metric, problem=problem, unknown=unknown)


def walk_metrics(expression: str, recorded: Mapping[str, str], behind: frozenset[str] = frozenset()) -> Iterator[Selector]:
    """Yield the metrics of an expression with the labels it asks for; of a recorded one those behind it.

    Raises PromqlError when an expression cannot be parsed.
    """
    for selector in find_selectors(expression):
        if selector.metric in recorded and selector.metric not in behind:
            yield from walk_metrics(recorded[selector.metric], recorded, behind | {selector.metric})
        else:
            yield selector


def find_unknown(selector: Selector, labels: Labels | None, declared: Declared) -> str:
    """Return what nobody can know of the labels that a selector asks for, '' for nothing. labels: of the metric's samples."""
    for one in selector.matches:
        seen = {*(labels or {}).get(one.label, ()), *declared.values.get(one.label, ())}
        if labels is None and one.label in SHAPE_LABELS:
            continue
        if one.is_not and one.takes("") and one.label not in {*(labels or {}), *declared.values}:
            continue  # takes a series without that label
        if not one.can_be_tried:
            return f"{one} cannot be tried here"
        if any(one.takes(value) for value in seen):
            continue
        if one.label in ADDED_LABELS or labels is not None or seen:
            among = f"; known: {name_some(sorted(seen))}" if seen else ""
            return f"nothing shows a series of {selector.metric} with {one}{among}"
        return f"no sample of {selector.metric} shows whether it has the label {one.label}"
    return ""


def find_problem(selector: Selector, exposed: Exposition, declared: Declared) -> str:
    """Return why no series of the app can match, or ''."""
    metric = selector.metric
    if metric not in exposed:
        near = get_close_matches(metric, exposed, n=1) if len(exposed) <= MOST_NEAR else []
        return f"the app exposes no {metric}" + (f"; the nearest is {near[0]}" if near else "")
    known = exposed[metric]
    if known is None:
        return ""
    strange = [label for label in selector.labels if label not in known and label not in {*ADDED_LABELS, *declared.values}]
    if strange:
        return f"{metric} has no label {', '.join(strange)}"
    # A sample of one bucket comes with those of all others.
    bounds = [one for one in selector.matches if one.label in SHAPE_LABELS and one.label in known and one.can_be_tried]
    without = next((one for one in bounds if not any(one.takes(value) for value in known[one.label])), None)
    return f"{metric} has no {without}, only {name_some(sorted(known[without.label]))}" if without else ""
