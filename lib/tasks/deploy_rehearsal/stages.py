"""The stages of a rehearsed deploy, as a page shows them."""

from __future__ import annotations

from typing import Any

from lib.tasks.deploy_rehearsal.rehearsal import Rehearsal


def stage_rows(seen: Rehearsal) -> list[dict[str, Any]]:
    """Return one row a stage: how long it took, and what it came to."""
    took = {phase.name: round(phase.end_s - phase.begin_s, 2) for phase in seen.phases}
    deploy = (
        "flyctl was interrupted"
        if seen.deploy_failure
        else "every machine healthy"
        if seen.healthy_after_s is not None
        else "never healthy"
    )
    if seen.healthy_after_s is None:
        watch = "not watched"
    else:
        watch = "the machines could not be read" if seen.watch_failure else seen.fell_over or "healthy all the while"
    back = (
        "no end"
        if seen.rollback is None
        else "healthy again"
        if seen.rollback.exit_code == 0
        else f"ended with {seen.rollback.exit_code}"
    )
    came_to = {
        "before": "users' requests for comparison",
        "deploy": deploy,
        "watch": watch,
        "rollback": back,
        "after": "users' requests for comparison",
    }
    return [{"stage": stage, "took, s": took.get(stage), "came to": said} for stage, said in came_to.items()]
