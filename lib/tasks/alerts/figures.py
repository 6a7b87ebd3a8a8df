"""The figure of alerts along their unit tests: what each expression comes to, and when the alert fires."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from lib.core.offered import offer_figures
from lib.core.wording import format_count, join_words
from lib.display.figure import EDGE, LIMIT, SOFT, Figure, axes_box, finish, label, new_canvas, nothing_drawn
from lib.tasks.alerts.mutations import Curve

LINE = "#1d4e89"
STATES = {"pending": ("#f7e3b5", "pending"), "firing": ("#f3c4c0", "firing")}
"""State -> fill of its stretch and the word written into it, so that no meaning depends on the fill alone."""
HEIGHT_IN = 1.75
"""Of one row: one alert."""


def alert_curves(curves: Iterable[Curve] | None, limits: Mapping[str, float]) -> Figure:
    """Draw each alert along its firing test, left, and its quiet test, right: value, threshold, and when it fires.

    limits: alert -> its declared threshold.
    """
    drawn = list(curves or ())
    if not drawn:
        return nothing_drawn("no alert has a unit test")
    alerts = list(dict.fromkeys(curve.alert for curve in drawn))
    height = HEIGHT_IN * len(alerts) + 0.15
    with new_canvas(7.4, height) as canvas:
        for row, alert in enumerate(alerts):
            own = [curve for curve in drawn if curve.alert == alert]
            top = highest([value for curve in own for _, value, _ in curve.points if value is not None], limits.get(alert))
            for column, expected in enumerate(("firing", "quiet")):
                curve = next((one for one in own if one.expected == expected), None)
                if curve is None:
                    continue
                box = axes_box(
                    canvas,
                    left=0.55 + 3.7 * column,
                    right=3.85 - 3.7 * column,
                    top=0.35 + HEIGHT_IN * row,
                    bottom=0.5 + HEIGHT_IN * (len(alerts) - 1 - row),
                )
                axes = canvas.add_axes(box)
                draw_curve(axes, curve, limits.get(alert))
                axes.set_ylim(*top)
                axes.set_title(f"{label(alert, limit=26)}, {expected} test", loc="left", fontsize=8.5)
        caption = (
            f"{format_count(len(alerts), 'alert')} along {format_count(len(drawn), 'unit test')}, computed by promtool: the left "
            "side of each expression, its declared threshold as a dashed line, and shaded where the alert is pending or firing."
        )
        return finish(canvas, alt=format_curves(drawn, limits), caption=caption)


def highest(values: Sequence[float], limit: float | None) -> tuple[float, float]:
    """Return the ends of the value axis: from 0, or below the lowest, to above everything drawn."""
    every = [*values, *([limit] if limit is not None else [])] or [1.0]
    low, high = min(0.0, *every), max(0.0, *every)
    return low * 1.1, (high or 1.0) * 1.3


def draw_curve(axes: Axes, curve: Curve, limit: float | None) -> None:
    """Draw one alert along one test."""
    minutes = [at_s / 60 for at_s, _, _ in curve.points]
    axes.plot(minutes, [float("nan") if value is None else value for _, value, _ in curve.points], color=LINE, linewidth=1.6)
    for state, begin, end in stretches(curve):
        fill, word = STATES[state]
        axes.axvspan(begin, end, facecolor=fill, edgecolor="none", zorder=0)
        if end - begin > (minutes[-1] - minutes[0]) / 9:
            axes.text((begin + end) / 2, 0.06, word, transform=axes.get_xaxis_transform(), ha="center", fontsize=8, color=SOFT)
    if limit is not None:
        axes.axhline(limit, color=LIMIT, linewidth=1.4, linestyle=(0, (5, 2)))
        axes.annotate(
            f"threshold {limit:g}", (1, limit), xycoords=axes.get_yaxis_transform(), xytext=(-2, 3), textcoords="offset points",
            ha="right", color=LIMIT, fontsize=8,
        )  # fmt: skip
    axes.set(xlim=(minutes[0], minutes[-1]), xlabel="minutes since the first sample")
    axes.xaxis.label.set_fontsize(8)
    axes.tick_params(labelsize=8)
    axes.yaxis.set_major_locator(MaxNLocator(4))
    axes.grid(axis="y", color=EDGE, linewidth=0.6)
    axes.set_axisbelow(True)


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


def format_curves(curves: Sequence[Curve], limits: Mapping[str, float]) -> str:
    """Return what the figure shows, in words."""
    said = []
    for curve in curves:
        values = [value for _, value, _ in curve.points if value is not None]
        threshold = f", threshold {limits[curve.alert]:g}" if curve.alert in limits else ""
        times = [f"from minute {begin:g} to {end:g}" for state, begin, end in stretches(curve) if state == "firing"]
        fires = f"fires {join_words(times)}" if times else "never fires"
        highest_value = f"{max(values):.3g}" if values else "unknown"
        said.append(f"{curve.alert} in '{curve.test}': highest value {highest_value}{threshold}; {fires}")
    return ". ".join(said) + "."


offer_figures(__name__)
