"""The figure of the migrations: the longest lock of each, the longest wait for it, and the control beside them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from matplotlib.axes import Axes

from lib.core.offered import offer_figures
from lib.core.wording import format_count, format_duration, join_words, name_some
from lib.display.drawing import (
    Key,
    KeyEntry,
    axes_at,
    draw_limit,
    exact_ms,
    fit,
    lanes,
    limit_entry,
    log_axis,
    ms_ends,
    row_words,
)
from lib.display.figure import (
    BLUES,
    EDGE,
    GREY,
    LIMIT,
    NARROW_IN,
    ORANGE,
    SMALL_PT,
    SOFT,
    Figure,
    finish,
    new_canvas,
    nothing_drawn,
)
from lib.tasks.migrations.judge_locks import MigrationLock

MOST_DRAWN = 40
"""Migrations in one figure: a page of it."""
NAME, LANE, QUIET, REST = 1.0, 0.9, 0.9, 0.35
"""Heights in a migration's block, in lines: its name, one scale, the words for none at all, and the space below it."""
LINE_IN = 0.19
LEFT_IN, SIDE_IN = 0.5, 0.12
MARKS: Mapping[str, tuple[str, str, bool, str]] = {
    "longest_exclusive_ms": ("s", BLUES[0], False, "exclusive lock held"),
    "longest_wait_ms": ("^", ORANGE, False, "another's wait for it"),
    "control_ms": ("o", GREY, True, "control, untouched table"),
    "time_ms": ("|", SOFT, False, "whole file"),
}
"""What is marked on a lane -> shape, colour, whether it is hollow, and its words in the key."""


def lock_timeline(migrations: Iterable[MigrationLock] | None, limit_ms: float, blocked_ms: float | None = None) -> Figure:
    """Draw for each migration, at each scale, its longest exclusive lock, the longest wait, and the control beside them.

    limit_ms: the longest ACCESS EXCLUSIVE lock on a table with rows that is allowed, in milliseconds.
    blocked_ms: the longest wait of a background statement that is allowed; None when only locks are looked at.
    Of many migrations those with the longest locks and waits are drawn.
    """
    facts = list(migrations or ())
    if not facts:
        return nothing_drawn("no migration was rehearsed")
    every = list(dict.fromkeys(fact["migration"] for fact in facts))
    names = longest(facts, every)
    drawn = [[fact for fact in facts if fact["migration"] == name] for name in names]
    key = Key(_key_entries(limit_ms, blocked_ms), NARROW_IN - SIDE_IN)
    rows = sum(block_height(own) for own in drawn)
    with new_canvas(NARROW_IN, 1.05 + LINE_IN * rows + key.height_in) as canvas:
        axes = axes_at(canvas, left=LEFT_IN, right=SIDE_IN, top=0.48, bottom=0.57 + key.height_in)
        limits = [limit_ms, *([blocked_ms] if blocked_ms is not None else [])]
        shown = [_ms(fact, mark) for own in drawn for fact in own for mark in MARKS]
        log_axis(canvas, axes, "x", ms_ends([*(value for value in shown if value), *limits]), most=4)
        lanes(axes, rows)
        top = 0.0
        for own in drawn:
            _draw_block(axes, own, top, {"longest_exclusive_ms": limit_ms, "longest_wait_ms": blocked_ms})
            top += block_height(own)
        draw_limit(canvas, axes, max(limit_ms, axes.get_xlim()[0]), f"lock at most {exact_ms(limit_ms)}")
        if blocked_ms is not None:
            draw_limit(canvas, axes, max(blocked_ms, axes.get_xlim()[0]), f"wait at most {exact_ms(blocked_ms)}", row=1)
        axes.set_xlabel("milliseconds, logarithmic")
        axes.grid(axis="x")
        key.draw(canvas)
        return finish(canvas, alt=_format_locks(facts, limit_ms, blocked_ms), caption=_caption(facts, names, every))


def longest(facts: Sequence[MigrationLock], names: Sequence[str]) -> list[str]:
    """Return the migrations that are drawn, in order: those of the longest locks and waits, and then of the longest times."""
    rank: dict[str, tuple[float, float]] = dict.fromkeys(names, (0.0, 0.0))
    for fact in facts:
        name, held_ms = fact["migration"], max(_ms(fact, "longest_exclusive_ms"), _ms(fact, "longest_wait_ms"))
        rank[name] = (max(rank[name][0], held_ms), max(rank[name][1], fact["time_ms"]))
    kept = set(sorted(names, key=lambda name: rank[name], reverse=True)[:MOST_DRAWN])
    return [name for name in names if name in kept]


def is_quiet(own: Sequence[MigrationLock]) -> bool:
    """Return whether a migration held nothing that others need, and nobody waited for it."""
    return not any(_ms(fact, mark) for fact in own for mark in ("longest_exclusive_ms", "longest_wait_ms"))


def block_height(own: Sequence[MigrationLock]) -> float:
    """Return how many lines one migration takes."""
    return NAME + REST + (QUIET if is_quiet(own) else LANE * len(own))


def _ms(fact: MigrationLock, mark: str) -> float:
    return float(fact.get(mark) or 0.0)  # type: ignore[arg-type]


def _key_entries(limit_ms: float, blocked_ms: float | None) -> list[KeyEntry]:
    entries = [KeyEntry(word=word, marker=shape, colour=colour, hollow=hollow) for shape, colour, hollow, word in MARKS.values()]
    same = blocked_ms is None or blocked_ms == limit_ms
    words = f"limit {exact_ms(limit_ms)}" if same else f"limits {exact_ms(limit_ms)} and {exact_ms(blocked_ms or 0)}"
    return [*entries, limit_entry(words)]


def _draw_block(axes: Axes, own: Sequence[MigrationLock], top: float, limits: Mapping[str, float | None]) -> None:
    """Draw one migration: its name, and below it one lane a scale, or that nothing was held."""
    left = -(LEFT_IN - 0.06) / (NARROW_IN - LEFT_IN - SIDE_IN)
    row_words(axes, left, top + NAME / 2, fit(own[0]["migration"], NARROW_IN - SIDE_IN))
    if is_quiet(own):
        times = ", ".join(f"{format_duration(fact['time_ms'] / 1000)} at {fact['scale']}×" for fact in own)
        words = fit(f"no lock, no wait; {times}", NARROW_IN - 0.3, SMALL_PT)
        row_words(axes, left + 0.04, top + NAME + QUIET / 2, words, color=SOFT, fontsize=SMALL_PT)
        return
    for place, fact in enumerate(own):
        middle = top + NAME + LANE * (place + 0.5)
        words = fit(f"{fact['scale']}×", LEFT_IN - 0.1, SMALL_PT)
        row_words(axes, left, middle, words, color=SOFT, fontsize=SMALL_PT)
        _draw_lane(axes, fact, middle, limits)


def _draw_lane(axes: Axes, fact: MigrationLock, middle: float, limits: Mapping[str, float | None]) -> None:
    """Draw the marks of one scale on a line; what is beyond its limit has a frame of the limit's colour."""
    floor = axes.get_xlim()[0]
    axes.axhline(middle, color=EDGE, linewidth=0.8, zorder=0)
    for mark, (shape, colour, hollow, _) in MARKS.items():
        value = _ms(fact, mark)
        if not value:
            continue
        limit = limits.get(mark)
        beyond = limit is not None and value > limit
        edge = LIMIT if beyond else colour
        look: Any = {"markersize": 5.5, "markeredgewidth": 1.8 if beyond else 1.1, "linestyle": "", "zorder": 3}
        face = "none" if hollow else colour
        axes.plot([max(value, floor)], [middle], marker=shape, markerfacecolor=face, markeredgecolor=edge, **look)


def _format_locks(facts: Sequence[MigrationLock], limit_ms: float, blocked_ms: float | None) -> str:
    over = [fact for fact in facts if _ms(fact, "longest_exclusive_ms") > limit_ms]
    slowest = max(facts, key=lambda fact: fact["time_ms"])
    said = f"The slowest migration was {slowest['migration']}: {slowest['time_ms']:.0f} ms at {slowest['scale']}×. "
    said += _format_waits(facts, blocked_ms)
    if not over:
        return f"{said}None held an exclusive lock on a table with rows beyond {limit_ms:g} ms."
    named = [f"{fact['migration']} at {fact['scale']}× ({fact['longest_exclusive_ms']:.0f} ms)" for fact in over]
    return f"{said}Beyond the limit of {limit_ms:g} ms: {name_some(named, most=8)}."


def _format_waits(facts: Sequence[MigrationLock], blocked_ms: float | None) -> str:
    worst = max(facts, key=lambda fact: _ms(fact, "longest_wait_ms"))
    waited_ms = _ms(worst, "longest_wait_ms")
    if blocked_ms is None or not waited_ms:
        return "" if blocked_ms is None else "Nobody waited for a migration. "
    side = "beyond" if waited_ms > blocked_ms else "within"
    control = f", while the control was held up for {_ms(worst, 'control_ms'):.0f} ms" if "control_ms" in worst else ""
    return (
        f"The longest wait, {waited_ms:.0f} ms for {worst['migration']} at {worst['scale']}×, "
        f"is {side} its limit of {blocked_ms:g} ms{control}. "
    )


def _caption(facts: Sequence[MigrationLock], names: Sequence[str], every: Sequence[str]) -> str:
    times = join_words([f"{scale}×" for scale in sorted({fact["scale"] for fact in facts})])
    count = format_count(len(every), "migration")
    if len(names) < len(every):
        count = f"The {len(names)} of {count} with the longest locks and waits (all are in locks.json),"
    return (
        f"{count} on a twin of the target, at {times} the seed's rows: how long each held a table that has rows, how long others "
        "waited for it, and what a statement on an untouched table met meanwhile."
    )


offer_figures(__name__)
