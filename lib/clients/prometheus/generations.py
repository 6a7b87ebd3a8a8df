"""Which Prometheus rules and their tests are written for, and whether this promtool is of it.

promtool refuses what is newer than itself in the same words as a mistake, so the two are told apart here.
Source: Prometheus's CHANGELOG.md, to 3.14; https://thanos.io/tip/components/rule.md/,
https://docs.victoriametrics.com/vmalert/, https://grafana.com/docs/mimir/latest/ for what other rulers add.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

Version = tuple[int, int]
"""Major and minor."""
LONGEST = 20_000
"""Characters of one expression that are looked at."""
FLAG = "promql-experimental-functions"
NOT_ENABLED = re.compile(r'function "?(\w{1,60})"? is not enabled|experimental (duration expression)|(\w{1,60}) is experimental')
"""What promtool says of a function that Prometheus has only behind a feature flag."""

OF_A_GROUP: dict[str, Version] = {"limit": (2, 31), "query_offset": (2, 53), "labels": (3, 0)}
OF_A_RULE: dict[str, Version] = {"keep_firing_for": (2, 42)}
OF_A_TEST_FILE: dict[str, Version] = {"fuzzy_compare": (3, 5)}
OF_A_TEST: dict[str, Version] = {"start_timestamp": (3, 9)}
FUNCTIONS: dict[str, Version] = {
    **dict.fromkeys(("histogram_count", "histogram_sum", "histogram_fraction"), (2, 40)),
    **dict.fromkeys(("histogram_stddev", "histogram_stdvar"), (2, 47)),
    **dict.fromkeys(("sort_by_label", "sort_by_label_desc", "mad_over_time"), (2, 49)),
    "histogram_avg": (2, 51),
    **dict.fromkeys(("limitk", "limit_ratio"), (2, 54)),
    "info": (2, 55),
    "double_exponential_smoothing": (3, 0),
    **dict.fromkeys(("ts_of_max_over_time", "ts_of_min_over_time", "ts_of_last_over_time"), (3, 5)),
    **dict.fromkeys(("first_over_time", "ts_of_first_over_time"), (3, 7)),
    **dict.fromkeys(("fill", "fill_left", "fill_right"), (3, 10)),
    "histogram_quantiles": (3, 11),
    **dict.fromkeys(("min_of", "max_of"), (3, 13)),
    "start_timestamp": (3, 14),
}
"""Function, aggregation or modifier -> the first Prometheus that has it."""
GONE: dict[str, Version] = {"holt_winters": (3, 0)}
"""Function -> the first Prometheus that has it no more."""
TEXT = re.compile(r'"(?:[^"\\]|\\.)*"|\'(?:[^\'\\]|\\.)*\'|`[^`]*`|#[^\n]*')
SYNTAX: tuple[tuple[str, Version, re.Pattern[str]], ...] = (
    ("a metric or label name in quotes", (3, 0), re.compile(r"\{(?:[^{}]*,)?\s*\"\"\s*(?:[,}]|=|!)")),
    ("a duration as a number", (2, 54), re.compile(r"(?<!offset)\s[-+*/%<>=]+\s*\d+(?:ms|[smhdwy])\b")),
    ("a number with underscores", (2, 54), re.compile(r"(?<![\w.])\d+_\d")),
    ("a duration that is computed", (3, 4), re.compile(r"\[[^\]]*[*/%+(][^\]]*\]")),
    ("smoothed or anchored", (3, 7), re.compile(r"[\])]\s*(?:anchored|smoothed)\b")),
    ("</ or >/", (3, 11), re.compile(r"</|>/")),
)
"""What an expression has, since when, and how it looks once every text in it is empty."""
OTHER_RULERS: dict[str, str] = {
    "partial_response_strategy": "Thanos",
    "source_tenants": "Mimir",
    "align_evaluation_time_on_interval": "Mimir",
    "evaluation_delay": "Mimir",
    **dict.fromkeys(
        ("type", "params", "headers", "concurrency", "eval_offset", "eval_alignment", "eval_delay", "tenant", "notifier_headers"),
        "vmalert",
    ),
    "update_entries_limit": "vmalert",
    "debug": "vmalert",
    "namespace": "Mimir",
}
"""What other programs than Prometheus take in a group or rule, and promtool refuses."""


@dataclass(frozen=True, kw_only=True)
class Need:
    """One thing that not every Prometheus has. until: the first that has it no more. ruler: the other program that has it."""

    what: str
    since: Version = (0, 0)
    until: Version | None = None
    ruler: str = ""

    def is_met_by(self, version: Version) -> bool:
        return not self.ruler and self.since <= version and (self.until is None or version < self.until)

    def __str__(self) -> str:
        if self.ruler:
            return f"{self.what} is of {self.ruler}"
        if self.until:
            return f"{self.what} is gone since Prometheus {format_version(self.until)}"
        return f"{self.what} is there since Prometheus {format_version(self.since)}"


def format_version(version: Version) -> str:
    return f"{version[0]}.{version[1]}"


def read_needs(*documents: Mapping[str, Any]) -> list[Need]:
    """Return what rules or their tests need of Prometheus that not every one has, each once; unknown shapes are passed over."""
    found = [need for document in documents for need in (*needs_of_rules(document), *needs_of_tests(document))]
    return list(dict.fromkeys(found))


def needs_of_rules(document: Mapping[str, Any]) -> Iterator[Need]:
    """Yield what a rule file needs."""
    if document.get("kind") == "PrometheusRule":
        yield Need(what="kind: PrometheusRule", ruler="the Prometheus operator")
    if "groups" in document and "namespace" in document:
        yield Need(what="namespace", ruler="Mimir")
    for group in mappings(document.get("groups")):
        yield from needs_of_keys(group, OF_A_GROUP)
        for rule in mappings(group.get("rules")):
            yield from needs_of_keys(rule, OF_A_RULE)
            if isinstance(rule.get("expr"), str):
                yield from needs_of_expression(rule["expr"])


def needs_of_tests(document: Mapping[str, Any]) -> Iterator[Need]:
    """Yield what a file of unit tests needs."""
    if "tests" not in document:
        return
    yield from needs_of_keys(document, OF_A_TEST_FILE)
    for test in mappings(document.get("tests")):
        yield from needs_of_keys(test, OF_A_TEST)
        if any("{{" in str(one.get("values")) for one in mappings(test.get("input_series"))):
            yield Need(what="a native histogram in a test", since=(2, 47))
        for one in mappings(test.get("promql_expr_test")):
            if isinstance(one.get("expr"), str):
                yield from needs_of_expression(one["expr"])


def needs_of_keys(part: Mapping[str, Any], known: Mapping[str, Version]) -> Iterator[Need]:
    """Yield what the keys of a group, rule or test need."""
    for key in part:
        if key in known:
            yield Need(what=f"`{key}`", since=known[key])
        elif key in OTHER_RULERS:
            yield Need(what=f"`{key}`", ruler=OTHER_RULERS[key])


def needs_of_expression(expression: str) -> Iterator[Need]:
    """Yield what an expression needs; what is in texts and comments does not count."""
    bare = TEXT.sub(lambda text: "" if text[0].startswith("#") else '""', expression[:LONGEST])
    for name in dict.fromkeys(re.findall(r"\b([a-z_]{1,60})\s*(?:by\s*\([^()]*\)\s*)?\(", bare)):
        if name in FUNCTIONS:
            yield Need(what=f"{name}()", since=FUNCTIONS[name])
        if name in GONE:
            yield Need(what=f"{name}()", until=GONE[name])
    for what, since, looks in SYNTAX:
        if looks.search(bare):
            yield Need(what=what, since=since)


def find_unmet(version: Version | None, *documents: Mapping[str, Any]) -> list[Need]:
    """Return what rules or their tests need and this Prometheus has not; of an unknown version what no promtool takes."""
    return [need for need in read_needs(*documents) if not need.is_met_by(version or (99, 0))]


def mappings(value: object) -> list[Mapping[str, Any]]:
    """Return the mappings of a list; none of anything else."""
    return [one for one in value if isinstance(one, dict)] if isinstance(value, list) else []
