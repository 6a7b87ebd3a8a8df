"""The figure of alerts along their unit tests: how near each comes to its threshold, and when the alert fires."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import pairwise
from typing import Any, TypeGuard

from matplotlib.axes import Axes
from matplotlib.figure import Figure as Canvas
from matplotlib.patches import PathPatch
from matplotlib.path import Path
from matplotlib.ticker import MaxNLocator

from lib.clients.prometheus.rule_file import RuleFile
from lib.core.offered import offer_figures
from lib.core.wording import format_count, format_duration, join_words
from lib.display.drawing import Key, KeyEntry, axes_at, fit, limit_entry, short_count, text_at, text_width_in
from lib.display.figure import (
    AMBER,
    BLUES,
    INK,
    LIMIT,
    LIMIT_LINE,
    NARROW_IN,
    PAPER,
    ROSE,
    SMALL_PT,
    SOFT,
    TEXT_PT,
    Figure,
    finish,
    new_canvas,
    nothing_drawn,
)
from lib.tasks.alerts.mutations import Curve

STATES = {"pending": (AMBER, "", "pending"), "firing": (ROSE, "//", "firing")}
"""State -> fill of its stretch, and the word for it, which is written into it, too."""
WIDTH_IN, LEFT_IN, GAP_IN, SIDE_IN = 5.6, 0.55, 0.25, 0.14
"""The width, the space beside the axes and between the two sides: the test that fires is seen first on a telephone."""
PANEL_IN = (WIDTH_IN - LEFT_IN - GAP_IN - SIDE_IN) / 2
ROW_IN = 2.3
"""Height of one alert."""
TINY = 1e-9
"""A value below this is drawn as 0: the rounding of a difference."""
MOST_DRAWN, BUCKETS = 10, 40
"""Alerts in one figure, a page of it; and parts of a curve with many turns, each drawn by its lowest and highest point."""


def alert_curves(
    curves: Iterable[Curve] | None,
    limits: Mapping[str, float],
    boundaries: Iterable[Mapping[str, Any]] | None = None,
    rules: RuleFile | None = None,
) -> Figure:
    """Draw each alert along its firing test, left, and its quiet test, right, with the moment nearest to its threshold.

    limits: alert -> its declared threshold. boundaries: the rows of the look at thresholds, which say up to what each
    alert stays quiet and from what it fires. rules: for each alert's `for`.
    Of many alerts those are drawn first that do not do what their test is for.
    """
    every = list(curves or ())
    if not every:
        return nothing_drawn("no alert has a unit test")
    named = list(dict.fromkeys(curve.alert for curve in every))
    alerts = choose_alerts(every, named)
    rows = {str(row.get("alert")): row for row in boundaries or ()}
    holds = {rule.name: rule.hold_s for rule in rules.alerts} if rules else {}
    key = Key(key_entries(every), NARROW_IN)
    height = ROW_IN * len(alerts) + key.height_in + 0.1
    with new_canvas(WIDTH_IN, height) as canvas:
        for place, alert in enumerate(alerts):
            own = [curve for curve in every if curve.alert == alert]
            words = describe_boundary(limits.get(alert), holds.get(alert), rows.get(alert))
            draw_alert(canvas, own, limits.get(alert), words, top=ROW_IN * place)
        key.draw(canvas)
        some = f"{len(alerts)} of " if len(named) > len(alerts) else ""
        caption = (
            f"{some}{format_count(len(named), 'alert')} along {format_count(len(every), 'unit test')}, computed by promtool: "
            "the left side of each expression, the threshold to scale, each test's worst value and how far that is from it, and "
            "shaded where the alert is pending or firing."
        )
        return finish(canvas, alt=format_curves(every, limits, rows), caption=caption)


def choose_alerts(curves: Sequence[Curve], named: Sequence[str]) -> list[str]:
    """Return the alerts that are drawn, in order: those that fire in a quiet test, or not in a firing one, before the others."""
    odd = {curve.alert for curve in curves if (curve.first("firing") is not None) != (curve.expected == "firing")}
    kept = set(sorted(named, key=lambda alert: alert not in odd)[:MOST_DRAWN])
    return [alert for alert in named if alert in kept]


def key_entries(curves: Sequence[Curve]) -> list[KeyEntry]:
    """Return the entries of the key, of what occurs."""
    seen = {state for curve in curves for state, _, _ in stretches(curve)}
    return [
        KeyEntry(word="value of the expression", line="-", colour=BLUES[1]),
        KeyEntry(word="its worst value", marker="D", colour=INK),
        *[KeyEntry(word=word, fill=fill, hatch=hatch) for state, (fill, hatch, word) in STATES.items() if state in seen],
        limit_entry("threshold"),
    ]


def describe_boundary(limit: float | None, hold_s: float | None, row: Mapping[str, Any] | None) -> str:
    """Return the line above an alert's two sides: its threshold, its `for`, and where it was found to begin."""
    said = [f"threshold {limit:g}"] if limit is not None else ["no declared threshold"]
    if hold_s is not None:
        said.append(f"for {format_duration(hold_s)}")
    if row and row.get("fires from") is not None:
        said.append(f"found: quiet up to {row['quiet up to']}, fires from {row['fires from']}")
    return "; ".join(said)


def draw_alert(canvas: Canvas, own: Sequence[Curve], limit: float | None, words: str, *, top: float) -> None:
    """Draw one alert: its name, its boundary, and its two sides on one scale."""
    height = canvas.get_size_inches()[1]
    whole = WIDTH_IN - 0.12
    text_at(canvas, 0.06, height - top - 0.06, fit(own[0].alert, whole, bold=True), va="top", fontweight="bold", fontsize=TEXT_PT)
    said = fit(words, whole, SMALL_PT)
    text_at(canvas, 0.06, height - top - 0.26, said, va="top", color=LIMIT, fontsize=SMALL_PT)
    ends = highest([value for curve in own for _, value, _ in curve.points if is_drawn(value)], limit)
    is_low_bad = fires_below(own, limit)
    for column, expected in enumerate(("firing", "quiet")):
        curve = next((one for one in own if one.expected == expected), None)
        left = LEFT_IN + (PANEL_IN + GAP_IN) * column
        box: dict[str, float] = {"left": left, "right": WIDTH_IN - left - PANEL_IN}
        if curve is None:
            text_at(canvas, left, height - top - 1.2, f"no {expected} test", color=SOFT)
            continue
        axes = axes_at(canvas, top=top + 0.72, bottom=height - top - ROW_IN + 0.55, **box)
        axes.set_ylim(*ends)
        decisive = decisive_point(curve, limit, is_low_bad=is_low_bad)
        draw_curve(axes, curve, limit, decisive)
        axes.tick_params(axis="y", length=0, labelleft=column == 0 or len(own) == 1)
        title = fit(f"{expected} test{distance_words(decisive, limit)}", PANEL_IN + 0.1, SMALL_PT)
        text_at(canvas, left, height - top - 0.5, title, va="top", fontsize=SMALL_PT)


def is_drawn(value: float | None) -> TypeGuard[float]:
    """Return whether a value has a place on an axis: a division by zero has none."""
    return value is not None and math.isfinite(value)


def highest(values: Sequence[float], limit: float | None) -> tuple[float, float]:
    """Return the ends of the value axis: from 0, or below the lowest, to above everything drawn."""
    every = [*values, *([limit] if limit is not None else [])] or [1.0]
    low, high = (0.0 if abs(end) < TINY else end for end in (min(0.0, *every), max(0.0, *every)))
    return low * 1.15, (high or (0.0 if low else 1.0)) * 1.15


def fires_below(own: Sequence[Curve], limit: float | None) -> bool:
    """Return whether an alert fires below its threshold, by the values at which it begins to be pending or to fire."""
    begins = [(curve, begin) for curve in own for state, begin, _ in stretches(curve) if state in STATES]
    seen = [
        value for curve, begin in begins for at_s, value, _ in curve.points if abs(at_s - begin * 60) < 0.5 and is_drawn(value)
    ]
    return limit is not None and bool(seen) and sum(seen) / len(seen) < limit


def decisive_point(curve: Curve, limit: float | None, *, is_low_bad: bool) -> tuple[float, float] | None:
    """Return the moment, in minutes, and the value at which a test goes farthest towards firing; None without values."""
    known = [(at_s / 60, value) for at_s, value, _ in curve.points if is_drawn(value)]
    if not known:
        return None
    return (min if is_low_bad else max)(known, key=lambda point: point[1])


def distance_words(point: tuple[float, float] | None, limit: float | None) -> str:
    """Return how far a value lies from a threshold: ": 5.25, 5 % above"."""
    if point is None:
        return ": no value"
    value = point[1]
    if limit is None:
        return f": {value:.4g}"
    if value == limit:
        return f": {value:.4g}, at the threshold"
    side = "above" if value > limit else "below"
    share = abs(value - limit) / abs(limit) if limit else math.inf
    return f": {value:.4g}, {share:.1%} {side}" if share < 10 else f": {value:.4g}, far {side}"


def draw_curve(axes: Axes, curve: Curve, limit: float | None, decisive: tuple[float, float] | None) -> None:
    """Draw one alert along one test, with its decisive moment and that one's distance from the threshold."""
    points = reduce_line([(at_s / 60, value if is_drawn(value) else math.nan) for at_s, value, _ in curve.points])
    axes.plot([x for x, _ in points], [y for _, y in points], color=BLUES[1], linewidth=1.6)
    begin, end = curve.points[0][0] / 60, max(curve.points[-1][0] / 60, curve.points[0][0] / 60 + 1)
    axes.set(xlim=(begin, end), xlabel="minutes since the first sample")
    shade_states(axes, list(stretches(curve)), end - begin)
    if limit is not None:
        axes.axhline(limit, **LIMIT_LINE)
    if decisive is not None:
        if limit is not None:
            axes.plot([decisive[0]] * 2, [limit, decisive[1]], color=INK, linewidth=1.2)
        axes.plot(*decisive, marker="D", markersize=5, color=INK, markeredgecolor=PAPER, markeredgewidth=0.6, clip_on=False)
    axes.yaxis.set_major_locator(MaxNLocator(4))
    axes.yaxis.set_major_formatter(short_count)
    axes.xaxis.set_major_locator(MaxNLocator(5))
    axes.grid(axis="y")


def shade_states(axes: Axes, found: Sequence[tuple[str, float, float]], length: float) -> None:
    """Shade where an alert is pending or firing, and write the word into each stretch that has room for it."""
    across = axes.get_xaxis_transform()
    for state, (fill, hatch, word) in STATES.items():
        own = [(first, last) for one, first, last in found if one == state]
        if own:
            boxes = [Path([(x0, 0), (x1, 0), (x1, 1), (x0, 1), (x0, 0)], closed=True) for x0, x1 in own]
            look: Any = {"transform": across, "facecolor": fill, "hatch": hatch, "edgecolor": "none", "zorder": 0}
            axes.add_patch(PathPatch(Path.make_compound_path(*boxes), **look))
        for first, last in own:
            if (last - first) / length * PANEL_IN > text_width_in(word, SMALL_PT) + 0.04:
                look = {"transform": across, "ha": "center", "fontsize": SMALL_PT, "color": SOFT}
                axes.text((first + last) / 2, 0.06, word, **look)


def reduce_line(points: Sequence[tuple[float, float]]) -> list[tuple[float, float]]:
    """Return a line's points without those on a straight; of one with many turns, each part's lowest and highest."""
    kept = without_straight(points)
    if len(kept) <= 2 * BUCKETS:
        return kept
    size = -(-len(kept) // BUCKETS)
    reduced: list[tuple[float, float]] = []
    for start in range(0, len(kept), size):
        part = kept[start : start + size]
        known = [point for point in part if not math.isnan(point[1])]
        chosen = {min(known, key=lambda one: one[1]), max(known, key=lambda one: one[1])} if known else {part[0]}
        reduced += sorted(chosen)
    return reduced


def without_straight(points: Sequence[tuple[float, float]]) -> list[tuple[float, float]]:
    """Return a line's points without those that lie on the straight line between their neighbours."""
    kept = list(points[:1])
    for here, after in pairwise(points[1:]):
        (x0, y0), (x1, y1), (x2, y2) = kept[-1], here, after
        turned = (x1 - x0) * (y2 - y1) - (x2 - x1) * (y1 - y0)
        if not abs(turned) <= 1e-9 * (abs(y1) + 1):  # a gap is kept: it compares with nothing
            kept.append(here)
    return kept + list(points[max(len(points) - 1, 1) :])


def stretches(curve: Curve) -> Iterator[tuple[str, float, float]]:
    """Yield each stretch in which the alert is pending or firing: state, first and last minute."""
    begin = 0
    for place in range(1, len(curve.points) + 1):
        ended = place == len(curve.points) or curve.points[place][2] != curve.points[begin][2]
        if ended:
            state = curve.points[begin][2]
            if state in STATES:
                yield state, curve.points[begin][0] / 60, curve.points[min(place, len(curve.points) - 1)][0] / 60
            begin = place


def format_curves(curves: Sequence[Curve], limits: Mapping[str, float], rows: Mapping[str, Mapping[str, Any]]) -> str:
    """Return what the figure shows, in words."""
    said = []
    for curve in curves:
        own = [one for one in curves if one.alert == curve.alert]
        limit = limits.get(curve.alert)
        is_low_bad = fires_below(own, limit)
        decisive = decisive_point(curve, limit, is_low_bad=is_low_bad)
        threshold = f", threshold {limit:g}" if limit is not None else ""
        times = [f"from minute {begin:g} to {end:g}" for state, begin, end in stretches(curve) if state == "firing"]
        fires = f"fires {join_words(times)}" if times else "never fires"
        value = f"{decisive[1]:.3g}" if decisive else "unknown"
        word = "lowest" if is_low_bad else "highest"
        said.append(f"{curve.alert} in '{curve.test}': {word} value {value}{threshold}; {fires}")
    found = [
        f"{alert} was found to stay quiet up to {row['quiet up to']} and to fire from {row['fires from']}"
        for alert, row in rows.items()
        if row.get("fires from") is not None
    ]
    return ". ".join([*said, *found]) + "."


offer_figures(__name__)
