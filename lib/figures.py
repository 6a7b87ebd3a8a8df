"""Figures of the notebooks: drawn the same every time, small, and said again in words.

Every figure has a caption and a text that says what it shows. A threshold is a labelled line, and
no meaning hangs on colour alone. The facts come as plain mappings, as the checks return them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NotRequired, TypedDict

from matplotlib.axes import Axes
from matplotlib.figure import Figure as Canvas
from matplotlib.patches import Rectangle
from matplotlib.ticker import FuncFormatter, MaxNLocator

from lib.drawing import EDGE, INK, LIMIT, OUTCOME_LOOKS, PAPER, SOFT, new_canvas, to_svg
from lib.redact import strike
from lib.results import Outcome
from lib.wording import join_words, outcome_symbol, outcome_word, plain_text, show_count, show_duration

LONGEST_LABEL = 32
"""Characters of a row's label; longer names lose their middle."""
VERBS = ("select", "insert", "update", "delete")


class MatrixCell(TypedDict):
    """One probed permission; expected and observed: allow, deny, error or the name of a scope (own, workspace)."""

    table: str
    identity: str
    verb: str
    expected: str
    observed: str


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
    """Return a drawn matplotlib figure as a Figure, its words cleaned and struck."""
    return Figure(svg=to_svg(canvas), alt=label(alt, limit=2000), caption=label(caption, limit=400))


def label(text: str, *, limit: int = LONGEST_LABEL) -> str:
    """Return a text fit for a picture: one line, no credentials, its middle left out when long."""
    line = " ".join(strike(plain_text(str(text))).split())
    if len(line) <= limit:
        return line
    head = (limit - 1) * 2 // 3
    return f"{line[:head]}…{line[-(limit - 1 - head):]}"


def nothing_drawn(what: str) -> Figure:
    """Return the figure for facts that are not there, so that the cell after a failed look goes on."""
    with new_canvas(5.4, 0.7) as canvas:
        canvas.text(0.02, 0.5, f"Nothing to draw: {what}.", va="center", color=SOFT)
        return finish(canvas, alt=f"No figure: {what}.", caption=f"Nothing to draw: {what}.")


def matrix_heat_map(cells: Iterable[MatrixCell] | None) -> Figure:
    """Draw who may do what to which table: a row a table, a column an identity and verb.

    A letter in each cell says what was observed; a cell that differs from what is declared is
    framed and shows both, observed first ("A≠D").
    """
    cells = list(cells or ())
    if not cells:
        return nothing_drawn("no permission was probed")
    tables = list(dict.fromkeys(cell["table"] for cell in cells))
    identities = list(dict.fromkeys(cell["identity"] for cell in cells))
    verbs = [verb for verb in VERBS if any(cell["verb"] == verb for cell in cells)]
    columns = [(identity, verb) for identity in identities for verb in verbs]
    looks = scope_looks(word for cell in cells for word in (cell["observed"], cell["expected"]))
    wrong = [cell for cell in cells if cell["observed"] != cell["expected"]]
    with new_canvas(1.9 + 0.31 * len(columns), 1.75 + 0.27 * len(tables)) as canvas:
        axes = canvas.add_axes(_inside(canvas, left=1.8, right=0.1, top=1.05, bottom=0.7))
        for cell in cells:
            if (cell["identity"], cell["verb"]) in columns:
                place = columns.index((cell["identity"], cell["verb"])), tables.index(cell["table"])
                _draw_cell(axes, place, cell, looks)
        _label_matrix(axes, tables, identities, verbs)
        _draw_matrix_key(canvas, looks, bool(wrong))
        return finish(canvas, alt=_say_matrix(cells, wrong), caption=_matrix_caption(tables, identities, cells))


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
    """Say below the matrix what each letter means."""
    width, height = canvas.get_size_inches()
    x = 0.1
    for word, (letter, fill, ink) in looks.items():
        canvas.add_artist(Rectangle((x / width, 0.34 / height), 0.2 / width, 0.2 / height, facecolor=fill, edgecolor="none"))
        canvas.text((x + 0.1) / width, 0.43 / height, letter, ha="center", va="center", fontsize=8, color=ink)
        name = {"error": "could not look", "own": "own rows", "workspace": "workspace rows"}.get(word, label(word, limit=16))
        canvas.text((x + 0.27) / width, 0.43 / height, name, va="center", fontsize=8.5, color=SOFT)
        x += 0.5 + 0.082 * len(name)
    if any_wrong:
        frame = {"facecolor": PAPER, "edgecolor": LIMIT, "linewidth": 2}
        canvas.add_artist(Rectangle((0.11 / width, 0.06 / height), 0.34 / width, 0.2 / height, **frame))
        canvas.text(0.28 / width, 0.155 / height, "A≠D", ha="center", va="center", fontsize=7.5, color=LIMIT, fontweight="bold")
        canvas.text(0.53 / width, 0.155 / height, "not as declared: observed ≠ declared", va="center", fontsize=8.5, color=SOFT)


def _say_matrix(cells: Sequence[MatrixCell], wrong: Sequence[MatrixCell]) -> str:
    if not wrong:
        return f"All {show_count(len(cells), 'probe')} gave what is declared."
    named = [f"{cell['identity']} {cell['verb']} on {cell['table']}: {cell['observed']}, declared {cell['expected']}" for cell in wrong]
    rest = f"; and {len(named) - 8:,} more" if len(named) > 8 else ""
    return f"{len(wrong):,} of {show_count(len(cells), 'probe')} differ from what is declared: {'; '.join(named[:8])}{rest}."


def _matrix_caption(tables: Sequence[str], identities: Sequence[str], cells: Sequence[MatrixCell]) -> str:
    return (
        f"What each identity could really do, found by trying: {show_count(len(tables), 'table')}, "
        f"{show_count(len(identities), 'identity', 'identities')}, {show_count(len(cells), 'probe')}, all rolled back."
    )


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
        left = canvas.add_axes(_inside(canvas, left=2.45, right=2.65, top=0.4, bottom=0.85))
        right = canvas.add_axes(_inside(canvas, left=4.95, right=0.25, top=0.4, bottom=0.85))
        _draw_scales(left, facts, names, scales, "time_ms")
        _draw_scales(right, facts, names, scales, "longest_exclusive_ms")
        left.set_yticks(range(len(names)), [label(name) for name in names])
        right.set_yticks(range(len(names)), [""] * len(names))
        left.set_title("time to apply", loc="left")
        right.set_title("longest exclusive lock", loc="left")
        right.axvline(limit_ms, color=LIMIT, linewidth=1.6, linestyle=(0, (5, 2)))
        right.set_xlim(right=max(right.get_xlim()[1], limit_ms * 3))
        right.text(limit_ms, 1.0, f" limit {limit_ms:g} ms", transform=right.get_xaxis_transform(), color=LIMIT, fontsize=8.5, va="top")
        left.legend(loc="upper left", bbox_to_anchor=(-0.02, -0.42 / (0.34 * len(names) + 0.1)), ncols=len(scales))
        caption = f"{show_count(len(names), 'migration')} on a twin of the target, at {join_words([f'{scale}×' for scale in scales])} the seed's rows; both axes logarithmic, in ms."
        return finish(canvas, alt=_say_locks(facts, limit_ms), caption=caption)


MARKERS = ("o", "s", "^", "D")
"""One shape a scale; colour only repeats it."""
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
        style = {"s": 34, "marker": MARKERS[place % 4], "color": SCALE_COLOURS[place % 4], "label": f"{scale}× the seed's rows"}
        axes.scatter([x for x, _ in points], [y for _, y in points], zorder=2, **style)
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
        axes = canvas.add_axes(_inside(canvas, left=1.75, right=0.2, top=0.35, bottom=0.6))
        start = 0.0
        for row, step in enumerate(steps):
            axes.barh(row, step["seconds"], left=start, height=0.56, color="#4a86c5")
            start += step["seconds"]
            axes.text(start + end * 0.012, row, show_duration(step["seconds"]), va="center", fontsize=9)
        place = end * 0.985 if is_far else rto_s
        text = f"RTO {show_duration(rto_s)}, far right of this axis " if is_far else f"RTO {show_duration(rto_s)} "
        axes.axvline(place, color=LIMIT, linewidth=1.8, linestyle=(0, (2, 2)) if is_far else (0, (5, 2)))
        axes.text(place, 1.02, text, transform=axes.get_xaxis_transform(), ha="right", va="bottom", fontsize=9, color=LIMIT)
        _time_axis(axes, end, len(steps))
        axes.set_yticks(range(len(steps)), [label(step["stage"], limit=24) for step in steps])
        side = "within" if total <= rto_s else "beyond"
        alt = f"{join_words([step['stage'] + ' ' + show_duration(step['seconds']) for step in steps])}: {show_duration(total)} in all, {side} the objective of {show_duration(rto_s)}."
        return finish(canvas, alt=alt, caption=f"Time to restore, step by step: {show_duration(total)} in all, {side} the RTO of {show_duration(rto_s)}.")


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
        axes = canvas.add_axes(_inside(canvas, left=1.75, right=0.2, top=0.1, bottom=0.6))
        for row, (span, begin, end) in enumerate(zip(spans, begins, ends, strict=True)):
            _draw_span(axes, row, span, begin, last if end is None else end, last, is_open=end is None)
        _time_axis(axes, last * 1.45, len(spans))
        axes.set_yticks(range(len(spans)), [label(span["task"], limit=24) for span in spans])
        said = [f"{span['task']} {_span_words(span, begin, end)}" for span, begin, end in zip(spans, begins, ends, strict=True)]
        caption = f"The run, task by task: {show_count(len(spans), 'task')} in {show_duration(last)} of wall clock."
        return finish(canvas, alt=f"{'; '.join(said)}.", caption=caption)


def _draw_span(axes: Axes, row: int, span: TaskSpan, begin: float, end: float, last: float, *, is_open: bool) -> None:
    colour, hatch = OUTCOME_LOOKS[span["outcome"]]
    width = max(end - begin, last * 0.004)  # a task of no time is still seen
    axes.barh(row, width, left=begin, height=0.56, facecolor=colour, edgecolor=PAPER, hatch=hatch, linewidth=0)
    words = _span_words(span, begin, None if is_open else end)
    axes.text(begin + width + last * 0.015, row, f"{outcome_symbol(Outcome(span['outcome']))} {words}", va="center", fontsize=9)


def _span_words(span: TaskSpan, begin: float, end: float | None) -> str:
    took = show_duration(end - begin) if end is not None else "not finished"
    return f"{outcome_word(Outcome(span['outcome']))}, {took}"


def _time_axis(axes: Axes, end: float, rows: int) -> None:
    """Set a time axis in seconds from zero and one line a row, first on top."""
    axes.set(xlim=(0, end), ylim=(rows - 0.5, -0.5), xlabel="seconds")
    axes.xaxis.set_major_locator(MaxNLocator(6))
    axes.tick_params(axis="y", length=0)
    axes.set_axisbelow(True)
    axes.grid(axis="x", color=EDGE, linewidth=0.6)


def _inside(canvas: Canvas, *, left: float, right: float, top: float, bottom: float) -> tuple[float, float, float, float]:
    """Return the axes' box for margins given in inches."""
    width, height = canvas.get_size_inches()
    return left / width, bottom / height, (width - left - right) / width, (height - top - bottom) / height
