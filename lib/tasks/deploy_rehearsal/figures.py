"""The figure of a rehearsed deploy: the users' requests through the phases, against those before it."""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence
from itertools import pairwise
from typing import Any, Protocol

from matplotlib.axes import Axes
from matplotlib.figure import Figure as Canvas

from lib.core.offered import offer_figures
from lib.core.wording import format_count, format_duration, join_words
from lib.display.drawing import (
    Key,
    KeyEntry,
    axes_at,
    log_axis,
    ms_ends,
    place_in,
    seconds_axis,
    text_at,
    text_width_in,
    thin,
)
from lib.display.figure import (
    BLUES,
    GREY,
    INK,
    LIMIT,
    NARROW_IN,
    PAPER,
    SERIES,
    SMALL_PT,
    SOFT,
    TEXT_PT,
    WASH,
    Figure,
    finish,
    label,
    new_canvas,
    nothing_drawn,
)
from lib.tasks.deploy_rehearsal.outages import Phase, error_ratio, find_outages, longest_gap_s, p95_ms, within
from lib.transport.traffic import Sample

WIDTH_IN, LEFT_IN, SIDE_IN = 6.2, 0.62, 0.14
"""The width, and the space beside the axes: the phases before and during the deploy are seen first on a telephone."""
WINDOW, WINDOWS = 15, 20
"""Good answers of one rolling median, at least; of many requests a twentieth part."""
GAP = 10
"""A time between two medians that is so many times the usual one is not joined by a line: nothing was answered in it."""
MOST_DOTS = 400
"""Requests drawn as dots; of more, the slowest and an even part of the others."""
CHANGING = frozenset({"deploy", "rollback"})
"""Phases in which the release changes: these are shaded."""
MEDIAN_LINE, P95_LINE = "-", (0, (1, 1.5))
"""How the times before the deploy are drawn."""


class Traffic(Protocol):
    """What is drawn: a rehearsal's requests and phases."""

    samples: Sequence[Sample]
    phases: list[Phase]


def requests_through_phases(traffic: Traffic | None) -> Figure:
    """Draw each request by when it was sent and how long its answer took, against the times before the deploy.

    A thick line is the rolling median of the good answers. Lost requests have a row of their own on top.
    """
    if traffic is None or not traffic.samples or not traffic.phases:
        return nothing_drawn("no request was sent")
    samples, phases = traffic.samples, traffic.phases
    good = [sample for sample in samples if sample.is_good]
    before = [sample for sample in within(samples, phases[0]) if sample.is_good]
    key = Key(key_entries(samples, before), NARROW_IN)
    whole_s = max(phases[-1].end_s, *(sample.sent_at for sample in samples), 0.001)
    named = place_names(phases, whole_s)
    names_in = 0.08 + 0.18 * (1 + max((row for _, _, row in named), default=0))
    height = 2.6 + names_in + key.height_in
    with new_canvas(WIDTH_IN, height) as canvas:
        axes = axes_at(canvas, left=LEFT_IN, right=SIDE_IN, top=names_in + 0.2, bottom=0.55 + key.height_in)
        low, high = ms_ends([sample.took_ms for sample in good])
        log_axis(canvas, axes, "y", (low, high * (high / low) ** 0.2))
        unit = seconds_axis(axes, whole_s)(1.0)
        shade_phases(canvas, axes, phases, named, unit)
        draw_answers(axes, good, unit, low)
        draw_before(axes, before, low)
        draw_lost(axes, samples, unit)
        axes.set_xlabel(f"{axes.get_xlabel()} since the first request")
        text_at(canvas, 0.06, height - 0.04, "answer after, logarithmic", va="top", color=SOFT, fontsize=SMALL_PT)
        key.draw(canvas)
        return finish(canvas, alt=format_traffic(samples, phases), caption=caption_of(samples))


def versions_of(samples: Sequence[Sample]) -> list[str]:
    """Return the versions that answered well, in the order in which they first did."""
    return list(dict.fromkeys(sample.version for sample in sorted(samples) if sample.is_good))


def key_entries(samples: Sequence[Sample], before: Sequence[Sample]) -> list[KeyEntry]:
    """Return the entries of the key, of what occurs."""
    entries = []
    for version, (colour, marker, _) in zip(versions_of(samples), SERIES, strict=False):
        named = f"answered by {label(version, limit=24)}" if version else "answered, version unknown"
        entries.append(KeyEntry(word=named, marker=marker, colour=colour))
    if len(versions_of(samples)) > len(SERIES):
        entries.append(KeyEntry(word="other versions", marker="v", colour=GREY))
    window = window_of(sum(sample.is_good for sample in samples))
    entries.append(KeyEntry(word=f"median of {window:,} answers", line="-", colour=INK))
    if before:
        entries.append(KeyEntry(word=f"before: median {median_of(before):.3g} ms", line=MEDIAN_LINE, colour=BLUES[1]))
    p95 = p95_ms(before)
    if p95 is not None:
        entries.append(KeyEntry(word=f"before: p95 {p95:.3g} ms", line=P95_LINE, colour=BLUES[1]))
    lost = sum(not sample.is_good for sample in samples)
    return [*entries, *([KeyEntry(word=f"lost ({lost:,})", marker="x", colour=LIMIT)] if lost else [])]


def median_of(good: Sequence[Sample]) -> float:
    return statistics.median(sample.took_ms for sample in good)


def draw_answers(axes: Axes, good: Sequence[Sample], unit: float, floor: float) -> None:
    """Draw the good answers as dots, a shape a version, and their rolling median."""
    versions = versions_of(good)
    for place, version in enumerate(versions):
        own = [sample for sample in good if sample.version == version]
        shown = thin(own, max(MOST_DOTS * len(own) // len(good), 8), rank=lambda one: one.took_ms)
        colour, marker = SERIES[place][:2] if place < len(SERIES) else (GREY, "v")
        look: Any = {"s": 10, "marker": marker, "color": colour, "linewidths": 0, "alpha": 0.75, "zorder": 2}
        axes.scatter([one.sent_at * unit for one in shown], [max(one.took_ms, floor) for one in shown], **look)
    times, medians = rolling_median(good)
    for colour, wide in ((PAPER, 4.2), (INK, 2.0)):
        axes.plot(
            [at * unit for at in times],
            [one if math.isnan(one) else max(one, floor) for one in medians],
            color=colour,
            linewidth=wide,
            zorder=3,
        )


def window_of(good: int) -> int:
    """Return of how many good answers each rolling median is. good: how many there are."""
    return max(WINDOW, good // WINDOWS)


def rolling_median(good: Sequence[Sample]) -> tuple[list[float], list[float]]:
    """Return when, in seconds, and what in ms: the median of each window of good answers, about 200; nan in a gap."""
    ordered, length = sorted(good), window_of(len(good))
    starts = range(0, max(len(ordered) - length + 1, 0), max(1, len(ordered) // 200))
    windows = [ordered[start : start + length] for start in starts]
    times, medians = [window[length // 2].sent_at for window in windows], [median_of(window) for window in windows]
    steps = [after - before for before, after in pairwise(times)]
    usual = statistics.median(steps) if steps else 0.0
    for place in reversed([place for place, step in enumerate(steps) if step > GAP * usual]):
        times.insert(place + 1, times[place])
        medians.insert(place + 1, math.nan)
    return times, medians


def draw_before(axes: Axes, before: Sequence[Sample], floor: float) -> None:
    """Draw the median and the 95th percentile of the good answers before the deploy, through all phases."""
    if before:
        axes.axhline(max(median_of(before), floor), color=BLUES[1], linewidth=1.3, linestyle=MEDIAN_LINE, zorder=2.4)
    p95 = p95_ms(before)
    if p95 is not None:
        axes.axhline(max(p95, floor), color=BLUES[1], linewidth=1.3, linestyle=P95_LINE, zorder=2.4)


def draw_lost(axes: Axes, samples: Sequence[Sample], unit: float) -> None:
    """Draw the lost requests as crosses in a row on top, and each stretch without an answer as a bar below them."""
    lost = thin([sample for sample in samples if not sample.is_good], MOST_DOTS // 2, rank=lambda one: 0.0)
    across = axes.get_xaxis_transform()
    look: Any = {"marker": "x", "color": LIMIT, "linewidths": 1.1, "s": 18, "transform": across, "zorder": 4}
    axes.scatter([one.sent_at * unit for one in lost], [0.95] * len(lost), **look)
    for outage in find_outages(samples)[:50]:
        ends = [outage.begin_s * unit, outage.end_s * unit]
        axes.plot(ends, [0.89] * 2, transform=across, color=LIMIT, linewidth=3, solid_capstyle="butt")


def place_names(phases: Sequence[Phase], whole_s: float) -> list[tuple[float, str, int]]:
    """Return where each phase's name stands: its middle in inches, its words, its line, 0 the lowest: none over another."""
    scale = (WIDTH_IN - LEFT_IN - SIDE_IN) / whole_s
    ends: list[float] = []
    placed = []
    for phase in phases:
        name = label(phase.name, limit=24)
        half = text_width_in(name, TEXT_PT) / 2 + 0.03
        middle = LEFT_IN + (phase.begin_s + phase.end_s) / 2 * scale
        middle = min(max(middle, half), WIDTH_IN - half)
        row = next((row for row, end in enumerate(ends) if end <= middle - half), len(ends))
        ends[row : row + 1] = [middle + half]
        placed.append((middle, name, row))
    return placed


def shade_phases(
    canvas: Canvas, axes: Axes, phases: Sequence[Phase], named: Sequence[tuple[float, str, int]], unit: float
) -> None:
    """Shade the phases in which the release changes, part all, and name each above."""
    for phase in phases:
        colour = BLUES[3] if phase.name in CHANGING else WASH
        axes.axvspan(phase.begin_s * unit, phase.end_s * unit, facecolor=colour, edgecolor="none", zorder=0)
        axes.axvline(phase.begin_s * unit, color=SOFT, linewidth=0.6, zorder=1)
    above = place_in(canvas, axes, axes.get_ylim()[1], "y") + 0.04
    for middle, name, row in named:
        text_at(canvas, middle, above + 0.18 * row, name, ha="center", va="bottom")


def caption_of(samples: Sequence[Sample]) -> str:
    seconds = max(sample.sent_at for sample in samples)
    lost = sum(not sample.is_good for sample in samples)
    good = len(samples) - lost
    some = f" Of the good answers, {MOST_DOTS} are drawn, the slowest among them." if good > MOST_DOTS else ""
    return (
        f"{format_count(len(samples), 'request')} in {format_duration(seconds)}, {lost} lost; longest without a good answer: "
        f"{format_duration(longest_gap_s(samples))}. The thin lines are the times before the deploy.{some}"
    )


def format_traffic(samples: Sequence[Sample], phases: Sequence[Phase]) -> str:
    said = []
    for phase in phases:
        own = within(samples, phase)
        lost = sum(not sample.is_good for sample in own)
        good = [sample for sample in own if sample.is_good]
        median = f", median {median_of(good):.3g} ms" if good else ""
        said.append(
            f"{phase.name} ({format_duration(phase.end_s - phase.begin_s)}): {lost} of {format_count(len(own), 'request')} "
            f"lost{median}"
        )
    return f"{join_words(said)}. {error_ratio(samples):.1%} of all requests were lost."


offer_figures(__name__)
