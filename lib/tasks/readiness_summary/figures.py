"""The figure of a run: when each task ran, and what it came to."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import TypedDict

from matplotlib.axes import Axes

from lib.core.offered import offer_figures
from lib.core.verdict import State
from lib.core.wording import STATE_LOOKS, STATE_SYMBOLS, format_count, format_duration
from lib.display.figure import OUTCOME_LOOKS, PAPER, Figure, axes_box, finish, label, new_canvas, nothing_drawn, time_axis


class TaskSpan(TypedDict):
    """When one task of a run ran; times are ISO 8601 in UTC, state is what its gates came to."""

    task: str
    started_at: str
    ended_at: str | None  # None: it never finished
    state: str  # a State's value


def run_timeline(tasks: Iterable[TaskSpan] | None) -> Figure:
    """Draw when each task of a run ran, and what it came to."""
    spans = list(tasks or ())
    if not spans:
        return nothing_drawn("no task ran")
    starts = [datetime.fromisoformat(span["started_at"]) for span in spans]
    first = min(starts)
    begins = [(start - first).total_seconds() for start in starts]
    ends = [(datetime.fromisoformat(span["ended_at"]) - first).total_seconds() if span["ended_at"] else None for span in spans]
    last = max([*(end for end in ends if end is not None), *begins, 0.001])
    with new_canvas(6.8, 0.85 + 0.36 * len(spans)) as canvas:
        axes = canvas.add_axes(axes_box(canvas, left=1.75, right=0.2, top=0.1, bottom=0.6))
        for row, (span, begin, end) in enumerate(zip(spans, begins, ends, strict=True)):
            _draw_span(axes, row, span, begin, last if end is None else end, last, is_open=end is None)
        time_axis(axes, last * 1.45, len(spans))
        axes.set_yticks(range(len(spans)), [label(span["task"], limit=24) for span in spans])
        said = [f"{span['task']} {_span_words(span, begin, end)}" for span, begin, end in zip(spans, begins, ends, strict=True)]
        caption = f"The run, task by task: {format_count(len(spans), 'task')} in {format_duration(last)} of wall clock."
        return finish(canvas, alt=f"{'; '.join(said)}.", caption=caption)


def _draw_span(axes: Axes, row: int, span: TaskSpan, begin: float, end: float, last: float, *, is_open: bool) -> None:
    colour, hatch = OUTCOME_LOOKS[STATE_LOOKS[State(span["state"])]]
    width = max(end - begin, last * 0.004)  # a task of no time is still seen
    axes.barh(row, width, left=begin, height=0.56, facecolor=colour, edgecolor=PAPER, hatch=hatch, linewidth=0)
    words = _span_words(span, begin, None if is_open else end)
    axes.text(begin + width + last * 0.015, row, f"{STATE_SYMBOLS[State(span['state'])]} {words}", va="center", fontsize=9)


def _span_words(span: TaskSpan, begin: float, end: float | None) -> str:
    took = format_duration(end - begin) if end is not None else "not finished"
    return f"{span['state']}, {took}"


offer_figures(__name__)
