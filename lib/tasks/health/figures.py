"""Figures of services' times: one run's samples against the limit, and how it went in the last runs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import TypedDict

from matplotlib.axes import Axes

from lib.core.offered import offer_figures
from lib.core.results import Json, Outcome
from lib.core.wording import format_count, join_words
from lib.display.figure import EDGE, LIMIT, OUTCOME_LOOKS, Figure, finish, label, new_canvas, nothing_drawn


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


SERVICE_LOOKS = (("#1d4e89", "o", "-"), ("#a15c00", "s", "--"), ("#5b6472", "^", ":"))
"""Colour, marker and line of each service in turn: no two differ by colour alone."""


def sample_times(samples: Iterable[Sample], limit_ms: float) -> Figure:
    """Draw every sample as a dot, a row an endpoint, with the limit of the 95th percentile in ms."""
    taken = list(samples)
    if not taken:
        return nothing_drawn("no sample was taken")
    rows = list(dict.fromkeys((one["service"], one["endpoint"]) for one in taken))
    services = list(dict.fromkeys(service for service, _ in rows))
    height = 1.1 + 0.34 * len(rows)
    with new_canvas(6.6, height) as canvas:
        axes = canvas.add_axes((0.25, 0.55 / height, 0.71, 1 - 0.95 / height))
        for place, row in enumerate(rows):
            own = [one for one in taken if (one["service"], one["endpoint"]) == row]
            draw_row(axes, place, own, SERVICE_LOOKS[services.index(row[0]) % len(SERVICE_LOOKS)][0])
        slowest = max(one["ms"] for one in taken)
        # Far to the right the line would squeeze the dots to nothing: it is then named at the edge.
        end = max(slowest * 1.15, limit_ms * 1.1) if limit_ms < slowest * 4 else slowest * 1.6
        draw_limit(axes, limit_ms, end)
        axes.set(xlim=(0, end), ylim=(len(rows) - 0.5, -0.5), xlabel="ms from the question to the answer's last byte")
        axes.set_yticks(range(len(rows)), [label(f"{service} {endpoint}", limit=24) for service, endpoint in rows])
        axes.grid(axis="x", color=EDGE, linewidth=0.6)
        axes.set_axisbelow(True)
        return finish(canvas, alt=format_samples(taken, rows, limit_ms), caption=sample_caption(taken, services, limit_ms))


def draw_row(axes: Axes, place: int, own: Sequence[Sample], colour: str) -> None:
    """Draw one endpoint's samples; a bad answer is a cross."""
    for good, marker in ((True, "o"), (False, "x")):
        dots = [one["ms"] for one in own if one["good"] is good]
        # Spread over the row by turn, so that equal times don't hide one another.
        heights = [place + (turn % 5 - 2) * 0.11 for turn in range(len(dots))]
        size = {"s": 14, "alpha": 0.55} if good else {"s": 34}
        axes.scatter(dots, heights, marker=marker, color=colour if good else LIMIT, linewidths=0 if good else 1.6, **size)


def draw_limit(axes: Axes, limit_ms: float, end: float) -> None:
    """Draw the limit as a named line, or name it at the edge when it is far away."""
    if limit_ms <= end:
        axes.axvline(limit_ms, color=LIMIT, linewidth=1.6, linestyle=(0, (5, 2)))
    where = min(limit_ms, end)
    text = f"limit of p95: {limit_ms:g} ms " if limit_ms <= end else f"limit of p95: {limit_ms:g} ms, further right → "
    axes.text(where, 1.02, text, transform=axes.get_xaxis_transform(), color=LIMIT, fontsize=8.5, ha="right", va="bottom")


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
    """Draw the 95th percentile of each service over the last runs, oldest first, with the limit in ms.

    names: check id -> the service's name.
    """
    known = [one for one in points if is_number(one["observed"])]
    runs = list(dict.fromkeys(one["run_id"] for one in sorted(known, key=lambda one: one["started_at"])))
    if not known:
        return nothing_drawn("no run has measured times yet")
    high = max(float(one["observed"]) for one in known)
    end = max(high * 1.25, limit_ms * 1.15) if limit_ms < high * 4 else high * 1.5
    with new_canvas(6.6, 2.7) as canvas:
        axes = canvas.add_axes((0.1, 0.2, 0.87, 0.64))
        for (check, name), (colour, marker, line) in zip(names.items(), SERVICE_LOOKS, strict=False):
            own = [one for one in known if one["check"] == check]
            places, values = [runs.index(one["run_id"]) for one in own], [float(one["observed"]) for one in own]
            axes.plot(places, values, color=colour, linestyle=line, marker=marker, markersize=4.5, linewidth=1.4, label=name)
            over = [
                (place, value) for place, value, one in zip(places, values, own, strict=True) if one["result"] == Outcome.FAIL
            ]
            axes.scatter(
                [x for x, _ in over], [y for _, y in over], marker="x", s=50, zorder=3, color=OUTCOME_LOOKS[Outcome.FAIL][0]
            )
        if limit_ms <= end:
            axes.axhline(limit_ms, color=LIMIT, linewidth=1.6, linestyle=(0, (5, 2)))
        label = f"limit {limit_ms:g} ms{'' if limit_ms <= end else ', further up ↑'}"
        axes.text(1, min(limit_ms / end, 1.0), label, transform=axes.transAxes,
                  color=LIMIT, fontsize=8.5, ha="right", va="bottom")  # fmt: skip
        axes.set(xlim=(-0.5, max(len(runs) - 0.5, 1)), ylim=(0, end), ylabel="p95, ms")
        marks = sorted({0, len(runs) - 1})
        started = {one["run_id"]: one["started_at"] for one in known}
        axes.set_xticks(marks, [f"{started[runs[mark]]:%Y-%m-%d %H:%M}" for mark in marks])
        axes.grid(axis="y", color=EDGE, linewidth=0.6)
        axes.legend(loc="lower left", bbox_to_anchor=(-0.02, 1.0), ncols=len(names))
        caption = (
            f"95th percentile of the times in the last {format_count(len(runs), 'run')} that measured them (UTC), at most 30."
        )
        return finish(canvas, alt=format_trend(known, runs, names, limit_ms), caption=caption)


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
