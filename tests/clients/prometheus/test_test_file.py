"""Series as promtool's unit tests write them, and headings as a forge links them."""

from __future__ import annotations

import pytest

from lib.clients.prometheus.mixed_series import between, format_samples, series_key
from lib.clients.prometheus.test_file import AlertTest, expand
from lib.display.markdown import heading_anchors

NOTATIONS = {
    "1+2x3": (1, 3, 5, 7),
    "4x2": (4, 4, 4),
    "-1-0.5x1": (-1, -1.5),
    "0 _ 2 stale": (0, None, 2, None),
    "_x2 1": (None, None, 1),
    "0x10": (0,) * 11,
    "5 0x2": (5, 0, 0, 0),
    "1e-3x1": (0.001, 0.001),
    "1+1e3x2": (1, 1001, 2001),
    "-.5+.5x1 +5": (-0.5, 0, 5),
    "1_000 Inf": (1000, float("inf")),
    "{{schema:1 sum:-0.3 count:3.1 buckets:[5.1 10 7]}} 1": (None, 1),
    "{{sum:3 count:2}}+{{sum:1 count:1}}x2 {{}}": (None, None, None, None),
}


@pytest.mark.parametrize("notation", NOTATIONS)
def test_a_notation_is_read_as_its_samples(notation: str) -> None:
    assert expand(notation) == NOTATIONS[notation]


@pytest.mark.parametrize("notation", NOTATIONS)
def test_samples_are_written_so_that_they_read_the_same(notation: str) -> None:
    samples = expand(notation)
    assert expand(format_samples(samples)) == pytest.approx(samples)


def test_series_are_the_same_whatever_the_order_of_their_labels() -> None:
    assert series_key('a{x="1", y="2,3"}') == series_key('a{y="2,3",x="1"}')


def test_series_between_two_tests() -> None:
    low, high = (
        AlertTest(name="t", place=0, interval_s=60, series={"a": expand(values)}, expected={}) for values in ("0+1x4", "0+3x4")
    )
    assert between(low, high, 0.5) == {"a": (0, 2, 4, 6, 8)}


def test_tests_of_different_series_have_nothing_between_them() -> None:
    low, high = (AlertTest(name="t", place=0, interval_s=60, series={name: (1.0,)}, expected={}) for name in "ab")
    with pytest.raises(ValueError, match="a, b"):
        between(low, high, 0.5)


def test_resolving_means_quiet_after_firing() -> None:
    test = AlertTest(
        name="t", place=0, interval_s=60, series={}, expected={"A": ((0, False), (60, True)), "B": ((0, True), (60, False))}
    )
    assert (test.resolves("A"), test.resolves("B")) == (False, True)


def test_headings_are_linked_as_a_forge_does() -> None:
    markdown = "# Alerts & more\n```\n# no heading\n```\n## It's *slow*!\n## It's *slow*!\n### [Link](x.md) `code`\n"
    assert heading_anchors(markdown) == ["alerts--more", "its-slow", "its-slow-1", "link-code"]


def test_a_counter_that_is_written_again_never_seems_to_restart() -> None:
    samples = expand("0+0.15x40 6.15+0x39")
    words = format_samples(samples).split()
    promtools: list[float] = []
    for word in words:  # as promtool adds a run up
        start, _, rest = word.partition("+")
        step, _, times = rest.partition("x")
        value = float(start)
        for _ in range(int(times or 0) + 1):
            promtools.append(value)
            value += float(step or 0)
    assert promtools == sorted(promtools)
    assert promtools == pytest.approx(samples)
