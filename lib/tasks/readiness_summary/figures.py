"""The figures of a run: when each task ran, what it came to, and what the last runs came to."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, TypedDict

from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from lib.core.offered import offer_figures
from lib.core.results import Outcome
from lib.core.verdict import State, Verdict
from lib.core.wording import STATE_LOOKS, STATE_SYMBOLS, WORST_FIRST, format_count, format_duration, join_words, outcome_word
from lib.display.drawing import Key, KeyEntry, axes_at, fit, lanes, seconds_axis, short_count, text_at, text_width_in
from lib.display.figure import (
    GREY,
    NARROW_IN,
    OUTCOME_LOOKS,
    PAPER,
    SMALL_PT,
    SOFT,
    TEXT_PT,
    Figure,
    finish,
    new_canvas,
    nothing_drawn,
)

SIDE_IN, LEFT_IN = 0.16, 0.46
MOST_RUNS = 30
"""Runs in one figure: a month of nights."""
VERDICT_LOOKS = {
    Verdict.GO.word: ("o", False, OUTCOME_LOOKS[Outcome.PASS][0]),
    Verdict.REHEARSED.word: ("o", True, OUTCOME_LOOKS[Outcome.PASS][0]),
    Verdict.PARTIAL.word: ("s", True, GREY),
    Verdict.BLOCKED.word: ("D", False, OUTCOME_LOOKS[Outcome.ERROR][0]),
    Verdict.NO_GO.word: ("X", False, OUTCOME_LOOKS[Outcome.FAIL][0]),
}
"""Verdict -> its mark, whether that is hollow, and its colour: no two verdicts differ by colour alone."""


class TaskSpan(TypedDict):
    """When one task of a run ran; times are ISO 8601 in UTC, state is what its gates came to."""

    task: str
    started_at: str
    ended_at: str | None  # None: it never finished
    state: str  # a State's value


class PastRun(TypedDict):
    """What one finished run came to. verdict: its word. results: result word of a gate -> how many."""

    run_id: str
    started_at: datetime
    verdict: str
    results: Mapping[str, int]


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
    with new_canvas(NARROW_IN, 0.6 + 0.38 * len(spans)) as canvas:
        axes = axes_at(canvas, left=SIDE_IN, right=SIDE_IN, top=0.08, bottom=0.52)
        lanes(axes, len(spans))
        size = 1 / seconds_axis(axes, last)(1.0)
        for row, (span, begin, end) in enumerate(zip(spans, begins, ends, strict=True)):
            _draw_span(axes, row, span, (begin / size, (last if end is None else end) / size), _span_words(span, begin, end))
        said = [f"{span['task']} {_span_words(span, begin, end)}" for span, begin, end in zip(spans, begins, ends, strict=True)]
        caption = f"The run, task by task: {format_count(len(spans), 'task')} in {format_duration(last)} of wall clock."
        return finish(canvas, alt=f"{'; '.join(said)}.", caption=caption)


def _draw_span(axes: Axes, row: int, span: TaskSpan, ends: tuple[float, float], words: str) -> None:
    state = State(span["state"])
    colour, hatch = OUTCOME_LOOKS[STATE_LOOKS[state]]
    whole = axes.get_xlim()[1]
    width = max(ends[1] - ends[0], whole * 0.006)  # a task of no time is still seen
    left = min(ends[0], whole - width)
    axes.barh(row + 0.7, width, left=left, height=0.36, facecolor=colour, edgecolor=PAPER, hatch=hatch, linewidth=0)
    name = fit(span["task"], NARROW_IN - 2 * SIDE_IN - text_width_in(f"{STATE_SYMBOLS[state]} : {words}", SMALL_PT), SMALL_PT)
    axes.text(0, row + 0.28, f"{STATE_SYMBOLS[state]} {name}: {words}", va="center", fontsize=SMALL_PT)


def _span_words(span: TaskSpan, begin: float, end: float | None) -> str:
    took = format_duration(end - begin) if end is not None else "not finished"
    return f"{span['state']}, {took}"


def readiness_over_runs(runs: Iterable[PastRun] | None) -> Figure:
    """Draw the verdict of each of the last finished runs, oldest first, and its gates by result.

    Gates that did not pass have an axis of their own: one among two hundred would not be seen.
    """
    known = sorted(runs or (), key=lambda run: (run["started_at"], run["run_id"]))[-MOST_RUNS:]
    if not known:
        return nothing_drawn("no run of this project and environment has finished yet")
    verdicts = [word for word in VERDICT_LOOKS if any(run["verdict"] == word for run in known)]
    found = [one for one in WORST_FIRST if any(run["results"].get(one.value) for run in known)]
    key = Key(_key_entries(verdicts, found), NARROW_IN - 0.12)
    height = 3.5 + key.height_in
    with new_canvas(NARROW_IN, height) as canvas:
        below = key.height_in + 0.5
        top = axes_at(canvas, left=LEFT_IN, right=SIDE_IN, top=0.3, bottom=height - 0.58)
        middle = axes_at(canvas, left=LEFT_IN, right=SIDE_IN, top=0.94, bottom=below + 1.24)
        bottom = axes_at(canvas, left=LEFT_IN, right=SIDE_IN, top=height - below - 0.88, bottom=below)
        _draw_verdicts(top, known)
        _stack(middle, known, (Outcome.FAIL, Outcome.ERROR))
        _stack(bottom, known, (Outcome.PASS, Outcome.SKIP))
        for axes, words in (
            (top, "verdict"), (middle, "gates that failed or are not determined"), (bottom, "gates that passed or were skipped"),
        ):  # fmt: skip
            text_at(canvas, 0.06, axes.get_position().y1 * height + 0.06, words, va="bottom", fontsize=TEXT_PT, fontweight="bold")
        _name_ends(bottom, known)
        key.draw(canvas)
        return finish(canvas, alt=_format_runs(known), caption=_runs_caption(known))


def _key_entries(verdicts: Sequence[str], found: Sequence[Outcome]) -> list[KeyEntry]:
    marks = [(word, *VERDICT_LOOKS[word]) for word in verdicts]
    entries = [KeyEntry(word=word, marker=shape, hollow=hollow, colour=colour) for word, shape, hollow, colour in marks]
    return entries + [KeyEntry(word=outcome_word(one), fill=OUTCOME_LOOKS[one][0], hatch=OUTCOME_LOOKS[one][1]) for one in found]


def _draw_verdicts(axes: Axes, runs: Sequence[PastRun]) -> None:
    for place, run in enumerate(runs):
        marker, hollow, colour = VERDICT_LOOKS.get(run["verdict"], ("_", False, GREY))
        axes.plot(place, 0, marker=marker, color=colour, markerfacecolor=PAPER if hollow else colour, markersize=5, clip_on=False)
    axes.set(xlim=_ends(runs), ylim=(-1, 1))
    axes.axis("off")


def _stack(axes: Axes, runs: Sequence[PastRun], outcomes: Sequence[Outcome]) -> None:
    """Draw one bar a run: how many gates came to each of these outcomes, one upon the other."""
    floor = [0.0] * len(runs)
    for outcome in outcomes:
        colour, hatch = OUTCOME_LOOKS[outcome]
        high = [float(run["results"].get(outcome.value, 0)) for run in runs]
        look: Any = {"facecolor": colour, "hatch": hatch, "edgecolor": PAPER, "linewidth": 0}
        axes.bar(range(len(runs)), high, bottom=floor, width=0.78, **look)
        floor = [below + more for below, more in zip(floor, high, strict=True)]
    axes.set(xlim=_ends(runs), ylim=(0, max([*floor, 1.0]) * 1.1))
    if not any(floor):
        axes.text(0.02, 0.5, "none", transform=axes.transAxes, va="center", color=SOFT)
    axes.set_xticks([])
    axes.yaxis.set_major_locator(MaxNLocator(3, integer=True))
    axes.yaxis.set_major_formatter(short_count)
    axes.tick_params(axis="y", length=0, colors=SOFT)
    axes.grid(axis="y")


def _ends(runs: Sequence[PastRun]) -> tuple[float, float]:
    """Return the ends of the axis of runs: few of them are not stretched over the whole."""
    return -0.6, max(len(runs), 10) - 0.4


def _name_ends(axes: Axes, runs: Sequence[PastRun]) -> None:
    """Name the oldest and the newest run by their start, in UTC, on two lines."""
    first, last = (f"{run['started_at']:%Y-%m-%d %H:%M}" for run in (runs[0], runs[-1]))
    look: Any = {"xycoords": "axes fraction", "textcoords": "offset points", "va": "top", "fontsize": SMALL_PT, "color": SOFT}
    axes.annotate(first, (0, 0), xytext=(0, -4), ha="left", **look)
    if len(runs) > 1:
        axes.annotate(f"to {last}", (1, 0), xytext=(0, -17), ha="right", **look)


def _format_runs(runs: Sequence[PastRun]) -> str:
    counts = {word: sum(run["verdict"] == word for run in runs) for word in dict.fromkeys(run["verdict"] for run in runs)}
    said = join_words([f"{many} {word}" for word, many in counts.items()])
    newest = runs[-1]
    gates = [f"{newest['results'][one.value]} {outcome_word(one)}" for one in WORST_FIRST if newest["results"].get(one.value)]
    words = f"its gates: {', '.join(gates)}" if gates else "no gate was looked at"
    return f"{format_count(len(runs), 'run')}: {said}. The newest, {newest['run_id']}, is {newest['verdict']}; {words}."


def _runs_caption(runs: Sequence[PastRun]) -> str:
    last = format_count(len(runs), "finished run") if len(runs) > 1 else "finished run"
    return f"The last {last} of this project and environment, oldest first (UTC): each one's verdict, and its gates by result."


offer_figures(__name__)
