"""Figures of services' times: one run's samples against the limit, and how it went in the last runs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, TypedDict

from matplotlib.axes import Axes

from lib.core.offered import offer_figures
from lib.core.results import Json, Outcome
from lib.core.wording import format_count, join_words
from lib.display.drawing import (
    Key,
    KeyEntry,
    axes_at,
    draw_limit,
    exact_ms,
    fit,
    lanes,
    limit_entry,
    log_axis,
    ms_ends,
    ms_words,
    row_words,
    text_at,
    text_width_in,
    thin,
)
from lib.display.figure import (
    EDGE,
    INK,
    LIMIT,
    LIMIT_LINE,
    NARROW_IN,
    SERIES,
    SMALL_PT,
    SOFT,
    Figure,
    finish,
    new_canvas,
    nothing_drawn,
)
from lib.tasks.health.timing import FEWEST_SAMPLES, percentile


class Sample(TypedDict):
    """One timed question; ms to the last byte; good: a whole 2xx answer came."""

    service: str
    endpoint: str
    ms: float
    good: bool


class TrendPoint(TypedDict):
    """What one run observed for one check; observed: a number, or anything else when there was none."""

    run_id: str
    started_at: datetime
    check: str
    result: str
    observed: Json


MOST_DOTS = 120
"""Dots of one endpoint; of more samples the slowest and an even part of the others are drawn."""
ROW_IN, SIDE_IN = 0.37, 0.12
"""Height of a row: its words, and what is drawn below them; and the space beside it."""


def sample_times(samples: Iterable[Sample], limit_ms: float) -> Figure:
    """Draw every sample as a dot, a row an endpoint, below each service's 95th percentile, with its limit in ms to scale."""
    taken = list(samples)
    if not taken:
        return nothing_drawn("no sample was taken")
    rows = list(dict.fromkeys((one["service"], one["endpoint"]) for one in taken))
    services = list(dict.fromkeys(service for service, _ in rows))
    lines = [line for service in services for line in [(service, ""), *(row for row in rows if row[0] == service)]]
    key = Key(sample_key(taken, limit_ms), NARROW_IN - SIDE_IN)
    with new_canvas(NARROW_IN, 0.9 + ROW_IN * len(lines) + key.height_in) as canvas:
        axes = axes_at(canvas, left=SIDE_IN, right=SIDE_IN, top=0.3, bottom=0.56 + key.height_in)
        log_axis(canvas, axes, "x", ms_ends([*(one["ms"] for one in taken), limit_ms]), most=4)
        lanes(axes, len(lines))
        for place, (service, endpoint) in enumerate(lines):
            own = [one for one in taken if one["service"] == service and endpoint in ("", one["endpoint"])]
            if endpoint:
                draw_row(axes, place, endpoint, own, SERIES[services.index(service) % len(SERIES)][0])
            else:
                draw_p95(axes, place, service, own)
        draw_limit(canvas, axes, max(limit_ms, axes.get_xlim()[0]), f"p95 at most {exact_ms(limit_ms)}")
        axes.set_xlabel("to the last byte of the answer, logarithmic")
        axes.grid(axis="x")
        key.draw(canvas)
        return finish(canvas, alt=format_samples(taken, rows, limit_ms), caption=sample_caption(taken, services, limit_ms))


def sample_key(taken: Sequence[Sample], limit_ms: float) -> list[KeyEntry]:
    """Return the entries of the key, of what occurs."""
    entries = [
        KeyEntry(word="an answer", marker="o", colour=SERIES[0][0]),
        KeyEntry(word="not a good one", marker="x", colour=LIMIT),
        KeyEntry(word="95th percentile", marker="D", colour=INK),
        limit_entry(f"its limit, {exact_ms(limit_ms)}"),
    ]
    bad = any(not one["good"] for one in taken)
    return [one for one in entries if one.marker != "x" or bad]


def draw_p95(axes: Axes, place: int, service: str, own: Sequence[Sample]) -> None:
    """Name one service, and mark the 95th percentile of its good answers when there are enough of them."""
    good = [one["ms"] for one in own if one["good"]]
    words = f"p95 {ms_words(percentile(good, 95))}" if len(good) >= FEWEST_SAMPLES else f"{len(good)} good, too few for a p95"
    name = fit(service, NARROW_IN - 0.35 - text_width_in(words, bold=True), bold=True)
    row_words(axes, 0, place + 0.3, f"{name}: {words}", fontweight="bold")
    if len(good) >= FEWEST_SAMPLES:
        where = max(percentile(good, 95), axes.get_xlim()[0])
        axes.scatter([where], [place + 0.78], marker="D", s=34, color=INK, zorder=4)
        axes.axhline(place + 0.78, color=EDGE, linewidth=0.8, zorder=0)


def draw_row(axes: Axes, place: int, endpoint: str, own: Sequence[Sample], colour: str) -> None:
    """Draw one endpoint's samples below its name; a bad answer is a cross."""
    name = fit(endpoint, NARROW_IN - 0.45)
    row_words(axes, 0.03, place + 0.26, name, color=SOFT)
    floor = axes.get_xlim()[0]
    for good, marker in ((True, "o"), (False, "x")):
        dots = thin([max(one["ms"], floor) for one in own if one["good"] is good], MOST_DOTS, rank=float)
        # Spread over the row by turn, so that equal times don't hide one another.
        heights = [place + 0.74 + (turn % 5 - 2) * 0.08 for turn in range(len(dots))]
        look: Any = {"s": 13, "alpha": 0.75, "linewidths": 0} if good else {"s": 30, "linewidths": 1.5, "zorder": 3}
        axes.scatter(dots, heights, marker=marker, color=colour if good else LIMIT, **look)


def format_samples(taken: Sequence[Sample], rows: Sequence[tuple[str, str]], limit_ms: float) -> str:
    over = sum(one["ms"] > limit_ms for one in taken)
    bad = sum(not one["good"] for one in taken)
    slowest = max(taken, key=lambda one: one["ms"])
    return (
        f"{format_count(len(taken), 'sample')} of {format_count(len(rows), 'endpoint')}: the slowest took {slowest['ms']:.0f} ms "
        f"({slowest['service']} {slowest['endpoint']}); {over} took longer than {limit_ms:g} ms; {bad} gave no good answer."
    )


def sample_caption(taken: Sequence[Sample], services: Sequence[str], limit_ms: float) -> str:
    return (
        f"Times of {format_count(len(taken), 'sample')} of {join_words(services)}; "
        f"the 95th percentile may be {limit_ms:g} ms. A cross is an answer that was not good."
    )


def latency_trend(points: Iterable[TrendPoint], limit_ms: float, names: Mapping[str, str]) -> Figure:
    """Draw the 95th percentile of each service over the last runs, oldest first, with the limit in ms to scale.

    names: check id -> the service's name.
    """
    known = [one for one in points if is_number(one["observed"])]
    runs = list(dict.fromkeys(one["run_id"] for one in sorted(known, key=lambda one: one["started_at"])))
    if not known:
        return nothing_drawn("no run has measured times yet")
    looks = {check: SERIES[place % len(SERIES)] for place, check in enumerate(names)}
    entries = [KeyEntry(word=names[check], colour=look[0], marker=look[1], line=look[2]) for check, look in looks.items()]
    if any(one["result"] == Outcome.FAIL for one in known):
        entries.append(KeyEntry(word="beyond the limit", colour=LIMIT, marker="x"))
    key = Key([*entries, limit_entry(f"limit {exact_ms(limit_ms)}")], NARROW_IN - SIDE_IN)
    with new_canvas(NARROW_IN, 2.5 + key.height_in) as canvas:
        axes = axes_at(canvas, left=0.6, right=SIDE_IN, top=0.34, bottom=0.5 + key.height_in)
        low, high = ms_ends([*(float(one["observed"]) for one in known), limit_ms])
        log_axis(canvas, axes, "y", (low, high))
        axes.set(xlim=(-0.5, max(len(runs), 4) - 0.5))
        for check, (colour, marker, line) in looks.items():
            own = [one for one in known if one["check"] == check]
            spots = [(runs.index(one["run_id"]), max(float(one["observed"]), low)) for one in own]
            look: Any = {"color": colour, "linestyle": line, "marker": marker, "markersize": 4.5, "linewidth": 1.4}
            axes.plot([x for x, _ in spots], [y for _, y in spots], **look)
            over = [spot for spot, one in zip(spots, own, strict=True) if one["result"] == Outcome.FAIL]
            axes.scatter([x for x, _ in over], [y for _, y in over], marker="x", s=50, zorder=3, color=LIMIT)
        axes.axhline(max(limit_ms, low), **LIMIT_LINE)
        draw_ends(axes, [next(one["started_at"] for one in known if one["run_id"] == run) for run in (runs[0], runs[-1])])
        text_at(canvas, 0.06, 2.5 + key.height_in - 0.08, "95th percentile, logarithmic", va="top", color=SOFT, fontsize=SMALL_PT)
        key.draw(canvas)
        caption = (
            f"95th percentile of the times in the last {format_count(len(runs), 'run')} that measured them (UTC), at most 30."
        )
        return finish(canvas, alt=format_trend(known, runs, names, limit_ms), caption=caption)


def draw_ends(axes: Axes, ends: Sequence[datetime]) -> None:
    """Name the oldest and the newest run below the axis, on two lines, and draw its horizontal lines."""
    look: Any = {"xycoords": "axes fraction", "textcoords": "offset points", "va": "top", "fontsize": SMALL_PT, "color": SOFT}
    axes.annotate(f"{ends[0]:%Y-%m-%d %H:%M}", (0, 0), xytext=(0, -4), ha="left", **look)
    if ends[1] != ends[0]:
        axes.annotate(f"to {ends[1]:%Y-%m-%d %H:%M}", (1, 0), xytext=(0, -17), ha="right", **look)
    axes.set_xticks([])
    axes.grid(axis="y")


def format_trend(known: Sequence[TrendPoint], runs: Sequence[str], names: Mapping[str, str], limit_ms: float) -> str:
    parts = []
    for check, name in names.items():
        values = [float(one["observed"]) for one in known if one["check"] == check]
        if values:
            over = sum(value > limit_ms for value in values)
            parts.append(
                f"{name}: from {min(values):.0f} to {max(values):.0f} ms, "
                f"the newest {values[-1]:.0f} ms, {over} beyond {limit_ms:g} ms"
            )
    return f"{format_count(len(runs), 'run')}. {'; '.join(parts)}."


def is_number(value: Json) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


offer_figures(__name__)
