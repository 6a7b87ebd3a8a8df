"""Figures of the notebooks: each with a caption, a text that says what it shows, and labelled thresholds.

No meaning hangs on colour alone. The facts come as plain mappings, as the checks return them; where
there are none, a note is drawn, so that the cell after a failed look goes on.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import NotRequired, TypedDict

from matplotlib.axes import Axes
from matplotlib.ticker import FuncFormatter

from lib.alert_figures import alert_curves
from lib.core.results import Outcome
from lib.core.wording import join_words, outcome_symbol, outcome_word, show_count, show_duration
from lib.display.figure import (
    EDGE,
    LIMIT,
    MARKERS,
    OUTCOME_LOOKS,
    PAPER,
    SOFT,
    Figure,
    axes_box,
    finish,
    label,
    new_canvas,
    nothing_drawn,
    time_axis,
)
from lib.heat_map import MatrixCell, matrix_heat_map
from lib.latency_figures import latency_trend, sample_times

__all__ = [
    "Figure",
    "MatrixCell",
    "MigrationLock",
    "Stage",
    "TaskSpan",
    "alert_curves",
    "latency_trend",
    "lock_timeline",
    "matrix_heat_map",
    "restore_stages",
    "run_timeline",
    "sample_times",
]


class MigrationLock(TypedDict):
    """One migration at one scale; a lock of None or 0 means that none was taken on a table with rows."""

    migration: str
    scale: int  # multiple of the seed's rows
    time_ms: float
    longest_exclusive_ms: float | None
    table: NotRequired[str | None]  # on which the longest one was held


class Stage(TypedDict):
    """One step of a restore, in the order they ran."""

    stage: str
    seconds: float


class TaskSpan(TypedDict):
    """When one task of a run ran; times are ISO 8601 in UTC, outcome is the worst of its gates."""

    task: str
    started_at: str
    ended_at: str | None  # None: it never finished
    outcome: str  # pass, fail, skip, error


def lock_timeline(migrations: Iterable[MigrationLock] | None, limit_ms: float) -> Figure:
    """Draw for each migration, at each scale, how long it took and its longest exclusive lock.

    limit_ms: the longest ACCESS EXCLUSIVE lock on a table with rows that is let pass, in milliseconds.
    """
    facts = list(migrations or ())
    if not facts:
        return nothing_drawn("no migration was rehearsed")
    names = list(dict.fromkeys(fact["migration"] for fact in facts))
    scales = sorted({fact["scale"] for fact in facts})
    with new_canvas(7.4, 1.35 + 0.34 * len(names)) as canvas:
        left = canvas.add_axes(axes_box(canvas, left=2.45, right=2.65, top=0.4, bottom=0.85))
        right = canvas.add_axes(axes_box(canvas, left=4.95, right=0.25, top=0.4, bottom=0.85))
        _draw_scales(left, facts, names, scales, "time_ms")
        _draw_scales(right, facts, names, scales, "longest_exclusive_ms")
        left.set_yticks(range(len(names)), [label(name) for name in names], fontsize=8.5)
        right.set_yticks(range(len(names)), [""] * len(names))
        left.set_title("time to apply", loc="left")
        right.set_title("longest exclusive lock", loc="left")
        right.axvline(limit_ms, color=LIMIT, linewidth=1.6, linestyle=(0, (5, 2)))
        right.set_xlim(right=max(right.get_xlim()[1], limit_ms * 3))
        right.text(
            limit_ms,
            1.0,
            f"limit {limit_ms:g} ms ",
            transform=right.get_xaxis_transform(),
            color=LIMIT,
            fontsize=8.5,
            ha="right",
            va="top",
        )
        left.legend(loc="upper left", bbox_to_anchor=(-0.02, -0.42 / (0.34 * len(names) + 0.1)), ncols=len(scales))
        times = join_words([f"{scale}×" for scale in scales])
        count = show_count(len(names), "migration")
        caption = f"{count} on a twin of the target, at {times} the seed's rows; both axes logarithmic, in ms."
        return finish(canvas, alt=_say_locks(facts, limit_ms), caption=caption)


SCALE_COLOURS = ("#7aa6d6", "#1d4e89", "#0b2545", "#5b6472")


def _draw_scales(axes: Axes, facts: Sequence[MigrationLock], names: Sequence[str], scales: Sequence[int], key: str) -> None:
    """Draw one row a migration: a marker a scale, joined, on a logarithmic axis in milliseconds."""
    axes.set_xscale("log")
    values = {(fact["migration"], fact["scale"]): fact[key] or 0 for fact in facts}  # type: ignore[literal-required]
    low = min([value for value in values.values() if value > 0] or [1]) / 2
    for row, name in enumerate(names):
        found = [values.get((name, scale), 0) for scale in scales]
        taken = [value for value in found if value > 0]
        if taken:
            axes.plot([min(taken), max(taken)], [row, row], color=EDGE, linewidth=2, zorder=1)
        else:
            axes.text(0.02, row, "none", transform=axes.get_yaxis_transform(), va="center", fontsize=8.5, color=SOFT)
    for place, scale in enumerate(scales):
        points = [(values[name, scale], row) for row, name in enumerate(names) if values.get((name, scale), 0) > 0]
        axes.scatter(
            [x for x, _ in points],
            [y for _, y in points],
            s=34,
            marker=MARKERS[place % 4],
            color=SCALE_COLOURS[place % 4],
            label=f"{scale}× the seed's rows",
            zorder=2,
        )
    axes.set(xlim=(low, max([*values.values(), low * 10]) * 2), ylim=(len(names) - 0.5, -0.6), xlabel="ms")
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axes.xaxis.set_minor_formatter(FuncFormatter(lambda *_: ""))
    axes.tick_params(axis="y", length=0)
    axes.grid(axis="x", color=EDGE, linewidth=0.6)


def _say_locks(facts: Sequence[MigrationLock], limit_ms: float) -> str:
    over = [fact for fact in facts if (fact["longest_exclusive_ms"] or 0) > limit_ms]
    slowest = max(facts, key=lambda fact: fact["time_ms"])
    said = f"The slowest migration was {slowest['migration']}: {slowest['time_ms']:.0f} ms at {slowest['scale']}×. "
    if not over:
        return f"{said}None held an exclusive lock on a table with rows beyond {limit_ms:g} ms."
    named = [f"{fact['migration']} at {fact['scale']}× ({fact['longest_exclusive_ms']:.0f} ms)" for fact in over]
    return f"{said}Beyond the limit of {limit_ms:g} ms: {join_words(named)}."


def restore_stages(stages: Iterable[Stage] | None, rto_s: float) -> Figure:
    """Draw the steps of a restore one after the other, against the time the recovery may take.

    rto_s: the recovery time objective, in seconds.
    """
    steps = list(stages or ())
    if not steps:
        return nothing_drawn("no restore was timed")
    total = sum(step["seconds"] for step in steps)
    # Far beyond the bars the line would flatten them to nothing: it is then put at the edge, and says so.
    is_far = rto_s > total * 4
    end = max(total * 1.6, 0.001) if is_far else max(total, rto_s) * 1.25
    with new_canvas(6.8, 1.05 + 0.36 * len(steps)) as canvas:
        axes = canvas.add_axes(axes_box(canvas, left=1.75, right=0.2, top=0.35, bottom=0.6))
        start = 0.0
        for row, step in enumerate(steps):
            axes.barh(row, step["seconds"], left=start, height=0.56, color="#4a86c5")
            start += step["seconds"]
            axes.text(start + end * 0.012, row, show_duration(step["seconds"]), va="center", fontsize=9)
        place = end * 0.985 if is_far else rto_s
        text = f"RTO {show_duration(rto_s)}, far right of this axis " if is_far else f"RTO {show_duration(rto_s)} "
        axes.axvline(place, color=LIMIT, linewidth=1.8, linestyle=(0, (2, 2)) if is_far else (0, (5, 2)))
        axes.text(place, 1.02, text, transform=axes.get_xaxis_transform(), ha="right", va="bottom", fontsize=9, color=LIMIT)
        time_axis(axes, end, len(steps))
        axes.set_yticks(range(len(steps)), [label(step["stage"], limit=24) for step in steps])
        side = "within" if total <= rto_s else "beyond"
        said = join_words([f"{step['stage']} {show_duration(step['seconds'])}" for step in steps])
        alt = f"{said}: {show_duration(total)} in all, {side} the objective of {show_duration(rto_s)}."
        return finish(
            canvas,
            alt=alt,
            caption=f"Time to restore, step by step: {show_duration(total)} in all, {side} the RTO of {show_duration(rto_s)}.",
        )


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
        caption = f"The run, task by task: {show_count(len(spans), 'task')} in {show_duration(last)} of wall clock."
        return finish(canvas, alt=f"{'; '.join(said)}.", caption=caption)


def _draw_span(axes: Axes, row: int, span: TaskSpan, begin: float, end: float, last: float, *, is_open: bool) -> None:
    colour, hatch = OUTCOME_LOOKS[Outcome(span["outcome"])]
    width = max(end - begin, last * 0.004)  # a task of no time is still seen
    axes.barh(row, width, left=begin, height=0.56, facecolor=colour, edgecolor=PAPER, hatch=hatch, linewidth=0)
    words = _span_words(span, begin, None if is_open else end)
    axes.text(begin + width + last * 0.015, row, f"{outcome_symbol(Outcome(span['outcome']))} {words}", va="center", fontsize=9)


def _span_words(span: TaskSpan, begin: float, end: float | None) -> str:
    took = show_duration(end - begin) if end is not None else "not finished"
    return f"{outcome_word(Outcome(span['outcome']))}, {took}"
