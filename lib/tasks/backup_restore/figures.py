"""The figure of a restore: its steps against the time it may take."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TypedDict

from lib.core.offered import offer_figures
from lib.core.wording import format_duration, join_words
from lib.display.figure import LIMIT, Figure, axes_box, finish, label, new_canvas, nothing_drawn, time_axis


class Stage(TypedDict):
    """One step of a restore, in the order they ran."""

    stage: str
    seconds: float


def restore_stages(stages: Iterable[Stage] | None, rto_s: float) -> Figure:
    """Draw the steps of a restore one after the other, against the time the recovery may take.

    rto_s: the recovery time objective, in seconds.
    """
    steps = list(stages or ())
    if not steps:
        return nothing_drawn("no restore was timed")
    total = sum(step["seconds"] for step in steps)
    # A line far beyond the bars would flatten them: it is then drawn at the edge, with a note.
    is_far = rto_s > total * 4
    end = max(total * 1.6, 0.001) if is_far else max(total, rto_s) * 1.25
    with new_canvas(6.8, 1.05 + 0.36 * len(steps)) as canvas:
        axes = canvas.add_axes(axes_box(canvas, left=1.75, right=0.2, top=0.35, bottom=0.6))
        start = 0.0
        for row, step in enumerate(steps):
            axes.barh(row, step["seconds"], left=start, height=0.56, color="#4a86c5")
            start += step["seconds"]
            axes.text(start + end * 0.012, row, format_duration(step["seconds"]), va="center", fontsize=9)
        place = end * 0.985 if is_far else rto_s
        text = f"RTO {format_duration(rto_s)}, far right of this axis " if is_far else f"RTO {format_duration(rto_s)} "
        axes.axvline(place, color=LIMIT, linewidth=1.8, linestyle=(0, (2, 2)) if is_far else (0, (5, 2)))
        axes.text(place, 1.02, text, transform=axes.get_xaxis_transform(), ha="right", va="bottom", fontsize=9, color=LIMIT)
        time_axis(axes, end, len(steps))
        axes.set_yticks(range(len(steps)), [label(step["stage"], limit=24) for step in steps])
        side = "within" if total <= rto_s else "beyond"
        said = join_words([f"{step['stage']} {format_duration(step['seconds'])}" for step in steps])
        alt = f"{said}: {format_duration(total)} in all, {side} the objective of {format_duration(rto_s)}."
        caption = f"Time to restore, step by step: {format_duration(total)} in all, {side} the RTO of {format_duration(rto_s)}."
        return finish(canvas, alt=alt, caption=caption)


offer_figures(__name__)
