"""How figures are drawn: one look, no pyplot state, an SVG that is small and always the same, and its words."""

from __future__ import annotations

import io
import re
import textwrap
import warnings
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Literal

import matplotlib
from matplotlib.figure import Figure as Canvas

from lib.core.results import Outcome
from lib.core.wording import plain_text

LONGEST_LABEL = 32
"""Characters of a row's label; longer names lose their middle."""

INK, SOFT, EDGE, PAPER = "#1c2733", "#4d5966", "#dde2e7", "#ffffff"
LIMIT = "#b3261e"
"""Thresholds and mismatches: a red that stays dark for every kind of colour sight, always with words."""
BLUES = ("#12355b", "#2f6fb3", "#8dbbe0", "#d6e6f4")
"""From dark to pale: steps of one thing, told apart by lightness."""
ORANGE, GREY, WASH, AMBER, ROSE, LILAC = "#c46a00", "#7d8894", "#eef1f4", "#f7e3b5", "#eebab6", "#e3d9ee"
MARKERS: tuple[Literal["o", "s", "^", "D"], ...] = ("o", "s", "^", "D")
"""One shape a series; colour only repeats it."""
SERIES = tuple(zip((BLUES[0], ORANGE, GREY, BLUES[1]), MARKERS, ("-", "--", ":", "-."), strict=True))
"""Colour, marker and line of each series in turn: no two differ by colour alone."""
LIMIT_LINE: Any = {"color": LIMIT, "linewidth": 1.6, "linestyle": (0, (5, 2))}
"""How every limit is drawn."""

OUTCOME_LOOKS = {
    Outcome.PASS: ("#3f9a7c", ""),
    Outcome.FAIL: ("#a3231b", "////"),
    Outcome.SKIP: ("#8b95a0", "---"),
    Outcome.ERROR: ("#c98a12", "\\\\\\\\"),
}
"""Outcome -> fill and hatch, so that a grey print still tells them apart."""

NARROW_IN = 3.2
"""The width in inches that a telephone of 360 px shows whole, its text at 11 px or more; a wider figure scrolls."""
TEXT_PT, SMALL_PT = 9.0, 8.5
"""The two sizes of text: 12 and 11.3 px, at which a page shows them."""

MEASURED_WITH = "DejaVu Sans"
"""Comes with matplotlib and is wider than what browsers show instead, so texts never run over."""
SHOWN_WITH = "-apple-system,'Segoe UI',Roboto,'Helvetica Neue',Arial,sans-serif"

STYLE: Any = {
    "font.family": [MEASURED_WITH],
    "font.size": TEXT_PT,
    "text.color": INK,
    "text.parse_math": False,  # a "$" in a name is a dollar
    "axes.edgecolor": EDGE,
    "axes.labelcolor": SOFT,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.labelsize": SMALL_PT,
    "axes.axisbelow": True,
    "xtick.labelsize": SMALL_PT,
    "ytick.labelsize": SMALL_PT,
    "grid.color": EDGE,
    "grid.linewidth": 0.6,
    "xtick.color": SOFT,
    "ytick.color": INK,
    "hatch.color": PAPER,
    "hatch.linewidth": 0.8,
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


@contextmanager
def new_canvas(width_in: float, height_in: float) -> Iterator[Canvas]:
    """Give a figure in the house's look; what is drawn and saved inside has that look."""
    with matplotlib.rc_context(STYLE), warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Glyph .* missing from font")  # the browser has other fonts
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
    lines = textwrap.wrap(f"Nothing to draw: {what}.", 44)
    with new_canvas(NARROW_IN, 0.3 + 0.18 * len(lines)) as canvas:
        for place, line in enumerate(lines):
            canvas.text(0.03, 1 - (0.24 + 0.18 * place) / (0.3 + 0.18 * len(lines)), line, va="center", color=SOFT)
        return finish(canvas, alt=f"No figure: {what}.", caption=f"Nothing to draw: {what}.")
