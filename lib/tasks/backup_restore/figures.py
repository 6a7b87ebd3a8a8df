"""The figure of a restore: its steps against the time it may take."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, TypedDict

from matplotlib.axes import Axes
from matplotlib.figure import Figure as Canvas
from matplotlib.patches import Polygon

from lib.core.offered import offer_figures
from lib.core.wording import format_duration, join_words
from lib.display.drawing import axes_at, draw_limit, fit, lanes, place_in, seconds_axis, share_words, text_at, with_unit
from lib.display.figure import BLUES, GREY, INK, NARROW_IN, PAPER, SMALL_PT, SOFT, WASH, Figure, finish, new_canvas, nothing_drawn

ROW_IN = 0.38
"""Height of one step: its words, and its bar below them."""
ABOVE_IN, BELOW_IN, SIDE_IN = 1.46, 0.5, 0.16
"""Height of all that stands above and below the steps, and the space beside them."""
BAR: Any = {"edgecolor": INK, "linewidth": 0.5}


class Stage(TypedDict):
    """One step of a restore, in the order they ran."""

    stage: str
    seconds: float


def restore_stages(stages: Iterable[Stage] | None, rto_s: float) -> Figure:
    """Draw the steps of a restore as one bar to scale with the time the recovery may take, and that bar enlarged below.

    rto_s: the recovery time objective, in seconds.
    """
    steps = list(stages or ())
    if not steps:
        return nothing_drawn("no restore was timed")
    total = sum(step["seconds"] for step in steps)
    height = ABOVE_IN + ROW_IN * len(steps) + BELOW_IN
    with new_canvas(NARROW_IN, height) as canvas:
        whole = axes_at(canvas, left=SIDE_IN, right=SIDE_IN, top=0.5, bottom=height - 0.78)
        parts = axes_at(canvas, left=SIDE_IN, right=SIDE_IN, top=ABOVE_IN, bottom=BELOW_IN)
        ends = _draw_whole(canvas, whole, steps, rto_s)
        _draw_parts(parts, steps)
        _draw_zoom(canvas, ends, (whole, parts))
        side = "within" if total <= rto_s else "beyond"
        said = join_words([f"{step['stage']} {format_duration(step['seconds'])}" for step in steps])
        objective = f"{format_duration(rto_s)} ({share_words(total, rto_s)} of it)"
        alt = f"{said}: {format_duration(total)} in all, {side} the objective of {objective}."
        caption = (
            f"Time to restore, step by step: {format_duration(total)} in all, {side} the RTO of {format_duration(rto_s)}. "
            "Above, the bar is to scale with the RTO; below, it is enlarged."
        )
        return finish(canvas, alt=alt, caption=caption)


def _draw_whole(canvas: Canvas, axes: Axes, steps: Sequence[Stage], rto_s: float) -> tuple[float, float]:
    """Draw all steps as one bar on an axis that holds the objective; return the bar's ends on the canvas, in inches."""
    total = sum(step["seconds"] for step in steps)
    scaled = seconds_axis(axes, max(total, rto_s, 0.001) * 1.06)
    axes.xaxis.set_major_formatter(with_unit(axes))
    axes.set(ylim=(0, 1), xlabel="")
    axes.set_yticks([])
    axes.spines["left"].set_visible(False)
    start = 0.0
    for place, step in enumerate(steps):
        axes.barh(0.5, scaled(step["seconds"]), left=scaled(start), height=0.7, facecolor=BLUES[place % 3], **BAR)
        start += step["seconds"]
    if total > rto_s:
        beyond: Any = {"facecolor": "none", "edgecolor": PAPER, "hatch": "////", "linewidth": 0}
        axes.barh(0.5, scaled(total - rto_s), left=scaled(rto_s), height=0.7, **beyond)
    draw_limit(canvas, axes, scaled(rto_s), f"RTO {format_duration(rto_s)}")
    words = fit(
        f"restored in {format_duration(total)}: {share_words(total, rto_s)} of the RTO", NARROW_IN - 0.3, SMALL_PT, bold=True
    )
    text_at(canvas, SIDE_IN, canvas.get_size_inches()[1] - 0.06, words, va="top", fontweight="bold", fontsize=SMALL_PT)
    return place_in(canvas, axes, 0.0), place_in(canvas, axes, scaled(total))


def _draw_parts(axes: Axes, steps: Sequence[Stage]) -> None:
    """Draw one step a row, its words above its bar, on an axis that ends with the last."""
    scaled = seconds_axis(axes, max(sum(step["seconds"] for step in steps), 0.001))
    lanes(axes, len(steps))
    start = 0.0
    for row, step in enumerate(steps):
        axes.barh(row + 0.7, scaled(step["seconds"]), left=scaled(start), height=0.36, facecolor=BLUES[row % 3], **BAR)
        took = format_duration(step["seconds"])
        name = fit(step["stage"], NARROW_IN - 1.1)
        axes.text(0, row + 0.28, f"{name}, {took}", va="center")
        start += step["seconds"]


def _draw_zoom(canvas: Canvas, ends: tuple[float, float], axes: tuple[Axes, Axes]) -> None:
    """Spread the bar to scale, of these ends in inches, to the width of the enlarged one, by a shade between them."""
    width, height = canvas.get_size_inches()
    (begin, end), (whole, parts) = ends, axes
    top, bottom = whole.get_position().y0 * height - 0.24, parts.get_position().y1 * height
    corners = [(begin, top), (end, top), (width - SIDE_IN, bottom), (SIDE_IN, bottom)]
    shade: Any = {"facecolor": WASH, "edgecolor": GREY, "linewidth": 0.6, "closed": True}
    canvas.add_artist(Polygon([(x / width, y / height) for x, y in corners], **shade))
    text_at(canvas, SIDE_IN + 0.04, bottom + 0.03, "enlarged", ha="left", va="bottom", color=SOFT, fontsize=SMALL_PT)


offer_figures(__name__)
