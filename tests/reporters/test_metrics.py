"""The metrics are valid in both formats that Prometheus has, and say what the report says."""

from __future__ import annotations

import math
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st
from prometheus_client import openmetrics, parser
from prometheus_client.openmetrics.parser import text_string_to_metric_families as read_open

from lib.core.results import Outcome
from lib.reporters.metrics import Family, as_float, format_family, format_metrics
from lib.reporters.report import RunReport
from tests.support.report_worlds import ADVISORY, GATE, HOSTILE, red, result, world

Series = dict[tuple[str, tuple[tuple[str, str], ...]], float]


def read(text: str) -> Series:
    """Return every sample; both readers must agree, and none may carry a timestamp, which the collector refuses."""
    found: Series = {}
    for family in read_open(text):
        assert family.type == "gauge"
        for one in family.samples:
            assert one.timestamp is None
            key = one.name.removeprefix("launch_readiness_"), tuple(sorted(one.labels.items()))
            assert key not in found, "a series stands there once"
            found[key] = one.value
    older = {
        (one.name.removeprefix("launch_readiness_"), tuple(sorted(one.labels.items()))): one.value
        for family in parser.text_string_to_metric_families(text)
        for one in family.samples
    }
    assert older.keys() == found.keys()
    return found


def value(report: RunReport, name: str, **labels: str) -> float | None:
    base = {"project": report.run.project, "environment": report.run.environment}
    return read(format_metrics(report)).get((name, tuple(sorted({**base, **labels}.items()))))


def test_the_verdict_is_one_of_all(tmp_path: Path) -> None:
    report = red(tmp_path)
    assert value(report, "verdict", verdict="NO-GO") == 1
    assert value(report, "verdict", verdict="GO") == 0
    assert value(world(tmp_path / "green"), "verdict", verdict="REHEARSED") == 1


def test_figures_are_the_reports(tmp_path: Path) -> None:
    report = red(tmp_path)
    assert value(report, "gates", result="fail") == report.gates["fail"] == 1
    assert value(report, "check_result", task="rls", check=GATE, gate="yes", result="fail") == 1
    assert value(report, "check_result", task="migrations", check=ADVISORY, gate="no", result="fail") == 1
    assert value(report, "task_duration_seconds", task="rls") == 17.4
    assert value(report, "task_state", task="rls", state="failed") == 1
    assert value(report, "launch_items", state="failed") == sum(row.state.value == "failed" for row in report.items)
    assert value(report, "run_duration_seconds") == 83
    assert value(report, "run_finished") == 1


def test_a_number_that_was_measured_is_kept_with_its_unit_and_a_yes_is_none(tmp_path: Path) -> None:
    said = {
        GATE: result(GATE, Outcome.FAIL, observed=12.5, expected=5, unit="s"),
        ADVISORY: result(ADVISORY, Outcome.FAIL, observed=True),
    }
    report = world(tmp_path, said)
    assert value(report, "check_observed", task="rls", check=GATE, unit="s") == 12.5
    assert value(report, "check_expected", task="rls", check=GATE, unit="s") == 5
    assert value(report, "check_observed", task="migrations", check=ADVISORY, unit="") is None


def test_an_unfinished_run_says_so(tmp_path: Path) -> None:
    report = world(tmp_path, outcome={"finished": False})
    assert value(report, "run_finished") == 0
    assert format_metrics(report).endswith("# EOF\n")


def test_hostile_names_break_nothing(tmp_path: Path) -> None:
    report = world(tmp_path, project=HOSTILE, environment='a"b\\')
    assert value(report, "run_finished") is None, "it is shown with escapes"
    assert len(read(format_metrics(report))) > 100


@given(st.text(), st.floats() | st.integers().map(as_float) | st.just(as_float(10**400)))
def test_every_label_and_number_can_be_read_again(text: str, number: float) -> None:
    shown = format_family(Family(name="x", help=text, samples=(({"name": text}, number),)), {})
    [[(_, back)]] = [list(read(shown + "# EOF\n").items())]
    assert float(back) == number or (math.isnan(back) and math.isnan(number))


def test_the_reader_refuses_what_is_wrong() -> None:
    try:
        list(openmetrics.parser.text_string_to_metric_families("# TYPE a gauge\na 1\n"))
    except ValueError:
        return
    raise AssertionError("a text without its end was taken")
