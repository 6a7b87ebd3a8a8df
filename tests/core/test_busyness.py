"""What a figure beyond its limit comes to beside a control: a property for each sentence of the law."""

from __future__ import annotations

import dataclasses

import pytest
from hypothesis import example, given
from hypothesis import strategies as some

from lib.core.busyness import (
    MARGIN,
    MOST_LOOKS,
    QUIET,
    QUIET_S,
    Control,
    ControlRecord,
    Round,
    Standing,
    best_look,
    format_s,
    judge_timed,
    weigh,
    weigh_timeout,
    worst_of,
)
from lib.core.results import Check, Outcome

WITHIN, UNCLEAR, BEYOND = Standing.WITHIN, Standing.UNCLEAR, Standing.BEYOND
CHECK = Check("x.is_quick", "It is quick", fix="Make it quick.")
seconds = some.floats(0, 1000)
limits = some.floats(0.001, 1000)
controls = some.builds(Control, late_s=some.floats(0, 100), lost=some.floats(0, 0.99))


@given(figure=seconds, limit=limits, control=controls)
def test_a_figure_within_its_limit_is_within_whatever_the_control_says(figure: float, limit: float, control: Control) -> None:
    assert (weigh(figure, limit, control) is WITHIN) == (figure <= limit)


@given(figure=seconds, limit=limits)
def test_beside_a_quiet_control_nothing_is_unclear(figure: float, limit: float) -> None:
    assert weigh(figure, limit, QUIET) is not UNCLEAR
    assert weigh(figure, limit, Control(late_s=QUIET_S / 2)) is not UNCLEAR
    assert weigh_timeout(limit, QUIET) is BEYOND


@given(figure=seconds, limit=limits, control=controls, more=some.floats(0, 100), less=some.floats(0, 1))
def test_a_worse_control_never_makes_it_clearer(figure: float, limit: float, control: Control, more: float, less: float) -> None:
    worse = Control(late_s=control.late_s + more, lost=control.lost + (0.99 - control.lost) * less)
    if weigh(figure, limit, control) is UNCLEAR:
        assert weigh(figure, limit, worse) is UNCLEAR
    if weigh_timeout(limit, control) is UNCLEAR:
        assert weigh_timeout(limit, worse) is UNCLEAR


@given(figure=seconds, limit=limits, control=controls, more=some.floats(0, 1000))
def test_a_worse_figure_is_never_judged_better(figure: float, limit: float, control: Control, more: float) -> None:
    order = [WITHIN, UNCLEAR, BEYOND]
    assert order.index(weigh(figure, limit, control)) <= order.index(weigh(figure + more, limit, control))


@given(limit=limits, control=controls)
def test_no_control_explains_everything(limit: float, control: Control) -> None:
    """So a thing that hangs is a `fail` even on a busy machine."""
    beyond_all = (limit + MARGIN * control.late_s) / (1 - control.lost) * 1.01 + 1
    assert weigh(beyond_all, limit, control) is BEYOND


@pytest.mark.parametrize(
    ("figure", "limit", "control", "standing"),
    [
        (2.9, 2.0, Control(late_s=0.31), UNCLEAR),  # a third of what it was beyond
        (2.9, 2.0, Control(late_s=0.29), BEYOND),
        (3.2, 2.0, Control(lost=0.4), UNCLEAR),  # 1.9 s of its own
        (3.2, 2.0, Control(lost=0.3), BEYOND),
        (0.0, 0.0, Control(lost=0.9), WITHIN),
        (0.1, 0.0, Control(lost=0.9), BEYOND),
    ],
)
def test_examples(figure: float, limit: float, control: Control, standing: Standing) -> None:
    assert weigh(figure, limit, control) is standing


def test_a_time_out_counts_as_twice_its_limit() -> None:
    assert weigh_timeout(5, Control(lost=0.5)) is UNCLEAR
    assert weigh_timeout(5, Control(lost=0.4)) is BEYOND
    assert weigh_timeout(5, Control(late_s=2)) is UNCLEAR


def test_one_clear_breach_decides_then_one_unclear() -> None:
    assert worst_of([WITHIN, UNCLEAR, BEYOND]) is BEYOND
    assert worst_of([WITHIN, UNCLEAR]) is UNCLEAR
    assert worst_of([]) is WITHIN


@dataclasses.dataclass
class Looked:
    standing: Standing
    figure: float = 1.0


@given(some.lists(some.builds(Looked, standing=some.sampled_from(Standing), figure=seconds), min_size=MOST_LOOKS))
def test_a_look_is_made_again_only_while_it_is_unclear(looks: list[Looked]) -> None:
    left = iter(looks)
    best = best_look(lambda: next(left), standing=lambda one: one.standing, figure=lambda one: one.figure)
    made = len(looks) - len(list(left))
    assert made <= MOST_LOOKS
    assert all(one.standing is UNCLEAR for one in looks[: made - 1])
    clear = [one for one in looks[:made] if one.standing is not UNCLEAR]
    assert best == clear[0] if clear else best.figure == min(one.figure for one in looks[:made])


@given(some.lists(some.tuples(some.floats(0, 10), some.floats(0, 5), some.floats(0, 0.9)), max_size=9), seconds, seconds)
@example(found=[(5e-324, 0.0, 0.75)], begin=0.0, length=0.0)
def test_a_stretch_has_the_worst_of_its_rounds(found: list[tuple[float, float, float]], begin: float, length: float) -> None:
    rounds, at = [], 0.0
    for took, late, lost in found:
        rounds.append(Round(at, at + took, late, lost))
        at += took
    control = ControlRecord(rounds).within(begin, begin + length)
    met = [one for one in rounds if one.begin_s <= begin + length and one.end_s >= begin]
    assert control.late_s in {0.0, *(one.late_s for one in met)}
    assert 0 <= control.lost <= max([one.lost for one in met], default=0.0) + 1e-9
    moved = ControlRecord(rounds).shifted(4.0).rounds
    assert [one.begin_s - 4.0 for one in moved] == pytest.approx([one.begin_s for one in rounds])


def test_each_result_names_the_control() -> None:
    given = {"control_s": 0.9, "limit_s": 0.2, "detail": "A lock was held.", "observed": 300, "expected": 200, "unit": "ms"}
    quick, unclear, slow = (judge_timed(CHECK, standing, **given) for standing in (WITHIN, UNCLEAR, BEYOND))
    assert (quick.outcome, unclear.outcome, slow.outcome) == (Outcome.PASS, Outcome.ERROR, Outcome.FAIL)
    assert unclear.detail == "This machine was too busy to tell (control 900 ms, limit 200 ms). A lock was held."
    assert slow.detail == quick.detail == "A lock was held. The control was held up for 900 ms."
    assert (slow.fix, quick.fix, unclear.observed) == (("Make it quick.",), (), 300)


def test_seconds_are_told_as_a_person_reads_them() -> None:
    assert [format_s(0.0123), format_s(0.9), format_s(2), format_s(12.34)] == ["12 ms", "900 ms", "2 s", "12.3 s"]
