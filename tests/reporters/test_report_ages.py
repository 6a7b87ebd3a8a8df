"""A stale fact is an error at every door: verdict, page, terminal, JUnit, documents."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from lib.core.results import Outcome
from lib.core.verdict import Verdict
from lib.evidence.ages import ShelfLife
from lib.evidence.log import ReusedFrom
from lib.reporters.html.render import render_index
from lib.reporters.junit import format_junit
from lib.reporters.pages import summarize_run
from lib.reporters.report import RunReport, report_run
from lib.reporters.terminal import format_verdict
from lib.tasks.index import TASKS
from tests.support.report_worlds import AT, GATE, world


def aged(tmp_path: Path, hours: float, **life: object) -> RunReport:
    """A run in which one gate was taken over from a run that looked some hours ago."""
    run = world(tmp_path)
    origin = ReusedFrom(run_id="20261125T060000Z-aaaa", looked_at=AT - timedelta(hours=hours))
    lines = [line.model_copy(update={"reused_from": origin}) if line.check == GATE else line for line in run.found]
    file = run.run.model_copy(update={"shelf_life": ShelfLife.model_validate(life)})
    return report_run(file, TASKS, lines, run.outcome)


@pytest.mark.parametrize(("hours", "life"), [(30, {}), (2, {"max_age_h_by_check": {GATE: 1}}), (2, {"max_age_h": 1})])
def test_a_stale_gate_blocks(tmp_path: Path, hours: float, life: dict[str, object]) -> None:
    one = aged(tmp_path, hours, **life)
    assert one.verdict is Verdict.BLOCKED
    assert one.results[GATE] is Outcome.ERROR
    assert next(line.result for line in one.found if line.check == GATE) is Outcome.PASS, "what was found stays as it is"
    assert one.flips[0].sets == (frozenset({GATE}),)
    pages = (format_verdict(one, exit_code=2), render_index(None, summarize_run(one)), format_junit(one).decode())
    for said in pages:
        assert "It was `pass` then" in said or "It was pass then" in said


def test_a_fresh_one_is_reused_and_its_age_is_on_the_page(tmp_path: Path) -> None:
    one = aged(tmp_path, 2)
    assert one.verdict is Verdict.PARTIAL
    row = next(row for row in summarize_run(one).header.checks if row.check == GATE)
    assert row.age_s == pytest.approx(2 * 3600 + one.outcome.duration_s)
