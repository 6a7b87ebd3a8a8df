"""How figures are drawn: one look, no pyplot state, an SVG that is small and always the same, and its words."""

from __future__ import annotations

import io
import re
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Literal

import matplotlib
from matplotlib.axes import Axes
from matplotlib.figure import Figure as Canvas
from matplotlib.ticker import MaxNLocator

from lib.core.results import Outcome
from lib.core.wording import plain_text

LONGEST_LABEL = 32
"""Characters of a row's label; longer names lose their middle."""

INK, SOFT, EDGE, PAPER = "#1c2733", "#4d5966", "#dde2e7", "#ffffff"
LIMIT = "#b3261e"
"""Thresholds and mismatches: a red that stays dark for every kind of colour sight, always with words."""

OUTCOME_LOOKS = {
    Outcome.PASS: ("#2a7f62", ""),
    Outcome.FAIL: ("#b3261e", "////"),
    Outcome.SKIP: ("#9aa4af", ""),
    Outcome.ERROR: ("#b07a12", "\\\\\\\\"),
}
"""Outcome -> fill and hatch, so that a grey print still tells them apart."""

MEASURED_WITH = "DejaVu Sans"
"""Comes with matplotlib and is wider than what browsers show instead, so texts never run over."""
SHOWN_WITH = "-apple-system,'Segoe UI',Roboto,'Helvetica Neue',Arial,sans-serif"

STYLE: Any = {
    "font.family": [MEASURED_WITH],
    "font.size": 9.5,
    "text.color": INK,
    "text.parse_math": False,  # a "$" in a name is a dollar
    "axes.edgecolor": EDGE,
    "axes.labelcolor": SOFT,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.titlesize": 9.5,
    "axes.titleweight": "bold",
    "axes.titlecolor": INK,
    "xtick.color": SOFT,
    "ytick.color": INK,
    "hatch.color": PAPER,
    "hatch.linewidth": 0.8,
    "legend.frameon": False,
    "legend.fontsize": 8.5,
    "legend.handletextpad": 0.2,
    "legend.columnspacing": 1.2,
    "figure.facecolor": PAPER,
    "svg.fonttype": "none",
    "svg.hashsalt": "launch readiness",
}

SHRINKS: tuple[tuple[re.Pattern[str], str], ...] = (
    (re.compile(r"<\?xml.*?\?>|<!DOCTYPE.*?>|<!--.*?-->|<metadata>.*?</metadata>", re.DOTALL), ""),
    (re.compile(r' transform="rotate\(-0 [^"]*\)"'), ""),
    (re.compile(r' id="(?!m|p|h)[A-Za-z.]+_?\d*"| id="(?:patch|matplotlib|PathCollection)[\w.]*"'), ""),
    (re.compile(rf"font-family: '{MEASURED_WITH}'(?:, [^;\"]*)?; ?"), ""),
    (re.compile(r"(\d+\.\d)\d+(?=[ \"])"), r"\1"),
    (re.compile(r" ?\n(?=[A-Zz\"])"), ""),
    (re.compile(r">\s+<"), "><"),
    (re.compile(r"<g>(<text[^>]*>[^<]*</text>)</g>"), r"\1"),
    (re.compile(r"<g></g>"), ""),
)
"""What is taken out of matplotlib's SVG: what no reader sees."""
OFTEN = 3
"""A style written out this many times becomes a class, which is shorter."""
MARKERS: tuple[Literal["o", "s", "^", "D"], ...] = ("o", "s", "^", "D")
"""One shape a scale; colour only repeats it."""


@contextmanager
def new_canvas(width_in: float, height_in: float) -> Iterator[Canvas]:
    """Give a figure in the house's look; what is drawn and saved inside has that look."""
    with matplotlib.rc_context(STYLE):
        yield Canvas(figsize=(width_in, height_in))


def to_svg(canvas: Canvas) -> str:
    """Return the figure as a small SVG without dates, versions or random names."""
    page = io.StringIO()
    canvas.savefig(page, format="svg", metadata={"Date": None, "Creator": None, "Format": None, "Type": None})
    svg = page.getvalue()
    for pattern, replacement in SHRINKS:
        svg = pattern.sub(replacement, svg)
    return _name_styles(svg)


def _name_styles(svg: str) -> str:
    """Return the SVG with styles that occur often written once, as classes."""
    often = [style for style, times in Counter(re.findall(r'style="([^"]*)"', svg)).items() if times >= OFTEN]
    for place, style in enumerate(often):
        svg = svg.replace(f'style="{style}"', f'class="s{place}"')
    rules = "".join(f".s{place}{{{style}}}" for place, style in enumerate(often))
    return svg.replace("</style>", f"text{{font-family:{SHOWN_WITH}}}{rules}</style>", 1)


@dataclass(frozen=True, kw_only=True)
class Figure:
    """A drawn figure that shows itself at the end of a cell.

    svg: the picture, with its text as text. alt: what it shows, for who can't see it. caption: the line below it.
    """

    svg: str
    alt: str
    caption: str

    def __post_init__(self) -> None:
        if not self.alt.strip() or not self.caption.strip():
            raise ValueError("a figure needs a caption and a text that says what it shows")

    def _repr_mimebundle_(self, **_: Any) -> tuple[dict[str, str], dict[str, Any]]:
        data = {"image/svg+xml": self.svg, "text/plain": f"{self.caption}\n{self.alt}"}
        return data, {"image/svg+xml": {"alt": self.alt, "caption": self.caption}}

    def __repr__(self) -> str:
        return f"{self.caption}\n{self.alt}"


def finish(canvas: Canvas, *, alt: str, caption: str) -> Figure:
    """Return a drawn matplotlib figure as a Figure, its words cleaned and redacted."""
    return Figure(svg=to_svg(canvas), alt=label(alt, limit=2000), caption=label(caption, limit=400))


def label(text: str, *, limit: int = LONGEST_LABEL) -> str:
    """Return a text fit for a picture: one line, no credentials, its middle left out when long."""
    line = " ".join(plain_text(str(text)).split())
    if len(line) <= limit:
        return line
    head = (limit - 1) * 2 // 3
    return f"{line[:head]}…{line[-(limit - 1 - head) :]}"


def nothing_drawn(what: str) -> Figure:
    """Return the figure for facts that are not there, so that the cell after a failed look goes on."""
    with new_canvas(5.4, 0.7) as canvas:
        canvas.text(0.02, 0.5, f"Nothing to draw: {what}.", va="center", color=SOFT)
        return finish(canvas, alt=f"No figure: {what}.", caption=f"Nothing to draw: {what}.")


def axes_box(canvas: Canvas, *, left: float, right: float, top: float, bottom: float) -> tuple[float, float, float, float]:
    """Return the axes' box for margins given in inches."""
    width, height = canvas.get_size_inches()
    return left / width, bottom / height, (width - left - right) / width, (height - top - bottom) / height


def time_axis(axes: Axes, end: float, rows: int) -> None:
    """Set a time axis in seconds from zero and one line a row, first on top."""
    axes.set(xlim=(0, end), ylim=(rows - 0.5, -0.5), xlabel="seconds")
    axes.xaxis.set_major_locator(MaxNLocator(6))
    axes.tick_params(axis="y", length=0)
    axes.set_axisbelow(True)
    axes.grid(axis="x", color=EDGE, linewidth=0.6)
