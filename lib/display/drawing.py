"""Parts that every figure is drawn with: texts that fit, keys below, axes with units, limits drawn to scale."""

from __future__ import annotations

import math
import unicodedata
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Literal, TypeVar

from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.figure import Figure as Canvas
from matplotlib.font_manager import FontProperties
from matplotlib.lines import Line2D
from matplotlib.patches import Rectangle
from matplotlib.textpath import text_to_path
from matplotlib.ticker import FixedFormatter, FixedLocator, MaxNLocator, NullFormatter, NullLocator

from lib.display.figure import LIMIT, LIMIT_LINE, MEASURED_WITH, PAPER, SMALL_PT, SOFT, TEXT_PT, label

T = TypeVar("T")

TIME_UNITS = ((0.001, "milliseconds", 1.0), (1.0, "seconds", 120.0), (60.0, "minutes", 7200.0), (3600.0, "hours", math.inf))
"""A unit's seconds, its word, and the seconds from which the next one reads better."""
SHORT_UNITS = {"milliseconds": "ms", "seconds": "s", "minutes": "min", "hours": "h"}
POINTS = 72
"""Points in an inch."""
KEY_LINE_IN, KEY_GAP_IN, SAMPLE_IN = 0.22, 0.16, 0.24
"""Height of a key's line, space between two of its entries, and width of the sample before each."""


@lru_cache(maxsize=4096)
def text_width_in(text: str, size: float = TEXT_PT, *, bold: bool = False) -> float:
    """Return the width of a line in inches; wide characters that our font lacks count as wide as other fonts draw them."""
    font = FontProperties(family=MEASURED_WITH, size=size, weight="bold" if bold else "normal")
    with warnings.catch_warnings(action="ignore", category=UserWarning):  # a glyph that our font lacks
        width = text_to_path.get_text_width_height_descent(text, font, ismath=False)[0]
    wide = sum(unicodedata.east_asian_width(char) in "WF" for char in text)
    return (width + wide * size * 0.5) / POINTS


def fit(text: str, width_in: float, size: float = TEXT_PT, *, bold: bool = False) -> str:
    """Return a text as `label` cleans it, its middle left out so that it is at most so wide."""
    longest = 200
    line = label(text, limit=longest)
    while (measured := text_width_in(line, size, bold=bold)) > width_in and longest > 2:
        by_width = int(len(line) * width_in / measured) + 4  # about right, so that few steps are left
        longest = max(min(longest - 1, len(line) - 1, max(by_width, 2)), 2)
        line = label(text, limit=longest)
    return line if text_width_in(line, size, bold=bold) <= width_in else "…"


@dataclass(frozen=True, kw_only=True)
class KeyEntry:
    """One entry of a key: a word, and a sample of what it names.

    fill, hatch, letter and its ink: of a patch. marker, colour, hollow: of a mark. line: of a line, alone or with the mark.
    """

    word: str
    fill: str = ""
    hatch: str = ""
    letter: str = ""
    ink: str = SOFT
    marker: str = ""
    colour: str = SOFT
    hollow: bool = False
    line: Any = None


def limit_entry(word: str) -> KeyEntry:
    """Return the entry of a limit, the same in every figure."""
    return KeyEntry(word=word, colour=LIMIT, line=LIMIT_LINE["linestyle"], ink=LIMIT)


class Key:
    """A key laid out in as many lines as it needs; height_in is known before the figure is made."""

    def __init__(self, entries: Sequence[KeyEntry], width_in: float) -> None:
        self.placed: list[tuple[float, int, KeyEntry, str]] = []
        x, row = 0.0, 0
        for entry in entries:
            word = fit(entry.word, width_in - SAMPLE_IN - 0.06, SMALL_PT)
            needs = SAMPLE_IN + 0.06 + text_width_in(word, SMALL_PT)
            if x and x + needs > width_in:
                x, row = 0.0, row + 1
            self.placed.append((x, row, entry, word))
            x += needs + KEY_GAP_IN
        self.height_in = KEY_LINE_IN * (row + 1) if entries else 0.0

    def draw(self, canvas: Canvas, *, left: float = 0.06, bottom: float = 0.06) -> None:
        """Draw the key with its lower left corner there, in inches."""
        for x, row, entry, word in self.placed:
            middle = bottom + self.height_in - KEY_LINE_IN * (row + 0.5)
            draw_sample(canvas, entry, left + x, middle)
            text_at(canvas, left + x + SAMPLE_IN + 0.06, middle, word, color=SOFT, fontsize=SMALL_PT, va="center")


def draw_sample(canvas: Canvas, entry: KeyEntry, x: float, y: float) -> None:
    """Draw what an entry names, its left end at x and its middle at y, in inches."""
    width, height = canvas.get_size_inches()
    if entry.fill:
        look: dict[str, Any] = {"facecolor": entry.fill, "hatch": entry.hatch, "edgecolor": PAPER, "linewidth": 0}
        canvas.add_artist(Rectangle((x / width, (y - 0.08) / height), SAMPLE_IN / width, 0.16 / height, **look))
    if entry.line or entry.marker:
        middle = (x + SAMPLE_IN / 2) / width
        places = [x / width, middle, (x + SAMPLE_IN) / width] if entry.line else [middle]
        look = {"linestyle": entry.line or "", "linewidth": 1.6, "color": entry.colour, "marker": entry.marker, "markersize": 5}
        look |= {"markerfacecolor": PAPER if entry.hollow else entry.colour, "markevery": [len(places) // 2]}
        canvas.add_artist(Line2D(places, [y / height] * len(places), **look))
    if entry.letter:
        text_at(canvas, x + SAMPLE_IN / 2, y, entry.letter, ha="center", va="center_baseline", color=entry.ink, fontsize=SMALL_PT)


def text_at(canvas: Canvas, x: float, y: float, text: str, **look: Any) -> None:
    """Write a text at a place given in inches from the lower left corner."""
    width, height = canvas.get_size_inches()
    canvas.text(x / width, y / height, text, **look)


def axes_at(canvas: Canvas, *, left: float, right: float, top: float, bottom: float) -> Axes:
    """Return new axes with these margins, in inches."""
    width, height = canvas.get_size_inches()
    return canvas.add_axes((left / width, bottom / height, (width - left - right) / width, (height - top - bottom) / height))


def place_in(canvas: Canvas, axes: Axes, value: float, along: Literal["x", "y"] = "x") -> float:
    """Return where a value of an axis lies on the canvas, in inches; the axis has its limits already."""
    point = axes.transData.transform((value, axes.get_ylim()[0]) if along == "x" else (axes.get_xlim()[0], value))
    return float(point[0 if along == "x" else 1]) / canvas.dpi


def draw_limit(canvas: Canvas, axes: Axes, value: float, text: str, *, row: int = 0) -> None:
    """Draw a limit of the horizontal axis to scale, its words above it; the axis has its limits already.

    row: how many other words stand between these and the axes.
    """
    axes.axvline(value, zorder=2.5, **LIMIT_LINE)
    width, height = canvas.get_size_inches()
    words = fit(text, width - 0.1, SMALL_PT)
    half = text_width_in(words, SMALL_PT) / 2 + 0.03
    middle = min(max(place_in(canvas, axes, value), half), width - half)
    above = axes.get_position().y1 * height + 0.04 + 0.17 * row
    text_at(canvas, middle, above, words, ha="center", va="bottom", color=LIMIT, fontsize=SMALL_PT)


def ms_ladder(low: float, high: float, most: int) -> list[float]:
    """Return round times between two positive ones, in ms, about evenly spaced on a logarithmic axis, at most so many."""
    short = [step * 10.0**decade for decade in range(-2, 5) for step in (1, 2, 5)]
    long = [60_000.0 * minutes for minutes in (1, 2, 5, 10, 20, 60, 120, 300, 600, 1200, 3000, 6000, 60_000)]
    sparse = [10.0**decade for decade in range(-2, 5)] + [60_000.0, 600_000.0] + [3_600_000.0 * 10**decade for decade in range(4)]
    for steps in (short + long, sparse):
        found = [step for step in steps if low <= step <= high]
        if len(found) <= most:
            return found
    return found[:: math.ceil(len(found) / most)]


def log_axis(canvas: Canvas, axes: Axes, along: Literal["x", "y"], ends: tuple[float, float], *, most: int = 5) -> None:
    """Make an axis of times in ms logarithmic between two ends, its ticks round times with their units, whole on the canvas."""
    axes.set(**{f"{along}scale": "log", f"{along}lim": ends})
    axis: Axis = axes.xaxis if along == "x" else axes.yaxis
    whole = canvas.get_size_inches()[0 if along == "x" else 1]
    ticks = []
    for tick in ms_ladder(*ends, most):
        half = text_width_in(ms_words(tick), SMALL_PT) / 2 if along == "x" else SMALL_PT / POINTS / 2
        if half < place_in(canvas, axes, tick, along) < whole - half:
            ticks.append(tick)
    axis.set_major_locator(FixedLocator(ticks))
    axis.set_major_formatter(FixedFormatter([ms_words(tick) for tick in ticks]))
    axis.set_minor_locator(NullLocator())
    axis.set_minor_formatter(NullFormatter())


def exact_ms(ms: float) -> str:
    """Return a limit in ms as it was set: "800 ms", "1,250 ms"."""
    return f"{ms:,.10g} ms"


def ms_words(ms: float) -> str:
    """Return milliseconds as a tick says them: "0.1 ms", "20 ms", "2 s", "10 min"."""
    for size, unit in ((3_600_000, "h"), (60_000, "min"), (1000, "s")):
        if ms >= size:
            return f"{ms / size:.3g} {unit}"
    return f"{ms:.3g} ms"


def ms_ends(values: Sequence[float], *, floor: float = 0.05) -> tuple[float, float]:
    """Return the ends of a logarithmic axis in ms that hold all these values with room; what is below floor lies at it."""
    known = [max(value, floor) for value in values] or [1.0]
    return min(known) / 1.6, max(known) * 1.6


def seconds_axis(axes: Axes, end_s: float) -> Callable[[float], float]:
    """Make the horizontal axis one of time from zero, in its best unit; return what takes seconds to it."""
    size, unit, _ = next(one for one in TIME_UNITS if end_s < one[2])
    axes.set(xlim=(0, end_s / size), xlabel=unit)
    axes.xaxis.set_major_locator(MaxNLocator(4, steps=[1, 2, 5, 10]))
    axes.grid(axis="x")
    return lambda seconds: seconds / size


def with_unit(axes: Axes) -> Callable[[float, float], str]:
    """Return what writes a tick of `seconds_axis` with its unit, for an axis without words of its own."""
    unit = SHORT_UNITS[axes.get_xlabel()]
    return lambda value, _: f"{value:g} {unit}" if value else "0"


def lanes(axes: Axes, rows: float) -> None:
    """Make the vertical axis one of rows from 0, the first on top, without ticks: each row's words stand above its marks."""
    axes.set(ylim=(rows, 0))
    axes.set_yticks([])
    axes.spines["left"].set_visible(False)


def row_words(axes: Axes, left: float, row: float, text: str, **look: Any) -> None:
    """Write a row's words, left in parts of the axes' width; a line behind them is interrupted, so that they stay legible."""
    behind = {"facecolor": PAPER, "edgecolor": "none", "pad": 1}
    axes.text(left, row, text, transform=axes.get_yaxis_transform(), va="center", bbox=behind, zorder=5, **look)


def short_count(value: float, _: float = 0) -> str:
    """Return a count as a tick says it: "950", "12k", "3M"."""
    for size, sign in ((1e9, "G"), (1e6, "M"), (1e4, "k")):
        if abs(value) >= size:
            return f"{value / min(size, 1e3 if sign == 'k' else size):.3g}{sign}"
    return f"{value:g}"


def share_words(part: float, whole: float) -> str:
    """Return a part of a whole in words: "2.0 %", "under 0.1 %", "130 %", "over 100 times"."""
    percent = 100 * part / whole if whole else math.inf
    if percent < 0.1:
        return "under 0.1 %"
    if percent >= 10_000:
        return "over 100 times"
    return f"{percent:.1f} %" if percent < 10 else f"{percent:,.0f} %"


def thin(points: Sequence[T], most: int, rank: Callable[[T], float]) -> list[T]:
    """Return at most so many points, in order: the half that ranks highest, the rest evenly from all others."""
    if len(points) <= most:
        return list(points)
    order = sorted(range(len(points)), key=lambda place: rank(points[place]), reverse=True)
    first = set(order[: most // 2])
    rest = [place for place in range(len(points)) if place not in first]
    kept = first | set(rest[:: math.ceil(len(rest) / (most - len(first)))])
    return [points[place] for place in sorted(kept)]
