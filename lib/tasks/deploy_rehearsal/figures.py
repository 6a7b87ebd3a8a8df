"""The figure of a rehearsed deploy: every request of the users, through the phases."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

from matplotlib.axes import Axes

from lib.core.offered import offer_figures
from lib.core.wording import format_count, format_duration, join_words
from lib.display.figure import INK, LIMIT, MARKERS, SOFT, Figure, finish, label, new_canvas, nothing_drawn
from lib.tasks.deploy_rehearsal.outages import Phase, error_ratio, find_outages, longest_gap_s, within
from lib.transport.traffic import Sample

SHADES = {"before": "#f4f6f8", "deploy": "#e3ecf6", "watch": "#f4f6f8", "rollback": "#e3ecf6", "after": "#f4f6f8"}
COLOURS = ("#1d4e89", "#b07a12", "#5b6472", "#2a7f62")
"""One for each version, beside a shape of its own."""


class Traffic(Protocol):
    """What is drawn: a rehearsal's requests and phases."""

    samples: Sequence[Sample]
    phases: list[Phase]


def requests_through_phases(traffic: Traffic | None) -> Figure:
    """Draw each request by when it was sent and how long its answer took; lost ones in a row of their own on top."""
    if traffic is None or not traffic.samples:
        return nothing_drawn("no request was sent")
    samples, phases = traffic.samples, traffic.phases
    good = [sample for sample in samples if sample.is_good]
    lost = [sample for sample in samples if not sample.is_good]
    top = max([sample.took_ms for sample in good] or [10.0])
    row = top * 2.2
    with new_canvas(7.4, 3.1) as canvas:
        axes = canvas.add_axes((0.085, 0.3, 0.9, 0.56))
        axes.set_yscale("log")
        axes.set(xlim=(0, phases[-1].end_s), ylim=(min([sample.took_ms for sample in good] or [1.0]) / 1.6, row * 1.7))
        shade_phases(axes, phases)
        for place, version in enumerate(sorted({sample.version for sample in good})):
            own = [sample for sample in good if sample.version == version]
            look: dict[str, Any] = {"s": 11, "marker": MARKERS[place % 4], "color": COLOURS[place % 4], "linewidths": 0}
            named = f"answered by {label(version, limit=24)}" if version else "answered, version unknown"
            axes.scatter([one.sent_at for one in own], [one.took_ms for one in own], label=named, zorder=2, **look)
        if lost:
            axes.scatter(
                [one.sent_at for one in lost],
                [row] * len(lost),
                s=16,
                marker="x",
                color=LIMIT,
                linewidths=1,
                label="lost",
                zorder=3,
            )
        for outage in find_outages(samples):
            axes.plot([outage.begin_s, outage.end_s], [row * 1.3] * 2, color=LIMIT, linewidth=2.5, solid_capstyle="butt")
        axes.set(xlabel="seconds since the first request", ylabel="answer after, ms")
        axes.yaxis.set_major_formatter(lambda value, _: f"{value:g}")
        axes.yaxis.set_minor_formatter(lambda *_: "")
        axes.legend(loc="upper left", bbox_to_anchor=(-0.02, -0.27), ncols=4)
        return finish(canvas, alt=format_traffic(samples, phases), caption=caption_of(samples))


def shade_phases(axes: Axes, phases: Sequence[Phase]) -> None:
    """Shade each phase, and name it above."""
    whole = phases[-1].end_s
    for phase in phases:
        axes.axvspan(phase.begin_s, phase.end_s, facecolor=SHADES.get(phase.name, "#f4f6f8"), edgecolor="none", zorder=0)
        axes.axvline(phase.begin_s, color=SOFT, linewidth=0.6, zorder=1)
        wide = (phase.end_s - phase.begin_s) / whole > 0.07
        axes.text(
            (phase.begin_s + phase.end_s) / 2, 1.03, phase.name, transform=axes.get_xaxis_transform(), ha="center", va="bottom",
            fontsize=9 if wide else 7.5, color=INK,
        )  # fmt: skip


def caption_of(samples: Sequence[Sample]) -> str:
    seconds = max(sample.sent_at for sample in samples)
    lost = sum(not sample.is_good for sample in samples)
    return (
        f"{format_count(len(samples), 'request')} in {format_duration(seconds)}, {lost} lost; "
        f"longest without a good answer: {format_duration(longest_gap_s(samples))}. Answer times on a logarithmic axis."
    )


def format_traffic(samples: Sequence[Sample], phases: Sequence[Phase]) -> str:
    said = []
    for phase in phases:
        own = within(samples, phase)
        lost = sum(not sample.is_good for sample in own)
        said.append(
            f"{phase.name} ({format_duration(phase.end_s - phase.begin_s)}): {lost} of {format_count(len(own), 'request')} lost"
        )
    return f"{join_words(said)}. {error_ratio(samples):.1%} of all requests were lost."


offer_figures(__name__)
