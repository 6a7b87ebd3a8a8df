"""The heat map of a permission matrix: who could do what to which table, observed against declared."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure as Canvas
from matplotlib.patches import Polygon, Rectangle

from lib.core.offered import offer_figures
from lib.core.wording import format_count
from lib.display.drawing import Key, KeyEntry, axes_at, fit, text_at, text_width_in
from lib.display.figure import (
    AMBER,
    BLUES,
    GREY,
    INK,
    LILAC,
    LIMIT,
    NARROW_IN,
    PAPER,
    SMALL_PT,
    TEXT_PT,
    WASH,
    Figure,
    finish,
    label,
    new_canvas,
    nothing_drawn,
)
from lib.tasks.rls.show import MatrixCell

VERBS = ("select", "insert", "update", "delete")
KEY_WORDS = {"allow": "every row", "deny": "no row", "own": "own rows", "workspace": "workspace rows", "error": "undetermined"}
"""The key's text for the words that matrices use; other words are shown as they are."""


MOST_DRAWN, MOST_CELLS = 40, 1600
"""Tables in one figure, a page of it, and cells."""
CELL_IN, ROW_IN, SIDE_IN = 0.32, 0.28, 0.1
"""Width and height of a cell, and the space around the map."""
NAME_IN = 1.9
"""The most width that the tables' names take, and NAMES_IN the height of the verbs' and identities' above them."""
NAMES_IN = 0.98


def matrix_heat_map(cells: Iterable[MatrixCell] | None) -> Figure:
    """Draw who can do what to which table: a row a table, a column an identity and verb.

    A cell that is as declared is one letter. One that differs is framed and split: declared in its lower left,
    observed in its upper right. Of many tables, those with such a cell come first.
    """
    every = list(cells or ())
    if not every:
        return nothing_drawn("no permission was probed")
    identities = list(dict.fromkeys(cell["identity"] for cell in every))
    verbs = [verb for verb in VERBS if any(cell["verb"] == verb for cell in every)]
    columns = [(identity, verb) for identity in identities for verb in verbs]
    tables = choose_tables(every, most=max(MOST_CELLS // max(len(columns), 1), 1))
    drawn = [cell for cell in every if cell["table"] in tables and (cell["identity"], cell["verb"]) in columns]
    looks = scope_looks(word for cell in drawn for word in (cell["observed"], cell["expected"]))
    wrong = [cell for cell in every if is_wrong(cell)]
    names_in = min(max(text_width_in(label(table, limit=200)) for table in tables) + 0.08, NAME_IN)
    map_in = names_in + CELL_IN * len(columns)
    width = max(map_in + 2 * SIDE_IN, NARROW_IN)
    key = Key(_key_entries(looks), width - 2 * SIDE_IN)
    rows_in = ROW_IN * len(tables)
    below = key.height_in + (SPLIT_IN if wrong else 0.0) + 0.16
    with new_canvas(width, NAMES_IN + rows_in + below) as canvas:
        axes = axes_at(canvas, left=SIDE_IN + names_in, right=width - map_in - SIDE_IN, top=NAMES_IN, bottom=below)
        places = {(cell["table"], cell["identity"], cell["verb"]): cell for cell in drawn}
        grid = [[places.get((table, *column)) for column in columns] for table in tables]
        _label_matrix(axes, tables, identities, verbs, names_in)
        _draw_cells(axes, grid, looks)
        if wrong:
            _explain_split(canvas, key.height_in + 0.1)
        key.draw(canvas, left=SIDE_IN)
        return finish(canvas, alt=_format_matrix(every, wrong), caption=_matrix_caption(tables, identities, every))


def is_wrong(cell: MatrixCell) -> bool:
    """Return whether something else was observed than is declared."""
    return cell["observed"] != cell["expected"]


def choose_tables(cells: Sequence[MatrixCell], *, most: int = MOST_DRAWN) -> list[str]:
    """Return the tables that are drawn, in order: those that differ from what is declared before the others."""
    tables = dict.fromkeys(cell["table"] for cell in cells)
    differing = dict.fromkeys(cell["table"] for cell in cells if is_wrong(cell))
    kept = set([*differing, *(table for table in tables if table not in differing)][: min(most, MOST_DRAWN)])
    return [table for table in tables if table in kept]


def scope_looks(words: Iterable[str]) -> dict[str, tuple[str, str, str]]:
    """Return word -> (letter, fill, ink) for every word that occurs, each letter used once."""
    fixed = {
        "allow": ("A", BLUES[1], PAPER),
        "own": ("O", BLUES[2], INK),
        "workspace": ("W", BLUES[3], INK),
        "deny": ("D", WASH, INK),
        "error": ("?", AMBER, INK),
    }
    seen = list(dict.fromkeys(words))
    looks = {word: fixed[word] for word in fixed if word in seen}
    for word in seen:
        if word not in looks:
            taken = {look[0] for look in looks.values()} | {look[0] for look in fixed.values()}
            free = [char for char in f"{word.upper()}BCEFGHIJKLMNPQRSTUVXYZ" if char.isalpha() and char not in taken]
            looks[word] = (free[0] if free else "*", LILAC, INK)
    return looks


Grid = Sequence[Sequence[MatrixCell | None]]
Looks = Mapping[str, tuple[str, str, str]]


def _draw_cells(axes: Axes, grid: Grid, looks: Looks) -> None:
    """Draw every cell; one path for all that look alike in a row keeps the picture small."""
    for y, row in enumerate(grid):
        for x, word, length in stretches(row):
            axes.add_patch(Rectangle((x, y), length, 1, facecolor=looks[word][1], edgecolor="none"))
        for x, cell in enumerate(row):
            if cell is not None and not is_wrong(cell):
                letter, _, ink = looks[cell["observed"]]
                axes.text(x + 0.5, y + 0.52, letter, ha="center", va="center_baseline", color=ink)
    wide, high = len(grid[0]), len(grid)
    axes.hlines(range(high + 1), 0, wide, color=PAPER, linewidth=1.2)
    axes.vlines(range(wide + 1), 0, high, color=PAPER, linewidth=1.2)
    for y, row in enumerate(grid):
        for x, cell in enumerate(row):
            if cell is not None and is_wrong(cell):
                _draw_split(axes, (x, y), looks[cell["expected"]], looks[cell["observed"]])


def stretches(row: Sequence[MatrixCell | None]) -> Iterator[tuple[int, str, int]]:
    """Yield each stretch of cells of a row that were observed alike: its first place, what was observed, its length."""
    begin = 0
    words = [cell["observed"] if cell else None for cell in row]
    for place in range(1, len(words) + 1):
        if place == len(words) or words[place] != words[begin]:
            word = words[begin]
            if word is not None:
                yield begin, word, place - begin
            begin = place


def _draw_split(axes: Axes, place: tuple[int, int], declared: tuple[str, str, str], observed: tuple[str, str, str]) -> None:
    """Draw one framed cell: declared in its lower left, observed in its upper right."""
    x, y = place
    for corner, (letter, fill, ink), (across, down) in (
        ((x, y + 1), declared, (0.27, 0.74)),
        ((x + 1, y), observed, (0.73, 0.3)),
    ):
        axes.add_patch(Polygon([(x, y), corner, (x + 1, y + 1)], closed=True, facecolor=fill, edgecolor="none", zorder=3))
        look: Any = {"ha": "center", "va": "center_baseline", "fontsize": SMALL_PT, "fontweight": "bold", "zorder": 4}
        axes.text(x + across, y + down, letter, color=ink, **look)
    axes.plot([x, x + 1], [y, y + 1], color=LIMIT, linewidth=0.9, zorder=3)
    axes.add_patch(Rectangle((x + 0.04, y + 0.04), 0.92, 0.92, facecolor="none", edgecolor=LIMIT, linewidth=2.0, zorder=4))


def _label_matrix(axes: Axes, tables: Sequence[str], identities: Sequence[str], verbs: Sequence[str], names_in: float) -> None:
    """Name the rows by table, the columns by verb, and each group of columns by identity."""
    width = len(identities) * len(verbs)
    axes.set(xlim=(0, width), ylim=(len(tables), 0))
    axes.xaxis.tick_top()
    axes.set_xticks([place + 0.5 for place in range(width)], list(verbs) * len(identities), rotation=90)
    axes.set_yticks([place + 0.5 for place in range(len(tables))], [fit(name, names_in - 0.06) for name in tables])
    axes.tick_params(axis="y", labelsize=TEXT_PT)
    axes.tick_params(length=0, pad=3)
    for side in axes.spines.values():
        side.set_visible(False)
    high = -(NAMES_IN - 0.26) / ROW_IN
    for place, identity in enumerate(identities):
        name = fit(identity, len(verbs) * CELL_IN - 0.06, bold=True)
        axes.text((place + 0.5) * len(verbs), high, name, ha="center", va="bottom", fontweight="bold")
        if place:
            axes.plot([place * len(verbs)] * 2, [high, len(tables)], color=GREY, linewidth=1, clip_on=False, zorder=2.5)


SPLIT_IN = 0.34
"""Height of the line below the map that explains a split cell."""


def _key_entries(looks: Looks) -> list[KeyEntry]:
    """Return what each letter means."""
    return [
        KeyEntry(word=KEY_WORDS.get(word, word), letter=letter, fill=fill, ink=ink) for word, (letter, fill, ink) in looks.items()
    ]


def _explain_split(canvas: Canvas, bottom: float) -> None:
    """Draw a split cell above the key, and what its two parts say."""
    width, height = canvas.get_size_inches()
    axes = axes_at(canvas, left=SIDE_IN, right=width - SIDE_IN - CELL_IN, top=height - bottom - ROW_IN, bottom=bottom)
    axes.set(xlim=(0, 1), ylim=(1, 0))
    axes.axis("off")
    _draw_split(axes, (0, 0), ("D", WASH, INK), ("O", BLUES[2], INK))
    words = fit("differs: declared lower left, observed upper right", width - CELL_IN - 0.3, SMALL_PT)
    text_at(canvas, SIDE_IN + CELL_IN + 0.08, bottom + ROW_IN / 2, words, va="center", color=LIMIT, fontsize=SMALL_PT)


def _format_matrix(cells: Sequence[MatrixCell], wrong: Sequence[MatrixCell]) -> str:
    if not wrong:
        return f"All {format_count(len(cells), 'probe')} gave the declared result."
    named = [
        f"{cell['identity']} {cell['verb']} on {cell['table']}: {cell['observed']}, declared {cell['expected']}" for cell in wrong
    ]
    rest = f"; and {len(named) - 8:,} more" if len(named) > 8 else ""
    return f"{len(wrong):,} of {format_count(len(cells), 'probe')} differ from what is declared: {'; '.join(named[:8])}{rest}."


def _matrix_caption(tables: Sequence[str], identities: Sequence[str], cells: Sequence[MatrixCell]) -> str:
    every = len({cell["table"] for cell in cells})
    count = format_count(every, "table")
    if len(tables) < every:
        count = f"{len(tables)} of {count}, those that differ first (all are in matrix.json)"
    return (
        f"What each identity can really do, found by trying: {count}, "
        f"{format_count(len(identities), 'identity', 'identities')}, {format_count(len(cells), 'probe')}, all rolled back."
    )


offer_figures(__name__)
