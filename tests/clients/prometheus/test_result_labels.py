"""Which labels are left of an expression's series, and what an alert's words name in vain."""

from __future__ import annotations

import pytest

from lib.clients.prometheus.result_labels import find_empty_names, find_lost_groups, result_labels

ANY = None


@pytest.mark.parametrize(
    ("expression", "labels"),
    [
        ("load > 5", ANY),
        ("sum(load) > 5", set()),
        ("sum by (tile, le) (rate(load[5m])) > 5", {"tile", "le"}),
        ("5 < sum by (tile) (load)", {"tile"}),
        ("histogram_quantile(0.95, sum by (tile, le) (rate(load_bucket[5m]))) > 0.5", {"tile"}),
        ("sum without (tile) (load)", ANY),
        ("sum without (tile) (sum by (tile, path) (load))", {"path"}),
        ("sum by (tile) (sum by (path) (load))", set()),
        ("topk(3, sum by (path) (load))", {"path"}),
        ("max(load) or sum by (x) (load)", {"x"}),
        ("sum by (x) (load) and on() up", {"x"}),
        ("sum by (x, y) (a) / on (x) sum by (x) (b)", {"x"}),
        ("sum by (x, y) (a) / ignoring (y) sum by (x) (b)", {"x"}),
        ("sum by (x, y) (a) / on (x) group_left (z) sum by (x, z) (b)", {"x", "y", "z"}),
        ('label_replace(sum(a), "kind", "tile", "", "")', {"kind"}),
        ('count_values("version", build) > 1', {"version"}),
        ('absent(up{job="a"})', ANY),
        ("max_over_time(load[1h:]) > 1", ANY),
        ("time() - max(seen) > 60", set()),
        ("vector(1)", set()),
    ],
)
def test_what_is_left_of_the_labels(expression: str, labels: set[str] | None) -> None:
    assert result_labels(expression) == (labels if labels is None else frozenset(labels))


@pytest.mark.parametrize(
    ("expression", "text", "empty"),
    [
        ("sum(load) > 5", "{{ $labels.tile }} is slow: {{ $value }}", ["tile"]),
        ("sum(load) > 5", '{{ index $labels "tile" }} is slow', ["tile"]),
        ("sum by (tile) (load) > 5", "{{ $labels.tile }} is slow", []),
        ("load > 5", "{{ $labels.tile }} is slow", []),
        ("sum(load) > 5", "{{ if $labels.tile }}{{ $labels.tile }}{{ else }}all{{ end }}", []),
        ("sum(load) > 5", "labels.tile is $labels.tile", []),
        ("sum(load) > 5", "{{ $labels.alertname }}", []),
    ],
)
def test_words_that_stay_empty(expression: str, text: str, empty: list[str]) -> None:
    assert find_empty_names(expression, {"summary": text}) == empty


def test_a_label_to_group_by_that_no_series_has() -> None:
    def seen(node: object) -> frozenset[str]:
        return frozenset({"tile", "job"})

    assert find_lost_groups("sum by (tyle) (rate(load[5m])) > 1", seen) == [("tyle", "load")]
    assert find_lost_groups("sum by (tile) (sum by (job) (load))", seen) == [("tile", "load")]
    assert find_lost_groups("a / on (pod) b", seen) == [("pod", "a")]
    for fine in ("sum by (tile, job) (load)", "sum without (tyle) (load)", "a / on () b", "sum by (x) (absent(load))"):
        assert find_lost_groups(fine, seen) == []
    assert find_lost_groups("sum by (tyle) (load)", lambda node: None) == []
