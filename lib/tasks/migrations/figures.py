"""The figure of the migrations: how long each took, and its longest lock."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from matplotlib.axes import Axes
from matplotlib.ticker import FuncFormatter

from lib.core.offered import offer_figures
from lib.core.wording import format_count, join_words, name_some
from lib.display.figure import EDGE, LIMIT, MARKERS, SOFT, Figure, axes_box, finish, label, new_canvas, nothing_drawn
from lib.tasks.migrations.judge_locks import MigrationLock


def lock_timeline(migrations: Iterable[MigrationLock] | None, limit_ms: float) -> Figure:
    """Draw for each migration, at each scale, how long it took and its longest exclusive lock; of many, those that took longest.

    limit_ms: the longest ACCESS EXCLUSIVE lock on a table with rows that is allowed, in milliseconds.
    """
    facts = list(migrations or ())
    if not facts:
        return nothing_drawn("no migration was rehearsed")
    every = list(dict.fromkeys(fact["migration"] for fact in facts))
    names = longest(facts, every)
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
        count = format_count(len(every), "migration")
        if len(names) < len(every):
            count = f"The {len(names)} of {count} with the longest locks, then times (all are in locks.json),"
        caption = f"{count} on a twin of the target, at {times} the seed's rows; both axes logarithmic, in ms."
        return finish(canvas, alt=_format_locks(facts, limit_ms), caption=caption)


MOST_DRAWN = 40
"""Migrations in one figure: a page of it."""


def longest(facts: Sequence[MigrationLock], names: Sequence[str]) -> list[str]:
    """Return the migrations that are drawn, in order: those of the longest locks, and then of the longest times."""
    rank: dict[str, tuple[float, float]] = dict.fromkeys(names, (0.0, 0.0))
    for fact in facts:
        name, lock_ms = fact["migration"], fact["longest_exclusive_ms"] or 0.0
        rank[name] = (max(rank[name][0], lock_ms), max(rank[name][1], fact["time_ms"]))
    kept = set(sorted(names, key=lambda name: rank[name], reverse=True)[:MOST_DRAWN])
    return [name for name in names if name in kept]


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


def _format_locks(facts: Sequence[MigrationLock], limit_ms: float) -> str:
    over = [fact for fact in facts if (fact["longest_exclusive_ms"] or 0) > limit_ms]
    slowest = max(facts, key=lambda fact: fact["time_ms"])
    said = f"The slowest migration was {slowest['migration']}: {slowest['time_ms']:.0f} ms at {slowest['scale']}×. "
    if not over:
        return f"{said}None held an exclusive lock on a table with rows beyond {limit_ms:g} ms."
    named = [f"{fact['migration']} at {fact['scale']}× ({fact['longest_exclusive_ms']:.0f} ms)" for fact in over]
    return f"{said}Beyond the limit of {limit_ms:g} ms: {name_some(named, most=8)}."


offer_figures(__name__)
