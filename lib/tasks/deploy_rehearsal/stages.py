"""The stages of a rehearsed deploy, and the parts of a drill, as a page shows them."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from lib.tasks.deploy_rehearsal.drill import Drill, DrillPlan
from lib.tasks.deploy_rehearsal.rehearsal import Rehearsal, RehearsalPlan
from lib.tasks.deploy_rehearsal.rollback import RollbackPlan, diff_snapshots


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


def format_recovery(plan: RehearsalPlan, stage: str) -> str:
    """Return the note for a person who finds the rehearsal interrupted at this stage."""
    return (
        f"{datetime.now(UTC):%Y-%m-%d %H:%M:%S} UTC, {plan.fly.app}: {stage}.\n"
        f"To restore what ran before, in the pack's folder:\n  {plan.rollback.display_name} --take-over"
    )


def drill_rows(drill: Drill) -> list[dict[str, Any]]:
    """Return one row a component: how many parts it has, whether it was damaged, and which parts did not come back."""
    lost = {one.component: one.parts for one in diff_snapshots(drill.before, drill.after)} if drill.after else {}
    return [
        {
            "component": component,
            "parts": len(parts),
            "damaged": component in drill.harmed,
            "before = after": None if drill.after is None else component not in lost,
            "differs": ", ".join(lost.get(component, ())) or None,
        }
        for component, parts in drill.before.components.items()
    ]


def drill_artifacts(drill: Drill) -> dict[str, Any]:
    """Return what is kept of a drill: what the script said, and every digest before, between and after."""
    states = {"before": drill.before, "damaged": drill.damaged, "after": drill.after}
    kept: dict[str, Any] = {
        "drill.json": {
            "damage": drill.damage,
            "took_s": round(drill.took_s, 3),
            "answers": {"damaged": list(drill.smoke_damaged.failures)},
            **{name: state.components if state else None for name, state in states.items()},
        }
    }
    if drill.rollback is not None:
        kept["drill.txt"] = drill.rollback.timed_transcript
    return kept


def format_drill_recovery(plan: DrillPlan, rollback: RollbackPlan) -> str:
    """Return the note for a person who finds a drill interrupted."""
    return (
        f"{plan.fly.app} and its database {plan.database.name} were damaged on purpose, for a drill.\n"
        "To bring both back, set DATABASE_URL to that database's address, and in the pack's folder:\n"
        f"  {rollback.display_name} --take-over"
    )
