"""What rules need of Prometheus is told from the rules, and never from words in a text or a comment."""

from __future__ import annotations

import pytest
import yaml

from lib.clients.prometheus.generations import find_unmet, read_needs

OLD, NEW = (2, 42), (3, 14)


def rules(expression: str = "up == 0", *, group: str = "", rule: str = "") -> dict[str, object]:
    """Return a rule file with one alert; group and rule: more of their keys, as YAML mappings."""
    alert = {"alert": "A", "expr": expression} | yaml.safe_load(rule or "{}")
    return {"groups": [{"name": "g", "rules": [alert]} | yaml.safe_load(group or "{}")]}


NEWER = {
    "query offset": rules(group="{query_offset: 1m}"),
    "labels of a group": rules(group="{labels: {team: a}}"),
    "a name in quotes": rules('{"my.metric"} > 1'),
    "a label name in quotes": rules('up{job="a","my.label"="b"} > 1'),
    "a quoted name after a label": rules('{job="a", "my.metric"} > 1'),
    "a function": rules("ts_of_last_over_time(up[5m]) > 0"),
    "an aggregation": rules("limitk by (job) (2, up) > 0"),
    "a duration as a number": rules("time() - up > 10m"),
    "underscores": rules("up > 1_000"),
    "a computed duration": rules("rate(a[5m * 2]) > 0"),
    "an anchored range": rules("rate(a[5m] anchored) > 0"),
    "trimmed histogram": rules("histogram_count(a </ 3) > 0"),
    "a fill": rules("a == on () fill (0) b"),
    "a histogram in a test": {"tests": [{"input_series": [{"series": "a", "values": "{{sum:1}}x3"}]}]},
    "start of a test": {"tests": [{"start_timestamp": 1}]},
    "fuzzy comparing": {"tests": [], "fuzzy_compare": True},
}


@pytest.mark.parametrize("what", NEWER)
def test_what_is_newer_than_promtool_is_named(what: str) -> None:
    assert len(find_unmet(OLD, NEWER[what])) >= 1
    assert find_unmet(NEW, NEWER[what]) == []


@pytest.mark.parametrize(
    "document",
    [
        rules(),
        rules("rate(a[5m] offset 10m) > 0"),
        rules("rate(a[5m] offset -10m) > 0.5"),
        rules("max_over_time((a + b)[1h:5m]) > 1e3"),
        rules("a{query_offset='labels'} > 1"),
        rules('a{x="info(b) > 10m"} > 1 # limitk(2, up) > 10m'),
        rules("my_info > 0 and rate_10m > 10", rule="{for: 5m, keep_firing_for: 10m, labels: {limit: a}}"),
        rules(group="{limit: 3, interval: 1m}"),
        {"groups": None, "tests": None},
        {"groups": [3, {"rules": [None, {"expr": 3}]}], "tests": [{"input_series": 3, "promql_expr_test": [{"expr": None}]}]},
    ],
)
def test_what_every_promtool_takes_is_no_need(document: dict[str, object]) -> None:
    assert find_unmet(OLD, document) == []


def test_what_is_gone_is_named_for_a_newer_promtool_only() -> None:
    document = rules("holt_winters(a[5m], 0.1, 0.1) > 1")
    assert find_unmet(OLD, document) == []
    assert [str(need) for need in find_unmet(NEW, document)] == ["holt_winters() is gone since Prometheus 3.0"]


@pytest.mark.parametrize(
    ("document", "said"),
    [
        (rules(group="{partial_response_strategy: warn}"), "`partial_response_strategy` is of Thanos"),
        (rules(group="{source_tenants: [a]}"), "`source_tenants` is of Mimir"),
        (rules(rule="{update_entries_limit: 3}"), "`update_entries_limit` is of vmalert"),
        ({"namespace": "a", "groups": []}, "namespace is of Mimir"),
        ({"kind": "PrometheusRule", "spec": {"groups": []}}, "kind: PrometheusRule is of the Prometheus operator"),
    ],
)
def test_rules_of_another_program_are_named(document: dict[str, object], said: str) -> None:
    assert [str(need) for need in find_unmet(NEW, document)] == [said]


def test_each_need_is_said_once() -> None:
    document = rules("info(a) > 0 and info(b) > 0")
    assert [str(need) for need in read_needs(document, document)] == ["info() is there since Prometheus 2.55"]
