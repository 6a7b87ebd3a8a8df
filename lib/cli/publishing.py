"""Publishing, which takes a quarter of all that a run imports: it is imported while the database server starts, not before."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from lib.core.background import Background, import_meanwhile
from lib.evidence.log import EvidenceLine
from lib.run.endings import RunOutcome, TaskRun
from lib.run.run_file import RunFile

if TYPE_CHECKING:
    from lib.reporters.publish import Published as Published


def import_publishing() -> Background:
    """Begin to import what publishes a run, and return the thread that does."""
    return import_meanwhile("lib.reporters.publish")


def publish_ended(
    run: RunFile,
    task_runs: Sequence[TaskRun],
    outcome: RunOutcome,
    *,
    strict: bool = False,
    stopped_with: int | None = None,
    unkept: Sequence[EvidenceLine] = (),
) -> Published:
    """Publish a run however it ended: see `lib.reporters.publish`."""
    from lib.reporters.publish import publish

    return publish(run, task_runs, outcome, strict=strict, stopped_with=stopped_with, unkept=unkept)
