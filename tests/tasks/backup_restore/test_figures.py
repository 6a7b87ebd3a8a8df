"""The figure of a restore says whether the objective was met."""

from __future__ import annotations

from lib.tasks.backup_restore.figures import restore_stages
from tests.support import sample_pages as sample


def test_objective_met_or_missed_is_said() -> None:
    assert restore_stages(sample.STAGES, 3).caption == "Time to restore, step by step: 3.2 s in all, beyond the RTO of 3.0 s."
    assert "far right of this axis" in restore_stages(sample.STAGES, 600).svg
