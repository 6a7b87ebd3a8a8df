"""What is wrong with drawn figures: texts and marks beyond the canvas, labels over one another, text too small to read."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from io import StringIO
from unittest.mock import patch

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_svg import RendererSVG
from matplotlib.colors import to_hex
from matplotlib.figure import Figure as Canvas
from matplotlib.text import Text

from lib.display import figure
from lib.display.figure import LIMIT, SMALL_PT, Figure

SLACK_PX = 0.6
"""Points by which a text may touch the canvas' edge or another text: what rounding comes to."""


def faults_of(draw: Callable[[], Figure]) -> tuple[Figure, list[str]]:
    """Return a figure and what is wrong with how it is drawn."""
    faults: list[str] = []
    as_it_is = figure.to_svg

    def look(canvas: Canvas) -> str:
        faults.extend(find_faults(canvas))
        return as_it_is(canvas)

    with patch.object(figure, "to_svg", look):
        return draw(), faults


def find_faults(canvas: Canvas) -> Iterator[str]:
    """Yield what is wrong on one canvas."""
    canvas.dpi = 72  # the SVG's own
    width, height = canvas.bbox.width, canvas.bbox.height
    renderer = RendererSVG(width, height, StringIO(), image_dpi=72)
    canvas.draw_without_rendering()
    texts = [text for text in drawn_texts(canvas) if text.get_visible() and text.get_text().strip()]
    boxes = np.array([text.get_window_extent(renderer).extents for text in texts]).reshape(-1, 4)
    for text, (x0, y0, x1, y1) in zip(texts, boxes, strict=True):
        if x0 < -SLACK_PX or y0 < -SLACK_PX or x1 > width + SLACK_PX or y1 > height + SLACK_PX:
            yield f"{text.get_text()!r} reaches beyond {width:.0f} × {height:.0f}: {x0:.1f} {y0:.1f} {x1:.1f} {y1:.1f}"
        if text.get_fontsize() < SMALL_PT:
            yield f"{text.get_text()!r} is only {text.get_fontsize()} pt"
    yield from overlaps(texts, boxes)
    whole = canvas.get_tightbbox(renderer).extents * canvas.dpi
    if min(whole[:2]) < -SLACK_PX or whole[2] > width + SLACK_PX or whole[3] > height + SLACK_PX:
        yield f"something is drawn beyond the canvas: {whole}"
    for axes in canvas.axes:
        yield from limits_off_axes(axes)


def overlaps(texts: list[Text], boxes: np.ndarray) -> Iterator[str]:
    for place, box in enumerate(boxes):
        rest = boxes[place + 1 :]
        wide = np.minimum(box[2], rest[:, 2]) - np.maximum(box[0], rest[:, 0])
        high = np.minimum(box[3], rest[:, 3]) - np.maximum(box[1], rest[:, 1])
        for other in np.flatnonzero((wide > SLACK_PX) & (high > 2 * SLACK_PX)):
            pair = f"{texts[place].get_text()!r} and {texts[place + 1 + other].get_text()!r}"
            yield f"{pair} overlap by {wide[other]:.1f} × {high[other]:.1f}"


def drawn_texts(canvas: Canvas) -> Iterator[Text]:
    """Yield every text that is drawn: not those of ticks beyond their axis."""
    yield from canvas.texts
    for axes in canvas.axes:
        yield from axes.texts
        if axes.axison:
            for axis in (axes.xaxis, axes.yaxis):
                yield axis.label
                for tick in axis._update_ticks():
                    yield from (text for text in (tick.label1, tick.label2) if text.get_visible())


def limits_off_axes(axes: Axes) -> Iterator[str]:
    """Yield each straight line of the limits' colour that its axes do not show."""
    for line in axes.lines:
        if to_hex(line.get_color()) != LIMIT or not line.is_dashed():
            continue
        for places, ends in ((line.get_xdata(), axes.get_xlim()), (line.get_ydata(), axes.get_ylim())):
            slack = abs(ends[1] - ends[0]) * 1e-6
            if places[0] == places[-1] and not min(ends) - slack <= places[0] <= max(ends) + slack:
                yield f"the limit at {places[0]} is not on its axis {ends}"
