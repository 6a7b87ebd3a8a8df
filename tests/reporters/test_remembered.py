"""What history keeps of a run decides it again to the verdict that was said, whatever kind of run it was."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from lib.core.results import Outcome, Provenance, SkipReason
from lib.core.verdict import GateInput
from lib.evidence.decisions import list_decisions
from lib.evidence.history import open_history
from lib.evidence.kept_results import WAIVED
from lib.evidence.log import ReusedFrom
from lib.reporters.promotion import Promotion
from lib.reporters.remembered import history_entry, remember
from lib.reporters.report import RunReport, report_run
from lib.run.policy import AS_IT_WAS
from lib.run.replay import decide_again
from lib.tasks.index import TASKS
from tests.support.report_worlds import AT, GATE, OTHER_GATE, red, result, world

HIDDEN = "rls.no_policy_without_rls"


def waived(home: Path) -> RunReport:
    hidden = result(HIDDEN, Outcome.SKIP, see=GATE, detail=f"Not judged here. See {GATE}.")
    return world(home, {GATE: result(GATE, Outcome.FAIL, detail="known"), HIDDEN: hidden}, waived=GATE)


def stale(home: Path) -> RunReport:
    run = world(home)
    old = ReusedFrom(run_id="20261125T060000Z-aaaa", looked_at=AT - timedelta(hours=30))
    lines = [one.model_copy(update={"reused_from": old}) if one.check == GATE else one for one in run.found]
    return report_run(run.run, TASKS, lines, run.outcome)


def promoted(home: Path) -> RunReport:
    run = world(home, {GATE: result(GATE, Outcome.SKIP, skipped_because=SkipReason.NOT_ALLOWED)})
    proved = {GATE: GateInput(check=GATE, outcome=Outcome.PASS, gate=True, provenance=Provenance.LIVE)}
    return report_run(run.run, TASKS, run.found, run.outcome, promotion=Promotion(proved=proved, sentence="proved on staging"))


def cut_off(home: Path) -> RunReport:
    run = world(home)
    return report_run(run.run, TASKS, run.found, replace(run.outcome, finished=False))


def unconfirmed(home: Path) -> RunReport:
    return world(home, unconfirmed=("launch/project.yaml:3",))


@pytest.mark.parametrize("make", [world, red, waived, stale, promoted, cut_off, unconfirmed])
def test_a_run_is_decided_again_as_it_was_said(tmp_path: Path, make: Callable[[Path], RunReport]) -> None:
    report = make(tmp_path)
    engine = open_history(tmp_path / "history")
    remember(engine, report)
    [decision], unknown = list_decisions(engine, tmp_path / "none", report.run.project, report.run.environment)
    assert unknown == []
    again = decide_again(decision, AS_IT_WAS)
    assert (again.then, again.rules, again.now) == (report.verdict.word,) * 3
    assert len(decision.results) == len(report.lines)


def test_how_a_result_counted_is_kept_beside_what_was_found(tmp_path: Path) -> None:
    kept = {one.check: one for one in history_entry(waived(tmp_path / "a")).kept}
    assert {check for check, one in kept.items() if one.counted_as == WAIVED} == {GATE, HIDDEN}
    assert kept[GATE].keys == (kept[GATE].words,) == ("known",)
    [old] = [one for one in history_entry(stale(tmp_path / "b")).kept if one.check == GATE]
    assert (old.found, old.result, old.reused) == ("pass", "error", True)
    assert old.age_s > 30 * 3600
    [proved] = [one for one in history_entry(promoted(tmp_path / "c")).kept if one.check == GATE]
    assert (proved.found, proved.counted_as) == ("skip", "live")
    assert OTHER_GATE in kept
