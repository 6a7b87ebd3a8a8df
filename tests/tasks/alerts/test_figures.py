"""The figure of the alerts shows how far each test is from the threshold, whichever way the alert fires."""

from __future__ import annotations

from collections.abc import Sequence
from types import SimpleNamespace

from lib.tasks.alerts.figures import MOST_DRAWN, alert_curves, reduce_line
from lib.tasks.alerts.mutations import Curve

ROW = {"alert": "Slow", "quiet up to": "0.49999", "fires from": "0.50001"}


def curve(expected: str, values: Sequence[float | None], *, alert: str = "Slow", fires: int | None = None) -> Curve:
    states = ["firing" if fires is not None and place >= fires else "inactive" for place in range(len(values))]
    points = [(60 * place, value, state) for place, (value, state) in enumerate(zip(values, states, strict=True))]
    return Curve(alert=alert, test=f"{alert} {expected}", expected=expected, points=points)


def test_the_boundary_pair_is_measured_against_the_threshold_and_its_for() -> None:
    rules = SimpleNamespace(alerts=[SimpleNamespace(name="Slow", hold_s=600.0)])
    pair = [curve("firing", [0.1, 0.52, 0.52, 0.2], fires=2), curve("quiet", [0.1, 0.49, 0.3])]
    figure = alert_curves(pair, {"Slow": 0.5}, [ROW], rules)
    assert ">threshold 0.5; for 10 min; found: quiet up to 0.49999, fires from 0.50001<" in figure.svg
    assert ">firing test: 0.52, 4.0% above<" in figure.svg and ">quiet test: 0.49, 2.0% below<" in figure.svg
    assert "Slow in 'Slow firing': highest value 0.52, threshold 0.5; fires from minute 2 to 3" in figure.alt
    assert figure.alt.endswith("Slow was found to stay quiet up to 0.49999 and to fire from 0.50001.")


def test_an_alert_that_fires_below_its_threshold_is_measured_at_its_lowest() -> None:
    figure = alert_curves([curve("firing", [9.0, 4.0, 4.0], fires=1), curve("quiet", [9.0, 6.0])], {"Slow": 5.0})
    assert ">firing test: 4, 20.0% below<" in figure.svg and ">quiet test: 6, 20.0% above<" in figure.svg
    assert "lowest value 4" in figure.alt


def test_a_test_without_values_or_threshold_is_drawn_too() -> None:
    figure = alert_curves([curve("firing", [None, None]), curve("quiet", [float("inf"), 2.0])], {})
    assert ">no declared threshold<" in figure.svg and ">firing test: no value<" in figure.svg and ">quiet test: 2<" in figure.svg


def test_of_many_alerts_those_that_misbehave_are_drawn() -> None:
    many = [curve("quiet", [1.0, 2.0], alert=f"A{number}", fires=1 if number == 38 else None) for number in range(40)]
    figure = alert_curves(many, {})
    assert ">A38<" in figure.svg and ">A39<" not in figure.svg and figure.caption.startswith(f"{MOST_DRAWN} of 40 alerts")


def test_a_reduced_line_keeps_its_ends_of_the_value_axis() -> None:
    points = [(float(at), float(at * 37 % 101)) for at in range(2000)]
    reduced = reduce_line(points)
    assert len(reduced) < 100 and max(y for _, y in reduced) == 100 and min(y for _, y in reduced) == 0
    assert reduce_line([(0.0, 1.0), (1.0, 2.0), (2.0, 3.0), (3.0, 3.0)]) == [(0.0, 1.0), (2.0, 3.0), (3.0, 3.0)]


def test_no_test_is_said_so() -> None:
    assert "no alert has a unit test" in alert_curves(None, {}).alt
