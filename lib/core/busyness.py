"""Whether a wait or a duration says something of its subject, or only that this machine was busy. Pure.

A control is what short sleeps and a fixed piece of work met at the same moment. A figure within its limit passes whatever
the control says. One beyond it counts only when the control cannot explain it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Any, NamedTuple, TypeVar

from lib.core.results import Check, Result

MARGIN = 3
"""How many times its own lateness a control explains: it is short, and what is timed may be held up more than once."""
QUIET_S = 0.01
"""Seconds by which a short sleep may be late on a machine that does nothing else; 5 ms were seen."""
MOST_LOOKS = 3
"""How often a look is made that stays unclear, where it is cheap and safe to make it again."""
RUN_AGAIN = "Run again when this machine is less busy."


class Standing(Enum):
    """Where a figure stands: within its limit, beyond it, or beyond it by what the control explains."""

    WITHIN = "within"
    UNCLEAR = "unclear"
    BEYOND = "beyond"


@dataclass(frozen=True, kw_only=True)
class Control:
    """What a fixed amount of waiting and work met in one stretch of time.

    late_s: the latest that a sleep, a piece of work or a statement of the control ended, in seconds.
    lost: the share of the time for which work had to wait for a processor, from 0 up to 1.
    """

    late_s: float = 0.0
    lost: float = 0.0

    def held_up_s(self, figure_s: float) -> float:
        """Return how many seconds of this figure the control itself suffered."""
        return max(self.late_s, self.lost * figure_s)

    def explains(self, figure_s: float, limit_s: float) -> bool:
        """Return whether a machine with time to spare might have kept the figure within the limit."""
        return self.stopped_for(figure_s - limit_s) or figure_s * (1 - self.lost) <= limit_s

    def stopped_for(self, length_s: float) -> bool:
        """Return whether the control stood still once for about so long."""
        return self.late_s >= QUIET_S and MARGIN * self.late_s >= length_s


QUIET = Control()
"""The control of a machine with time to spare."""


class Round(NamedTuple):
    """One round of a control: when it began and ended, in seconds, how late it was, and the share of time lost in it."""

    begin_s: float
    end_s: float
    late_s: float
    lost: float


@dataclass(frozen=True)
class ControlRecord:
    """The rounds of a control, in order."""

    rounds: Sequence[Round] = ()

    def within(self, begin_s: float, end_s: float) -> Control:
        """Return what the rounds met that share a moment with this stretch; quiet when there is none."""
        met = [one for one in self.rounds if one.begin_s <= end_s and one.end_s >= begin_s]
        whole_s = sum(one.end_s - one.begin_s for one in met)
        if not whole_s:
            return QUIET
        lost = sum(one.lost * (one.end_s - one.begin_s) for one in met) / whole_s
        # Of rounds that took next to nothing the mean is not exact: never more than the worst.
        return Control(late_s=max(one.late_s for one in met), lost=min(lost, max(one.lost for one in met)))

    def shifted(self, by_s: float) -> ControlRecord:
        """Return the same rounds on a clock that shows so much more."""
        return ControlRecord([one._replace(begin_s=one.begin_s + by_s, end_s=one.end_s + by_s) for one in self.rounds])


QUIET_RECORD = ControlRecord()


def weigh(figure_s: float, limit_s: float, control: Control) -> Standing:
    """Return where a figure stands beside its control."""
    if figure_s <= limit_s:
        return Standing.WITHIN
    return Standing.UNCLEAR if control.explains(figure_s, limit_s) else Standing.BEYOND


def weigh_timeout(limit_s: float, control: Control) -> Standing:
    """Return where something stands that had not come when its time was over: never within.

    How long it would have taken is not known, so twice the limit is assumed.
    """
    return Standing.UNCLEAR if control.explains(2 * limit_s, limit_s) else Standing.BEYOND


def worst_of(standings: Sequence[Standing]) -> Standing:
    """Return the standing of several figures of one check: one that is beyond decides, then one that is unclear."""
    return next((one for one in (Standing.BEYOND, Standing.UNCLEAR) if one in standings), Standing.WITHIN)


Seen = TypeVar("Seen")


def best_look(
    take: Callable[[], Seen],
    *,
    standing: Callable[[Seen], Standing],
    figure: Callable[[Seen], float],
    may_repeat: Callable[[], bool] = lambda: True,
) -> Seen:
    """Look until it is clear, MOST_LOOKS times at most; return the clear look, else the one with the smallest figure.

    may_repeat: asked before each further look.
    A look that is beyond its limit beside a quiet control is clear: to look again would only wait for luck.
    """
    looks = [take()]
    while standing(looks[-1]) is Standing.UNCLEAR and len(looks) < MOST_LOOKS and may_repeat():
        looks.append(take())
    return min(looks, key=lambda one: (standing(one) is Standing.UNCLEAR, figure(one)))


def format_s(seconds: float) -> str:
    """Return seconds as a sentence says them beside a limit."""
    return f"{seconds * 1000:.0f} ms" if seconds < 1 else f"{seconds:.3g} s"


def too_busy(control: str, limit: str) -> str:
    """Return the sentence for what could not be told apart from a busy machine."""
    return f"This machine was too busy to tell (control {control}, limit {limit})."


def too_busy_for(control: Control, limit_s: float) -> str:
    """Return the sentence for a time-out that says nothing beside its control."""
    return too_busy(format_s(control.held_up_s(limit_s)), format_s(limit_s))


def judge_timed(
    check: Check, standing: Standing, *, control_s: float, limit_s: float, detail: str = "", fix: Any = "", **facts: Any
) -> Result:
    """Return the result of a timed check by where its figure stands; each of them names the control.

    fix: of a `fail`; '' for the check's own.
    """
    if standing is Standing.UNCLEAR:
        said = f"{too_busy(format_s(control_s), format_s(limit_s))} {detail}".strip()
        return check.errored(said, fix=RUN_AGAIN, **facts)
    said = f"{detail} The control was held up for {format_s(control_s)}.".strip()
    if standing is Standing.WITHIN:
        return check.passed(detail=said, **facts)
    return check.failed(detail=said, **({"fix": fix} if fix else {}), **facts)
