"""The figure of a restore says whether the objective was met."""

from __future__ import annotations

from lib.tasks.backup_restore.figures import restore_stages
from tests.support import sample_pages as sample
from tests.support.canvases import faults_of


def test_objective_met_or_missed_is_said() -> None:
    beyond, within = restore_stages(sample.STAGES, 3), restore_stages(sample.STAGES, 600)
    assert beyond.caption.startswith("Time to restore, step by step: 3.2 s in all, beyond the RTO of 3.0 s.")
    assert within.caption.startswith("Time to restore, step by step: 3.2 s in all, within the RTO of 10 min.")
    assert "(0.5 % of it)" in within.alt and ">RTO 10 min<" in within.svg and "restored in 3.2 s: 0.5 % of the RTO" in within.svg


def test_the_objective_stands_on_an_axis_that_holds_both() -> None:
    figure, faults = faults_of(lambda: restore_stages(sample.STAGES, 36_000))
    assert faults == [] and ">RTO 10 h 00 min<" in figure.svg and "far" not in figure.svg
