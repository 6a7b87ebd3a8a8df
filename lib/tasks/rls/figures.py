"""The heat map of a permission matrix: who could do what to which table, observed against declared."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from matplotlib.axes import Axes
from matplotlib.figure import Figure as Canvas
from matplotlib.patches import Rectangle

from lib.core.offered import offer_figures
from lib.core.wording import format_count
from lib.display.figure import EDGE, INK, LIMIT, PAPER, SOFT, Figure, axes_box, finish, label, new_canvas, nothing_drawn
from lib.tasks.rls.show import MatrixCell

VERBS = ("select", "insert", "update", "delete")
KEY_WORDS = {"allow": "every row", "deny": "no row", "own": "own rows", "workspace": "workspace rows", "error": "undetermined"}
"""The key's text for the words that matrices use; other words are shown as they are."""


def matrix_heat_map(cells: Iterable[MatrixCell] | None) -> Figure:
    """Draw who can do what to which table: a row a table, a column an identity and verb.

    A letter in each cell says what was observed; a cell that differs from what is declared is
    framed and shows both, observed first ("A≠D"). Of many tables, those with such a cell come first.
    """
    every = list(cells or ())
    if not every:
        return nothing_drawn("no permission was probed")
    tables = choose_tables(every)
    cells = [cell for cell in every if cell["table"] in tables]
    identities = list(dict.fromkeys(cell["identity"] for cell in cells))
    verbs = [verb for verb in VERBS if any(cell["verb"] == verb for cell in cells)]
    columns = [(identity, verb) for identity in identities for verb in verbs]
    looks = scope_looks(word for cell in cells for word in (cell["observed"], cell["expected"]))
    wrong = [cell for cell in every if is_wrong(cell)]
    with new_canvas(1.9 + 0.31 * len(columns), 1.75 + 0.27 * len(tables)) as canvas:
        axes = canvas.add_axes(axes_box(canvas, left=1.8, right=0.1, top=1.05, bottom=0.7))
        for cell in cells:
            if (cell["identity"], cell["verb"]) in columns:
                place = columns.index((cell["identity"], cell["verb"])), tables.index(cell["table"])
                _draw_cell(axes, place, cell, looks)
        _label_matrix(axes, tables, identities, verbs)
        _draw_matrix_key(canvas, looks, bool(wrong))
        return finish(canvas, alt=_format_matrix(every, wrong), caption=_matrix_caption(tables, identities, every))


MOST_DRAWN = 40
"""Tables in one figure: a page of it."""


def is_wrong(cell: MatrixCell) -> bool:
    """Return whether something else was observed than is declared."""
    return cell["observed"] != cell["expected"]


def choose_tables(cells: Sequence[MatrixCell]) -> list[str]:
    """Return the tables that are drawn, in order: those that differ from what is declared before the others."""
    tables = dict.fromkeys(cell["table"] for cell in cells)
    differing = dict.fromkeys(cell["table"] for cell in cells if is_wrong(cell))
    kept = set([*differing, *(table for table in tables if table not in differing)][:MOST_DRAWN])
    return [table for table in tables if table in kept]


def scope_looks(words: Iterable[str]) -> dict[str, tuple[str, str, str]]:
    """Return word -> (letter, fill, ink) for every word that occurs, each letter used once."""
    fixed = {
        "allow": ("A", "#2f6fb3", "#ffffff"),
        "own": ("O", "#9ecae1", INK),
        "workspace": ("W", "#d6e6f4", INK),
        "deny": ("D", "#eef0f2", INK),
        "error": ("?", "#f7e3b5", INK),
    }
    seen = list(dict.fromkeys(words))
    looks = {word: fixed[word] for word in fixed if word in seen}
    for word in seen:
        if word not in looks:
            taken = {look[0] for look in looks.values()} | {look[0] for look in fixed.values()}
            free = [char for char in f"{word.upper()}BCEFGHIJKLMNPQRSTUVXYZ" if char.isalpha() and char not in taken]
            looks[word] = (free[0] if free else "*", "#e3d9ee", INK)
    return looks


def _draw_cell(axes: Axes, place: tuple[int, int], cell: MatrixCell, looks: Mapping[str, tuple[str, str, str]]) -> None:
    x, y = place
    letter, fill, ink = looks[cell["observed"]]
    axes.add_patch(Rectangle((x + 0.04, y + 0.04), 0.92, 0.92, facecolor=fill, edgecolor="none"))
    differs = cell["observed"] != cell["expected"]
    if differs:
        axes.add_patch(Rectangle((x + 0.06, y + 0.06), 0.88, 0.88, facecolor=PAPER, edgecolor=LIMIT, linewidth=2.2))
        letter, ink = f"{letter}≠{looks[cell['expected']][0]}", LIMIT
    axes.text(x + 0.5, y + 0.53, letter, ha="center", va="center", color=ink, fontsize=8 if differs else 9,
              fontweight="bold" if differs else "normal")  # fmt: skip


def _label_matrix(axes: Axes, tables: Sequence[str], identities: Sequence[str], verbs: Sequence[str]) -> None:
    """Name the rows by table, the columns by verb, and each group of columns by identity."""
    width = len(identities) * len(verbs)
    axes.set(xlim=(0, width), ylim=(len(tables), 0))
    axes.xaxis.tick_top()
    axes.set_xticks([place + 0.5 for place in range(width)], list(verbs) * len(identities), rotation=90, fontsize=8.5)
    axes.set_yticks([place + 0.5 for place in range(len(tables))], [label(name, limit=24) for name in tables])
    axes.tick_params(length=0)
    for side in axes.spines.values():
        side.set_visible(False)
    high = -0.62 / 0.27
    for place, identity in enumerate(identities):
        middle = (place + 0.5) * len(verbs)
        axes.text(middle, high, label(identity, limit=18), ha="center", va="bottom", fontsize=9, fontweight="bold")
        if place:
            axes.plot([place * len(verbs)] * 2, [high, len(tables)], color=EDGE, linewidth=1, clip_on=False)


def _draw_matrix_key(canvas: Canvas, looks: Mapping[str, tuple[str, str, str]], any_wrong: bool) -> None:
    """Draw below the matrix what each letter means, in as many lines as needed."""
    width, height = canvas.get_size_inches()
    entries = [
        (letter, KEY_WORDS.get(word, label(word, limit=16)), fill, ink, "none", 0.2)
        for word, (letter, fill, ink) in looks.items()
    ]
    if any_wrong:
        entries.append(("A≠D", "not as declared: observed ≠ declared", PAPER, LIMIT, LIMIT, 0.34))
    x, y = 0.1, 0.42
    for letter, name, fill, ink, edge, box in entries:
        needs = box + 0.07 + 0.08 * len(name)
        if x + needs > width and x > 0.1:
            x, y = 0.1, y - 0.27
        canvas.add_artist(
            Rectangle((x / width, y / height), box / width, 0.2 / height, facecolor=fill, edgecolor=edge, linewidth=1.8)
        )
        canvas.text((x + box / 2) / width, (y + 0.09) / height, letter, ha="center", va="center", fontsize=8, color=ink)
        canvas.text((x + box + 0.07) / width, (y + 0.09) / height, name, va="center", fontsize=8.5, color=SOFT)
        x += needs + 0.2


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
